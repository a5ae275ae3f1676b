"""devstack beside docker compose."""

"""The files that both tools are given, and how to ask their services from outside."""

import json
from functools import partial

from . import probes
from .outside import Probe

# Variables of the presets, in the order in which the bench's ports are given to them.
PORTS = [
    "POSTGRES_PORT",
    "REDIS_PORT",
    "MEILI_PORT",
    "RABBITMQ_PORT",
    "RABBITMQ_MANAGEMENT_PORT",
    "API_PORT",
    "KONG_PROXY_PORT",
    "KONG_ADMIN_PORT",
    "KONG_STATUS_PORT",
]

# As people write them in Compose files: asked every 5 s from the first second on.
EVERY_FIVE_SECONDS = {"interval": "5s", "timeout": "5s", "retries": 30}

# An image that has `sleep`; it is there because the stack needs it.
IMAGE = "redis:8"
SLEEP = ["sleep", "infinity"]


def six_services(canonical: str, api_image: str, checks: dict | None) -> str:
    """The repository's stack from what `devstack config` printed.

    The API's image is there already, so that nobody builds. With `checks` the health checks get that
    schedule, else they keep the presets' own.
    """
    stack = json.loads(canonical)
    stack.pop("name", None)
    api = stack["services"]["api"]
    api.pop("build", None)
    api["image"] = api_image
    for service in stack["services"].values():
        if checks and "healthcheck" in service:
            service["healthcheck"] = {"test": service["healthcheck"]["test"], **checks}
    return json.dumps(stack, indent=2)


def without_runner(stack: str) -> str:
    """The same, but each service runs what its image says: only devstack opens the door at which its own
    runner holds an application."""
    plain = json.loads(stack)
    for service in plain["services"].values():
        service.get("x-devstack", {}).pop("reload", None)
    return json.dumps(plain, indent=2)


def probes_of(stack: str) -> dict[str, Probe]:
    """How to ask each service of the repository's stack from outside."""
    services = json.loads(stack)["services"]

    def port(service: str, target: int) -> int:
        published = services[service]["ports"]
        return next(int(it["published"]) for it in published if it["target"] == target)

    db, mq = services["db"]["environment"], services["mq"]["environment"]
    login = {"user": db["POSTGRES_USER"], "password": db["POSTGRES_PASSWORD"], "database": db["POSTGRES_DB"]}
    broker = {"user": mq["RABBITMQ_DEFAULT_USER"], "password": mq["RABBITMQ_DEFAULT_PASS"]}
    return {
        "db": partial(probes.postgres, port("db", 5432), **login),
        "redis": partial(probes.redis, port("redis", 6379), services["redis"]["environment"]["REDIS_PASSWORD"]),
        "search": partial(probes.http_status, port("search", 7700), "/health"),
        "mq": partial(probes.amqp, port("mq", 5672), **broker),
        "api": partial(probes.http_status, port("api", 3001), "/health"),
        "kong": partial(probes.http_status, port("kong", 8100), "/status/ready"),
    }


def needs(stack: str) -> dict[str, list[str]]:
    """The services that each service of the stack waits for, by Compose's `depends_on`."""
    services = json.loads(stack)["services"]
    return {name: list(service.get("depends_on", {})) for name, service in services.items()}


def sleepers(count: int) -> str:
    """Services that do nothing."""
    service = {"image": IMAGE, "init": True, "command": SLEEP}
    return json.dumps({"services": {f"s{number:03}": service for number in range(count)}})


def stubborn() -> str:
    """A service whose first process ignores SIGTERM, with data that `down -v` throws away."""
    service = {"image": IMAGE, "entrypoint": ["sleep"], "command": ["infinity"], "volumes": ["data:/data"]}
    return json.dumps({"services": {"stubborn": service}, "volumes": {"data": {}}})

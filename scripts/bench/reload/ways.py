"""The ways to get a save into a running container that the reload bench compares."""

import json
import subprocess
from pathlib import Path

NEST = ["node", "node_modules/@nestjs/cli/bin/nest.js", "start", "--watch", "--no-shell"]
# The credentials are the presets' defaults.
ENVIRONMENT = {
    "DATABASE_URL": "postgres://app:app@db:5432/app",
    "REDIS_URL": "redis://redis:6379",
    "MEILISEARCH_URL": "http://search:7700",
    "MEILISEARCH_API_KEY": "development-master-key",
    "RABBITMQ_URL": "amqp://app:app@mq:5672",
    "PORT": "3001",
}
DATA = {
    "db": "postgres",
    "redis": "redis",
    "search": "meilisearch",
    "mq": "rabbitmq",
}


def data_stack(network: str) -> str:
    """The file of the services that the application talks to, without host ports."""
    services = "".join(
        f"  {name}: {{preset: {preset}, ports: !override [], networks: [data]}}\n"
        for name, preset in DATA.items()
    )
    return f"services:\n{services}networks:\n  data: {{name: {network}}}\n"


class Way:
    """One way: the file of the stack, the tool that starts it, the process that watches."""

    def __init__(self, name: str, tool: list[str], file: str, watch: list[str], announces: str):
        self.name = name
        self.tool = tool
        self.file = file
        self.watch = watch
        self.announces = announces

    def write(self, folder: Path, service: dict, network: str) -> None:
        """Writes the file of the stack. JSON is YAML."""
        stack = {
            "services": {"api": service},
            "networks": {"default": {"external": True, "name": network}},
        }
        (folder / self.file).write_text(json.dumps(stack, indent=2))


def service(way: str, image: str, application: Path, port: int) -> dict:
    """The API's service as a way needs it."""
    sources = str(application / "src")
    api: dict = {
        "image": image,
        "build": {"context": str(application), "target": "dev"},
        "environment": ENVIRONMENT,
        "ports": [f"127.0.0.1:{port}:3001"],
    }
    if way == "devstack":
        return api | {"preset": "nestjs", "volumes": [f"{sources}:/app/src:ro"]}
    api["init"] = True
    api["command"] = [*NEST, "--builder", "swc" if way == "bind + nest swc" else "tsc"]
    if way == "compose watch + nest tsc":
        # The copy keeps the user's name, which the engine then looks up on the host: only root
        # is sure to be known there.
        api["user"] = "root"
        api["develop"] = {
            "watch": [{"action": "sync", "path": sources, "target": "/app/src"}],
        }
    else:
        api["volumes"] = [f"{sources}:/app/src:ro"]
    return api


def all_ways(devstack: str, compose: str) -> list[Way]:
    """All of them, in the order in which they are shown."""
    plain = [compose]
    return [
        Way("compose watch + nest tsc", plain, "compose.yaml", ["watch", "--no-up"], "Watch enabled"),
        Way("bind + nest tsc", plain, "compose.yaml", [], ""),
        Way("bind + nest swc", plain, "compose.yaml", [], ""),
        Way("devstack", [devstack, "--progress", "plain"], "devstack.yaml", ["watch"], "watching"),
    ]


def run(command: list[str], folder: Path) -> None:
    """Runs a command to its end; what it printed is shown only when it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")

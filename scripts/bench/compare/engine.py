"""The calls to the Docker Engine that the bench makes itself, none of them while it measures a tool."""

import contextlib
import http.client
import json
import os
import socket
import threading
import time
import urllib.parse
from collections.abc import Iterator

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"


def socket_of_engine() -> str:
    """The path of the engine's unix socket; the bench needs an engine on this machine."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not host.startswith("unix://"):
        raise SystemExit(f"error: the bench needs an engine on a unix socket, and DOCKER_HOST is {host}")
    return host.removeprefix("unix://")


class Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float | None):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Engine:
    """An engine on a unix socket."""

    def __init__(self, path: str):
        self.path = path

    def call(self, method: str, path: str, body: object = None, **query: object) -> object:
        """The answer of one call; the body, and lists and objects in the query, become JSON.

        Raises RuntimeError when the engine refuses.
        """
        connection = Connection(self.path, timeout=120)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, with_query(path, query), sent, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
        except OSError as error:
            raise SystemExit(f"error: no engine answers on {self.path}: {error}") from error
        finally:
            connection.close()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {answer.decode(errors='replace')}")
        return json.loads(answer) if answer.strip() else None

    def containers(self, **filters: list[str]) -> list[dict]:
        """All containers, also those that do not run."""
        return self.call("GET", "/containers/json", all="true", filters=filters)

    def of_project(self, project: str) -> dict[str, str]:
        """The containers of a project: service to id."""
        found = self.containers(label=[f"{PROJECT}={project}"])
        return {container["Labels"][SERVICE]: container["Id"] for container in found}

    def remove_project(self, project: str) -> None:
        """Removes whatever carries the project's label."""
        label = {"label": [f"{PROJECT}={project}"]}
        for container in self.containers(**label):
            self.quietly("DELETE", f"/containers/{container['Id']}", force="true", v="true")
        for network in self.call("GET", "/networks", filters=label):
            self.quietly("DELETE", f"/networks/{network['Id']}")
        for volume in self.call("GET", "/volumes", filters=label)["Volumes"] or []:
            self.quietly("DELETE", f"/volumes/{volume['Name']}")

    def quietly(self, method: str, path: str, **query: object) -> None:
        """One call for something that may be gone already."""
        with contextlib.suppress(RuntimeError):
            self.call(method, path, **query)

    @contextlib.contextmanager
    def starts(self, project: str) -> Iterator[Iterator[str]]:
        """The services of the project whose containers start from now on, as they do."""
        filters = {"type": ["container"], "event": ["start"], "label": [f"{PROJECT}={project}"]}
        connection = Connection(self.path, timeout=None)
        connection.request("GET", with_query("/events", {"filters": filters}))
        response = connection.getresponse()

        def services() -> Iterator[str]:
            # Closing the connection from outside ends the reading, one way or the other.
            with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
                while line := response.readline():
                    yield json.loads(line)["Actor"]["Attributes"][SERVICE]

        try:
            yield services()
        finally:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()


def with_query(path: str, query: dict[str, object]) -> str:
    text = {key: value if isinstance(value, str) else json.dumps(value) for key, value in query.items()}
    return f"{path}?{urllib.parse.urlencode(text)}" if text else path


def holders(engine: Engine, ports: list[int]) -> list[str]:
    """Who has these ports of this machine, in words."""
    found = []
    for container in engine.containers():
        for port in container["Ports"]:
            if port.get("PublicPort") in ports:
                project = container["Labels"].get(PROJECT, "no project")
                found.append(f"port {port['PublicPort']}: container {container['Names'][0].strip('/')} of {project}")
    named = " ".join(found)
    for port in ports:
        with socket.socket() as attempt:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind(("127.0.0.1", port))
            except OSError as error:
                if f"port {port}:" not in named:
                    found.append(f"port {port}: {error.strerror}")
    return sorted(set(found))


def eventually(holds, limit: float, what: str) -> None:
    """Waits until something holds. Raises TimeoutError."""
    deadline = time.monotonic() + limit
    waiting = threading.Event()
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} not within {limit:.0f} s")
        waiting.wait(0.02)

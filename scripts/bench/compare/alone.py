"""What the engine needs by itself: the same changes, each asked for as early as the engine allows, without
a tool that reads files, decides, waits or tells anybody."""

import threading
import time
from collections.abc import Callable, Iterable

from . import stacks
from .engine import PROJECT, Engine


def together(jobs: Iterable[Callable[[], object]]) -> None:
    """Does them all at the same time. Raises what the first one raised that failed."""
    failures: list[Exception] = []

    def guarded(job: Callable[[], object]) -> None:
        try:
            job()
        except Exception as error:  # noqa: BLE001: it is raised again below
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(job,), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def sleepers(engine: Engine, project: str, count: int) -> float:
    """Seconds to make a network and so many containers that sleep, and to start them."""
    labels = {PROJECT: project}
    begun = time.monotonic()
    network = f"{project}_default"
    engine.call("POST", "/networks/create", body={"Name": network, "Labels": labels})
    body = {
        "Image": stacks.IMAGE,
        "Cmd": stacks.SLEEP,
        "Labels": labels,
        "HostConfig": {"Init": True, "NetworkMode": network},
    }

    def one() -> None:
        made = engine.call("POST", "/containers/create", body=body)
        engine.call("POST", f"/containers/{made['Id']}/start")

    together([one] * count)
    return time.monotonic() - begun


def remove(engine: Engine, project: str, *, kill: bool) -> float:
    """Seconds to remove all that carries the project's label, its containers stopped before or killed."""
    label = {"label": [f"{PROJECT}={project}"]}
    begun = time.monotonic()
    containers = engine.containers(**label)
    networks = engine.call("GET", "/networks", filters=label)
    volumes = engine.call("GET", "/volumes", filters=label)["Volumes"] or []

    def one(container: dict) -> None:
        if not kill:
            engine.call("POST", f"/containers/{container['Id']}/stop")
        engine.call("DELETE", f"/containers/{container['Id']}", force="true", v="true")

    together([lambda it=it: one(it) for it in containers])
    together(
        [lambda it=it: engine.call("DELETE", f"/networks/{it['Id']}") for it in networks]
        + [lambda it=it: engine.call("DELETE", f"/volumes/{it['Name']}") for it in volumes if kill]
    )
    return time.monotonic() - begun

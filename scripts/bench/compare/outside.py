"""Watches from the outside when each service of a stack becomes ready."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from .engine import Engine, eventually

# Between two attempts.
PAUSE = 0.005

Probe = Callable[[], bool]


class Outside:
    """Asks each service from the moment its container starts until it answers as it should.

    Not before: to touch a published port earlier leaves the bridge's address resolution
    incomplete, and the service then looks a second late.
    """

    def __init__(self, probes: dict[str, Probe]):
        self._probes = probes
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._begun: set[str] = set()
        # Monotonic times.
        self.ready: dict[str, float] = {}

    def begin(self, service: str) -> None:
        """The service's container has been started."""
        with self._lock:
            if service not in self._probes or service in self._begun:
                return
            self._begun.add(service)
        thread = threading.Thread(target=self._ask, args=(service,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def wait(self, services: list[str], limit: float) -> float:
        """Waits until these are ready and returns when the last one was."""
        eventually(lambda: all(it in self.ready for it in services), limit, f"{', '.join(services)} ready")
        return max(self.ready[service] for service in services)

    def end(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, service: str) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(OSError):
                if self._probes[service]():
                    self.ready[service] = time.monotonic()
                    return
            time.sleep(PAUSE)


@contextlib.contextmanager
def watched(engine: Engine, project: str, probes: dict[str, Probe]) -> Iterator[Outside]:
    """Watches whatever starts in the project meanwhile."""
    outside = Outside(probes)
    with engine.starts(project) as starts:
        listener = threading.Thread(target=lambda: [outside.begin(service) for service in starts], daemon=True)
        listener.start()
        try:
            yield outside
        finally:
            outside.end()
    listener.join(5)

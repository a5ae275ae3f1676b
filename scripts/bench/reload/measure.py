"""Asks the application from outside, as a browser would: on the port of this machine."""

import contextlib
import http.client
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

# Between two looks. A look takes about one millisecond.
PAUSE = 0.002


def get(port: int, path: str, timeout: float = 5.0) -> tuple[int, str]:
    """One request on a connection of its own.

    Raises OSError or http.client.HTTPException when it was refused, cut off or too slow.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def until(port: int, path: str, word: str, limit: float) -> float:
    """Seconds until a response contains the word."""
    begun = time.monotonic()
    while time.monotonic() - begun < limit:
        try:
            status, body = get(port, path)
            if status == 200 and word in body:
                return time.monotonic() - begun
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(PAUSE)
    raise TimeoutError(f"{path} on port {port} did not answer with {word!r} within {limit:.0f} s")


class Load:
    """Requests at a fixed rate, each on its own connection, until it is ended."""

    THREADS = 20

    def __init__(self, port: int, path: str, rate: int):
        self._port, self._path, self._rate = port, path, rate
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.sent = 0
        self.failed = 0
        self.slowest = 0.0
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True)
            for number in range(self.THREADS)
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        step = self.THREADS / self._rate
        due = time.monotonic() + step * number / self.THREADS
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            begun = time.monotonic()
            try:
                good = get(self._port, self._path)[0] == 200
            except (OSError, http.client.HTTPException):
                good = False
            took = time.monotonic() - begun
            with self._lock:
                self.sent += 1
                self.failed += not good
                self.slowest = max(self.slowest, took)
            # One that came late does not make the next ones come in a bunch.
            due = max(due + step, time.monotonic())


@contextlib.contextmanager
def watching(command: list[str], announces: str, log: Path) -> Iterator[subprocess.Popen | None]:
    """Has a process watch; ends it afterwards. Nothing for an empty command."""
    if not command:
        yield None
        return
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 60
        while announces.lower() not in log.read_text().lower():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(command)} does not watch")
            time.sleep(PAUSE)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()

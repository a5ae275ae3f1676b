"""Counts a client's calls to the engine: a unix socket in front of the engine's."""

import contextlib
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

PIECE = 65536

# What stands for itself in a path; everything else is somebody's name or id.
WORDS = re.compile(
    r"_ping|version|info|events|json|create|start|stop|kill|restart|wait|logs|rename|attach|exec|resize|top|stats"
    r"|archive|containers|images|networks|volumes|build|session|grpc|auth|system|df|prune|connect|disconnect"
    r"|distribution|update|pause|unpause|swarm|nodes|services|tasks|plugins|secrets|configs"
)


def template(method: str, target: str) -> str:
    """`POST /v1.45/containers/0a1b/start?x` is `POST /containers/{}/start`."""
    path = re.sub(r"^/v\d+\.\d+(?=/)", "", target.split("?")[0])
    parts = path.strip("/").split("/")
    named = [part if WORDS.fullmatch(part) else "{}" for part in parts]
    # An image's name may have slashes.
    text = re.sub(r"\{\}(/\{\})+", "{}", "/".join(named))
    return f"{method} /{text}"


class Requests:
    """Finds the requests in what a client sends on one connection."""

    def __init__(self, count) -> None:
        self._count = count
        self._head = b""
        self._body = 0
        self._chunks: bytes | None = None
        self._opaque = False

    def feed(self, data: bytes) -> None:
        while data and not self._opaque:
            if self._chunks is not None:
                data = self._chunked(data)
            elif self._body:
                skipped = min(self._body, len(data))
                self._body -= skipped
                data = data[skipped:]
            else:
                data = self._headers(data)

    def _headers(self, data: bytes) -> bytes:
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            return b""
        head, rest = self._head[:end].decode("latin-1"), self._head[end + 4 :]
        self._head = b""
        line, *fields = head.split("\r\n")
        method, target, _ = line.split(" ", 2)
        self._count(template(method, target))
        known = {name.strip().lower(): value.strip() for name, _, value in (it.partition(":") for it in fields)}
        if "upgrade" in known:
            # What follows is another protocol.
            self._opaque = True
        elif known.get("transfer-encoding", "").lower() == "chunked":
            self._chunks = b""
        else:
            self._body = int(known.get("content-length", 0))
        return rest

    def _chunked(self, data: bytes) -> bytes:
        self._chunks += data
        while True:
            line, found, rest = self._chunks.partition(b"\r\n")
            if not found:
                return b""
            size = int(line.split(b";")[0], 16)
            # The end of the last chunk is an empty line; trailers are not used.
            if len(rest) < size + 2:
                return b""
            self._chunks = rest[size + 2 :]
            if size == 0:
                rest, self._chunks = self._chunks, None
                return rest


class Proxy:
    """The calls so far, by method and path."""

    def __init__(self, engine: str):
        self._engine = engine
        self._lock = threading.Lock()
        self.calls: Counter[str] = Counter()

    def count(self, call: str) -> None:
        with self._lock:
            self.calls[call] += 1

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connection, args=(client,), daemon=True).start()

    def _connection(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.connect(self._engine)
        requests = Requests(self.count)
        back = threading.Thread(target=pump, args=(server, client, lambda _: None), daemon=True)
        back.start()
        pump(client, server, requests.feed)
        back.join()
        client.close()
        server.close()


def pump(source: socket.socket, sink: socket.socket, look) -> None:
    """Passes on whatever comes until one side ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(PIECE):
            look(data)
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def counting(engine: str, folder: Path) -> Iterator[tuple[str, Proxy]]:
    """The address of a proxy before the engine, and what it counts."""
    path = folder / "proxy.sock"
    path.unlink(missing_ok=True)
    proxy = Proxy(engine)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(64)
        threading.Thread(target=proxy.serve, args=(listener,), daemon=True).start()
        try:
            yield f"unix://{path}", proxy
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
    path.unlink(missing_ok=True)

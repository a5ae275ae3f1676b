"""One attempt to use a service, in its own protocol, over its published port on loopback.

Independent of devstack's own probes on purpose: they say whether devstack is right. Each function
returns whether the service is ready, and raises OSError when there is not even a conversation.
"""

import base64
import hashlib
import hmac
import http.client
import os
import socket
import struct

# Longest wait for an answer.
PATIENCE = 1.0


def http_status(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except http.client.HTTPException:
        return False
    finally:
        connection.close()


def redis(port: int, password: str = "") -> bool:
    with talk(port) as peer:
        if password:
            peer.sendall(b"AUTH " + password.encode() + b"\r\n")
            if not exactly(peer, 5).startswith(b"+OK"):
                return False
        peer.sendall(b"PING\r\n")
        return exactly(peer, 7) == b"+PONG\r\n"


def amqp(port: int, user: str, password: str, vhost: str = "/") -> bool:
    with talk(port) as peer:
        peer.sendall(b"AMQP\x00\x00\x09\x01")
        if method(peer)[:4] != bytes([0, 10, 0, 10]):
            return False
        secret = f"\0{user}\0{password}".encode()
        answer = struct.pack(">I", 0) + short(b"PLAIN") + struct.pack(">I", len(secret)) + secret
        send_method(peer, 10, 11, answer + short(b"en_US"))
        tune = method(peer)
        if tune[:4] != bytes([0, 10, 0, 30]):
            return False
        # The server's limits, and no heartbeat.
        send_method(peer, 10, 31, tune[4:10] + b"\0\0")
        send_method(peer, 10, 40, short(vhost.encode()) + short(b"") + b"\0")
        opened = method(peer)[:4] == bytes([0, 10, 0, 41])
        # Without it the broker logs a warning for each attempt.
        send_method(peer, 10, 50, struct.pack(">H", 200) + short(b"") + struct.pack(">HH", 0, 0))
        method(peer)
        return opened


def postgres(port: int, user: str, password: str, database: str) -> bool:
    with talk(port) as peer:
        options = f"user\0{user}\0database\0{database}\0\0".encode()
        peer.sendall(struct.pack(">II", len(options) + 8, 196608) + options)
        login: Scram | None = None
        while True:
            kind, body = message(peer)
            if kind == b"E":
                return False
            if kind == b"R":
                step = struct.unpack(">I", body[:4])[0]
                if step == 10:
                    login = Scram(password)
                    first = login.first().encode()
                    send(peer, b"p", b"SCRAM-SHA-256\0" + struct.pack(">I", len(first)) + first)
                elif step == 11 and login:
                    send(peer, b"p", login.final(body[4:].decode()).encode())
                elif step == 3:
                    send(peer, b"p", password.encode() + b"\0")
                elif step not in (0, 12):
                    raise RuntimeError(f"Postgres asks for a login that this probe does not know: {step}")
            if kind == b"Z":
                break
        send(peer, b"Q", b"SELECT 1\0")
        answered = False
        while (kind := message(peer)[0]) != b"Z":
            answered = answered or kind == b"D"
        send(peer, b"X", b"")
        return answered


class Scram:
    """The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding.

    Postgres knows the user already and wants the name here left empty.
    """

    def __init__(self, password: str, user: str = "", nonce: str = ""):
        self._password = password.encode()
        self._bare = f"n={user},r={nonce or base64.b64encode(os.urandom(18)).decode()}"

    def first(self) -> str:
        return f"n,,{self._bare}"

    def final(self, challenge: str) -> str:
        fields = dict(field.split("=", 1) for field in challenge.split(","))
        salt, rounds = base64.b64decode(fields["s"]), int(fields["i"])
        salted = hashlib.pbkdf2_hmac("sha256", self._password, salt, rounds)
        bare = f"c=biws,r={fields['r']}"
        signed = f"{self._bare},{challenge},{bare}".encode()
        key = digest(salted, b"Client Key")
        signature = digest(hashlib.sha256(key).digest(), signed)
        proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
        return f"{bare},p={base64.b64encode(proof).decode()}"


def digest(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()


def talk(port: int) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    if peer.getsockname() == peer.getpeername():
        # The kernel connected the socket with itself: nobody listens.
        peer.close()
        raise ConnectionRefusedError("connected with itself")
    return peer


def exactly(peer: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = peer.recv(count - len(data))
        if not piece:
            raise ConnectionResetError("closed")
        data += piece
    return data


def message(peer: socket.socket) -> tuple[bytes, bytes]:
    kind, length = struct.unpack(">cI", exactly(peer, 5))
    return kind, exactly(peer, length - 4)


def send(peer: socket.socket, kind: bytes, body: bytes) -> None:
    peer.sendall(kind + struct.pack(">I", len(body) + 4) + body)


def method(peer: socket.socket) -> bytes:
    length = struct.unpack(">BHI", exactly(peer, 7))[2]
    return exactly(peer, length + 1)[:-1]


def send_method(peer: socket.socket, of_class: int, number: int, arguments: bytes) -> None:
    body = struct.pack(">HH", of_class, number) + arguments
    peer.sendall(struct.pack(">BHI", 1, 0, len(body)) + body + b"\xce")


def short(text: bytes) -> bytes:
    return bytes([len(text)]) + text

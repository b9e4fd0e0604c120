"""A small server for tests that speaks HTTP and RFC 6455's websockets with its own code, on a free local port.

A script is called with a ``Talk`` for every connection; what it does is what the server says. Nothing here is shared
with the client under test but the byte order of the protocols.
"""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Gone(Exception):
    """The client has closed the connection."""


class Talk:
    """One connection, seen from the server."""

    def __init__(self, link: socket.socket, served: Served) -> None:
        self.link, self.served, self._read = link, served, bytearray()
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        self.method, self.path, _ = head[0].split(" ")
        self.headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in head[1:] if line}
        self.body = self.take(int(self.headers.get("content-length", 0)))
        self.closed_with: int | None = None

    def _more(self) -> None:
        data = self.link.recv(1 << 20)
        if not data:
            raise Gone
        self._read += data

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._read:
            self._more()
        at = self._read.index(mark) + len(mark)
        return self.take(at)

    def take(self, count: int) -> bytes:
        while len(self._read) < count:
            self._more()
        taken = bytes(self._read[:count])
        del self._read[:count]
        return taken

    def wait_until_gone(self) -> None:
        """Say nothing until the client leaves."""
        self.link.settimeout(20)
        while True:
            self._more()

    # HTTP

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.link.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    # websockets

    def accept(self, key: bytes | None = None) -> None:
        assert self.headers["upgrade"] == "websocket" and self.headers["sec-websocket-version"] == "13"
        assert "sec-websocket-extensions" not in self.headers
        told = key or self.headers["sec-websocket-key"].encode()
        agreed = base64.b64encode(hashlib.sha1(told + GUID).digest()).decode()
        self.link.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {agreed}\r\n\r\n".encode()
        )

    def frame(self, code: int, data: bytes, last: bool = True) -> None:
        head = bytes([(0x80 if last else 0) | code])
        size = len(data)
        if size < 126:
            head += bytes([size])
        else:
            head += struct.pack(">BH", 126, size) if size < 1 << 16 else struct.pack(">BQ", 127, size)
        self.link.sendall(head + data)

    def send(self, message: bytes | str) -> None:
        if isinstance(message, str):
            self.frame(1, message.encode())
        else:
            self.frame(2, message)

    def close(self, code: int, reason: str = "") -> None:
        self.frame(8, struct.pack(">H", code) + reason.encode())

    def hear(self) -> tuple[int, bytes]:
        """The next frame of the client, which has to be masked and whole."""
        first, second = self.take(2)
        assert first & 0x80 and second & 0x80, "a client masks, and does not split"
        size = second & 0x7F
        if size >= 126:
            form = ">H" if size == 126 else ">Q"
            size = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        mask = self.take(4)
        data, key = self.take(size), (mask * (size // 4 + 1))[:size]
        plain = int.from_bytes(data, "big") ^ int.from_bytes(key, "big")
        return first & 0x0F, plain.to_bytes(size, "big")

    def message(self) -> bytes:
        """The next binary message; ``Gone`` when the client says goodbye."""
        code, data = self.hear()
        if code == 8:
            self.closed_with = struct.unpack(">H", data[:2])[0]
            self.frame(8, data[:2])
            raise Gone
        assert code == 2
        return data


class ZeroMq(Talk):
    """One connection of a ZeroMQ socket: ZMTP 3.0 without security, written from its specification."""

    GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL" + bytes(16) + b"\x01" + bytes(31)

    def __init__(self, link: socket.socket, served: Served) -> None:
        self.link, self.served, self._read = link, served, bytearray()

    def accept(self, key: bytes | None = None, kind: bytes = b"REP", greeting: bytes = GREETING) -> None:
        self.link.sendall(greeting)
        told = self.take(64)
        assert told[:1] == b"\xff" and told[9:11] == b"\x7f\x03" and told[12:32] == b"NULL" + bytes(16)
        assert not told[32]  # a client
        self.zframe(4, b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind)
        flags, ready = self.zhear()
        assert flags == 4 and b"Socket-Type\x00\x00\x00\x03REQ" in ready

    def zframe(self, flags: int, data: bytes) -> None:
        size = len(data)
        head = struct.pack(">BB", flags, size) if size < 256 else struct.pack(">BQ", flags | 2, size)
        self.link.sendall(head + data)

    def zhear(self) -> tuple[int, bytes]:
        flags = self.take(1)[0]
        size = struct.unpack(">Q", self.take(8))[0] if flags & 2 else self.take(1)[0]
        return flags & ~2, self.take(size)

    def message(self) -> bytes:
        assert self.zhear() == (1, b"")
        flags, data = self.zhear()
        assert flags == 0
        return data

    def send(self, message: bytes | str) -> None:
        assert isinstance(message, bytes)
        self.zframe(1, b"")
        self.zframe(0, message)


class Served:
    """A running server and what has happened to it."""

    def __init__(self, script: Callable[[Talk], None], tls: ssl.SSLContext | None = None) -> None:
        self.script, self._tls = script, tls
        self.talks: list[Talk] = []
        self.faults: list[BaseException] = []
        self.gone = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._links: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def connections(self) -> int:
        return len(self.talks)

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self._links.append(link)
            thread = threading.Thread(target=self._serve, args=(link,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, link: socket.socket) -> None:
        try:
            if self._tls is not None:
                link = self._tls.wrap_socket(link, server_side=True)
                self._links.append(link)
            with link:
                talk = getattr(self.script, "talk", Talk)(link, self)
                self.talks.append(talk)
                self.script(talk)
        except (Gone, ConnectionError, ssl.SSLError):
            self.gone.set()
        except OSError as error:
            if not self._listener._closed:  # type: ignore[attr-defined]
                self.faults.append(error)
        except BaseException as error:
            self.faults.append(error)

    def refuse(self) -> None:
        """Let nobody in any more."""
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def stop(self) -> None:
        self.refuse()
        for link in self._links:
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(5)


@contextmanager
def serving(script: Callable[[Talk], None], tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """Run a server inside the block; a failed assertion in its script fails the test."""
    served = Served(script, tls)
    try:
        yield served
    finally:
        served.stop()
        if served.faults:
            raise served.faults[0]

"""A websocket client over httpx: RFC 6455's frames on the connection that an HTTP upgrade leaves open.

Contract: whole messages out and in, text as ``str`` and binary as ``bytes``; pings are answered while a message is
awaited; every length is judged before memory is taken. httpx does TLS, time-outs and the handshake. No extension is
offered, so that no reply is compressed (openpi's servers do not want it either).
"""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpcore
import httpx
import numpy as np

from wamviz.core.errors import WamvizError
from wamviz.models.remote.codec import Limits, malformed, too_large
from wamviz.models.remote.network import ConnectionLost, Server, body, client, refused, status_error

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_CHUNK = 1 << 18
_GOODBYE_S = 1.0


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[WebSocket]:
    """Open a websocket to the server, and close it at the end of the block.

    Raises:
        WamvizError: nobody there, no websocket there, a token is wanted, or the connection was lost.
    """
    key = base64.b64encode(os.urandom(16)).decode()
    headers = {
        **server.headers,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
    }
    async with client(server) as made, made.stream("GET", server.http_url, headers=headers) as response:
        if response.status_code != 101:
            if response.status_code in (200, 404, 405, 426):
                raise WamvizError(f"There is a server at {server.url}, but no websocket.", "Is it this kind of server?")
            raise status_error(server, response.status_code, await body(response, server.limits))
        agreed = base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()
        if response.headers.get("sec-websocket-accept") != agreed:
            raise malformed("its websocket handshake is wrong")
        socket = WebSocket(response, server)
        try:
            yield socket
        finally:
            with suppress(httpcore.NetworkError, httpcore.TimeoutException, httpx.HTTPError):
                await socket.leave()


class WebSocket:
    """One open connection; not for two tasks at once."""

    def __init__(self, response: httpx.Response, server: Server) -> None:
        self._stream: Any = response.extensions["network_stream"]
        self._server = server
        self._read = bytearray()
        self._closed = False

    async def send(self, message: bytes) -> None:
        """Send one binary message."""
        await self._frame(_BINARY, message)

    async def receive(self) -> str | bytes:
        """Await the next message: ``str`` for text, ``bytes`` for binary.

        Raises:
            ConnectionLost: the server has gone away.
            WamvizError: it closed with a reason, broke the protocol, or sent more than the limit.
        """
        parts: list[bytes] = []
        kind, size, limits = 0, 0, self._server.limits
        while True:
            last, code, data = await self._next(limits, size)
            if code == _PING:
                await self._frame(_PONG, data)
            elif code == _CLOSE:
                self._gone(data)
            elif code != _PONG:
                if (code == 0) == (not kind) or code > _BINARY:
                    raise malformed("its websocket frames are out of order")
                kind = kind or code
                parts.append(data)
                size += len(data)
                if last:
                    whole = b"".join(parts)
                    return _text(whole) if kind == _TEXT else whole

    async def leave(self) -> None:
        """Say goodbye, once; the connection itself is closed by the block that opened it."""
        if not self._closed:
            self._closed = True
            await self._frame(_CLOSE, struct.pack(">H", 1000), _GOODBYE_S)

    def _gone(self, data: bytes) -> None:
        code = struct.unpack(">H", data[:2])[0] if len(data) >= 2 else 1005
        if code in (1000, 1001, 1005, 1006, 1012):  # it goes away or starts anew: nothing was said against us
            raise ConnectionLost(f"{self._server.host} closed the connection.", "Is the server still running?")
        raise refused(data[2:] or f"it closes the connection (code {code})")

    async def _next(self, limits: Limits, before: int) -> tuple[bool, int, bytes]:
        """The next frame: whether it ends its message, its code, its data."""
        first, second = await self._exactly(2)
        code, size = first & 0x0F, second & 0x7F
        if first & 0x70 or second & 0x80 or code not in (0, _TEXT, _BINARY, _CLOSE, _PING, _PONG):
            raise malformed("it breaks the websocket protocol")
        if code >= _CLOSE and (size > 125 or not first & 0x80):
            raise malformed("it breaks the websocket protocol")
        if size >= 126:
            form = ">H" if size == 126 else ">Q"
            size = struct.unpack(form, await self._exactly(struct.calcsize(form)))[0]
        if before + size > limits.message_bytes:
            raise too_large(limits)
        return bool(first & 0x80), code, await self._exactly(size)

    async def _exactly(self, count: int) -> bytes:
        while len(self._read) < count:
            more = await self._stream.read(_CHUNK, self._server.reply_s)
            if not more:
                raise ConnectionLost(f"The connection to {self._server.host} was lost.", "Is the server still running?")
            self._read += more
        taken = bytes(self._read[:count])
        del self._read[:count]
        return taken

    async def _frame(self, code: int, data: bytes, patience: float | None = None) -> None:
        """Send one frame, masked as a client has to (section 5.3)."""
        size = len(data)
        head = bytes([0x80 | code])
        if size < 126:
            head += bytes([0x80 | size])
        else:
            head += struct.pack(">BH", 0xFE, size) if size < 1 << 16 else struct.pack(">BQ", 0xFF, size)
        mask = os.urandom(4)
        plain = np.frombuffer(data, np.uint8)
        key = np.resize(np.frombuffer(mask, np.uint8), size)
        masked = np.bitwise_xor(plain, key).tobytes()
        await self._stream.write(head + mask + masked, patience or self._server.reply_s)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise malformed("its text is not UTF-8") from error

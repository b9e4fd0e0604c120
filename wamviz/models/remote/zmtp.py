"""A ZeroMQ REQ socket over TCP: ZMTP 3.0 with mechanism NULL, which is what GR00T's servers speak.

Contract: one question, one answer, in turn. As in ``websocket``, every length is judged before memory is taken, a
broken connection is a ``ConnectionLost``, and leaving the block closes the connection whatever was awaited. libzmq
would do none of the three: it tries again by itself in threads of its own, and drops what is too large without a word.
There is no TLS in it, which is why a token goes to this machine only. Source: rfc.zeromq.org/spec/23 (ZMTP 3.0).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from wamviz.core.errors import WamvizError
from wamviz.models.remote.codec import malformed, too_large
from wamviz.models.remote.network import ConnectionLost, Server, refused, too_slow

PORT = 5555  # GR00T's, where the address names none
HANDSHAKE_S = 10.0  # a ZeroMQ socket greets at once; whoever waits for us to speak is something else
_MORE, _LONG, _COMMAND = 1, 2, 4
_SIGNATURE = b"\xff" + b"\0" * 8 + b"\x7f"
_GREETING = _SIGNATURE + b"\3\0" + b"NULL".ljust(20, b"\0") + b"\0" * 32
_READY = b"\5READY\x0bSocket-Type\0\0\0\3REQ\x08Identity\0\0\0\0"
_COMMAND_BYTES = 1 << 16


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Req]:
    """Open a REQ socket to the server, and close it at the end of the block.

    Raises:
        WamvizError: nobody there, no ZeroMQ there, another socket than REP there, too slow, or the connection was lost.
    """
    parts = urlsplit(server.url)
    try:
        async with asyncio.timeout(server.connect_s):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or PORT)
    except TimeoutError:
        raise WamvizError(
            f"Nobody answered at {server.url} within {server.connect_s:g} s.", "Is the host right?"
        ) from None
    except (OSError, UnicodeError) as error:
        raise WamvizError(
            f"Nobody listens at {server.url}.", "Start the server there, or correct the address."
        ) from error
    req = Req(reader, writer, server)
    try:
        try:
            async with asyncio.timeout(min(HANDSHAKE_S, server.reply_s)):
                await req.greet()
        except TimeoutError:
            raise _stranger(server) from None
        try:
            yield req
        except TimeoutError as error:
            raise too_slow(server) from error
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise ConnectionLost(f"The connection to {server.host} was lost.", "Is the server still running?") from error
    finally:
        writer.transport.abort()  # nothing that is still unsent is of use
        with suppress(ConnectionError):
            await writer.wait_closed()


def _stranger(server: Server) -> WamvizError:
    return WamvizError(f"There is a server at {server.url}, but no ZeroMQ.", "Is it this kind of server?")


class Req:
    """One open connection; not for two tasks at once."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
        self._reader, self._writer, self._server = reader, writer, server

    async def greet(self) -> None:
        """Exchange greetings and READY commands."""
        self._writer.write(_GREETING)
        signature = await self._reader.readexactly(10)
        if signature[:1] != b"\xff" or signature[9:] != b"\x7f":
            raise _stranger(self._server)
        version, _, *_ = rest = await self._reader.readexactly(54)
        mechanism = bytes(rest[2:22]).rstrip(b"\0")
        if version < 3 or mechanism != b"NULL":
            raise WamvizError(
                f"{self._server.host} speaks ZeroMQ's version {version} with security {mechanism.decode('latin-1')!r}.",
                "wamviz speaks version 3 without, as GR00T's servers do.",
            )
        self._send(_COMMAND, _READY)
        flags, ready = await self._frame()
        if not flags & _COMMAND or not ready.startswith((b"\5READY", b"\5ERROR")):
            raise malformed("its ZeroMQ handshake is wrong")
        if ready.startswith(b"\5ERROR"):
            raise refused(ready[7:] or "it refuses the handshake")
        kind = _property(ready[6:], b"socket-type")
        if kind not in (b"REP", b"ROUTER"):
            raise WamvizError(
                f"The ZeroMQ socket at {self._server.url} is a {kind.decode('latin-1')[:20] or 'nameless'}, no REP.",
                "Is it this kind of server?",
            )

    async def ask(self, message: bytes) -> bytes:
        """Send a question and await its answer.

        Raises:
            WamvizError: too slow, over the size limit, or no answer as ZeroMQ forms it.
        """
        async with asyncio.timeout(self._server.reply_s):
            self._send(_MORE, b"")  # the empty frame that parts a route, of which there is none, from the message
            self._send(0, message)
            await self._writer.drain()
            for place in ("route", "reply"):
                flags, data = await self._frame()
                while flags & _COMMAND:
                    flags, data = await self._frame()
                if (place == "route") != bool(flags & _MORE) or (place == "route" and data):
                    raise malformed("its ZeroMQ message is no reply")
        return data

    def _send(self, flags: int, data: bytes) -> None:
        size = len(data)
        self._writer.write(struct.pack(">BB", flags, size) if size < 256 else struct.pack(">BQ", flags | _LONG, size))
        self._writer.write(data)

    async def _frame(self) -> tuple[int, bytes]:
        """The next frame: its flags, its data; a PING is answered."""
        flags = (await self._reader.readexactly(1))[0]
        if flags & ~7 or (flags & _COMMAND and flags & _MORE):
            raise malformed("it breaks the ZeroMQ protocol")
        form = ">Q" if flags & _LONG else ">B"
        size = struct.unpack(form, await self._reader.readexactly(struct.calcsize(form)))[0]
        if flags & _COMMAND and size > _COMMAND_BYTES:
            raise malformed("it breaks the ZeroMQ protocol")
        if size > self._server.limits.message_bytes:
            raise too_large(self._server.limits)
        data = await self._reader.readexactly(size)
        if flags & _COMMAND and data.startswith(b"\4PING"):
            self._send(_COMMAND, b"\4PONG" + data[7:23])  # after a time to live of two bytes, at most 16 to give back
        return flags, data


def _property(data: bytes, wanted: bytes) -> bytes:
    """The value of one property of a READY command, b"" where it is not there."""
    at = 0
    while at < len(data):
        name = data[at + 1 : at + 1 + data[at]]
        at += 1 + data[at]
        if at + 4 > len(data):
            break
        size = struct.unpack(">I", data[at : at + 4])[0]
        if name.lower() == wanted:
            return data[at + 4 : at + 4 + size]
        at += 4 + size
    return b""

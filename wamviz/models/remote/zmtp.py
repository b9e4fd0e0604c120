"""A ZeroMQ REQ socket over TCP, which is what GR00T's servers answer; libzmq speaks it, by way of ``pyzmq``.

Contract: one question, one answer, in turn. libzmq's own ways are held back: it does not connect again by itself, and
its monitor tells what has become of the connection, so that a broken one is a ``ConnectionLost`` at once and another
server or socket is told. A frame over the limit ends the connection before it is read, which looks like a loss; how
many frames a message may have, libzmq cannot be told. Leaving the block closes the connection whatever was awaited.
There is no TLS in it, which is why a token goes to this machine only. ``pyzmq`` is the extra ``groot``.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from wamviz.core.errors import Unavailable, WamvizError
from wamviz.models.remote.codec import malformed
from wamviz.models.remote.network import ConnectionLost, Server, too_slow, unreachable

PORT = 5555  # GR00T's, where the address names none
HANDSHAKE_S = 10.0  # a ZeroMQ socket greets at once; whoever waits for us to speak is something else
_LOOK_MS = 20  # how long libzmq is waited for before the loop has its turn, to cancel us or to end our time


def library() -> Any:
    """``zmq``, or the ``WamvizError`` that says how to get it."""
    try:
        import zmq
    except ImportError as error:
        hint = "pip install 'pyzmq>=27,<28', or the extra wamviz[groot]"
        raise Unavailable("pyzmq is not installed, with which GR00T's servers are reached.", hint) from error
    return zmq


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Req]:
    """Open a REQ socket to the server, and close it at the end of the block.

    Raises:
        WamvizError: nobody there, no ZeroMQ there, another socket than REP there, too slow, or the connection was lost.
    """
    with ExitStack() as held:
        context = library().Context()
        held.callback(context.term)
        yield await _opened(context, held, server)


async def _opened(context: Any, held: ExitStack, server: Server) -> Req:
    """The socket to the first address of the server's host at which somebody listens."""
    parts = urlsplit(server.url)
    try:
        async with asyncio.timeout(server.connect_s):
            loop = asyncio.get_running_loop()
            places: list[Any] = await loop.getaddrinfo(parts.hostname, parts.port or PORT, type=socket.SOCK_STREAM)
            for family, *_, place in places:
                host, port = place[:2]
                req = Req(context, server)
                held.callback(req.close)
                req.connect(f"tcp://[{host}]:{port}" if family == socket.AF_INET6 else f"tcp://{host}:{port}")
                if await req.reached():
                    break
            else:
                raise ConnectionRefusedError
    except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
        raise unreachable(server, error) from error
    try:
        async with asyncio.timeout(min(HANDSHAKE_S, server.reply_s)):
            await req.greet()
    except TimeoutError:
        raise _stranger(server) from None
    return req


def _stranger(server: Server, why: str = "") -> WamvizError:
    return Unavailable(f"There is a server at {server.url}, but no ZeroMQ{why}.", "Is it this kind of server?")


class Req:
    """One connection; not for two tasks at once."""

    def __init__(self, context: Any, server: Server) -> None:
        self._zmq, self._server = library(), server
        self._socket = context.socket(self._zmq.REQ)
        self._socket.setsockopt(self._zmq.IPV6, 1)
        self._socket.setsockopt(self._zmq.RECONNECT_IVL, -1)
        self._socket.setsockopt(self._zmq.HANDSHAKE_IVL, int(HANDSHAKE_S * 1000))
        self._socket.setsockopt(self._zmq.MAXMSGSIZE, server.limits.message_bytes)
        self._monitor = self._socket.get_monitor_socket()

    def close(self) -> None:
        """Close the connection; nothing that is still unsent is of use."""
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=0)

    def connect(self, address: str) -> None:
        """Begin to connect."""
        self._socket.connect(address)

    async def reached(self) -> bool:
        """Await the connection; False when nobody listens."""
        kinds = self._zmq.Event
        while (event := await self._event()) != kinds.CONNECTED:
            if event in (kinds.CLOSED, kinds.DISCONNECTED):
                return False
        return True

    async def greet(self) -> None:
        """Await the end of ZeroMQ's handshake."""
        kinds = self._zmq.Event
        while (event := await self._event()) != kinds.HANDSHAKE_SUCCEEDED:
            if event in (kinds.HANDSHAKE_FAILED_PROTOCOL, kinds.HANDSHAKE_FAILED_AUTH):
                raise _stranger(self._server, " as GR00T's servers speak it: a REP socket without security")
            if event in (kinds.DISCONNECTED, kinds.CLOSED, kinds.HANDSHAKE_FAILED_NO_DETAIL):
                raise _stranger(self._server)

    async def ask(self, message: bytes) -> bytes:
        """Send a question and await its answer.

        Raises:
            WamvizError: too slow, too large, lost, or more than one part.
        """
        try:
            async with asyncio.timeout(self._server.reply_s):
                await self._ready(self._zmq.POLLOUT)
                self._socket.send(message, copy=False)
                await self._ready(self._zmq.POLLIN)
                reply = self._socket.recv_multipart()
        except TimeoutError as error:
            raise too_slow(self._server) from error
        if len(reply) != 1:
            raise malformed("its ZeroMQ message is no reply")
        return bytes(reply[0])

    async def _ready(self, flag: int) -> None:
        """Wait until a message can go or come, as long as there is a connection."""
        while not await self._poll(self._socket, flag):
            event = await self._event() if self._monitor.poll(0) else 0
            gone = event in (self._zmq.Event.DISCONNECTED, self._zmq.Event.CLOSED)
            if gone and not self._socket.poll(0, flag):  # what came before the end still counts
                raise ConnectionLost(
                    f"The connection to {self._server.host} was lost.",
                    "Is the server still running? A reply of more than "
                    f"{self._server.limits.message_bytes / 1e6:g} MB ends it too.",
                )

    async def _event(self) -> int:
        """The next thing that happened to the connection."""
        from zmq.utils.monitor import recv_monitor_message

        while not await self._poll(self._monitor, self._zmq.POLLIN):
            pass
        return int(recv_monitor_message(self._monitor)["event"])

    async def _poll(self, link: Any, flag: int) -> bool:
        found = bool(link.poll(_LOOK_MS, flag))
        await asyncio.sleep(0)
        return found

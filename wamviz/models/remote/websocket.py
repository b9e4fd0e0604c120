"""A websocket to one server, spoken by ``websockets``, the library that openpi itself uses.

Contract: a connection goes to the address that the user named and to no other: no redirect is followed and no proxy is
taken from the environment. Whole messages out and in, text as ``str`` and binary as ``bytes``; a message over the limit
ends the connection before it is read. No compression is offered (openpi's servers do not want it either) and nobody is
pinged: a server that computes cannot answer. Everything that fails is a ``WamvizError``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus, InvalidURI

from wamviz.core.errors import Unavailable, WamvizError
from wamviz.models.remote.codec import malformed, too_large
from wamviz.models.remote.network import (
    ConnectionLost,
    Server,
    certificates,
    lost,
    server_error,
    status_error,
    too_slow,
    unreachable,
)

_GOODBYE_S = 0.5
_AWAY = (1000, 1001, 1005, 1006, 1012)  # it goes away or starts anew: nothing was said against us


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[WebSocket]:
    """Open a websocket to the server, and close it at the end of the block.

    Raises:
        WamvizError: nobody there, no websocket there, a token is wanted, or the connection was lost.
    """
    try:
        connection = await _opened(server)
    except TimeoutError as error:
        raise too_slow(server) from error
    except InvalidStatus as error:
        status, reply = error.response.status_code, bytes(error.response.body or b"")
        other = status in (200, 404, 405, 426)
        raise (_no_websocket(server) if other else status_error(server, status, reply)) from error
    except InvalidMessage as error:
        raise (lost(server) if isinstance(error.__cause__, EOFError) else _no_websocket(server)) from error
    except InvalidHandshake as error:
        raise malformed("its websocket handshake is wrong") from error
    except (OSError, UnicodeError, InvalidURI) as error:
        raise unreachable(server, error) from error
    try:
        yield WebSocket(connection, server)
    except ConnectionClosed as error:
        raise _closed(error, server) from error
    except TimeoutError as error:
        raise too_slow(server) from error
    finally:
        try:
            await connection.close()
        finally:  # canceled while it waited for the server's goodbye, ``close`` leaves the socket open
            connection.transport.abort()


class _Connection(ClientConnection):
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.protocol.close_expected():  # a server that has been refused may never close its end
            self.loop.call_later(_GOODBYE_S, self.transport.abort)


def _opened(server: Server) -> connect:
    class Direct(connect):
        """Goes to the user's address alone, and gives that and its answer a time of their own."""

        def process_redirect(self, exc: Exception) -> Exception | str:
            return exc

        async def open_tcp_connection(self) -> ClientConnection:
            try:
                async with asyncio.timeout(server.connect_s):
                    return await super().open_tcp_connection()
            except TimeoutError as error:
                raise unreachable(server, error) from error

    secure = server.url.startswith("wss")
    trusted = certificates(server) if secure or server.ca_file else None
    return Direct(
        server.url,
        additional_headers=server.headers,
        proxy=None,
        compression=None,
        ping_interval=None,
        open_timeout=server.connect_s + server.reply_s,
        close_timeout=_GOODBYE_S,
        max_size=server.limits.message_bytes,
        max_queue=1,  # what nobody has read yet waits at the server
        create_connection=_Connection,
        ssl=trusted if secure else None,
    )


def _no_websocket(server: Server) -> WamvizError:
    return Unavailable(f"There is a server at {server.url}, but no websocket.", "Is it this kind of server?")


def _closed(error: ConnectionClosed, server: Server) -> WamvizError:
    """What it means that the connection is closed: by us for what came, by the server with a reason, or by nobody."""
    if error.rcvd is None and error.sent is not None:
        reasons = {1002: "it breaks the websocket protocol", 1007: "its text is not UTF-8"}
        if error.sent.code == 1009:
            return too_large(server.limits)
        if error.sent.code in reasons:
            return malformed(reasons[error.sent.code])
    if error.rcvd is None:
        return lost(server)
    if (
        error.rcvd.code in _AWAY or "keepalive" in error.rcvd.reason
    ):  # it inferred for so long that its own ping timed out
        return ConnectionLost(f"{server.host} closed the connection.", "Is the server still running?")
    return server_error(error.rcvd.reason or f"it closes the connection (code {error.rcvd.code})")


class WebSocket:
    """One open connection; not for two tasks at once."""

    def __init__(self, connection: ClientConnection, server: Server) -> None:
        self._connection, self._server = connection, server

    async def send(self, message: bytes) -> None:
        """Send one binary message."""
        async with asyncio.timeout(self._server.reply_s):
            await self._connection.send(message)

    async def receive(self) -> str | bytes:
        """Await the next message: ``str`` for text, ``bytes`` for binary.

        Raises:
            TimeoutError: after the server's time for one reply.
        """
        async with asyncio.timeout(self._server.reply_s):
            return await self._connection.recv()

    async def receive_bytes(self) -> bytes:
        """Await a binary message; a text in its place is the server's error, as openpi's servers send it."""
        message = await self.receive()
        if isinstance(message, str):
            raise server_error(message)
        return message

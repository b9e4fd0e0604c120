"""Reaching one server: one HTTP client for all systems, its errors in words, and bodies that may not grow too large.

Contract: a request goes to the address that the user named and to no other: redirects are not followed, and neither
proxies nor certificates are taken from the environment. What fails is told as a ``WamvizError``; a connection that
was lost on the way is a ``ConnectionLost``, which a caller may try once more. It knows no protocol and no model.
"""

from __future__ import annotations

import re
import ssl
import unicodedata
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from wamviz.core.errors import Unavailable, WamvizError
from wamviz.models.remote.codec import LIMITS, CodecLimits, too_large

SERVER_WORDS = 400  # characters of a server's own words that are shown
_TOKEN = (
    "Put it into an environment variable and name that with connect --token-env NAME; for a name and a password write "
    "'Basic ' and then NAME:PASSWORD in base64."
)
HIDDEN = "***"  # what stands for a token


class ConnectionLost(Unavailable):
    """The connection broke before the answer was here; nothing says that the server refused."""


@dataclass(frozen=True)
class Server:
    """Where a server is and how patient to be with it.

    Attributes:
        url: ``ws``, ``wss``, ``http``, ``https`` or ``tcp``, a host, and perhaps a port and a path.
        headers: sent with every request, such as ``Authorization``.
        connect_s: seconds until somebody has to have answered at all.
        reply_s: seconds that one reply may take.
        ca_file: certificates to trust in place of the usual ones, or None.
        limits: what a reply may cost.
    """

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)  # a token must not reach a log
    connect_s: float = 10.0
    reply_s: float = 300.0
    ca_file: str | None = None
    limits: CodecLimits = LIMITS

    @property
    def http_url(self) -> str:
        """The address as HTTP names it."""
        return re.sub(r"^ws", "http", self.url)

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.url).netloc


def clean_text(words: Any) -> str:
    """A server's words as one line for people: of a traceback the last line, which names the fault."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    traceback = any(line.startswith("Traceback (most recent call last)") for line in lines)
    line = (lines[-1] if traceback else " ".join(lines)) if lines else ""
    line = "".join(c for c in line if unicodedata.category(c)[0] != "C")
    return f"{line[:SERVER_WORDS]} ..." if len(line) > SERVER_WORDS else line


def server_error(words: Any) -> WamvizError:
    """The error for a server that answered with an error of its own."""
    return Unavailable(f"The server said: {clean_text(words) or 'an error without words'}")


def refuse_error(reply: Any, wordless: str = "") -> None:
    """Raise for a reply that is an error of the server's own, in whatever form servers tell one.

    They write ``{"error": words}`` or ``{"error": {"message": words}}``, name a ``type`` or ``status``, say that there
    is no ``success``, or send ``detail`` or ``traceback`` in place of actions.

    Args:
        wordless: what is said of an error that comes without words.
    """
    if not isinstance(reply, Mapping):
        return
    error = reply.get("error")
    if isinstance(error, Mapping):
        error = _words(error) or str(dict(error))
    if isinstance(error, str | list) and error:
        raise server_error(error)
    alone = not any("action" in str(name) for name in reply) and ("detail" in reply or "traceback" in reply)
    kinds = [reply[name] for name in ("type", "status") if isinstance(reply.get(name), str)]
    failed = any(kind.lower() in ("error", "failed", "failure") for kind in kinds) or reply.get("success") is False
    if failed or error is True or (alone and _words(reply)):
        raise server_error(_words(reply) or wordless)


def _words(told: Mapping[Any, Any]) -> str:
    """What a server says under one of the usual names."""
    found = (told.get(name) for name in ("message", "detail", "reason", "traceback"))
    return next((str(words) for words in found if isinstance(words, str | list) and words), "")


@contextmanager
def redact_token(token: str) -> Iterator[None]:
    """What is raised inside never shows the token, also where the server repeats it in its own words.

    Raises:
        WamvizError: the one that was raised inside, with ``***`` in the token's place.
    """
    try:
        yield
    except WamvizError as error:
        if not token or token not in str(error):
            raise
        message, hint = (text.replace(token, HIDDEN) for text in (error.message, error.hint))
        raise error.with_text(message=message, hint=hint) from None


@asynccontextmanager
async def client(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """An HTTP client for this server alone; what goes wrong inside the block is told as ``WamvizError``."""
    timeout = httpx.Timeout(server.reply_s, connect=server.connect_s)
    verify = certificates(server)
    try:
        async with httpx.AsyncClient(timeout=timeout, verify=verify, trust_env=False, follow_redirects=False) as http:
            yield http
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise http_error(error, server) from error
    except TimeoutError as error:
        raise too_slow(server) from error


def certificates(server: Server) -> ssl.SSLContext:
    """Whom to trust: the file that the user named, else the usual authorities; the environment is not asked.

    Raises:
        WamvizError: the file cannot be read.
    """
    try:
        if server.ca_file:
            return ssl.create_default_context(cafile=server.ca_file)
        return httpx.create_ssl_context(trust_env=False)
    except (OSError, ssl.SSLError) as error:
        raise WamvizError(f"The certificates in '{server.ca_file}' cannot be read.", "Give a PEM file.") from error


def too_slow(server: Server) -> WamvizError:
    """The error for a reply that did not come in time."""
    return Unavailable(
        f"{server.host} gave no reply within {server.reply_s:g} s.",
        "Wait longer with connect --timeout SECONDS.",
    )


def lost(server: Server) -> ConnectionLost:
    """The error for a connection that broke."""
    return ConnectionLost(f"The connection to {server.host} was lost.", "Is the server still running?")


def unreachable(server: Server, error: Exception) -> WamvizError:
    """The error for an address at which no connection came about."""
    why = clean_text(error)
    if isinstance(error, TimeoutError | httpx.ConnectTimeout):
        return Unavailable(f"Nobody answered at {server.url} within {server.connect_s:g} s.", "Is the host right?")
    if "CERTIFICATE" in why or "SSL" in why:
        return Unavailable(
            f"{server.host} could not be trusted or speaks no TLS: {why}",
            "Name its certificates with connect --ca FILE, or correct the address.",
        )
    return Unavailable(f"Connection refused: {server.url}.", "Start the server there, or correct the address.")


def http_error(error: Exception, server: Server) -> WamvizError:
    """What a failed request means, in words."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return unreachable(server, error)
    if isinstance(error, httpx.TimeoutException):
        return too_slow(server)
    if isinstance(error, httpx.NetworkError | httpx.ProtocolError):
        return lost(server)
    return Unavailable(f"{server.host} could not be asked: {clean_text(error)}")


async def body(response: httpx.Response, limits: CodecLimits) -> bytes:
    """The bytes of a response, read no further than the limit."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise WamvizError("The server packed its reply, which was not asked for.")
    read = bytearray()
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) > limits.message_bytes:
            raise too_large(limits)
    return bytes(read)


async def ask(
    http: httpx.AsyncClient, server: Server, path: str, data: bytes | None = None, kind: str = "application/json"
) -> bytes:
    """GET ``path`` below the server's address, or POST ``data`` to it, and return the body of a good reply.

    Raises:
        WamvizError: another status than 2xx, with the server's own words; or over the size limit.
    """
    headers = {**server.headers, "Accept-Encoding": "identity"}
    if data is not None:
        headers["Content-Type"] = kind
    url = server.http_url.rstrip("/") + path
    async with http.stream("GET" if data is None else "POST", url, content=data, headers=headers) as response:
        reply = await body(response, server.limits)
    if not response.is_success:
        raise status_error(server, response.status_code, reply)
    return reply


def status_error(server: Server, status: int, reply: bytes) -> WamvizError:
    """The error for an HTTP status that is none of success."""
    if status in (401, 403):
        return Unavailable(f"{server.host} wants a token (HTTP {status}).", _TOKEN)
    if status == 407:
        return Unavailable(f"A proxy in front of {server.host} wants a name and a password (HTTP 407).", _TOKEN)
    if status == 404:
        return Unavailable(f"{server.host} has nothing at this address (HTTP 404).", "Is it this kind of server?")
    words = clean_text(reply)
    return Unavailable(f"The server said: {words} (HTTP {status})" if words else f"The server answered HTTP {status}.")

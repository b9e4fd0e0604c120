"""What the server answers the same to everybody, made once: the pages' documents and Gradio's scripts.

A document of Gradio holds the configuration of a whole page, which it copies and writes anew for every visitor (about
0.1 s of a processor), and every script is a file that is opened in a thread: a class that opens its page together would
wait for itself. Contract: only whole answers (200, no cookie) to plain GETs of ``paths`` and below ``folders`` are
kept, by the address under which the app is asked for; the oldest go when there are too many bytes. They are compressed
for who takes that.
"""

from __future__ import annotations

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOLDERS = ("/assets/", "/static/", "/theme.css")
FOREVER = "public, max-age=31536000, immutable"  # files of /assets/ have a digest in their names
MOST = 64_000_000  # bytes
SMALL = 1000  # bytes that are not worth compressing
ADDRESS = ("host", "x-forwarded-host", "x-forwarded-proto")  # a document holds the address of its app
Key = tuple[str, ...]


@dataclass(frozen=True)
class _Kept:
    headers: MutableHeaders
    body: bytes
    packed: bytes

    def answer(self, asked: Headers) -> list[Message]:
        headers = self.headers.mutablecopy()
        same = "etag" in headers and asked.get("if-none-match") == headers["etag"]
        body = b"" if same else self.body
        if not same and self.packed and "gzip" in asked.get("accept-encoding", ""):
            body, headers["content-encoding"] = self.packed, "gzip"
        headers["content-length"], headers["vary"] = str(len(body)), "accept-encoding"
        return [
            {"type": "http.response.start", "status": 304 if same else 200, "headers": headers.raw},
            {"type": "http.response.body", "body": body},
        ]


class PageCache:
    """ASGI middleware.

    Args:
        app: what answers.
        paths: of documents; folders: beginnings of the paths of other files.
    """

    def __init__(self, app: ASGIApp, paths: Collection[str], folders: tuple[str, ...] = FOLDERS) -> None:
        self.app, self._paths, self._folders = app, frozenset(paths), folders
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._making: dict[Key, asyncio.Lock] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from what is kept, else let the app answer and keep that."""
        key = self._key(scope)
        if key is None:
            await self.app(scope, receive, send)
            return
        lock = self._making.setdefault(key, asyncio.Lock())
        try:
            async with lock:  # of those who come together one makes it
                kept = self._kept.get(key)
                messages: list[Message] = []
                if kept is None:
                    kept, messages = await self._make(key, scope, receive)
        finally:
            if not lock.locked():
                self._making.pop(key, None)
        for message in messages if kept is None else kept.answer(Headers(scope=scope)):
            await send(message)

    def _key(self, scope: Scope) -> Key | None:
        """By what an answer is kept, or None where it is not."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        path, headers = scope["path"], Headers(scope=scope)
        if "range" in headers or "deep_link" in parse_qs(scope.get("query_string", b"").decode("latin-1")):
            return None
        if path in self._paths:
            return (path, scope.get("scheme", ""), *(headers.get(name, "") for name in ADDRESS))
        return (path,) if path.startswith(self._folders) else None

    async def _make(self, key: Key, scope: Scope, receive: Receive) -> tuple[_Kept | None, list[Message]]:
        """What the app answers, kept where that may be."""
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        plain = [pair for pair in scope["headers"] if pair[0] not in (b"if-none-match", b"if-modified-since")]
        await self.app({**scope, "headers": plain, "extensions": {}}, receive, collect)  # whole files, as bytes
        start, *parts = messages
        headers = MutableHeaders(raw=[*start["headers"]])
        if start["status"] != 200 or "set-cookie" in headers or "content-encoding" in headers:
            return None, messages
        if key[0].startswith("/assets/"):
            headers["cache-control"] = FOREVER
        body = b"".join(part.get("body", b"") for part in parts)
        text = headers.get("content-type", "").startswith(("text/", "application/javascript", "application/json"))
        packed = await asyncio.to_thread(gzip.compress, body, 6) if text and len(body) > SMALL else b""
        self._kept[key] = kept = _Kept(headers, body, packed)
        while len(self._kept) > 1 and sum(len(one.body) + len(one.packed) for one in self._kept.values()) > MOST:
            self._kept.popitem(last=False)
        return kept, []


def cached(paths: Collection[str]) -> dict[str, Any]:
    """``app_kwargs`` of Gradio that put the cache in front of the app."""
    from starlette.middleware import Middleware

    return {"middleware": [Middleware(PageCache, paths=paths)]}

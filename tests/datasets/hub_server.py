"""A hub on this machine: the endpoints that fetching by name calls, answered as the real one answers them.

Small files are sent by way of a redirect inside the hub, large ones (LFS) from another address; errors carry the
headers by which the hub's own tool tells them apart. Every request is written down.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from wamviz.core.environment import OURS

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = "somebody/small"
LFS = (".parquet", ".mp4", ".safetensors")


@dataclass
class Hub:
    """What the server has and was asked.

    Attributes:
        root: the files of ``REPO`` at ``COMMIT``.
        url, far: addresses of the hub and of its large files.
        asked: (method, path) of every request, in order.
        refuse: status and X-Error-Code with which everything is answered, or None.
        token: what a reader has to show, or None.
        revisions: names of ``COMMIT``.
        what: ``datasets`` or ``models``; the addresses of models have no such word in front.
    """

    root: Path
    url: str = ""
    far: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    refuse: tuple[int, str] | None = None
    token: str | None = None
    revisions: tuple[str, ...] = ("main", "v3.0", "refs/convert/lerobot", COMMIT)
    what: str = "datasets"

    @property
    def prefix(self) -> str:
        """What stands before ``REPO`` in the address of a file."""
        return "" if self.what == "models" else f"/{self.what}"

    def sent(self) -> list[str]:
        """The files whose content was sent, in order."""
        found = []
        for method, path in self.asked:
            kind, _, rest = path.lstrip("/").partition("/")
            if method == "GET" and kind in ("cdn", "api") and "/tree/" not in path:
                found.append(unquote(rest.rpartition(COMMIT + "/")[2]))
        return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *args: object) -> None:
        """Nothing on stderr."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        hub, url = self.hub, urlsplit(self.path)
        hub.asked.append((self.command, self.path))
        path = url.path
        if path.startswith("/cdn/"):  # signed addresses: no token is shown, none is wanted
            if "authorization" in self.headers:
                return self._send(400, {}, b"", body)
            return self._file(unquote(path.rpartition(COMMIT + "/")[2]), body)
        if hub.refuse is not None:
            status, code = hub.refuse
            return self._send(status, {"X-Error-Code": code, "X-Error-Message": "refused"} if code else {}, b"", body)
        if hub.token is not None and self.headers.get("authorization") != f"Bearer {hub.token}":
            return self._send(401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"}, b"", body)
        if path.startswith("/api/resolve-cache/"):
            return self._file(unquote(path.rpartition(COMMIT + "/")[2]), body)
        tree, files = f"/api/{hub.what}/{REPO}/tree/", f"{hub.prefix}/{REPO}/resolve/"
        if path.startswith(tree):
            return self._tree(unquote(path.removeprefix(tree)), parse_qs(url.query), body)
        if path.startswith(files):
            return self._resolve(path.removeprefix(files), body)
        self._send(404, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}, b"", body)

    def _resolve(self, rest: str, body: bool) -> None:
        revision, _, file = rest.partition("/")
        if unquote(revision) not in self.hub.revisions:
            headers = {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"}
            return self._send(404, headers, b"", body)
        here = self.hub.root / unquote(file)
        headers = {"X-Repo-Commit": COMMIT}
        if not here.is_file():
            return self._send(404, headers | {"X-Error-Code": "EntryNotFound"}, b"Entry not found", body)
        data = here.read_bytes()
        if here.suffix in LFS:
            headers["X-Linked-Size"], headers["X-Linked-Etag"] = str(len(data)), f'"{_sha(data)}"'
            headers["Location"] = f"{self.hub.far}/cdn/{COMMIT}/{file}"  # another address: absolute
            return self._send(302, headers, b"", body)
        headers["X-Linked-Size"], headers["ETag"] = str(len(data)), f'"{_sha(data)[:40]}"'
        headers["Location"] = f"/api/resolve-cache/{self.hub.what}/{REPO}/{COMMIT}/{quote(unquote(file), safe='')}"
        self._send(307, headers, b"", body)

    def _file(self, file: str, body: bool) -> None:
        data = (self.hub.root / file).read_bytes()
        headers = {"X-Repo-Commit": COMMIT, "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        headers["ETag"] = f'"{_sha(data) if file.endswith(LFS) else _sha(data)[:40]}"'
        self._send(200, headers, data, body)

    def _tree(self, rest: str, query: dict[str, list[str]], body: bool) -> None:
        revision, _, folder = rest.partition("/")
        if revision != COMMIT or query.get("recursive") != ["true"]:  # the listing must be of the pinned commit
            return self._send(400, {}, b"", body)
        entries = []
        for path in sorted((self.hub.root / folder).rglob("*")):
            name = path.relative_to(self.hub.root).as_posix()
            if path.is_dir():
                entries.append({"type": "directory", "oid": "0" * 40, "size": 0, "path": name})
            else:
                oid = _sha(path.read_bytes())[:40]
                entries.append({"type": "file", "oid": oid, "size": path.stat().st_size, "path": name})
        start = int(query.get("cursor", ["0"])[0])
        headers = {"Content-Type": "application/json"}
        if start + 5 < len(entries):  # pages, as of a large folder
            following = f"{self.hub.url}{urlsplit(self.path).path}?recursive=true&expand=false&cursor={start + 5}"
            headers["Link"] = f'<{following}>; rel="next"'
        self._send(200, headers, json.dumps(entries[start : start + 5]).encode(), body)

    def _send(self, status: int, headers: dict[str, str], data: bytes, body: bool) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def serving(root: Path, what: str = "datasets") -> Iterator[Hub]:
    """A hub that serves the files below ``root`` until the block ends."""
    hub = Hub(root, what=what)
    handler = type("Handler", (_Handler,), {"hub": hub})
    with ExitStack() as stack:
        ports = []
        for _ in ("the hub", "where large files lie"):
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), handler))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            ports.append(server.server_port)
        hub.url, hub.far = (f"http://127.0.0.1:{port}" for port in ports)
        yield hub


@contextmanager
def the_only_hub(root: Path, patch: pytest.MonkeyPatch, cache: Path, what: str = "datasets") -> Iterator[Hub]:
    """As ``serving``, and everybody in this process asks it: with an empty ``cache`` and nobody's token."""
    with serving(root, what) as hub:
        patch.setenv("HF_ENDPOINT", hub.url)
        patch.setenv("HF_HUB_CACHE", str(cache))
        patch.setenv("HF_HUB_OFFLINE", OURS)
        patch.setenv("HF_TOKEN", "hf_of_the_tests")  # never the token of the person at the keyboard
        yield hub

"""The models elsewhere that the user named, in one JSON file of the wamviz home.

Contract: the file holds names, addresses and settings, never a secret: a token is named by its environment variable,
and an address with a password or a query in it is refused. Writing is atomic. Nothing here opens a connection.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wamviz.core.environment import home
from wamviz.core.errors import WamvizError, unknown_name

FILE = "connections.json"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
SCHEMES = ("ws", "wss", "http", "https", "tcp")
FOLDER = "file:"  # of weights on this machine; a plain absolute path means the same
_HUB = re.compile(r"hub:[\w.-]{1,96}/[\w.-]{1,96}@[\w./-]{1,200}")


@dataclass(frozen=True)
class Connection:
    """A server, or weights, that the user named.

    Attributes:
        name: the model's id from then on: small letters, digits, ``.``, ``_`` and ``-``.
        kind: which protocol it speaks, see ``kinds.KINDS``.
        url: where it is: a server, ``file:`` and a folder, or ``hub:OWNER/NAME@REVISION``.
        robot: which of the kind's robots, or "" for the kind's first.
        token_env: the environment variable that holds its token, or "".
        timeout: seconds that one reply may take.
        ca_file: a PEM file of certificates to trust in place of the usual ones, or "".
        rate: actions a second, where the server's differs from the robot's usual one; 0 keeps that.
        views: view to the context's camera.
        state: state part to "FIRST:END" in the context's state, counted from 0.
        settings: what only this kind knows, as text by name; the kind checks them.
    """

    name: str
    kind: str
    url: str
    robot: str = ""
    token_env: str = ""
    timeout: float = 300.0
    ca_file: str = ""
    rate: float = 0.0
    views: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("name", "kind", "url", "robot", "token_env", "ca_file"):
            if not isinstance(getattr(self, name), str):
                raise WamvizError(f"'{name}' of a connection must be text.")
        if _NAME.fullmatch(self.name) is None:
            raise WamvizError(
                f"'{self.name[:60]}' cannot be the name of a connection.",
                "Use up to 40 small letters, digits, dots, dashes and underscores.",
            )
        check_url(self.url)
        if self.token_env and _VARIABLE.fullmatch(self.token_env) is None:
            raise WamvizError(
                "The token itself does not belong here: name the environment variable that holds it.",
                "For example: connect NAME --token-env POLICY_TOKEN",
            )
        for name, low, high in (("timeout", 0.1, 86400), ("rate", 0, 1000)):
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
                raise WamvizError(f"'{name}' of a connection must lie in {low} .. {high}, not {value!r}.")
        for name in ("views", "state", "settings"):
            value = getattr(self, name)
            if not isinstance(value, Mapping) or not all(isinstance(x, str) for pair in value.items() for x in pair):
                raise WamvizError(f"'{name}' of a connection must map text to text.")
        self.places()

    def places(self) -> dict[str, tuple[int, int]]:
        """Where the parts of the state lie, as (first, last + 1) by part."""
        found = {}
        for part, text in self.state.items():
            match = re.fullmatch(r"(\d{1,4}):(\d{1,4})", text)
            if match is None or int(match[1]) >= int(match[2]):
                raise WamvizError(f"'{text[:40]}' is no place in a state.", "Write FIRST:END, e.g. 0:7.")
            found[part] = (int(match[1]), int(match[2]))
        return found

    def token(self) -> str:
        """The token out of the environment, "" where none is wanted.

        Raises:
            WamvizError: the variable is not set, or the token would travel unencrypted to another machine.
        """
        return read_token(self.token_env, self.url)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict without what is left at its default; ``Connection(**d)`` brings it back."""
        usual = {f.name: f.default for f in fields(self)}
        plain = asdict(self)
        return {name: value for name, value in plain.items() if value and value != usual[name]}


def read_token(variable: str, url: str) -> str:
    """The token for a server out of an environment variable, "" where none is named.

    Raises:
        WamvizError: the variable is not set, or the token would travel unencrypted to another machine.
    """
    if not variable:
        return ""
    token = os.environ.get(variable, "").strip()
    if not token:
        raise WamvizError(f"The environment variable {variable} is not set.", "It holds the server's token.")
    if not (token.isascii() and token.isprintable()):
        raise WamvizError(f"The environment variable {variable} holds no usable token.")
    parts = urlsplit(url)
    if parts.scheme in ("ws", "http", "tcp") and not _is_here(parts.hostname or ""):
        tls = "" if parts.scheme == "tcp" else f"{parts.scheme}s:// or "  # ZeroMQ has none
        raise WamvizError(f"A token is sent to {parts.netloc} only over TLS.", f"Use {tls}a tunnel to 127.0.0.1.")
    return token


def check_url(url: str) -> str:
    """Return an address that may be kept, or raise ``WamvizError``: of a server, of a folder, of weights on the hub."""
    if url.startswith("hub:"):
        return _check_hub(url)
    if url.startswith((FOLDER, "/")):
        if not url.removeprefix(FOLDER).startswith("/") or re.search(r"[\x00-\x1f]", url):
            raise WamvizError(f"'{url[:200]}' is no whole path of a folder.", "Write e.g. file:/home/me/weights.")
        return url
    try:
        parts = urlsplit(url)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        raise WamvizError(f"'{url[:200]}' is an invalid server address.", "Write e.g. ws://127.0.0.1:8000.") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise WamvizError(
            "An address with a password, a query or a fragment is not kept, because it may hold a secret.",
            "Put a token into an environment variable and name that with --token-env.",
        )
    if parts.scheme not in SCHEMES or not parts.hostname or not port_ok or re.search(r"[\s\x00-\x1f]", url):
        raise WamvizError(f"'{url[:200]}' is an invalid server address.", "Write e.g. ws://127.0.0.1:8000.")
    return url


def _check_hub(url: str) -> str:
    if _HUB.fullmatch(url) is None or ".." in url:
        hint = "Write hub:OWNER/NAME@REVISION; weights that change unasked are no basis for a comparison."
        if "@" not in url:
            hint = f"Name the revision: {url[:120]}@main, or a tag or a commit. Downloading pins it to a commit."
        raise WamvizError(f"'{url[:200]}' names no weights on the hub.", hint)
    return url


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def path() -> Path:
    """Where the connections are kept."""
    return home() / FILE


def read() -> dict[str, Connection]:
    """All connections by name, in the order of the file.

    Raises:
        WamvizError: the file is there but cannot be understood; the message names it.
    """
    file = path()
    try:
        facts = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(str(error)) from error
    listed = facts.get("connections") if isinstance(facts, dict) else None
    if not isinstance(listed, list):
        raise _unreadable("it has no list 'connections'")
    found: dict[str, Connection] = {}
    known = {f.name for f in fields(Connection)}
    for item in listed:
        if not isinstance(item, dict) or not {"name", "kind", "url"} <= item.keys():
            raise _unreadable("a connection needs name, kind and url")
        strange = [name for name in item if name not in known]
        if strange:
            raise _unreadable(str(unknown_name("setting", str(strange[0]), known)))
        try:
            connection = Connection(**item)
        except WamvizError as error:
            raise _unreadable(str(error)) from error
        if connection.name in found:
            raise _unreadable(f"it names '{connection.name}' twice")
        found[connection.name] = connection
    return found


def _unreadable(why: str) -> WamvizError:
    return WamvizError(f"The file {FILE} in {home()} cannot be understood: {why}.", "Mend it, or delete it.")


def keep(connection: Connection) -> None:
    """Add a connection, or replace the one of this name."""
    write({**read(), connection.name: connection})


def forget(name: str) -> None:
    """Remove a connection, or raise ``WamvizError`` with the nearest name."""
    known = read()
    if name not in known:
        raise unknown_name("connection", name, known)
    write({other: connection for other, connection in known.items() if other != name})


def write(known: Mapping[str, Connection]) -> None:
    """Write the file anew, atomically."""
    from wamviz.core.media import replacing  # listing models needs no codec

    text = json.dumps({"connections": [connection.to_json() for connection in known.values()]}, indent=2)
    with replacing(path()) as temporary:
        temporary.write_text(text + "\n", "utf-8")

"""Keeping, changing, testing and forgetting connections: what the command ``connect`` and the Models page share.

Contract: words in, connections and sentences out, so that both say the same. Only ``look`` asks anybody, ``keep`` where
a kind's servers alone know what they are, and ``fetch`` the hub. What is written is one file of the wamviz home,
without a secret in it, and what was fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wamviz.core.errors import WamvizError
from wamviz.models import backends, connections, registry
from wamviz.models.connections import FOLDER, Connection

EXAMPLE = "For example: connect pi05 --kind openpi --url ws://127.0.0.1:8000"


@dataclass(frozen=True)
class ConnectionForm:
    """What a person said of a connection; None is what was not said.

    Attributes:
        name: of the model.
        kind, url, robot, token_env, timeout, rate: see ``Connection``.
        ca: a file of certificates, however written.
        views, state, settings: see ``Connection``; added to what is there already.
    """

    name: str
    kind: str | None = None
    url: str | None = None
    robot: str | None = None
    token_env: str | None = None
    timeout: float | None = None
    ca: str | None = None
    rate: float | None = None
    views: Mapping[str, str] | None = None
    state: Mapping[str, str] | None = None
    settings: Mapping[str, str] | None = None

    @property
    def anything(self) -> bool:
        """Whether more than the name was said."""
        return self != ConnectionForm(self.name)


@dataclass(frozen=True)
class Kept:
    """A connection that was kept, and what to say about it."""

    connection: Connection
    words: str
    cost: str = ""


def build_connection(form: ConnectionForm, before: Connection | None = None) -> Connection:
    """The connection that was described; one that is there already is changed only where something is said.

    Raises:
        WamvizError: something is missing, or cannot be.
    """
    begin = dict(backends.usual(form.kind)) if before is None and form.kind else {}
    url = _address(form.url, form.kind or (before.kind if before else ""))
    if url:
        begin["url"] = url
    if before is None and not (form.kind and begin.get("url")):
        raise WamvizError(
            f"There is no connection '{form.name}' yet: give its --kind and --url.",
            f"Kinds: {', '.join(backends.kinds())}.",
        )
    kept = before or Connection(form.name, form.kind or "", **begin)
    changes: dict[str, Any] = {
        "kind": form.kind,
        "url": url,
        "robot": form.robot,
        "token_env": form.token_env,
        "timeout": form.timeout,
        "ca_file": _certificates(form.ca),
        "rate": form.rate,
        "views": None if form.views is None else {**kept.views, **form.views},
        "state": None if form.state is None else {**kept.state, **form.state},
        "settings": None if form.settings is None else {**kept.settings, **form.settings},
    }
    return replace(kept, **{name: value for name, value in changes.items() if value is not None})


def keep(connection: Connection) -> Kept:
    """Write a connection into the file; it is a model from then on.

    Raises:
        WamvizError: it cannot be, or a model that is no connection has its name.
    """
    if connection.name not in connections.read() and connection.name in registry.entries():
        raise WamvizError(f"There is a model '{connection.name}' already.", "Choose another name.")
    connection = backends.completed(connection)
    entry = backends.entry_of(connection)
    connections.keep(connection)
    registry.refresh()
    words = f"Kept {connection.name}: {connection.kind} at {connection.url}."
    return Kept(connection, words, str(entry.capabilities.extras.get("cost") or ""))


def renewed(connection: Connection) -> Connection:
    """A kept connection, written anew where its server says something else of itself than when it was connected."""
    fresh = backends.completed(connection)
    if fresh != connection:
        connections.keep(fresh)
        registry.refresh()
    return fresh


def fetch(connection: Connection, progress: Callable[[int, int, str], None] | None = None) -> Kept:
    """Fetch the weights of a kept connection from the hub, and keep it pinned to what was fetched.

    Args:
        progress: told kB here, kB in all, and the file.

    Raises:
        WamvizError: its kind fetches nothing; or what went wrong, in words.
    """
    pinned = backends.download(connection, progress)
    connections.keep(pinned)
    registry.refresh()
    return Kept(pinned, f"Fetched {connection.url}. {pinned.name} is pinned to {pinned.url}.")


def forget(name: str) -> str:
    """Remove a connection, and say so; ``WamvizError`` with the nearest name when there is none."""
    connections.forget(name)
    registry.refresh()
    return f"Forgot {name}. Runs that it made are kept."


def look(connection: Connection) -> list[str]:
    """Look whether it is there: what answers, and what asking costs where it costs anything.

    Raises:
        WamvizError: what is wrong, in words.
    """
    lines = [backends.probe(connection)]
    cost = backends.entry_of(connection).capabilities.extras.get("cost")
    return [*lines, str(cost)] if cost else lines


def pairs(words: Iterable[str], what: str, form: str) -> dict[str, str]:
    """``NAME=VALUE`` texts as a dict.

    Args:
        words: the texts.
        what: takes them, for the refusal.
        form: how they are written, for the refusal.

    >>> pairs(["wrist=hand"], "--view", "--view VIEW=CAMERA")
    {'wrist': 'hand'}
    """
    split = [word.partition("=") for word in words]
    for name, equals, value in split:
        if not (name and equals and value):
            raise WamvizError(f"'{name}{equals}{value}' is nothing that {what} takes.", f"Write {form}.")
    return {name: value for name, _, value in split}


def _address(named: str | None, kind: str) -> str | None:
    """An address as it is kept: of a kind whose weights lie on this machine, a folder by its whole path."""
    own = backends.kinds().get(kind)
    if not named or own is None or FOLDER[:-1] not in own.schemes or re.match(r"[a-z0-9+.-]+:", named):
        return named
    folder = Path(named).expanduser().resolve()
    return f"{FOLDER}{folder}" if named.startswith((".", "/", "~")) or folder.is_dir() else named


def _certificates(named: str | None) -> str | None:
    """The whole path of a file of certificates, so that it is found from every folder."""
    if not named:
        return named
    file = Path(named).expanduser().resolve()
    if not file.is_file():
        raise WamvizError(f"There is no file '{named}'.", "--ca takes certificates in a PEM file.")
    return str(file)

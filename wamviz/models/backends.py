"""What the user connected, whichever package reaches it: kinds, entries, and a look whether it is there.

Contract: a package that reaches models offers a module with ``KINDS``, ``entry_of(connection)`` and
``probe(connection)``; ``PACKAGES`` names them. Reading the file and listing open no connection and load no weights, so
that listing models is instant and asks nobody; a connection that cannot be is warned about and leaves the others alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol

from wamviz.core.errors import WamvizError, unknown_name
from wamviz.models.connections import Connection, read
from wamviz.models.protocol import ModelEntry, changing

PACKAGES = ("wamviz.models.remote.backend", "wamviz.models.diffusion.backend")
_entries: dict[str, tuple[Connection, ModelEntry]] = {}  # what was registered last, by name


class ConnectionKind(Protocol):
    """What every kind says of itself."""

    @property
    def name(self) -> str:
        """What ``connect --kind`` takes."""

    @property
    def title(self) -> str:
        """Of the systems, for people."""

    @property
    def gives(self) -> str:
        """What comes back, for people."""

    @property
    def schemes(self) -> tuple[str, ...]:
        """How its addresses begin; the first is the usual one."""

    @property
    def choices(self) -> tuple[str, ...]:
        """What ``--robot`` takes, the usual one first."""

    @property
    def settings(self) -> Mapping[str, str]:
        """What ``--set`` takes, with a sentence on each."""


def _owners() -> dict[str, tuple[Any, ConnectionKind]]:
    modules = [import_module(name) for name in PACKAGES]
    return {name: (module, kind) for module in modules for name, kind in module.KINDS.items()}


def kinds() -> dict[str, ConnectionKind]:
    """Every kind of connection by name."""
    return {name: kind for name, (_, kind) in _owners().items()}


def _owner(kind: str) -> Any:
    owners = _owners()
    if kind not in owners:
        raise unknown_name("kind of connection", kind, owners)
    return owners[kind][0]


def entry_of(connection: Connection) -> ModelEntry:
    """The entry of one connection, kept in the file or not; nobody is asked and nothing loaded.

    Raises:
        WamvizError: no such kind or robot, a setting or an address that the kind cannot have.
    """
    entry: ModelEntry = _owner(connection.kind).entry_of(connection)
    return entry


def usual(kind: str) -> dict[str, Any]:
    """What a new connection of this kind begins with where nothing else is said, such as its address."""
    _owner(kind)
    return dict(getattr(kinds()[kind], "usual", {}))


def completed(connection: Connection) -> Connection:
    """The connection with what only the other side knows; most kinds know all there is and ask nobody.

    Raises:
        WamvizError: it has to be asked and does not answer.
    """
    hook = getattr(_owner(connection.kind), "completed", None)
    complete: Connection = connection if hook is None else hook(connection)
    return complete


def probe(connection: Connection) -> str:
    """Look whether it is there, and say in a sentence what answers; asks the server or opens the folder.

    Raises:
        WamvizError: what is wrong, in words.
    """
    entry_of(connection)
    return str(_owner(connection.kind).probe(connection))


def download(connection: Connection, progress: Callable[[int, int, str], None] | None = None) -> Connection:
    """Fetch what a connection needs from the hub, and return it pinned to what was fetched.

    Args:
        progress: told kB here, kB in all, and the file.

    Raises:
        WamvizError: its kind fetches nothing; or what went wrong, in words.
    """
    entry_of(connection)
    fetch = getattr(_owner(connection.kind), "download", None)
    if fetch is None:
        raise WamvizError(
            f"Kind {connection.kind} is a server: there is nothing to download.", "Try --test in place of --download."
        )
    pinned: Connection = fetch(connection, progress)
    return pinned


@changing
def register_models() -> list[ModelEntry]:
    """One entry a connection, for the registry; the same one as before where the connection is as it was.

    So a model that has been loaded stays in memory when another connection is added (``ModelCache`` lets go of a model
    whose entry is another one).
    """
    try:
        known = list(read().values())
    except WamvizError as error:
        warnings.warn(str(error), stacklevel=2)
        return []
    entries = []
    for connection in known:
        try:
            kept = _entries.get(connection.name)
            if kept is None or kept[0] != connection:
                kept = _entries[connection.name] = (connection, entry_of(connection))
            entries.append(kept[1])
        except WamvizError as error:
            warnings.warn(f"Connection '{connection.name}' is left out: {error}", stacklevel=2)
    return entries

"""The page ``docs/adapters.md``: what every adapter can do, written from its own capabilities.

    python -m wamviz.models.document docs/adapters.md

A test fails while the page differs from what the code says.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from wamviz.core.errors import WamvizError
from wamviz.models import backends
from wamviz.models.connections import Connection
from wamviz.models.protocol import Capabilities

COMMAND = "python -m wamviz.models.document docs/adapters.md"
HEAD = f"""# Adapters

What each way to a model asks for and gives back, as its adapter declares it. This page is written by
`{COMMAND}`.
[connections.md](connections.md) tells how servers are connected, [diffusers.md](diffusers.md) how weights are,
[veo.md](veo.md) and [worker.md](worker.md) the two that need more words.
"""
EXAMPLES = {"ws": "ws://127.0.0.1:8000", "http": "http://127.0.0.1:8000", "https": "https://127.0.0.1:8000",
            "tcp": "tcp://127.0.0.1:5555", "file": "file:/models/weights", "hub": "hub:owner/name@main"}  # fmt: skip


def page() -> str:
    """The whole page."""
    return HEAD + "".join(f"\n{section(kind)}" for kind in backends.kinds().values())


def section(kind: backends.ConnectionKind) -> str:
    """One kind: how it is connected, each of its robots, and its settings."""
    address = address_of(kind)
    lines = [f"## {kind.name}", "", f"{kind.title}. Gives back {kind.gives}.", "",
             "```", f"python -m wamviz connect NAME --kind {kind.name} --url {address}", "```", ""]  # fmt: skip
    rows = [row for choice in (kind.choices or ("",)) if (row := robot(kind, choice, address))]
    if rows:
        lines += ["| robot | modes | actions | frames | pictures wanted |", "|---|---|---|---|---|", *rows, ""]
    else:
        lines += ["Its server says itself what it wants and returns; `connect` asks it once.", ""]
    lines += [f"- `--set {name}=...`: {words}" for name, words in kind.settings.items()]
    return "\n".join(lines).rstrip("\n") + "\n"


def address_of(kind: backends.ConnectionKind) -> str:
    """An address that this kind could have."""
    usual = backends.usual(kind.name).get("url")
    return str(usual or EXAMPLES[kind.schemes[0].rstrip(":")])


def robot(kind: backends.ConnectionKind, choice: str, address: str) -> str:
    """One row of the table, or "" where only the server knows."""
    try:
        caps = backends.entry_of(Connection("name", kind.name, address, choice)).capabilities
    except WamvizError:
        return ""
    served = next((one for one in getattr(kind, "robots", ()) if one.name == choice), None)
    seen = ", ".join(caps.cameras) if served is None else ", ".join(map(_view, served.views)) or "as the server says"
    modes = ", ".join(mode.replace("_", " ") for mode in caps.modes)
    return f"| {choice or 'any'} | {modes} | {_actions(caps)} | {_frames(caps, served)} | {seen} |"


def _view(view: Any) -> str:
    size = "" if view.size is None else f" ({view.size[0]} x {view.size[1]}, {view.fit})"
    return f"{view.role}{size}"


def _actions(caps: Capabilities) -> str:
    space = caps.action_space
    if space is None:
        return "none"
    units = dict.fromkeys(unit or "no unit claimed" for unit in space.units)
    return f"{space.dim} of {space.kind} ({', '.join(units)}), {space.rate:g} Hz"


def _frames(caps: Capabilities, served: Any) -> str:
    seeded = "the seed is told" if caps.deterministic else "the seed is not told"
    if served is not None and not served.frames:
        filmed = served.filmed
        more = f" ({filmed.frames} a chunk at {filmed.fps:g} Hz with the setting below)" if filmed is not None else ""
        return f"none{more}; {caps.horizon} actions a reply, {seeded}"
    return f"{caps.horizon} a chunk at {caps.video_fps:g} Hz, up to {caps.longest}; {seeded}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), "utf-8")

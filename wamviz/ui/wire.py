"""Values on their way to a component's script, in a form that survives Gradio's differences.

While an event streams, Gradio sends only what differs from the value before. Its differences of nested lists are wrong
where two of them get shorter at once (``gradio.utils.diff``, 6.31: every shortened list shifts the places of the
others), so a value travels as one JSON text. Long texts in it, such as pictures, stay apart under a name of their own:
what has not changed is not sent again. ``static/wire.js`` is the other end.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from wamviz.core.plain import dumps, jsonable

LONG = 2000  # characters; a shorter text is cheaper to send again than to name
NAME = "$text"  # the one key of what stands in place of a long text


def pack(value: Any) -> dict[str, Any]:
    """``value`` (anything ``jsonable``) as ``{"json": text, "texts": {name: long text}}``; ``unpack`` undoes it."""
    texts: dict[str, str] = {}

    def lift(part: Any) -> Any:
        if isinstance(part, str) and len(part) > LONG:
            name = hashlib.sha256(part.encode()).hexdigest()[:16]
            texts[name] = part
            return {NAME: name}
        if isinstance(part, dict):
            return {key: lift(item) for key, item in part.items()}
        return [lift(item) for item in part] if isinstance(part, list) else part

    return {"json": dumps(lift(jsonable(value))), "texts": texts}


def unpack(packed: dict[str, Any]) -> Any:
    """What ``pack`` was given, as plain JSON.

    >>> unpack(pack({"words": ["a", ("b", 1)]}))
    {'words': ['a', ['b', 1]]}
    """

    def put_back(part: dict[str, Any]) -> Any:
        return packed["texts"][part[NAME]] if part.keys() == {NAME} else part

    return json.loads(packed["json"], object_hook=put_back)

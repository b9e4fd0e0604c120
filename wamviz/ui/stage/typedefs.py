"""The scripts' side of the messages: JSDoc types written from the dataclasses.

    python -m wamviz.ui.stage.typedefs          # writes js/messages.js; a test says when that is due

Contract: ``javascript()`` is the whole text of that file. What it says of a field is what the dataclass's docstring
says of it.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from wamviz.ui.stage import messages

TARGET = Path(__file__).parent / "js" / "messages.js"
HEAD = """/* What Python tells the stage.

   Written by `python -m wamviz.ui.stage.typedefs` from messages.py: change that file, then write this one anew. */
"""
WORDS = {int: "number", float: "number", str: "string", bool: "boolean", type(None): "null"}


def javascript() -> str:
    """The text of ``messages.js``."""
    constants = {"VIEWS": _array(messages.VIEWS), "ORIGINS": _array(messages.ORIGINS), "CHUNK": messages.CHUNK}
    lines = [HEAD, *(f"export const {name} = {value};" for name, value in constants.items()), ""]
    lines += [_typedef(message) for message in messages.MESSAGES]
    lines += ["/** @typedef {" + " | ".join(each.__name__ for each in get_args(messages.Clip)) + "} Clip */"]
    return "\n".join(lines) + "\n"


def _array(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def _typedef(message: type) -> str:
    hints, docs = get_type_hints(message), described(message)
    first = (message.__doc__ or "").strip().splitlines()[0]
    lines = [f" * {first}", f" * @typedef {{object}} {message.__name__}"]
    lines += [f" * @property {{{_type(hints[each.name])}}} {each.name} {docs[each.name]}" for each in fields(message)]
    return "\n".join(["/**", *lines, " */"])


def described(message: type) -> dict[str, str]:
    """What a dataclass's docstring says of each field.

    >>> described(messages.Progress)["steps"]
    'in all.'
    """
    text = (message.__doc__ or "").partition("Args:")[2]
    return dict(re.findall(r"^ +(\w+): (.+)$", text, re.MULTILINE))


def _type(hint: Any) -> str:
    """One annotation in JSDoc's words."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint in WORDS:
        return WORDS[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        return hint.__name__
    if origin is Literal:
        return " | ".join(f'"{name}"' for name in inner)
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(_type(part) for part in inner))
    if origin is tuple and inner[-1] is Ellipsis:
        each = _type(inner[0])
        return f"({each})[]" if "|" in each else f"{each}[]"
    if origin is tuple:
        return "[" + ", ".join(_type(part) for part in inner) + "]"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"Record<string, {_type(inner[1])}>"
    raise TypeError(f"There are no words in JSDoc for {hint}; teach them to {__name__}.")


def main() -> None:
    """Write the file."""
    TARGET.write_text(javascript(), encoding="utf-8")


if __name__ == "__main__":
    main()

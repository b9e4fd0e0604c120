"""The words and numbers in a pickle, read without unpickling it.

A pickle is a program; ``pickle.load`` runs it, and with it whatever its maker wrote. Here its instructions are only
read, by ``pickletools``: lists, texts and numbers are put together, and a call stays what it is, a name with its
arguments, which nobody makes. CALVIN keeps its sentences so.
"""

from __future__ import annotations

import pickletools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wamviz.core.errors import Damaged, Unsafe

MAX_BYTES = 200_000_000
_MARK = object()
_PLAIN = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "BINBYTES", "BINBYTES8", "SHORT_BINBYTES", "BYTEARRAY8", "UNICODE", "BINUNICODE", "BINUNICODE8",
    "SHORT_BINUNICODE",
}  # fmt: skip
_EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple, "EMPTY_SET": list}
_CONSTANT = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


@dataclass
class Call:
    """What a pickle would call: a name, its arguments, and the state that it would be given. Nothing is called."""

    name: str
    arguments: Any = ()
    state: Any = None


def read_literals(data: bytes) -> Any:
    """The lists, dicts, texts and numbers of a pickle, with ``Call`` where it would make something else.

    Raises:
        Unsafe: it is too large.
        Damaged: it is none, or uses an instruction that no plain data need.
    """
    if len(data) > MAX_BYTES:
        raise Unsafe(f"A pickle has {len(data) / 1e6:.0f} MB.", f"{MAX_BYTES / 1e6:.0f} MB is the limit.")
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    try:
        for code, argument, _ in pickletools.genops(data):
            name = code.name
            if name == "STOP":
                return stack[-1]
            _step(name, argument, stack, memo)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise Damaged(f"The words in a pickle cannot be read ({error}).") from error
    raise Damaged("A pickle is cut short.")


def _step(name: str, argument: Any, stack: list[Any], memo: dict[int, Any]) -> None:
    if name in _PLAIN:
        stack.append(argument)
    elif name in _EMPTY:
        stack.append(_EMPTY[name]())
    elif name in _CONSTANT:
        stack.append(_CONSTANT[name])
    elif name == "MARK":
        stack.append(_MARK)
    elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
        memo[len(memo) if argument is None else argument] = stack[-1]
    elif name in ("GET", "BINGET", "LONG_BINGET"):
        stack.append(memo[argument])
    elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
        count = int(name[-1])
        stack[-count:] = [tuple(stack[-count:])]
    elif name in ("TUPLE", "LIST", "FROZENSET"):
        items = _since_mark(stack)
        stack.append(tuple(items) if name == "TUPLE" else items)
    elif name == "DICT":
        items = _since_mark(stack)
        stack.append({_key(k): v for k, v in zip(items[::2], items[1::2], strict=True)})
    elif name == "APPEND":
        item = stack.pop()
        _extend(stack[-1], [item])
    elif name in ("APPENDS", "ADDITEMS"):
        items = _since_mark(stack)
        _extend(stack[-1], items)
    elif name == "SETITEM":
        value, key = stack.pop(), stack.pop()
        stack[-1][_key(key)] = value
    elif name == "SETITEMS":
        items = _since_mark(stack)
        stack[-1].update({_key(k): v for k, v in zip(items[::2], items[1::2], strict=True)})
    elif name == "GLOBAL":
        stack.append(Call(str(argument)))
    elif name == "STACK_GLOBAL":
        last, first = stack.pop(), stack.pop()
        stack.append(Call(f"{first} {last}"))
    elif name in ("REDUCE", "NEWOBJ"):
        arguments, what = stack.pop(), stack.pop()
        stack.append(Call(what.name, arguments))
    elif name == "BUILD":
        state = stack.pop()
        stack[-1].state = state
    elif name == "POP":
        stack.pop()
    elif name not in ("PROTO", "FRAME"):
        raise ValueError(f"it uses {name}")


def _since_mark(stack: list[Any]) -> list[Any]:
    place = len(stack) - 1 - stack[::-1].index(_MARK)
    items = stack[place + 1 :]
    del stack[place:]
    return items


def _extend(target: Any, items: list[Any]) -> None:
    if isinstance(target, list):
        target.extend(items)
    elif isinstance(target, Call):  # a list subclass, or anything else that would take items
        target.state = items
    else:
        raise TypeError("items are added to no list")


def _key(key: Any) -> Any:
    return key if isinstance(key, str | int | float | bytes | bool | type(None)) else str(key)


def walk(value: Any) -> Iterator[dict[Any, Any]]:
    """Every dict in what ``read_literals`` returned, outer ones first; what refers to itself is passed over."""
    pending, seen = [value], set()
    while pending:
        item = pending.pop(0)
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, dict):
            yield item
            pending += item.values()
        elif isinstance(item, list | tuple):
            pending += [inner for inner in item if isinstance(inner, dict | list | tuple | Call)]
        elif isinstance(item, Call):
            pending += [item.arguments, item.state]


def as_whole(value: Any) -> int | None:
    """A whole number, also one that numpy would make (its bytes, little-endian)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, Call) and value.name.endswith("scalar") and isinstance(value.arguments, tuple):
        data = value.arguments[-1]
        if isinstance(data, Call) and data.name == "_codecs encode":  # how protocol 2 keeps bytes
            data = data.arguments[0]
        data = data.encode("latin-1") if isinstance(data, str) else data
        if isinstance(data, bytes) and len(data) in (1, 2, 4, 8):
            return int.from_bytes(data, "little", signed=True)
    return None

"""Bytes on the wire to values and back: msgpack with numpy as openpi speaks it, JSON with numpy as Cosmos Policy does.

Contract: what is packed is, byte for byte, what ``openpi-client`` and ``json-numpy`` pack; what is unpacked comes from
a machine that is not trusted, so that sizes, depth and number types are judged before memory is taken, and every
refusal is a ``WamvizError``. Only numbers, text, bytes, lists, dictionaries and arrays of plain numbers can come out:
no objects, and never pickle. It knows no model and opens no connection.

openpi's arrays (its ``msgpack_numpy.py``) are dictionaries with byte keys ``__ndarray__``, ``data``, ``dtype`` and
``shape``, its scalars ``__npgeneric__``, ``data`` and ``dtype``; json-numpy's are ``__numpy__`` (base64), ``dtype`` and
``shape``.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import WamvizError

_DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")  # no objects, strings, dates, structures or wide floats


@dataclass(frozen=True)
class Limits:
    """What one reply may cost.

    Attributes:
        message_bytes: of a whole message; a decoded video of 33 frames of 540 x 640 has 34 MB.
        items: values in it, counted over all lists and dictionaries; an array counts as one.
        depth: of lists and dictionaries within each other.
    """

    message_bytes: int = 256_000_000
    items: int = 2_000_000
    depth: int = 32

    def __post_init__(self) -> None:
        if min(self.message_bytes, self.items, self.depth) < 1:
            raise WamvizError(f"Limits of a reply must be at least 1, not {self}.")


LIMITS = Limits()


def malformed(why: str) -> WamvizError:
    """The error for a reply that cannot be what its protocol says."""
    return WamvizError(f"The server's reply cannot be read: {why}.", "Is it the kind of server that was named?")


def too_large(limits: Limits) -> WamvizError:
    """The error for a reply over its size limit."""
    return WamvizError(f"The server's reply has more than {limits.message_bytes / 1e6:g} MB, which is the limit.")


# --- msgpack: packing -----------------------------------------------------------------------------------------------


def pack(value: Any) -> bytes:
    """``value`` as msgpack: None, bool, int, float, str, bytes, list, tuple, dict, numpy array or scalar.

    Raises:
        WamvizError: anything else, or an array of objects, strings or complex numbers.

    >>> pack({"prompt": "hi"}).hex()
    '81a670726f6d7074a26869'
    """
    out = bytearray()
    _pack(value, out)
    return bytes(out)


def _pack(value: Any, out: bytearray) -> None:
    if value is None:
        out.append(0xC0)
    elif isinstance(value, bool):
        out.append(0xC3 if value else 0xC2)
    elif isinstance(value, int):
        _pack_int(value, out)
    elif isinstance(value, float):
        out += struct.pack(">Bd", 0xCB, value)
    elif isinstance(value, str):
        text = value.encode()
        if len(text) < 32:
            out.append(0xA0 | len(text))
        else:
            _head(out, len(text), (0xD9, 0xDA, 0xDB))
        out += text
    elif isinstance(value, bytes | bytearray | memoryview):
        _head(out, len(value), (0xC4, 0xC5, 0xC6))
        out += value
    elif isinstance(value, list | tuple):
        if len(value) < 16:
            out.append(0x90 | len(value))
        else:
            _head(out, len(value), (None, 0xDC, 0xDD))
        for item in value:
            _pack(item, out)
    elif isinstance(value, Mapping):
        if len(value) < 16:
            out.append(0x80 | len(value))
        else:
            _head(out, len(value), (None, 0xDE, 0xDF))
        for key, item in value.items():
            _pack(key, out)
            _pack(item, out)
    elif isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind not in "biuf":
            raise WamvizError(f"An array of {value.dtype} cannot be sent; only plain numbers can.")
        name = value.dtype.str
        if isinstance(value, np.generic):
            _pack({b"__npgeneric__": True, b"data": value.item(), b"dtype": name}, out)
        else:
            _pack({b"__ndarray__": True, b"data": value.tobytes(), b"dtype": name, b"shape": value.shape}, out)
    else:
        raise WamvizError(f"A value of type {type(value).__name__} cannot be sent.")


def _pack_int(value: int, out: bytearray) -> None:
    if 0 <= value < 128:
        out.append(value)
    elif -32 <= value < 0:
        out.append(value & 0xFF)
    else:
        forms = "BHIQ" if value >= 0 else "bhiq"
        first = 0xCC if value >= 0 else 0xD0
        for place, form in enumerate(forms):
            try:
                out += struct.pack(f">B{form}", first + place, value)
                return
            except struct.error:
                continue
        raise WamvizError(f"The number {value} does not fit into 64 bits.")


def _head(out: bytearray, count: int, codes: tuple[int | None, int, int]) -> None:
    """The code and length of something long: one, two or four bytes of length, big-endian."""
    small, middle, large = codes
    if small is not None and count < 1 << 8:
        out += struct.pack(">BB", small, count)
    elif count < 1 << 16:
        out += struct.pack(">BH", middle, count)
    else:
        out += struct.pack(">BI", large, count)


# --- msgpack: unpacking ---------------------------------------------------------------------------------------------


def unpack(data: bytes, limits: Limits = LIMITS) -> Any:
    """The value of one whole msgpack message; arrays come out read-only, sharing the message's memory.

    Raises:
        WamvizError: over a limit, cut short, followed by more, or holding what no reply may hold.
    """
    if len(data) > limits.message_bytes:
        raise too_large(limits)
    reader = _Reader(data, limits)
    value = _plain(reader.value(limits.depth))
    if reader.at != len(data):
        raise malformed(f"{len(data) - reader.at} bytes follow its end")
    return value


_NUMBERS = {
    0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i",
    0xD3: ">q",
}  # fmt: skip
_COUNTS = {
    0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xD9: ">B", 0xDA: ">H", 0xDB: ">I", 0xDC: ">H", 0xDD: ">I", 0xDE: ">H",
    0xDF: ">I",
}  # fmt: skip


class _Reader:
    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data = memoryview(data)
        self.at = 0
        self.left = limits.items

    def take(self, count: int) -> memoryview:
        if count > len(self.data) - self.at:
            raise malformed("it is cut short")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def value(self, depth: int) -> Any:
        self.left -= 1
        if self.left < 0:
            raise malformed("it holds too many values")
        if depth < 0:
            raise malformed("it is nested too deeply")
        code = self.take(1)[0]
        if code < 0x80:
            return code
        if code >= 0xE0:
            return code - 0x100
        if code in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[code]
        if code in _NUMBERS:
            return self.number(_NUMBERS[code])
        if code < 0x90:
            return self.mapping(code & 0x0F, depth)
        if code < 0xA0:
            return self.items(code & 0x0F, depth)
        if code < 0xC0:
            return self.text(code & 0x1F)
        if code not in _COUNTS:
            raise malformed(f"msgpack type 0x{code:02x} has no place in it")
        count = int(self.number(_COUNTS[code]))
        if code <= 0xC6:
            return self.take(count)
        if code <= 0xDB:
            return self.text(count)
        return self.items(count, depth) if code <= 0xDD else self.mapping(count, depth)

    def text(self, count: int) -> str:
        try:
            return str(self.take(count), "utf-8")
        except UnicodeDecodeError as error:
            raise malformed("its text is not UTF-8") from error

    def items(self, count: int, depth: int) -> list[Any]:
        if count > len(self.data) - self.at:  # every value takes a byte, so that this many cannot follow
            raise malformed("it is cut short")
        return [_plain(self.value(depth - 1)) for _ in range(count)]

    def mapping(self, count: int, depth: int) -> Any:
        found: dict[str, Any] = {}
        marked = False
        for _ in range(count):
            key = self.value(depth - 1)
            if isinstance(key, memoryview):
                marked = True
                key = bytes(key).decode("ascii", "replace")
            if not isinstance(key, str):
                raise malformed("a key in it is no text")
            found[key] = self.value(depth - 1)
        if marked and found.get("__ndarray__") is True:
            return array_from(found.get("data"), found.get("dtype"), found.get("shape"))
        if marked and found.get("__npgeneric__") is True:
            return _scalar(found.get("data"), found.get("dtype"))
        return {key: _plain(value) for key, value in found.items()}


def _plain(value: Any) -> Any:
    """Bytes are views of the message while it is read, so that an array's numbers are never copied."""
    return bytes(value) if isinstance(value, memoryview) else value


def dtype_from(name: Any) -> np.dtype[Any]:
    """The dtype of plain numbers that ``name`` stands for, or ``WamvizError``."""
    if not isinstance(name, str) or _DTYPE.fullmatch(name) is None:
        raise malformed(f"an array in it has the number type {str(name)[:20]!r}")
    return np.dtype(name)


def array_from(data: Any, dtype: Any, shape: Any) -> NDArray[Any]:
    """The array whose numbers are ``data``, or ``WamvizError`` when bytes, type and shape do not fit together."""
    kind = dtype_from(dtype)
    if not isinstance(shape, list) or len(shape) > 8 or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
        raise malformed("an array in it has no proper shape")
    if not isinstance(data, bytes | memoryview) or math.prod(shape) * kind.itemsize != len(data):
        raise malformed(f"an array in it has other bytes than shape {tuple(shape)} of {kind.name} needs")
    return np.frombuffer(data, kind).reshape(shape) if len(data) else np.zeros(shape, kind)


def _scalar(data: Any, dtype: Any) -> np.generic:
    kind = dtype_from(dtype)
    if not isinstance(data, bool | int | float):
        raise malformed("a number in it is none")
    try:
        scalar: np.generic = kind.type(data)
    except (OverflowError, ValueError) as error:
        raise malformed(f"a number in it is no {kind.name}") from error
    return scalar


# --- JSON -----------------------------------------------------------------------------------------------------------


def pack_json(value: Any) -> bytes:
    """``value`` as JSON, with numpy arrays and scalars as json-numpy writes them."""
    return json.dumps(value, default=_array_to_json).encode()


def _array_to_json(value: Any) -> dict[str, Any]:
    if not isinstance(value, np.ndarray | np.generic) or value.dtype.kind not in "biuf":
        raise WamvizError(f"A value of type {type(value).__name__} cannot be sent.")
    data = value.data if isinstance(value, np.generic) or value.flags["C_CONTIGUOUS"] else value.tobytes()
    return {"__numpy__": base64.b64encode(data).decode(), "dtype": value.dtype.str, "shape": value.shape}


def unpack_json(data: bytes, limits: Limits = LIMITS) -> Any:
    """The value of a JSON text; json-numpy's arrays become arrays.

    Raises:
        WamvizError: over a limit, no JSON, or an array that is none.
    """
    if len(data) > limits.message_bytes:
        raise too_large(limits)
    try:
        return _judged(json.loads(data, object_hook=_array_from_json, parse_constant=_no_number), limits)
    except RecursionError as error:
        raise malformed("it is nested too deeply") from error
    except ValueError as error:
        if isinstance(error, WamvizError):
            raise
        raise malformed("it is no JSON") from error


def _judged(value: Any, limits: Limits) -> Any:
    """``value`` when neither its depth nor its number of values is above a limit."""
    level, count = [value], 0
    for _ in range(limits.depth + 1):
        count += len(level)
        if count > limits.items:
            raise malformed("it holds too many values")
        inner: list[Any] = []
        for item in level:
            inner += item if isinstance(item, list) else item.values() if isinstance(item, dict) else ()
        level = inner
        if not level:
            return value
    raise malformed("it is nested too deeply")


def _no_number(name: str) -> NoReturn:
    raise malformed(f"{name} is no number")


def _array_from_json(found: dict[str, Any]) -> Any:
    if "__numpy__" not in found:
        return found
    try:
        data = base64.b64decode(found["__numpy__"], validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise malformed("an array in it is no base64") from error
    return array_from(data, found.get("dtype"), found.get("shape"))

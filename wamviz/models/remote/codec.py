"""Bytes on the wire to values and back: msgpack with numpy in each of its dialects, JSON with json-numpy's arrays.

Contract: what is packed is, byte for byte, what ``openpi-client`` and ``json-numpy`` pack; what is unpacked comes from
a machine that is not trusted, so that sizes, depth and number types are judged before memory is taken, and every
refusal is a ``WamvizError``. Only numbers, text, bytes, lists, dictionaries and arrays of plain numbers can come out:
no objects, and never pickle. It knows no model and opens no connection.

Arrays are dictionaries, whose keys some write as text and some as bytes; every dialect is read, whoever speaks it:
openpi's ``__ndarray__``, ``data``, ``dtype``, ``shape`` and for scalars ``__npgeneric__`` (its ``msgpack_numpy.py``;
what ``pack`` writes), msgpack-numpy's ``nd``, ``type``, ``kind``, ``shape``, ``data``, GR00T's ``__ndarray_class__``,
``as_npy`` with a file of ``np.save``, json-numpy's ``__numpy__`` (base64), ``dtype``, ``shape``, and ``__ndarray__``
with the numbers themselves, as base64 or as lists.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import math
import re
from dataclasses import dataclass
from typing import Any, NoReturn

import msgpack
import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, InvalidInput, WamvizError

# No objects, strings, dates, structures or wide floats; by numpy's code, or by the name that ``str(dtype)`` gives.
_DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])|bool|u?int(8|16|32|64)|float(16|32|64)")
_NPY_HEADERS = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}


@dataclass(frozen=True)
class CodecLimits:
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
            raise InvalidInput(f"Limits of a reply must be at least 1, not {self}.")


LIMITS = CodecLimits()


def malformed(why: str) -> WamvizError:
    """The error for a reply that cannot be what its protocol says."""
    return Damaged(f"The server's reply cannot be read: {why}.", "Is it the kind of server that was named?")


def too_large(limits: CodecLimits) -> WamvizError:
    """The error for a reply over its size limit."""
    return Damaged(f"The server's reply has more than {limits.message_bytes / 1e6:g} MB, which is the limit.")


# --- msgpack --------------------------------------------------------------------------------------------------------


def pack(value: Any) -> bytes:
    """``value`` as msgpack: None, bool, int, float, str, bytes, list, tuple, dict, numpy array or scalar.

    Raises:
        WamvizError: anything else, or an array of objects, strings or complex numbers.

    >>> pack({"prompt": "hi"}).hex()
    '81a670726f6d7074a26869'
    """
    try:
        packed: bytes = msgpack.packb(value, default=_array_to_msgpack)
    except OverflowError as error:
        raise InvalidInput("A number does not fit into 64 bits.") from error
    except ValueError as error:
        raise InvalidInput(f"This cannot be sent: {error}.") from error
    return packed


def _array_to_msgpack(value: Any) -> dict[bytes, Any]:
    _check_plain(value)
    if isinstance(value, np.generic):
        return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}
    return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}


def _check_plain(value: Any) -> None:
    """Raise ``WamvizError`` for what is no array or scalar of plain numbers."""
    if not isinstance(value, np.ndarray | np.generic):
        raise InvalidInput(f"A value of type {type(value).__name__} cannot be sent.")
    if value.dtype.kind not in "biuf":
        raise InvalidInput(f"An array of {value.dtype} cannot be sent; only plain numbers can.")


def unpack(data: bytes, limits: CodecLimits = LIMITS) -> Any:
    """The value of one whole msgpack message; arrays come out read-only.

    Raises:
        WamvizError: over a limit, cut short, followed by more, or holding what no reply may hold.
    """
    if len(data) > limits.message_bytes:
        raise too_large(limits)
    left = limits.items

    def count(values: list[Any]) -> list[Any]:  # while it is read, so that a bomb never unfolds
        nonlocal left
        left -= len(values)
        if left < 0:
            raise malformed("it holds too many values")
        return values

    longest = min(limits.items, len(data))  # every value takes a byte, so that no more can follow
    try:
        value = msgpack.unpackb(
            data,
            object_pairs_hook=lambda pairs: _from_pairs(count(pairs)),
            list_hook=count,
            ext_hook=_no_extension,
            strict_map_key=False,  # keys are judged with their values
            timestamp=1,  # a number, not an object
            max_array_len=longest,
            max_map_len=longest,
        )
    except WamvizError:
        raise
    except msgpack.ExtraData as error:
        raise malformed(f"{len(error.extra)} bytes follow its end") from error
    except msgpack.StackError as error:
        raise malformed("it is nested too deeply") from error
    except msgpack.FormatError as error:
        raise malformed("it is no msgpack") from error
    except UnicodeDecodeError as error:
        raise malformed("its text is not UTF-8") from error
    except ValueError as error:
        raise malformed("it is cut short or holds too many values") from error
    return _judged(value, limits)


def _no_extension(code: int, data: bytes) -> NoReturn:
    raise malformed(f"msgpack's extension type {code} has no place in it")


def _from_pairs(pairs: list[tuple[Any, Any]]) -> Any:
    """A dictionary with text for keys, or the array or scalar that it stands for."""
    if not all(isinstance(key, str | bytes) for key, _ in pairs):
        raise malformed("a key in it is no text")
    found = {key.decode("ascii", "replace") if isinstance(key, bytes) else key: value for key, value in pairs}
    if found.get("__ndarray__") is True:
        return array_from(found.get("data"), found.get("dtype"), found.get("shape"))
    if found.get("__npgeneric__") is True:
        return _scalar(found.get("data"), found.get("dtype"))
    if "__ndarray_class__" in found:
        return _array_from_npy(found.get("as_npy"))
    if isinstance(found.get("nd"), bool) and "type" in found:
        return _array_from_msgpack_numpy(found)
    return _array_from_json(found)


def _array_from_lists(values: list[Any], dtype: Any) -> NDArray[Any]:
    """The array whose numbers are written out in lists."""
    try:
        array = np.asarray(values, None if dtype is None else dtype_from(dtype))
    except (ValueError, TypeError, OverflowError) as error:
        raise malformed("an array in it is no table of numbers") from error
    if array.dtype.kind not in "biuf":
        raise malformed("an array in it holds no plain numbers")
    return array


def _array_from_npy(data: Any) -> NDArray[Any]:
    """The array in a ``.npy`` file: numpy reads the header, a Python literal; the rest is judged as any other array."""
    if not isinstance(data, bytes):
        raise malformed("an array in it has no bytes")
    file = io.BytesIO(data)
    try:
        shape, fortran, dtype = _NPY_HEADERS[npy_format.read_magic(file)](file)
    except Exception as error:  # whatever Python's own parser raises for a text that is no literal
        raise malformed("an array in it is none that numpy wrote") from error
    array = array_from(data[file.tell() :], dtype.str, list(shape[::-1] if fortran else shape))
    return array.T if fortran else array


def _array_from_msgpack_numpy(found: dict[str, Any]) -> Any:
    """An array or a scalar of msgpack-numpy; its kind ``O`` is a pickle, its kind ``V`` a structure."""
    name, kind = (
        one.decode("ascii", "replace") if isinstance(one, bytes) else one for one in (found["type"], found.get("kind"))
    )
    if kind not in (None, "", "b", "i", "u", "f"):  # vLLM-Omni repeats the kind of number there
        raise malformed("an array in it holds no plain numbers")
    if not found["nd"]:
        return array_from(found.get("data"), name, [])[()]
    return array_from(found.get("data"), name, found.get("shape"))


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
    if not isinstance(data, bytes) or math.prod(shape) * kind.itemsize != len(data):
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
    _check_plain(value)
    data = value.data if isinstance(value, np.generic) or value.flags["C_CONTIGUOUS"] else value.tobytes()
    return {"__numpy__": base64.b64encode(data).decode(), "dtype": value.dtype.str, "shape": value.shape}


def unpack_json(data: bytes, limits: CodecLimits = LIMITS) -> Any:
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


def _judged(value: Any, limits: CodecLimits) -> Any:
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
    name = next((name for name in ("__numpy__", "__ndarray__") if name in found), None)
    if name is None or (name == "__ndarray__" and not isinstance(found[name], str | list)):
        return found
    if isinstance(found[name], list):
        return _array_from_lists(found[name], found.get("dtype"))
    try:
        data = base64.b64decode(found[name], validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise malformed("an array in it is no base64") from error
    return array_from(data, found.get("dtype"), found.get("shape"))

"""GR00T's forms of arrays within msgpack: what ``np.save`` writes, and msgpack-numpy's dictionaries.

Contract: packs ``{"__ndarray_class__": True, "as_npy": bytes}``, which every GR00T server reads; understands that and
the ``nd``, ``type``, ``kind``, ``shape``, ``data`` of newer servers, and both names of a modality configuration. Only
arrays of plain numbers come out, judged before memory is taken; never pickle. Sources: Isaac-GR00T
``gr00t/policy/server_client.py`` of N1.5, N1.6 and N1.7.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from wamviz.models.remote.codec import LIMITS, Limits, array_from, dtype_from, malformed, pack, unpack, unpack_json

CONFIGS = ("__ModalityConfig_class__", "__ModalityConfig__")
_HEADERS = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}


def pack_npy(value: Any) -> bytes:
    """``value`` as msgpack with its arrays as ``np.save`` writes them."""
    return pack(_written(value))


def _written(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _written(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item) for item in value]
    if isinstance(value, np.ndarray):
        dtype_from(value.dtype.str)  # no objects, which would be pickled
        file = io.BytesIO()
        np.save(file, value, allow_pickle=False)
        return {"__ndarray_class__": True, "as_npy": file.getvalue()}
    return value


def unpack_npy(data: bytes, limits: Limits = LIMITS) -> Any:
    """The value of one message with its arrays; see ``codec.unpack`` for what is refused."""
    return _read(unpack(data, limits), limits)


def _read(value: Any, limits: Limits) -> Any:
    if isinstance(value, list):
        return [_read(item, limits) for item in value]
    if not isinstance(value, dict):
        return value
    if "__ndarray_class__" in value:
        return _array(value.get("as_npy"))
    if "nd" in value and "type" in value:
        return _numpy(value)
    if any(name in value for name in CONFIGS):
        told = value.get("as_json")
        # N1.6 writes the configuration as JSON text, N1.7 as a dictionary.
        return unpack_json(told.encode(), limits) if isinstance(told, str) else told
    return {key: _read(item, limits) for key, item in value.items()}


def _array(data: Any) -> NDArray[Any]:
    """The array in a ``.npy`` file: numpy reads the header, a Python literal; the rest is judged as any other array."""
    if not isinstance(data, bytes):
        raise malformed("an array in it has no bytes")
    file = io.BytesIO(data)
    try:
        shape, fortran, dtype = _HEADERS[npy_format.read_magic(file)](file)
    except Exception as error:  # whatever Python's own parser raises for a text that is no literal
        raise malformed("an array in it is none that numpy wrote") from error
    array = array_from(data[file.tell() :], dtype.str, list(shape[::-1] if fortran else shape))
    return array.T if fortran else array


def _numpy(value: Mapping[str, Any]) -> Any:
    """An array or a scalar of msgpack-numpy; its kind ``O`` is a pickle, its kind ``V`` a structure."""
    if value.get("kind") not in (None, b"", ""):
        raise malformed("an array in it holds no plain numbers")
    if not value["nd"]:
        return array_from(value.get("data"), value["type"], [])[()]
    return array_from(value.get("data"), value["type"], value.get("shape"))

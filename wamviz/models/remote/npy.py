"""GR00T's messages: what ``np.save`` writes within msgpack, and its modality configurations.

Contract: packs ``{"__ndarray_class__": True, "as_npy": bytes}``, which every GR00T server reads, and understands both
names of a modality configuration; arrays are read by ``codec``, whatever their dialect. Sources: Isaac-GR00T
``gr00t/policy/server_client.py`` of N1.5, N1.6 and N1.7.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from wamviz.models.remote.codec import LIMITS, CodecLimits, dtype_from, pack, unpack, unpack_json

CONFIGS = ("__ModalityConfig_class__", "__ModalityConfig__")


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


def unpack_npy(data: bytes, limits: CodecLimits = LIMITS) -> Any:
    """The value of one message with its configurations; see ``codec.unpack`` for what is refused."""
    return _read(unpack(data, limits), limits)


def _read(value: Any, limits: CodecLimits) -> Any:
    if isinstance(value, list):
        return [_read(item, limits) for item in value]
    if not isinstance(value, dict):
        return value
    if any(name in value for name in CONFIGS):
        fields = value.get("as_json")
        # N1.6 writes the configuration as JSON text, N1.7 as a dictionary.
        return unpack_json(fields.encode(), limits) if isinstance(fields, str) else fields
    return {key: _read(item, limits) for key, item in value.items()}

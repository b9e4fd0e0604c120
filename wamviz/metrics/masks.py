"""Masks as text, so that a rollout carries what its pixels show along with its other facts.

Contract: ``pack_masks`` and ``unpack_masks`` are each other's inverse; a frame of 128 x 128 takes some 600 characters.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 64 * 2**20  # bytes that a text may unfold to


def pack_masks(masks: NDArray[np.uint8]) -> dict[str, Any]:
    """Masks (T, H, W) uint8 as a JSON-ready dict: their shape and the packed pixels."""
    return {"shape": list(masks.shape), "zlib": base64.b64encode(zlib.compress(masks.tobytes(), 9)).decode()}


def unpack_masks(packed: Mapping[str, Any]) -> NDArray[np.uint8] | None:
    """The masks of ``pack_masks``; None where the dict is none of its own."""
    try:
        shape = tuple(int(side) for side in packed["shape"])
        size = int(np.prod(shape))
        if len(shape) != 3 or not 0 < size <= LARGEST:
            return None
        unfold = zlib.decompressobj()
        pixels = unfold.decompress(base64.b64decode(packed["zlib"], validate=True), size + 1)
    except (KeyError, TypeError, ValueError, OverflowError, zlib.error):
        return None
    return np.frombuffer(pixels, np.uint8).reshape(shape) if len(pixels) == size else None

"""Small pictures inside the page: thumbnails as data addresses, so that no file has to be served for them."""

from __future__ import annotations

import base64

import numpy as np

from wamviz.core.media import encode_jpeg, fit_square
from wamviz.core.rollout import Frames


def thumbnail(frame: Frames, size: int = 112) -> str:
    """A square JPEG of ``frame`` (H, W, 3) uint8 as a ``data:`` address, about 4 kB."""
    return "data:image/jpeg;base64," + as_text(jpeg(frame, size))


def as_text(data: bytes) -> str:
    """Bytes as a ``data:`` address, or a page's JSON, holds them."""
    return base64.b64encode(data).decode("ascii")


def jpeg(frame: Frames, size: int = 112) -> bytes:
    """A square JPEG of ``frame`` (H, W, 3) uint8."""
    small = np.ascontiguousarray(fit_square(frame, size))
    return encode_jpeg(small, 82, optimize=True)

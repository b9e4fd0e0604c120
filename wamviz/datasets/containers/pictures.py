"""Frames kept as pictures in the rows of a parquet file, in every form that was met.

Contract: a row holds a picture as bytes, as ``{"bytes", "path"}`` (the form of the hub's library), as the name of a
file inside the dataset's folder, or as plain pixels (H x W x C or C x H x W, whole numbers to 255 or shares of 1). A
row that holds something else is refused by its column's name; nothing outside the folder is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from wamviz.core.errors import WamvizError
from wamviz.core.media import read_image
from wamviz.core.rollout import Frames
from wamviz.datasets.files import contained, inside


def is_pictures(kind: pa.DataType) -> bool:
    """Whether a column of this type can only hold pictures: bytes, or bytes and a path."""
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def decode_pictures(rows: pa.ChunkedArray, root: Path, name: str) -> Frames:
    """(n, H, W, 3) uint8 of n rows.

    Args:
        root: the dataset's folder, where named pictures lie.
        name: the column, for the message.

    Raises:
        WamvizError: a row without a picture, a damaged one, or pictures that differ in size.
    """
    frames = [_picture(row, root, name) for row in rows.to_pylist()]
    if len({frame.shape for frame in frames}) > 1:
        raise WamvizError(f"The pictures in '{name}' differ in size.")
    return np.stack(frames)


def _picture(row: Any, root: Path, name: str) -> Frames:
    if isinstance(row, Mapping):
        row = row.get("bytes") or row.get("path")
    if isinstance(row, str) and row:
        return read_image(contained(root, inside(root, row)))
    if isinstance(row, bytes) and row:
        return read_image(row)
    if isinstance(row, list) and row:
        return _pixels(row, name)
    raise WamvizError(f"Column '{name}' holds no pictures.", "They are bytes, names of files, or pixels.")


def _pixels(row: list[Any], name: str) -> Frames:
    try:
        values = np.asarray(row)
        if values.dtype.kind not in "fiub":
            raise ValueError(values.dtype)
    except (ValueError, TypeError) as error:
        raise WamvizError(f"Column '{name}' holds lists that are no pictures.") from error
    return to_rgb(values[None], name)[0]


def to_rgb(values: np.ndarray, name: str) -> Frames:
    """(T, H, W, 3) uint8 of pixels (T, H, W), (T, H, W, C) or (T, C, H, W), C 1, 3 or 4: to 255, or shares of 1.

    16 bits (depth) are scaled so that the largest value of a picture is white.
    """
    if values.ndim == 3:
        values = values[..., None]
    if values.ndim != 4 or 0 in values.shape:
        raise WamvizError(f"'{name}' holds an array of shape {values.shape[1:]} a frame, which is no picture.")
    if values.shape[-1] not in (1, 3, 4) and values.shape[1] in (1, 3, 4):
        values = np.moveaxis(values, 1, -1)
    if values.shape[-1] not in (1, 3, 4):
        raise WamvizError(f"'{name}' holds an array of shape {values.shape[1:]} a frame, which is no picture.")
    values = values[..., :3]  # what lies under a transparent pixel is shown
    if values.dtype != np.uint8:
        shares = values.dtype.kind == "f"
        values = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)  # depth cameras leave holes
        top = values.max(axis=(1, 2, 3), keepdims=True)  # of each frame by itself: a part must look as in the whole
        scale = np.where(top > 255, 255.0 / np.maximum(top, 1), np.where((top <= 1) & shares, 255.0, 1.0))
        values = np.clip(np.rint(values * scale), 0, 255).astype(np.uint8)
    return np.repeat(values, 3, axis=-1) if values.shape[-1] == 1 else np.ascontiguousarray(values)

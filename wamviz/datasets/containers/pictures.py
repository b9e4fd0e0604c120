"""Frames kept as pictures, in every form that was met: compressed or as pixels, colours or distances.

A row of a parquet file holds a picture as bytes, as ``{"bytes", "path"}`` (the form of the hub's library), as the name
of a file inside the dataset's folder, or as plain pixels (H x W x C or C x H x W, whole numbers to 255 or shares of 1).
Values of more than 8 bits are distances or the like, and so are all of a view that is called depth: the largest of each
frame is shown white, and ``depth_note`` says so. What is of no known form is called that; nothing outside the folder is
opened. Axis letters: n rows, H/W pixels.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from wamviz.core.errors import Damaged, Unsafe
from wamviz.core.media import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS, file_size, read_image
from wamviz.core.rollout import Frames
from wamviz.datasets.containers.parquet import read_rows, readable
from wamviz.datasets.files import contained, inside

DEEP_FORMATS = ("PNG", "TIFF")  # that can hold more than 8 bits a pixel
_DEEP_MODES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
LEAST_PICTURE = 60  # bytes; less is the name of one
_MAGIC = (
    b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*",
)  # fmt: skip


def is_packed_picture(data: bytes) -> bool:
    """Whether bytes begin like a picture that can be read here: JPEG, PNG, WebP, GIF, BMP or TIFF."""
    head = bytes(data[:16])
    return head.startswith(_MAGIC) and (not head.startswith(b"RIFF") or head[8:12] == b"WEBP")


def is_pictures(kind: pa.DataType) -> bool:
    """Whether a column of this type can only hold pictures: bytes, or bytes and a path."""
    if pa.types.is_struct(kind):
        return kind.get_field_index("bytes") >= 0
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def unpack_picture(source: bytes | Path) -> NDArray[Any]:
    """A compressed picture: (H, W, 3) uint8 of colours, (H, W) numbers of distances.

    Raises:
        Damaged: no picture, or a damaged one.
        Unsafe: over 30 MB or 25 megapixels.
    """
    if isinstance(source, Path):
        if file_size(source) > MAX_IMAGE_BYTES:
            return read_image(source)  # which refuses it in words
        source = source.read_bytes()
    data = source.rstrip(b"\0") if not source.startswith((b"II", b"MM")) else source  # padded to one length
    try:
        with Image.open(io.BytesIO(data), formats=DEEP_FORMATS) as image:
            if image.mode in _DEEP_MODES:
                if image.width * image.height > MAX_IMAGE_PIXELS:
                    raise Unsafe(f"A picture has {image.width} x {image.height} pixels, which is too much.")
                return np.asarray(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        if isinstance(error, Unsafe):
            raise
    return read_image(data if data else source)


def decode_pictures(rows: pa.ChunkedArray, root: Path, name: str) -> Frames:
    """(n, H, W, 3) uint8 of n rows.

    Args:
        root: the dataset's folder, where named pictures lie.
        name: the column, for the message; with "depth" in it, its numbers are distances.

    Raises:
        Damaged: a row without a picture, a damaged one, or pictures that differ in size.
    """
    return stack_pictures([picture_values(row, root, name, rows.type) for row in rows.to_pylist()], name)


def stack_pictures(pictures: Sequence[NDArray[Any]], name: str) -> Frames:
    """(n, H, W, 3) uint8 of pictures as ``unpack_picture`` returns them."""
    if len({picture.shape for picture in pictures}) > 1:
        raise Damaged(f"The pictures in '{name}' differ in size.")
    return to_rgb(np.stack(pictures), name)


def rows_with_pictures(path: Path, name: str, rows: NDArray[np.int64], root: Path) -> NDArray[np.bool_]:
    """(n,) which rows of a parquet file hold a picture in a column, or name a file that is here.

    The file's own statistics say whether any is empty; only then are pictures read.
    """
    column = _picture_column(path, name)
    if column is None:
        return np.ones(len(rows), bool)
    values = read_rows(path, [column], rows).column(name).to_pylist()
    return np.array([_is_here(value, root) for value in values], bool)


def _picture_column(path: Path, name: str) -> str | None:
    """The column to be read to know which rows hold a picture, or None where all do."""
    with readable(path):
        metadata = pq.read_metadata(path)
        empty, size, columns = 0, 0, set[str]()
        for group in range(metadata.num_row_groups):
            for place in range(metadata.row_group(group).num_columns):
                chunk = metadata.row_group(group).column(place)
                columns.add(chunk.path_in_schema)
                if chunk.path_in_schema in (name, f"{name}.bytes"):
                    known = chunk.statistics is not None and chunk.statistics.has_null_count
                    empty += chunk.statistics.null_count if known else 0
                    size += chunk.total_uncompressed_size
    if f"{name}.path" in columns and size < LEAST_PICTURE * metadata.num_rows:
        return f"{name}.path"  # the pictures are files beside it
    return name if empty or size < LEAST_PICTURE * metadata.num_rows else None


def _is_here(row: Any, root: Path) -> bool:
    """Whether a row holds a picture, or names a file that is here."""
    if isinstance(row, Mapping):
        row = row.get("bytes") or row.get("path")
    if isinstance(row, str) and row:
        return contained(root, inside(root, row)).is_file()
    return bool(row)


def picture_values(row: Any, root: Path, name: str, kind: object = "") -> NDArray[Any]:
    """The picture of one row: colours (H, W, 3) uint8, or numbers (H, W) or (H, W, C)."""
    if isinstance(row, Mapping):
        row = row.get("bytes") or row.get("path")
    if isinstance(row, str) and row:
        return unpack_picture(contained(root, inside(root, row)))
    if isinstance(row, bytes) and row:
        return unpack_picture(row)
    if isinstance(row, list) and row:
        return _pixels(row, name)
    if row is None or row in ("", b"", []):
        raise Damaged(f"A row of '{name}' holds no picture.")
    raise Damaged(
        f"Column '{name}' holds {kind or type(row).__name__}, which is not known to be pictures.",
        "They are bytes, names of files, or pixels.",
    )


def _pixels(row: list[Any], name: str) -> NDArray[Any]:
    try:
        values = np.asarray(row)
        if values.dtype.kind not in "fiub":
            raise ValueError(values.dtype)
    except (ValueError, TypeError) as error:
        raise Damaged(f"Column '{name}' holds lists that are no pictures.") from error
    if values.ndim == 1 and values.dtype.kind in "iu" and values.min() >= 0 and values.max() < 256:
        data = values.astype(np.uint8).tobytes()  # the bytes of a compressed picture, one number each
        if is_packed_picture(data):
            return unpack_picture(data)
    return values


def to_rgb(values: NDArray[Any], name: str) -> Frames:
    """(T, H, W, 3) uint8 of pixels (T, H, W), (T, H, W, C) or (T, C, H, W), C 1, 3 or 4.

    Colours are whole numbers to 255 or shares of 1. One channel of more than 8 bits is distances: the largest value of
    each frame is white, whatever the unit.
    """
    if values.ndim == 3:
        values = values[..., None]
    if values.ndim != 4 or 0 in values.shape:
        raise Damaged(f"'{name}' holds an array of shape {values.shape[1:]} a frame, which is no picture.")
    if values.shape[-1] not in (1, 3, 4) and values.shape[1] in (1, 3, 4):
        values = np.moveaxis(values, 1, -1)
    if values.shape[-1] not in (1, 3, 4):
        raise Damaged(f"'{name}' holds an array of shape {values.shape[1:]} a frame, which is no picture.")
    values = values[..., :3]  # what lies under a transparent pixel is shown
    if values.dtype != np.uint8:
        shares, deep = values.dtype.kind == "f", is_deep(values, name)
        values = _without_holes(values)
        top = values.max(axis=(1, 2, 3), keepdims=True)  # of each frame by itself: a part must look as in the whole
        white = 255.0 / np.maximum(top, 1e-12)
        scale = white if deep else np.where(top > 255, white, np.where((top <= 1) & shares, 255.0, 1.0))
        values = np.clip(np.rint(values * scale), 0, 255).astype(np.uint8)
    return np.repeat(values, 3, axis=-1) if values.shape[-1] == 1 else np.ascontiguousarray(values)


def _without_holes(values: NDArray[Any]) -> NDArray[np.float64]:
    """The values as float64, 0 where a depth camera measured nothing: NaN, infinite, or all 16 bits set."""
    holes = values == 65535 if values.dtype == np.uint16 and values.shape[-1] == 1 else False
    return np.where(holes, 0.0, np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0))


def is_deep(values: NDArray[Any], name: str = "") -> bool:
    """Whether pixels are one channel of more than 8 bits: of a view called depth, or of no grey picture's range."""
    if values.dtype == np.uint8 or values.dtype.kind == "b" or values.shape[-1] != 1:
        return False
    if "depth" in name.lower():
        return True
    if values.dtype.kind == "f":
        finite = values[np.isfinite(values)]
        return bool(finite.size and finite.max() > 1)  # shares of 1 are grey
    return values.dtype.itemsize in (2, 4) or bool(values.size and values.max() > 255)


def depth_note(values: NDArray[Any], name: str = "") -> str | None:
    """What to say of the first frame of a view that shows distances; None for colours."""
    values = values[None, ..., None] if values.ndim == 2 else values[None]
    if values.dtype == np.uint8 or not is_deep(values, name):
        return None
    top = float(_without_holes(values).max())
    unit = "mostly m" if values.dtype.kind == "f" and top < 100 else "mostly mm"  # few cameras see 100 m far
    return (
        f"it holds {values.dtype} distances: black is 0 and white the largest value of each frame, {top:.5g} in the "
        f"first (in the file's own unit, {unit})."
    )

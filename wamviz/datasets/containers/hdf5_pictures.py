"""Pictures in an HDF5 file, in every form that was met: pixels, compressed rows, one array a frame.

Sizes are judged before anything is read. A row without a picture shows a neighbour's; an array that may hold pictures
in a form that is not known is named as such, so that nothing is said to be absent because its type is unknown.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, Unsafe, WamvizError
from wamviz.core.rollout import Frames
from wamviz.datasets.containers.hdf5 import array_at, load_h5py, names_in, node_at
from wamviz.datasets.containers.pictures import (
    depth_note,
    is_packed_picture,
    stack_pictures,
    to_rgb,
    unpack_picture,
)
from wamviz.datasets.rows import hold_pictures

if TYPE_CHECKING:
    import h5py

MAX_FRAMES = 1_500_000_000  # bytes of pictures that one call may hold
SMALLEST = 8  # pixels of a side: less is a table, not a picture
SHORTEST = 64  # bytes of a compressed picture
MOST_EMPTY = 100  # rows that are looked at for the first picture
MOST_LOOKED = 30_000_000  # bytes of compressed pictures that are looked at for empty rows when a file is opened
_NUMBERED = re.compile(r"(?P<before>\D*)(?P<number>\d{1,9})(?P<after>\D*)")  # a name with one number
_PICTURED = ("image", "rgb", "depth", "cam", "color", "frame", "video", "pixel")  # in names of arrays of pictures


@dataclass(frozen=True)
class PictureArray:
    """Pictures in a file.

    Attributes:
        name: of the array, or of the group whose arrays are one picture each.
        frames: how many.
        packed: whether a row is a compressed picture.
        single: names of the arrays in the group, in order; () for one array.
        note: what is odd about them, or "".
        shown: (frames,) the row whose picture each shows, where some rows hold none; else None.
    """

    name: str
    frames: int
    packed: bool
    single: tuple[str, ...] = ()
    note: str = ""
    shown: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise Damaged(f"'{self.name}' holds no picture.")


def pictures_in(file: h5py.File, group: str) -> tuple[dict[str, PictureArray], list[str]]:
    """View -> pictures, for every array below ``group`` that holds some, and a sentence for each that may.

    The view of the scene comes first, depth last.
    """
    found: dict[str, PictureArray] = {}
    notes = []
    for name, short in _arrays(file, group):
        try:
            pictures = _pictures(file, name)
        except Unsafe:
            raise
        except WamvizError as error:
            notes.append(f"Camera '{short}': {error}")
            continue
        if pictures is not None:
            found[short] = pictures
            continue
        node = array_at(file, name)
        notes += _unknown_pictures(node, name)
    order = sorted(found.items(), key=lambda item: ("depth" in item[0], _on_hand(item[0]), item[0]))
    return dict(order), notes


def _pictures(file: h5py.File, name: str) -> PictureArray | None:
    """The pictures that an array (or a group of one array a frame) holds, or None where it holds something else."""
    h5py = load_h5py()
    node = node_at(file, name)
    if isinstance(node, h5py.Group):
        singles = tuple(sorted(node, key=_frame_number))
        first = array_at(file, f"{name}/{singles[0]}")
        packed = first.ndim < 2
        picture = unpack_picture(_bytes(first[()])) if packed else np.asarray(first[()])
        return PictureArray(name, len(singles), packed, singles, depth_note(picture, name) or "")
    node = array_at(file, name)
    if not node.ndim or not node.shape[0]:
        return None
    if node.ndim in (3, 4) and _is_picture(tuple(node.shape[1:])):
        deep = node.dtype == np.uint16 or ("depth" in name.lower() and node.dtype.kind in "fiu")
        colours = node.ndim == 4 and (node.dtype.kind == "f" or (node.dtype.kind in "iu" and _is_pictured(name)))
        if node.dtype == np.uint8 or deep or colours:
            return PictureArray(name, int(node.shape[0]), False, (), _pixel_note(node, name))
    row = int(np.prod(node.shape[1:]))
    packed = (
        row == 1
        if node.dtype.kind in "OSV"
        else node.dtype.kind in "iu" and row >= SHORTEST and row == max(node.shape[1:])
    )
    if not packed:
        return None
    looked = range(min(node.shape[0], MOST_EMPTY))
    first = next((data for data in map(_bytes, (node[place] for place in looked)) if data.strip(b"\0")), b"")
    if len(first) < SHORTEST or not is_packed_picture(first):
        return None
    shown, gaps = _hold_empty(node, len(first))
    note = " ".join(filter(None, (depth_note(unpack_picture(first), name), gaps)))
    return PictureArray(name, int(node.shape[0]), True, (), note, shown)


def _hold_empty(node: Any, each: int) -> tuple[NDArray[np.int64] | None, str]:
    """Which row each frame shows where some hold no picture, and a note; long files are looked at here and there."""
    places = np.arange(node.shape[0])
    if each * len(places) > MOST_LOOKED:
        places = np.unique(np.linspace(0, len(places) - 1, max(2, MOST_LOOKED // each)).astype(np.int64))
    empty = [place for place in places if not _bytes(node[place]).strip(b"\0")]
    present = np.ones(node.shape[0], bool)
    present[empty] = False
    shown, note = hold_pictures(present)
    return (shown, note) if empty else (None, "")


def _pixel_note(node: Any, name: str) -> str:
    if node.dtype == np.uint8 or node.ndim == 4 and node.shape[-1] not in (1,):
        return ""
    return depth_note(np.asarray(node[0]), name) or ""


def _unknown_pictures(node: Any, name: str) -> list[str]:
    """A sentence for an array that may hold pictures and is not shown."""
    if not node.size or not node.ndim:
        return []
    text, pictured = _is_text(node), _is_pictured(name)
    if text and pictured:
        first = node[(0,) * node.ndim]
        said = first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)
        return [f"'{name}' holds texts ('{said[:60]}'); pictures that lie outside the file are not opened."]
    stream = node.dtype.kind in "iu" and node.ndim == 1 and node.dtype.itemsize == 1 and node.size >= 16 * SHORTEST
    table = node.dtype.kind in "fiub" and node.ndim <= 2 and not stream
    if text or table or not (pictured or node.dtype.kind in "OVS"):
        return []
    what = f"{node.dtype} of shape {node.shape}"
    if stream and bytes(np.asarray(node[4:8], np.uint8)) == b"ftyp":
        what = "a whole MP4 in one array"
    return [f"'{name}' holds {what}, in a form that is not known; it is not shown."]


def _is_pictured(name: str) -> bool:
    """Whether an array is called as arrays of pictures are."""
    return any(part in f"/{name}".lower() for part in _PICTURED)


def _frame_number(name: str) -> int:
    """The number of a frame that has an array of its own: ``7``, ``frame_0007`` or ``7.jpg``."""
    match = _NUMBERED.fullmatch(name)
    return int(match["number"]) if match else -1


def _is_frame_group(group: Any) -> bool:
    """Whether the arrays of a group are called alike but for a number, and each is one picture."""
    matches = [_NUMBERED.fullmatch(member) for member in group]
    if (
        len(matches) < 2
        or len({match and (match["before"], match["after"]) for match in matches}) != 1
        or not matches[0]
    ):
        return False
    first = group[matches[0].string]
    if not isinstance(first, load_h5py().Dataset):
        return False
    pixels = first.ndim in (2, 3) and _is_picture(tuple(first.shape)) and not (first.ndim == 3 and first.shape[2] > 4)
    return pixels or (first.ndim == 0 and first.dtype.kind in "OSV") or (first.ndim == 1 and first.dtype.kind in "iu")


def _bytes(row: Any) -> bytes:
    """The bytes of one compressed picture, however the file keeps them: string, opaque, a row of numbers, base64."""
    if isinstance(row, np.ndarray) and row.dtype.kind in "OSV" and row.size == 1:
        row = row.reshape(-1)[0]
    if isinstance(row, str):
        row = row.encode("latin-1", "replace")
    if isinstance(row, np.ndarray) and row.dtype.kind in "iu":  # a byte a number, whatever the numbers' width
        row = row.astype(np.uint8)
    data = row.tobytes() if isinstance(row, np.ndarray | np.void) else bytes(row)
    if data.startswith(b"data:image/"):
        data = data.partition(b",")[2]
    if data[:4] in (b"/9j/", b"iVBO"):
        try:
            return base64.b64decode(data.rstrip(b"\0"), validate=True)
        except (binascii.Error, ValueError):
            return data
    return data


def _is_text(node: Any) -> bool:
    """Whether an array holds words."""
    if node.dtype.kind == "S" and node.dtype.itemsize <= 4096 or load_h5py().check_string_dtype(node.dtype) is not None:
        try:
            first = node[(0,) * node.ndim]
            text = first.decode("utf-8") if isinstance(first, bytes) else str(first)
            return text.isprintable() or not text
        except (UnicodeDecodeError, OSError, ValueError):
            return False
    return False


def _arrays(file: h5py.File, group: str, depth: int = 3) -> Iterator[tuple[str, str]]:
    """(name, short name) of the arrays at most ``depth`` groups below ``group``, and of groups of one array a frame."""
    h5py = load_h5py()
    for inner in names_in(file, group)[:500]:
        name = f"{group}/{inner}" if group else inner
        node = node_at(file, name)
        if isinstance(node, h5py.Dataset):
            yield name, inner
        elif _is_frame_group(node):
            yield name, inner
        elif depth > 1:
            short = "" if inner in ("images", "image", "sensor_data", "rgb", "depth") else f"{inner}."
            yield from ((found, f"{short}{last}") for found, last in _arrays(file, name, depth - 1))


def _is_picture(shape: tuple[int, ...]) -> bool:
    sides = shape if len(shape) == 2 else shape[:2] if shape[2] in (1, 3, 4) else shape[1:]
    channels = 1 if len(shape) == 2 else shape[2] if shape[2] in (1, 3, 4) else shape[0]
    return min(sides) >= SMALLEST and channels in (1, 3, 4)


def _on_hand(name: str) -> bool:
    return "hand" in name or "wrist" in name


def decode_view(file: h5py.File, view: PictureArray, start: int, stop: int) -> Frames:
    """Frames ``start`` .. ``stop`` - 1 of a view, (n, H, W, 3) uint8."""
    if view.packed:
        return stack_pictures([unpack_picture(data) for data in packed_rows(file, view, start, stop)], view.name)
    if view.single:
        rows = [np.asarray(array_at(file, f"{view.name}/{inner}")[()]) for inner in view.single[start:stop]]
        return to_rgb(np.stack(rows), view.name)
    node = array_at(file, view.name)
    _check_size(node, stop - start, int(np.prod(node.shape[1:])) * node.dtype.itemsize)
    return to_rgb(node[start:stop], view.name)


def packed_rows(file: h5py.File, view: PictureArray, start: int, stop: int) -> list[bytes]:
    """The compressed pictures ``start`` .. ``stop`` - 1 of a view."""
    if view.single:
        return [_bytes(array_at(file, f"{view.name}/{inner}")[()]) for inner in view.single[start:stop]]
    node = array_at(file, view.name)
    _check_size(node, stop - start, int(np.prod(node.shape[1:])) * max(1, node.dtype.itemsize))
    if view.shown is not None:
        return [_bytes(node[int(row)]) for row in view.shown[start:stop]]
    return [_bytes(row) for row in node[start:stop]]


def _check_size(node: Any, count: int, each: int) -> None:
    if each * count > MAX_FRAMES:
        raise Unsafe(f"{count} frames of '{node.name}' do not fit in memory.", "Ask for fewer of them.")

"""What lies in an HDF5 file: groups, tables, pictures, texts; every form that was met.

Nothing is read but what is asked for, and sizes are judged before; links out of the file, virtual and external data are
refused. An array that may hold pictures in a form that is not known is named as such. Nothing here knows what the
numbers mean. h5py is imported here only.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wamviz.core.errors import Damaged, NotFound, Unavailable, Unsafe, WamvizError
from wamviz.core.rollout import Frames
from wamviz.datasets.containers.pictures import (
    depth_note,
    is_packed_picture,
    stack_pictures,
    to_rgb,
    unpack_picture,
)
from wamviz.datasets.files import contained
from wamviz.datasets.rows import Reals, as_reals

if TYPE_CHECKING:
    import h5py

MAGIC = b"\x89HDF\r\n\x1a\n"
SUFFIXES = (".hdf5", ".h5")
MAX_NUMBERS = 500_000_000  # bytes of one array of numbers
MAX_FRAMES = 1_500_000_000  # bytes of pictures that one call may hold
INSTRUCTIONS = ("language_instruction", "instruction", "language_raw", "language", "task_description", "task", "lang")
SMALLEST = 8  # pixels of a side: less is a table, not a picture
SHORTEST = 64  # bytes of a compressed picture
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
    """

    name: str
    frames: int
    packed: bool
    single: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise Damaged(f"'{self.name}' holds no picture.")


@contextmanager
def open_hdf5(root: Path, path: Path) -> Iterator[h5py.File]:
    """A file inside the folder ``root``, opened for reading.

    Raises:
        Damaged: no HDF5 file, or a damaged one; also for what goes wrong while it is read.
        Unsafe: it leads out of ``root``.
    """
    contained(root, path)
    try:
        with load_h5py().File(path, "r", locking=False) as file:
            yield file
    except WamvizError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, MemoryError) as error:
        detail = (str(error) or type(error).__name__).splitlines()[0][:160]
        raise Damaged(
            f"'{path.name}' is damaged or no HDF5 file ({detail}).", "Record or download it again."
        ) from error


def is_hdf5(path: Path) -> bool:
    """Whether a file begins like HDF5."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        raise Damaged(f"'{path.name}' cannot be read ({error.strerror or error}).") from error


def top_names(path: Path) -> frozenset[str]:
    """What lies at the top of an HDF5 file; nothing for a file that is none, or without h5py."""
    try:
        return _top_names(path, path.stat().st_mtime_ns) if path.is_file() and is_hdf5(path) else frozenset()
    except (OSError, WamvizError):
        return frozenset()


@lru_cache(maxsize=256)
def _top_names(path: Path, changed: int) -> frozenset[str]:
    with open_hdf5(path.parent, path) as file:
        return frozenset(file)


def load_h5py() -> Any:
    """The library, or ``WamvizError`` with the command that installs it."""
    try:
        import h5py
    except ImportError as error:
        raise Unavailable("Reading HDF5 needs h5py.", "python -m pip install h5py") from error
    return h5py


def node_at(file: h5py.File, name: str) -> Any:
    """What lies under a name, refused where a link leads out of the file."""
    h5py, here = load_h5py(), file
    for part in filter(None, name.split("/")):
        if not isinstance(here, h5py.Group) or part not in here:
            raise NotFound(f"'{Path(file.filename).name}' has no '{name}'.", "It is not a whole file of this kind.")
        if isinstance(here.get(part, getlink=True), h5py.ExternalLink):
            raise Unsafe(f"'{name}' is a link into another file.", "It is not safe to open.")
        here = here[part]
        if here.file.filename != file.filename:
            raise Unsafe(f"'{name}' is a link into another file.", "It is not safe to open.")
    return here


def array_at(file: h5py.File, name: str) -> Any:
    """An array that keeps its own data."""
    node = node_at(file, name)
    if not isinstance(node, load_h5py().Dataset):
        raise Damaged(f"'{name}' of '{Path(file.filename).name}' is no array.")
    if node.external or node.is_virtual:
        raise Unsafe(f"'{name}' keeps its numbers in another file.", "It is not safe to open.")
    return node


def names_in(file: h5py.File, group: str) -> list[str]:
    """What a group holds, by name; nothing when there is no such group."""
    try:
        node = node_at(file, group)
    except NotFound:
        return []  # e.g. no pictures at all
    return sorted(node) if isinstance(node, load_h5py().Group) else []


def table_at(file: h5py.File, name: str) -> Reals:
    """(n, D) of an array of numbers, NaN where there is none."""
    node = array_at(file, name)
    if node.dtype.kind not in "fiub" or node.ndim not in (1, 2):
        raise Damaged(f"'{name}' holds {node.dtype} of shape {node.shape}, no table of numbers.")
    if node.size * max(4, node.dtype.itemsize) > MAX_NUMBERS:
        raise Damaged(f"'{name}' has shape {node.shape}, which does not fit in memory.")
    if node.size == 0:
        raise Damaged(f"'{name}' is empty.", "The episode holds no step.")
    return as_reals(np.asarray(node[()]).reshape(len(node), -1), f"'{name}'")


# --- pictures -----------------------------------------------------------------------------------------------------


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
        table = node.dtype.kind in "fiub" and node.ndim <= 2
        pictured = any(part in f"/{name}".lower() for part in _PICTURED)
        if node.size and not table and (pictured or node.dtype.kind in "OVS") and not _is_text(node):
            notes.append(
                f"'{name}' holds {node.dtype} of shape {node.shape}, in a form that is not known; it is not shown."
            )
    order = sorted(found.items(), key=lambda item: ("depth" in item[0], _on_hand(item[0]), item[0]))
    return dict(order), notes


def _pictures(file: h5py.File, name: str) -> PictureArray | None:
    """The pictures that an array (or a group of one array a frame) holds, or None where it holds something else."""
    h5py = load_h5py()
    node = node_at(file, name)
    if isinstance(node, h5py.Group):
        singles = tuple(sorted(node, key=lambda inner: int(inner)))
        first = array_at(file, f"{name}/{singles[0]}")
        packed = first.ndim < 2
        picture = unpack_picture(_bytes(first[()])) if packed else np.asarray(first[()])
        return PictureArray(name, len(singles), packed, singles, depth_note(picture) or "")
    node = array_at(file, name)
    if not node.ndim or not node.shape[0]:
        return None
    if node.ndim in (3, 4) and _is_picture(tuple(node.shape[1:])):
        deep = node.dtype == np.uint16 or ("depth" in name.lower() and node.dtype.kind in "fu")
        shares = node.ndim == 4 and node.dtype.kind == "f"
        if node.dtype == np.uint8 or deep or shares:
            return PictureArray(name, int(node.shape[0]), False, (), _pixel_note(node))
    packed = node.ndim == 1 or (node.ndim == 2 and (node.shape[1] == 1 or node.dtype == np.uint8))
    if not packed or (node.dtype.kind in "fiub" and node.ndim == 1) or (node.dtype.kind not in "OSVu"):
        return None
    first = _bytes(node[0])
    if len(first) < SHORTEST or not is_packed_picture(first):
        return None
    return PictureArray(name, int(node.shape[0]), True, (), depth_note(unpack_picture(first)) or "")


def _pixel_note(node: Any) -> str:
    if node.dtype == np.uint8 or node.ndim == 4 and node.shape[-1] not in (1,):
        return ""
    first = np.asarray(node[0])
    return depth_note(first[..., 0] if first.ndim == 3 else first) or ""


def _bytes(row: Any) -> bytes:
    """The bytes of one compressed picture, however the file keeps them: string, opaque, a row of numbers, base64."""
    if isinstance(row, np.ndarray) and row.dtype.kind in "OSV" and row.size == 1:
        row = row.reshape(-1)[0]
    if isinstance(row, str):
        row = row.encode("latin-1", "replace")
    data = row.tobytes() if isinstance(row, np.ndarray | np.void) else bytes(row)
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
        elif len(node) > 1 and all(member.isdecimal() for member in node):
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
    return [_bytes(row) for row in node[start:stop]]


def _check_size(node: Any, count: int, each: int) -> None:
    if each * count > MAX_FRAMES:
        raise Unsafe(f"{count} frames of '{node.name}' do not fit in memory.", "Ask for fewer of them.")


# --- words --------------------------------------------------------------------------------------------------------


def read_facts(file: h5py.File, group: str) -> dict[str, Any]:
    """Attributes of the file, of the group above an episode and of the episode itself, JSON in them parsed; and texts
    that lie in the episode as arrays."""
    parts = [part for part in group.split("/") if part]
    out: dict[str, Any] = {}
    for depth in range(len(parts) + 1):
        for name, value in node_at(file, "/".join(parts[:depth])).attrs.items():
            out[name] = _plain(value)
    for name in set(names_in(file, group)) & set(INSTRUCTIONS):
        node = node_at(file, f"{group}/{name}")
        if isinstance(node, load_h5py().Dataset) and node.size and node.dtype.kind in "OSU" and not node.external:
            out[name] = _plain(node[()] if node.ndim == 0 else node[(0,) * node.ndim])
    return out


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    if isinstance(text, str) and text[:1] in "{[" and len(text) < 10_000_000:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass  # then it is a text
    return text


def find_instruction(facts: Mapping[str, Any]) -> str:
    """What the robot was to do: LIBERO says it in ``problem_info``, others under one of the usual names; else ""."""
    problem = facts.get("problem_info")
    text = problem.get("language_instruction") if isinstance(problem, Mapping) else None
    text = text or next((facts[name] for name in INSTRUCTIONS if isinstance(facts.get(name), str)), None)
    if isinstance(text, list):
        text = " ".join(map(str, text))
    return str(text).strip().strip('"') if text else ""


def step_texts(file: h5py.File, group: str, steps: int) -> tuple[str, ...]:
    """What the robot was to do at each step, where the file keeps a text a step; else ()."""
    held = names_in(file, group)
    for name in INSTRUCTIONS:
        if name not in held:
            continue
        node = node_at(file, f"{group}/{name}" if group else name)
        if isinstance(node, load_h5py().Dataset) and node.shape in ((steps,), (steps, 1)) and node.dtype.kind in "OS":
            values = np.asarray(node[()]).reshape(-1)
            return tuple(v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values)
    return ()

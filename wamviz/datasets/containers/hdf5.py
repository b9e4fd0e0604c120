"""What lies in an HDF5 file of demonstrations: episodes, tables, pictures, texts; every form that was met.

Contract: nothing is read but what is asked for, and sizes are judged before; links out of the file, virtual and
external data are refused. Nothing here knows what the numbers mean. h5py is imported here only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wamviz.core.errors import Unsafe, WamvizError
from wamviz.core.media import read_image
from wamviz.core.rollout import Floats, Frames, check_floats
from wamviz.datasets.containers.pictures import to_rgb

if TYPE_CHECKING:
    import h5py

MAX_NUMBERS = 500_000_000  # bytes of one array of numbers
MAX_FRAMES = 1_500_000_000  # bytes of pictures that one call may hold
ACTIONS = ("actions", "action")
SEEN = ("obs", "observations", "observation")
INSTRUCTIONS = ("language_instruction", "instruction", "language_raw", "language", "task_description", "task", "lang")
SMALLEST = 8  # pixels of a side: less is a table, not a picture
_NUMBERED = re.compile(r"\w+_\d{1,9}")


@dataclass(frozen=True)
class View:
    """Pictures in a file.

    Attributes:
        name: of the array.
        frames: how many.
        packed: whether a row is a compressed picture.
    """

    name: str
    frames: int
    packed: bool

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise WamvizError(f"'{self.name}' holds no picture.")


def load_h5py() -> Any:
    """The library, or ``WamvizError`` with the command that installs it."""
    try:
        import h5py
    except ImportError as error:
        raise WamvizError("Reading HDF5 needs h5py.", "python -m pip install h5py") from error
    return h5py


def episode_groups(file: h5py.File) -> list[str]:
    """The groups that hold an episode each (``data/demo_N``, ``traj_N``), in the order of N; ``""`` is all of it."""
    for above in ("data", ""):
        inner = [name for name in names_in(file, above) if _NUMBERED.fullmatch(name)]
        if above == "" and inner:  # at the top anything may lie; below "data" a broken episode says so itself
            inner = [name for name in inner if set(ACTIONS) & set(names_in(file, name))]
        if inner and (above == "" or above in file):
            ordered = sorted(inner, key=lambda name: int(name.rpartition("_")[2]))
            return [f"{above}/{name}" if above else name for name in ordered]
    here = set(names_in(file, ""))
    return [""] if here & set(ACTIONS) and here & set(SEEN) else []


def node_at(file: h5py.File, name: str) -> Any:
    """What lies under a name, refused where a link leads out of the file."""
    h5py, here = load_h5py(), file
    for part in filter(None, name.split("/")):
        if not isinstance(here, h5py.Group) or part not in here:
            raise WamvizError(f"'{Path(file.filename).name}' has no '{name}'.", "It is not a whole file of this kind.")
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
        raise WamvizError(f"'{name}' of '{Path(file.filename).name}' is no array.")
    if node.external or node.is_virtual:
        raise Unsafe(f"'{name}' keeps its numbers in another file.", "It is not safe to open.")
    return node


def names_in(file: h5py.File, group: str) -> list[str]:
    """What a group holds, by name; nothing when there is no such group."""
    try:
        node = node_at(file, group)
    except Unsafe:
        raise
    except WamvizError:
        return []  # e.g. no pictures at all
    return sorted(node) if isinstance(node, load_h5py().Group) else []


def seen_in(file: h5py.File, group: str) -> str:
    """The group with what an episode's robot saw, or ``""``."""
    found = next((name for name in SEEN if name in names_in(file, group)), "")
    return f"{group}/{found}" if group and found else found


def table_at(file: h5py.File, name: str) -> Floats:
    """(n, D) float32 of an array of numbers."""
    node = array_at(file, name)
    if node.dtype.kind not in "fiub" or node.ndim not in (1, 2):
        raise WamvizError(f"'{name}' holds {node.dtype} of shape {node.shape}, no table of numbers.")
    if node.size * max(4, node.dtype.itemsize) > MAX_NUMBERS:
        raise WamvizError(f"'{name}' has shape {node.shape}, which does not fit in memory.")
    if node.size == 0:
        raise WamvizError(f"'{name}' is empty.", "The episode holds no step.")
    values = np.asarray(node[()])
    return check_floats(values.reshape(len(values), -1), f"'{name}'")


# --- pictures -----------------------------------------------------------------------------------------------------


def views_in(file: h5py.File, group: str) -> dict[str, View]:
    """View -> pictures, for every array below ``group`` that holds some; the view of the scene first, depth last."""
    found: dict[str, View] = {}
    for name, short in _arrays(file, group) if group else ():
        node = array_at(file, name)
        kind = load_h5py().check_vlen_dtype(node.dtype)
        plain = node.ndim in (3, 4) and _is_picture(tuple(node.shape[1:]))
        pixels = plain and (node.dtype == np.uint8 or ("depth" in short and node.dtype.kind in "fu"))
        packed = (node.ndim == 1 and kind == np.uint8) or (
            node.ndim == 2 and node.dtype == np.uint8 and node.shape[1] > 100
        )
        if (pixels or packed) and node.shape[0]:
            found[short] = View(name, int(node.shape[0]), packed)
    return dict(sorted(found.items(), key=lambda item: ("depth" in item[0], _on_hand(item[0]), item[0])))


def _arrays(file: h5py.File, group: str, depth: int = 3) -> Iterator[tuple[str, str]]:
    """(name, short name) of the arrays at most ``depth`` groups below ``group``."""
    h5py = load_h5py()
    for inner in names_in(file, group)[:500]:
        name = f"{group}/{inner}"
        node = node_at(file, name)
        if isinstance(node, h5py.Dataset):
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


def decode_view(file: h5py.File, view: View, start: int, stop: int) -> Frames:
    """Frames ``start`` .. ``stop`` - 1 of a view, (n, H, W, 3) uint8."""
    node = array_at(file, view.name)
    each = int(np.prod(node.shape[1:])) * max(1, node.dtype.itemsize if not view.packed else 1)
    if each * (stop - start) > MAX_FRAMES:
        raise WamvizError(f"{stop - start} frames of '{Path(file.filename).name}' do not fit in memory.")
    values = node[start:stop]
    if not view.packed:
        return to_rgb(values, view.name)
    frames = [read_image(np.asarray(row, np.uint8).tobytes()) for row in values]  # padded with zeros to one length
    if len({frame.shape for frame in frames}) > 1:
        raise WamvizError(f"The pictures in '{view.name}' differ in size.")
    return np.stack(frames)


# --- words --------------------------------------------------------------------------------------------------------


def facts_of(file: h5py.File, group: str) -> dict[str, Any]:
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


def instruction_of(facts: Mapping[str, Any]) -> str:
    """What the robot was told: LIBERO says it in ``problem_info``, others under one of the usual names; else ""."""
    problem = facts.get("problem_info")
    told = problem.get("language_instruction") if isinstance(problem, Mapping) else None
    told = told or next((facts[name] for name in INSTRUCTIONS if isinstance(facts.get(name), str)), None)
    if isinstance(told, list):
        told = " ".join(map(str, told))
    return str(told).strip().strip('"') if told else ""

"""What lies in an HDF5 file: groups, tables, texts; ``hdf5_pictures`` has the pictures.

Nothing is read but what is asked for, and sizes are judged before; links out of the file, virtual and external data are
refused. Nothing here knows what the numbers mean. h5py is imported here only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wamviz.core.errors import Damaged, NotFound, Unavailable, Unsafe, WamvizError
from wamviz.datasets.files import contained
from wamviz.datasets.rows import Reals, as_reals

if TYPE_CHECKING:
    import h5py

MAGIC = b"\x89HDF\r\n\x1a\n"
SUFFIXES = (".hdf5", ".h5")
MAX_NUMBERS = 500_000_000  # bytes of one array of numbers
INSTRUCTIONS = ("language_instruction", "instruction", "language_raw", "language", "task_description", "task", "lang")


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

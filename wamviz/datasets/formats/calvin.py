"""CALVIN: ``training`` and ``validation`` folders of one ``episode_NNNNNNN.npz`` a step.

An episode is a stretch of steps with one sentence (``lang_annotations/auto_lang_ann.npy``), else one of
``ep_start_end_ids.npy``, else as many steps as follow without a gap. The sentences are kept in a pickle, which is read
without being run (``containers.pickled_text``). Source: mees/calvin, ``dataset/README.md``.
"""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, NotFound, Unsafe, WamvizError, unknown_name
from wamviz.core.rollout import ActionSpace, Frames
from wamviz.datasets.action_semantics import BY_OVERRIDE, infer_action_space
from wamviz.datasets.containers.npy import read_npy, read_npy_header
from wamviz.datasets.containers.pickled_text import as_whole, read_literals, walk
from wamviz.datasets.containers.pictures import depth_note, to_rgb
from wamviz.datasets.files import contained
from wamviz.datasets.format import DatasetFormat
from wamviz.datasets.indexed import IndexedDataset
from wamviz.datasets.override import ActionSpaceOverride
from wamviz.datasets.recording import EpisodeNumbers, Recording, View
from wamviz.datasets.rows import Reals, hold_pictures

RATE = 30.0  # Hz
SPLITS = ("training", "validation")
VIEWS = ("rgb_static", "rgb_gripper", "depth_static", "depth_gripper")
GRIPPER_NAME = "gripper"
_DELTA = ("dx", "dy", "dz", "drx", "dry", "drz", GRIPPER_NAME)
_POSE = ("x", "y", "z", "rx", "ry", "rz", GRIPPER_NAME)
# 1 of a relative action is 1/50 m or 1/20 rad; the gripper is -1 closed, 1 open.
REL_ACTIONS = ActionSpace(_DELTA, ("0.02 m",) * 3 + ("0.05 rad",) * 3 + ("1",), "ee_delta", RATE, gripper_index=6,
                          gripper_closed=-1.0, low=(-1.0,) * 7, high=(1.0,) * 7)  # fmt: skip
ACTIONS = ActionSpace(_POSE, ("m",) * 3 + ("rad",) * 3 + ("1",), "ee_pose", RATE, gripper_index=6,
                      gripper_closed=-1.0)  # fmt: skip
SPACES = {"rel_actions": REL_ACTIONS, "actions": ACTIONS}
KNOWN_BY = "CALVIN's layout ({key}) at 30 Hz; gripper 1 open, -1 closed."
STATE_NAMES = ("x", "y", "z", "roll", "pitch", "yaw", "gripper_width", *(f"joint{i}" for i in range(1, 8)), "gripper")
MAX_STEP_BYTES = 50_000_000  # of one array of a step
_STEP = re.compile(r"episode_(\d{1,9})\.npz")


@dataclass(frozen=True)
class Stretch:
    """Steps ``first`` .. ``last`` of a split, and what the robot was to do; ``here`` says whether all have files."""

    split: Path
    first: int
    last: int
    text: str
    here: bool

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last:
            raise Damaged(f"Steps {self.first} to {self.last} are no stretch.")


class CalvinDataset(IndexedDataset):
    """A folder with ``training`` and ``validation``, or one of them."""

    format = "CALVIN (npz)"
    robot = "Franka Panda (CALVIN)"

    def __init__(self, root: Path, name: str, override: ActionSpaceOverride) -> None:
        super().__init__(root, name, override)
        self._notes: list[str] = []
        splits = [folder for folder in (*(root / split for split in SPLITS), root) if _has_steps(folder)]
        self._stretches = [stretch for split in splits for stretch in self._stretches_of(split)]
        self.indices = tuple(range(len(self._stretches)))
        self._here = tuple(i for i, stretch in enumerate(self._stretches) if stretch.here)

    @property
    def available(self) -> tuple[int, ...]:
        return self._here

    @property
    def missing(self) -> tuple[str, ...]:
        return (*super().missing, *self._notes)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"{s.split.name}/{s.first}-{s.last}" for s in self._stretches)

    def _stretches_of(self, split: Path) -> list[Stretch]:
        numbers = step_numbers(split)
        stretches = self._sentences(split)
        if not stretches:
            stretches = [(first, last, "") for first, last in self._spans(split, numbers)]
        held = frozenset(numbers.tolist())
        return [Stretch(split, first, last, text, all(step in held for step in range(first, last + 1)))
                for first, last, text in stretches]  # fmt: skip

    def _sentences(self, split: Path) -> list[tuple[int, int, str]]:
        """(first step, last step, sentence) of every annotated stretch; nothing where there are none."""
        path = split / "lang_annotations" / "auto_lang_ann.npy"
        if not path.is_file():
            return []
        try:
            contained(self.root, path)
            with path.open("rb") as file:
                read_npy_header(file)
                words = next((d for d in walk(read_literals(file.read())) if {"language", "info"} <= set(d)), None)
            if words is None:
                raise Damaged(f"'{path.name}' holds no sentences in CALVIN's form.")
            texts, spans = words["language"]["ann"], words["info"]["indx"]
            pairs = [(as_whole(span[0]), as_whole(span[1])) for span in spans]
            return [(first, last, str(text)) for (first, last), text in zip(pairs, texts, strict=False)
                    if first is not None and last is not None and 0 <= first <= last]  # fmt: skip
        except Unsafe:
            raise
        except (WamvizError, OSError, ValueError, KeyError, TypeError, IndexError) as error:
            self._notes.append(f"The sentences in '{split.name}/lang_annotations' cannot be read: {error}")
            return []

    def _spans(self, split: Path, numbers: NDArray[np.int64]) -> list[tuple[int, int]]:
        path = split / "ep_start_end_ids.npy"
        if path.is_file():
            try:
                with contained(self.root, path).open("rb") as file:
                    spans = read_npy(file, f"'{path.name}'", MAX_STEP_BYTES)
                if spans.ndim == 2 and spans.shape[1] == 2 and spans.dtype.kind in "iu":
                    return [(int(first), int(last)) for first, last in spans if 0 <= first <= last]
            except (WamvizError, OSError) as error:
                self._notes.append(f"'{split.name}/{path.name}' cannot be read ({error}); steps are counted instead.")
        breaks = np.flatnonzero(np.diff(numbers) > 1)
        starts, ends = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(numbers) - 1]])
        return [(int(numbers[a]), int(numbers[b])) for a, b in zip(starts, ends, strict=True)]

    def _read(self, index: int) -> Recording:
        stretch, missing = self._stretches[index], list[str]()
        paths = [step_path(stretch.split, number) for number in range(stretch.first, stretch.last + 1)]
        for path in (paths[0], paths[-1]):
            contained(self.root, path)
        steps = [_arrays_of(path, missing) for path in paths]
        held = list(dict.fromkeys(name for names in steps for name in names))
        key = self.override.actions or next((key for key in SPACES if key in held), None)
        if key is not None and key not in held:
            raise unknown_name("column for the actions", key, held)
        actions = None if key is None else _column(paths, key, missing)
        states = _column(paths, self.override.states or "robot_obs", missing)
        names = STATE_NAMES if states is not None and states.shape[1] == len(STATE_NAMES) else ()
        if states is not None:
            states, names = self.override.select("states", states, names)
        space, known_by = None, ""
        if actions is not None and key is not None:
            space, known_by, actions = self._space(key, actions)
        views = {}
        for view in VIEWS:
            if view not in held:
                continue
            shown, gaps = hold_pictures(np.array([view in names for names in steps]))
            first = read_step(paths[shown[0]], view)
            missing += [f"Camera '{view}': {note}" for note in (depth_note(first, view), gaps) if note]
            views[view] = View(_decoder([paths[row] for row in shown], view), first.shape[1], first.shape[0])
        if not views:
            raise Damaged(f"'{paths[0].name}' holds none of the views {', '.join(VIEWS)}.", " ".join(missing[:1]))
        numbers = EpisodeNumbers(actions, space, known_by, states, names)
        return Recording(len(paths), self.override.fps or RATE, views, numbers, stretch.text, missing=tuple(missing))

    def _space(self, key: str, actions: Reals) -> tuple[ActionSpace, str, Reals]:
        space = SPACES.get(key)
        if space is not None and actions.shape[1] == space.dim and self.override.columns is None:
            known_by = BY_OVERRIDE if self.override.corrects_space else KNOWN_BY.format(key=key)
            return self.override.applied(space), known_by, actions
        actions, names = self.override.select("actions", actions)
        rate = self.override.rate or RATE
        return (*infer_action_space(actions.shape[1], rate, names, key=key, override=self.override), actions)


def _arrays_of(path: Path, missing: list[str]) -> list[str]:
    """The names of the arrays of a step, none of one that is damaged, which is noted."""
    try:
        return step_arrays(path)
    except WamvizError as error:
        missing.append(str(error))
        return []


def _decoder(paths: list[Path], view: str) -> Callable[[int, int], Frames]:
    def decode(start: int, stop: int) -> Frames:
        pictures = [read_step(path, view) for path in paths[start:stop]]
        if len({picture.shape for picture in pictures}) > 1:
            raise Damaged(f"The pictures in '{view}' differ in size.")
        return to_rgb(np.stack(pictures), view)

    return decode


def _column(paths: list[Path], key: str, missing: list[str]) -> Reals | None:
    """(n, D) of an array of every step, NaN for a step without it; None where no step has it."""
    rows: list[Reals | None] = []
    for path in paths:
        try:
            row = read_step(path, key).astype(np.float64).reshape(-1)
        except Unsafe:
            raise
        except (WamvizError, ValueError) as error:
            if not any(str(error) in note for note in missing):
                missing.append(str(error))
            row = None
        rows.append(row)
    width = next((len(row) for row in rows if row is not None), 0)
    if not width:
        return None
    out = np.full((len(rows), width), np.nan)
    for place, row in enumerate(rows):
        if row is not None and len(row) == width:
            out[place] = row
    return out


def step_arrays(path: Path) -> list[str]:
    """The names of the arrays of one step."""
    with _npz(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def read_step(path: Path, key: str) -> NDArray[Any]:
    """One array of one step; never a pickle."""
    with _npz(path) as archive:
        try:
            entry = archive.getinfo(f"{key}.npy")
        except KeyError as error:
            raise NotFound(f"'{path.name}' has no '{key}'.") from error
        try:
            with archive.open(entry) as file:
                return read_npy(file, f"'{key}' of '{path.name}'", MAX_STEP_BYTES)
        except (OSError, EOFError, zipfile.BadZipFile, NotImplementedError, zlib.error) as error:
            raise Damaged(f"'{key}' of '{path.name}' is damaged ({error}).") from error


def _npz(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise NotFound(f"'{path.name}' is not here.") from error
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise Damaged(f"'{path.name}' is damaged or no npz ({error}).", "Download it again.") from error


def step_path(split: Path, number: int) -> Path:
    """The file of a step: seven digits in CALVIN's own data, fewer in some conversions."""
    return split / _step_names(split, _changed(split)).get(number, f"episode_{number:07d}.npz")


def step_numbers(split: Path) -> NDArray[np.int64]:
    """The numbers of all steps that have files, rising."""
    return np.array(sorted(_step_names(split, _changed(split))), np.int64)


@lru_cache(maxsize=8)
def _step_names(split: Path, changed: int) -> dict[int, str]:
    with os.scandir(split) as scan:
        return {int(match[1]): match.string for entry in scan if (match := _STEP.fullmatch(entry.name))}


def _changed(split: Path) -> int:
    return split.stat().st_mtime_ns


def _has_steps(folder: Path) -> bool:
    """Whether a folder holds steps; at most its first names are looked at."""
    if not folder.is_dir():
        return False
    with os.scandir(folder) as scan:
        return any(_STEP.fullmatch(entry.name) for entry, _ in zip(scan, range(50), strict=False))


FORMAT = DatasetFormat(
    "CALVIN",
    "training/episode_0000000.npz",
    lambda path: any(_has_steps(folder) for folder in (path, *(path / split for split in SPLITS))),
    CalvinDataset,
)

"""Replay buffers of Diffusion Policy and UMI: a zarr group with ``data/*`` and ``meta/episode_ends``, folder or zip.

All episodes lie one after the other; ``episode_ends`` says where each ends. UMI keeps no commands: the pose at a step
is what a policy is trained to reach from the step before, and so the pose of the next step is shown as the action.
Source: real-stanford/diffusion_policy, ``common/replay_buffer.py``; real-stanford/universal_manipulation_interface.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, Unsafe, WamvizError, unknown_name
from wamviz.core.rollout import ActionSpace, Frames
from wamviz.datasets.action_semantics import BY_OVERRIDE, infer_action_space
from wamviz.datasets.containers.pictures import depth_note, to_rgb
from wamviz.datasets.containers.zarr import ZarrArray, ZarrStore
from wamviz.datasets.format import DatasetFormat
from wamviz.datasets.indexed import IndexedDataset
from wamviz.datasets.override import ActionSpaceOverride
from wamviz.datasets.recording import EpisodeNumbers, Recording, View
from wamviz.datasets.rows import Reals, as_reals

RATE, UMI_RATE = 10.0, 59.94  # Hz: Diffusion Policy's control rate, a GoPro's frames
MOST_ROWS = 50_000_000
STATE_KEYS = ("state", "robot_eef_pose", "agent_pos", "obs", "lowdim_obs")
_UMI_PART = re.compile(r"robot(\d)_(eef_pos|eef_rot_axis_angle|gripper_width)")
_UMI_PARTS = (("eef_pos", ("x", "y", "z"), "m"), ("eef_rot_axis_angle", ("rx", "ry", "rz"), "rad"),
              ("gripper_width", ("gripper",), "m"))  # fmt: skip
END = "meta/episode_ends/.zarray"


class ReplayBufferDataset(IndexedDataset):
    """A replay buffer in the zarr v2 layout."""

    format = "replay buffer (zarr)"

    def __init__(self, root: Path, name: str, override: ActionSpaceOverride) -> None:
        super().__init__(root, name, override)
        self._store = ZarrStore(root, root if root.is_dir() else root.parent)
        ends = self._store.array("meta/episode_ends")
        if ends.dtype.kind not in "iu" or len(ends.shape) != 1 or ends.shape[0] > MOST_ROWS:
            raise Damaged(f"'meta/episode_ends' of '{root.name}' is no list of whole numbers.")
        self._ends = ends.rows(0, ends.shape[0]).astype(np.int64)
        if (np.diff(self._ends, prepend=0) < 0).any():
            raise Damaged(f"'meta/episode_ends' of '{root.name}' goes back: {self._ends[:8].tolist()} ...")
        self.indices = tuple(range(len(self._ends)))
        self._arrays: dict[str, ZarrArray] = {}
        self._notes: list[str] = []
        for key in self._store.members("data"):
            try:
                self._arrays[key] = self._store.array(f"data/{key}")
            except WamvizError as error:
                self._notes.append(str(error))
        self._umi = any(_UMI_PART.fullmatch(key) for key in self._arrays)
        self.robot = "handheld grippers (UMI)" if self._umi else None
        self.rate = override.rate or override.fps or (UMI_RATE if self._umi else RATE)
        if not (override.rate or override.fps):
            self._notes.append(
                f"The rate is not in these files; {self.rate:g} Hz is taken. Say it with a layout in wamviz.json."
            )

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"rows {start}-{end - 1}" for start, end in zip(self._starts, self._ends, strict=True))

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.concatenate([[0], self._ends[:-1]]).astype(np.int64) if len(self._ends) else self._ends

    @property
    def missing(self) -> tuple[str, ...]:
        return (*super().missing, *self._notes)

    def _read(self, index: int) -> Recording:
        start, end = int(self._starts[index]), int(self._ends[index])
        missing: list[str] = []
        views = {}
        for key, array in self._arrays.items():
            if not is_pictures(key, array):
                continue
            if array.shape[0] < end:
                missing.append(f"Camera '{key}' has {array.shape[0]} of {self._ends[-1]} frames; it is left out.")
                continue
            try:
                first = array.rows(start, start + 1)
                frame = to_rgb(first, key)
            except Unsafe:
                raise
            except WamvizError as error:
                missing.append(f"Camera '{key}': {error}")
                continue
            note = depth_note(first[0], key)
            missing += [f"Camera '{key}': {note}"] if note else []
            views[key.removesuffix("_rgb")] = self._view(key, array, start, frame)
        order = sorted(views, key=lambda view: ("depth" in view, "hand" in view or "wrist" in view, view))
        numbers = self._umi_numbers(start, end, missing) if self._umi else self._numbers(start, end, missing)
        if not views and numbers.actions is None and numbers.states is None:
            raise Damaged(f"Rows {start} to {end} hold nothing that can be shown.", " ".join(missing))
        return Recording(
            end - start, self.override.fps or self.rate, {view: views[view] for view in order}, numbers,
            missing=tuple(missing),
        )  # fmt: skip

    def _view(self, key: str, array: ZarrArray, start: int, frame: Frames) -> View:
        def decode(first: int, stop: int) -> Frames:
            return to_rgb(array.rows(start + first, start + stop), key)

        return View(decode, frame.shape[2], frame.shape[1])

    def _column(self, key: str, start: int, end: int, missing: list[str]) -> Reals | None:
        array = self._arrays[key]
        try:
            if array.dtype.kind not in "fiub" or array.shape[0] < end:
                raise Damaged(f"'{key}' holds {array.dtype} of shape {array.shape}, no number for every row.")
            return as_reals(array.rows(start, end).reshape(end - start, -1), f"'{key}'")
        except Unsafe:
            raise
        except WamvizError as error:
            missing.append(str(error))
            return None

    def _numbers(self, start: int, end: int, missing: list[str]) -> EpisodeNumbers:
        """Diffusion Policy's: ``action``, and the first of the usual arrays of states."""
        found: dict[str, Reals | None] = {}
        for part, usual in (("actions", ("action", "actions")), ("states", STATE_KEYS)):
            wanted = getattr(self.override, part)
            if wanted is not None and wanted not in self._arrays:
                raise unknown_name(f"column for the {part}", wanted, self._arrays)
            key = wanted or next((key for key in usual if key in self._arrays), None)
            found[part] = None if key is None else self._column(key, start, end, missing)
        states, names = found["states"], tuple[str, ...]()
        if states is not None:
            states, names = self.override.select("states", states)
        if found["actions"] is None:
            return EpisodeNumbers(states=states, state_names=names)
        actions, own = self.override.select("actions", found["actions"])
        space, why = infer_action_space(actions.shape[1], self.rate, own, override=self.override)
        return EpisodeNumbers(actions, space, why, states, names)

    def _umi_numbers(self, start: int, end: int, missing: list[str]) -> EpisodeNumbers:
        """UMI's: the poses of each hand as states, those of the next step as actions."""
        robots = sorted({match[1] for key in self._arrays if (match := _UMI_PART.fullmatch(key))})
        parts, names, units = [], list[str](), list[str]()
        for robot in robots:
            for key, inner, unit in _UMI_PARTS:
                name = f"robot{robot}_{key}"
                values = self._column(name, start, end, missing) if name in self._arrays else None
                if values is None or values.shape[1] != len(inner):
                    continue
                parts.append(values)
                names += [f"robot{robot}_{axis}" if len(robots) > 1 else axis for axis in inner]
                units += [unit] * len(inner)
        if not parts:
            return EpisodeNumbers()
        poses = np.concatenate(parts, axis=1)
        states, state_names = self.override.select("states", poses, names)
        if end - start < 2:
            return EpisodeNumbers(states=states, state_names=state_names)
        actions, own = self.override.select("actions", poses[1:], names)
        places = [names.index(name) for name in own]
        gripper = own.index("gripper") if own.count("gripper") == 1 else None
        space = ActionSpace(own, tuple(units[place] for place in places), "ee_pose", self.rate, gripper_index=gripper,
                            gripper_closed=0.0)  # fmt: skip
        why = "UMI keeps no commands: the pose of the hand at the next step is shown as the action."
        if self.override.corrects_space:
            space, why = self.override.applied(space), BY_OVERRIDE
        return EpisodeNumbers(actions, space, why, states, state_names)


def is_pictures(key: str, array: ZarrArray) -> bool:
    """Whether an array holds a picture a row."""
    if len(array.shape) not in (3, 4) or min(array.shape[1:3]) < 1:
        return False
    shape = array.shape[1:]
    colours = len(shape) == 3 and (shape[-1] in (1, 3, 4) or shape[0] in (1, 3, 4)) and max(shape) >= 16
    return colours or (len(shape) == 2 and "depth" in key and min(shape) >= 16)


def _is_replay_buffer(path: Path) -> bool:
    if path.is_dir():
        return (path / END).is_file()
    if path.suffix != ".zip" or not path.is_file():
        return False
    try:
        store = ZarrStore(path, path.parent)
        return store.read("meta/episode_ends/.zarray", 1_000_000) is not None
    except WamvizError:
        return False


FORMAT = DatasetFormat(
    "zarr replay buffer",
    "data/* and meta/episode_ends of zarr v2, folder or .zip",
    _is_replay_buffer,
    ReplayBufferDataset,
)

"""Read Ctrl-World's annotation folders: ``annotation/SPLIT/ID.json`` beside ``videos/SPLIT/ID/{0,1,2}.mp4``.

Contract: opening lists file names; an episode reads its JSON file and its videos' headers. The video keeps every n-th
frame of DROID's 15 Hz, the arrays ``action.*`` and ``observation.state.*`` are at full rate, ``states`` and ``joints``
at the video's. Headers lie about the rate and may count a frame more than there are states.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from wamviz.core.action_spaces import DROID_JOINTS, DROID_POSE, DROID_VELOCITY
from wamviz.core.errors import NotFound, WamvizError, unknown_name
from wamviz.core.rollout import ActionSpace, Floats, check_floats
from wamviz.datasets.action_semantics import ActionSpaceOverride, infer_action_space
from wamviz.datasets.containers.videos import Clip, open_clip
from wamviz.datasets.files import contained, entries, inside, read_json
from wamviz.datasets.indexed import ListedDataset
from wamviz.datasets.protocol import Numbers, RecordedEpisode, Recording

T = TypeVar("T")
RATE = 15.0  # Hz, DROID's control rate
FPS = 5.0  # frames a second, where only the video's own rows are kept: Ctrl-World takes every third frame
VIEWS = ("exterior_1", "exterior_2", "wrist")  # in the order in which Ctrl-World lists them
SPACES: dict[str, ActionSpace] = {
    "action.joint_velocity": DROID_VELOCITY,
    "action.joint_position": DROID_JOINTS,
    "action.cartesian_position": DROID_POSE,
}
OTHERS = ("action", "actions")  # in annotations of the same form that do not come from DROID
GRIPPER = "action.gripper_position"
STATE_NAMES = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")


class CtrlWorldDataset(ListedDataset):
    """A folder with ``annotation`` and ``videos``."""

    format = "Ctrl-World annotations (DROID)"
    meaning = "DROID's layout: joint velocities at 15 Hz, 1 is 0.2 rad a step; gripper 0 open, 1 closed."

    def __init__(self, root: Path, name: str, override: ActionSpaceOverride) -> None:
        super().__init__(root, name, override)
        found = []
        for split in entries(root / "annotation"):
            if split.is_dir():
                found += [path for path in entries(split) if path.suffix == ".json"]
        order = {"train": 0, "val": 1, "test": 2}
        found.sort(key=lambda path: (order.get(path.parent.name, 3), path.parent.name, _natural(path.stem)))
        self._files = found
        self.indices = tuple(range(len(found)))
        if override.corrects_space:
            self.meaning = "Told by a person's layout."

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"{path.parent.name}/{path.stem}" for path in self._files)

    def _open(self, index: int) -> RecordedEpisode:
        path = self._files[index]
        annotation = read_json(contained(self.root, path), limit=100_000_000)
        clips, missing = self._clips(annotation)
        space, actions = _tried(lambda: self._actions(annotation), missing) or (None, None)
        states = _tried(lambda: self._states(annotation, space is not None), missing)
        known = [clip.frames for clip in clips.values()]
        length = _whole(annotation.get("video_length"))
        if length:
            known.append(length)
        if space is None and states is not None:
            known.append(len(states))
        if not known:
            raise WamvizError(f"'{path.name}' has neither videos nor states.", "Download the whole folder.")
        count = min(known)
        missing += [
            f"Camera '{view}' has {clip.frames} frames, {clip.frames - count} more than annotated; they are left out."
            for view, clip in clips.items() if clip.frames > count
        ]  # fmt: skip
        raw = _whole(annotation.get("raw_length"))
        fps = self.override.fps or (RATE / max(1, round(raw / length)) if raw and length else FPS)
        missing += [note for clip in clips.values() for note in clip.notes]
        odd = sorted({clip.fps for clip in clips.values() if abs(clip.fps - fps) > 0.01})
        if odd:
            missing.append(f"The videos' headers say {odd[0]:g} frames a second; they are played at {fps:g}.")
        texts = annotation.get("texts", annotation.get("text", annotation.get("instruction")))
        instruction = next((text for text in texts if isinstance(text, str)), "") if isinstance(texts, list) else texts
        instruction = instruction if isinstance(instruction, str) else ""
        success = annotation.get("success")
        numbers = Numbers(actions, states, bool(success) if isinstance(success, int) else None)
        return RecordedEpisode(
            Recording(
                self.title, index, instruction, fps, self.source(index), count,
                {view: clip.view for view, clip in clips.items()}, lambda: numbers, space,
                {"label": self.labels[index]}, STATE_NAMES if _is_pose(states, self.override) else (), tuple(missing),
            )
        )  # fmt: skip

    def _clips(self, annotation: dict[str, Any]) -> tuple[dict[str, Clip], list[str]]:
        """View -> clip for the videos that are here, and a sentence for each that is not."""
        listed = annotation.get("videos")
        if not isinstance(listed, list):
            raise WamvizError("An annotation lists no 'videos'.", "It is not Ctrl-World's form.")
        clips: dict[str, Clip] = {}
        missing = []
        for place, entry in enumerate(listed[:16]):
            relative = entry.get("video_path") if isinstance(entry, dict) else entry
            if not isinstance(relative, str):
                raise WamvizError("An annotation lists a video without a 'video_path'.", "It is not Ctrl-World's form.")
            view = VIEWS[place] if len(listed) == len(VIEWS) else str(place)
            path = inside(self.root, relative)
            if not path.is_file():
                missing.append(f"Camera '{view}': '{relative}' is not here.")
                continue
            contained(self.root, path)
            try:
                clips[view] = open_clip(self.root, path)
            except WamvizError as error:  # one damaged view must not hide the others
                missing.append(f"Camera '{view}': {error.message}")
        return clips, missing

    def _actions(self, annotation: dict[str, Any]) -> tuple[ActionSpace | None, Floats | None]:
        key = self.override.actions or next((key for key in (*SPACES, *OTHERS) if key in annotation), None)
        if key is None:
            return None, None
        if key not in (*SPACES, *OTHERS) or key not in annotation:
            raise unknown_name(
                "column for the actions", key, [name for name in (*SPACES, *OTHERS) if name in annotation]
            )
        values = _table(annotation, key)
        if key in OTHERS:  # of another robot than DROID's: what they mean and their rate are not said
            space, self.meaning = infer_action_space(values.shape[1], self.override.rate or FPS, override=self.override)
            return space, values
        if GRIPPER in annotation:
            values = _beside(values, _table(annotation, GRIPPER), key)
        space = SPACES[key]
        if values.shape[1] != space.dim:
            raise WamvizError(f"'{key}' and the gripper have {values.shape[1]} numbers a row, not DROID's {space.dim}.")
        return self.override.applied(space), values

    def _states(self, annotation: dict[str, Any], full_rate: bool) -> Floats | None:
        """(M, 7) x y z (m), roll pitch yaw (rad), gripper, at the rate of the actions, else of the frames."""
        if self.override.states:
            if self.override.states not in annotation:
                raise unknown_name(
                    "column for the states", self.override.states, [k for k in annotation if "state" in k]
                )
            return _table(annotation, self.override.states)
        pose, grip = "observation.state.cartesian_position", "observation.state.gripper_position"
        if full_rate and pose in annotation:
            return _beside(_table(annotation, pose), _table(annotation, grip), pose) if grip in annotation else None
        if full_rate and any(key in annotation for key in SPACES):
            return None
        return next((_table(annotation, key) for key in ("states", "state") if key in annotation), None)

    def _camera(self, camera: str) -> dict[str, Any]:
        for index in self.available[:20]:
            try:
                clip = self._clips(read_json(self._files[index], limit=100_000_000))[0].get(camera)
            except WamvizError:
                continue
            if clip is not None:
                return {"shape": [clip.height, clip.width, 3], "codec": clip.codec}
        return {"shape": None, "codec": None}


def _tried(read: Callable[[], T], problems: list[str]) -> T | None:
    """What ``read`` returns, or None and its complaint: damaged numbers do not hide the pictures."""
    try:
        return read()
    except NotFound:  # the layout's own word for a column or a kind: its author hears of it at once
        raise
    except WamvizError as error:
        problems.append(str(error))
        return None


def _table(annotation: dict[str, Any], key: str) -> Floats:
    """(n, D) float32 of one of the annotation's arrays; a list of numbers becomes one column."""
    try:
        values: NDArray[Any] = np.asarray(annotation[key], np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise WamvizError(f"'{key}' of an annotation is no table of numbers.") from error
    if values.ndim == 1:
        values = values[:, None]
    return check_floats(values, f"'{key}' of an annotation")


def _beside(a: Floats, b: Floats, name: str) -> Floats:
    if len(a) != len(b):
        raise WamvizError(f"'{name}' has {len(a)} rows, the gripper has {len(b)}.", "They should be equally many.")
    return np.concatenate([a, b], axis=1)


def _is_pose(states: Floats | None, override: ActionSpaceOverride) -> bool:
    return states is not None and states.shape[1] == len(STATE_NAMES) and override.states in (None, "states")


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**8 else 0


def _natural(text: str) -> list[tuple[int, int, str]]:
    """A key by which ``6`` comes before ``10``."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]


def looks_like(folder: Path) -> bool:
    """Whether a folder holds annotations in this form; only file names are looked at."""
    notes = folder / "annotation"
    if not notes.is_dir():
        return False
    for split in entries(notes):
        for path in entries(split) if split.is_dir() else []:
            if path.suffix == ".json":
                return True
    return False


__all__ = ["CtrlWorldDataset", "looks_like"]

"""Ctrl-World's annotation folders: ``annotation/SPLIT/ID.json`` beside ``videos/SPLIT/ID/{0,1,2}.mp4``.

The video keeps every n-th frame of DROID's 15 Hz, the arrays ``action.*`` and ``observation.state.*`` are at full rate,
``states`` and ``joints`` at the video's. Headers lie about the rate and may count a frame more than there are states.
Source: Robert-gyj/Ctrl-World, ``dataset_example``.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from wamviz.core.action_spaces import DROID_JOINTS, DROID_POSE, DROID_VELOCITY
from wamviz.core.errors import Damaged, NotFound, unknown_name
from wamviz.core.rollout import ActionSpace
from wamviz.datasets.action_semantics import BY_OVERRIDE, infer_action_space
from wamviz.datasets.containers.videos import VideoFile, open_videos
from wamviz.datasets.files import contained, entries, read_json
from wamviz.datasets.format import DatasetFormat
from wamviz.datasets.indexed import IndexedDataset
from wamviz.datasets.override import ActionSpaceOverride
from wamviz.datasets.recording import EpisodeNumbers, Recording, view_of
from wamviz.datasets.rows import Reals, as_reals

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
KNOWN_BY = "DROID's layout: joint velocities at 15 Hz, 1 is 0.2 rad a step; gripper 0 open, 1 closed."
MAX_BYTES = 100_000_000  # of one annotation

Annotation = dict[str, Any]


class CtrlWorldDataset(IndexedDataset):
    """A folder with ``annotation`` and ``videos``."""

    format = "Ctrl-World annotations (DROID)"

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

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"{path.parent.name}/{path.stem}" for path in self._files)

    def _read(self, index: int) -> Recording:
        path = self._files[index]
        annotation = read_json(contained(self.root, path), limit=MAX_BYTES)
        videos, missing = self._videos(annotation)
        numbers = self._numbers(annotation, missing)
        known = [len(video) for video in videos.values()]
        length = _count(annotation.get("video_length"))
        if length:
            known.append(length)
        if numbers.space is None and numbers.states is not None:
            known.append(len(numbers.states))
        if not known:
            raise NotFound(f"'{path.name}' has neither videos nor states.", "Download the whole folder.")
        count = min(known)
        missing += [
            f"Camera '{view}' has {len(video)} frames, {len(video) - count} more than annotated; they are left out."
            for view, video in videos.items()
            if len(video) > count
        ]
        raw = _count(annotation.get("raw_length"))
        fps = self.override.fps or (RATE / max(1, round(raw / length)) if raw and length else FPS)
        missing += [note for video in videos.values() for note in video.notes]
        odd = sorted({video.fps for video in videos.values() if abs(video.fps - fps) > 0.01})
        if odd:
            missing.append(f"The videos' headers say {odd[0]:g} frames a second; they are played at {fps:g}.")
        texts = annotation.get("texts", annotation.get("text", annotation.get("instruction")))
        text = next((text for text in texts if isinstance(text, str)), "") if isinstance(texts, list) else texts
        views = {view: view_of(video) for view, video in videos.items()}
        return Recording(
            count, fps, views, numbers, text if isinstance(text, str) else "", missing=tuple(dict.fromkeys(missing))
        )

    def _videos(self, annotation: Annotation) -> tuple[dict[str, VideoFile], list[str]]:
        """View -> video for those that are here, and a sentence for each that is not."""
        listed = annotation.get("videos")
        if not isinstance(listed, list):
            raise Damaged("An annotation lists no 'videos'.", "It is not Ctrl-World's form.")
        named = [entry.get("video_path") if isinstance(entry, dict) else entry for entry in listed[:16]]
        paths = [path for path in named if isinstance(path, str)]
        if len(paths) < len(named):
            raise Damaged("An annotation lists a video without a 'video_path'.", "It is not Ctrl-World's form.")
        names = VIEWS if len(listed) == len(VIEWS) else tuple(map(str, range(len(paths))))
        return open_videos(self.root, dict(zip(names, paths, strict=True)))

    def _numbers(self, annotation: Annotation, missing: list[str]) -> EpisodeNumbers:
        """The actions, the states and the success; what is damaged of them is said in ``missing``."""
        key = self._chosen(annotation, self.override.actions, (*SPACES, *OTHERS), "actions")
        space, why, actions = None, "", None
        try:
            if key is not None:
                space, why, actions = self._actions(annotation, key)
        except Damaged as error:
            missing.append(str(error))
        own = self._chosen(annotation, self.override.states, ("states", "state"), "states")
        states: Reals | None = None
        names: tuple[str, ...] = ()
        try:
            states, names = self._states(annotation, own, space is not None)
        except Damaged as error:
            missing.append(str(error))
        success = annotation.get("success")
        return EpisodeNumbers(actions, space, why, states, names, bool(success) if isinstance(success, int) else None)

    @staticmethod
    def _chosen(annotation: Annotation, wanted: str | None, usual: tuple[str, ...], part: str) -> str | None:
        """The key that holds the actions or states: the one that a person named, else the first of the usual ones."""
        if wanted is None:
            return next((key for key in usual if key in annotation), None)
        if wanted not in annotation:
            raise unknown_name(f"column for the {part}", wanted, [key for key in annotation if part[:-1] in key])
        return wanted

    def _actions(self, annotation: Annotation, key: str) -> tuple[ActionSpace, str, Reals]:
        values = _table(annotation, key)
        if key not in SPACES:  # of another robot than DROID's: what they mean and their rate are not said
            values, names = self.override.select("actions", values)
            rate = self.override.rate or FPS
            return (*infer_action_space(values.shape[1], rate, names, override=self.override), values)
        if GRIPPER in annotation:
            values = _side_by_side(values, _table(annotation, GRIPPER), key)
        space = SPACES[key]
        if values.shape[1] != space.dim:
            raise Damaged(f"'{key}' and the gripper have {values.shape[1]} numbers a row, not DROID's {space.dim}.")
        known_by = BY_OVERRIDE if self.override.corrects_space else KNOWN_BY
        return self.override.applied(space), known_by, values

    def _states(self, annotation: Annotation, own: str | None, full_rate: bool) -> tuple[Reals | None, tuple[str, ...]]:
        """(M, 7) x y z (m), roll pitch yaw (rad), gripper, at the rate of the actions, else of the frames."""
        if self.override.states and own is not None:
            return self.override.select("states", _table(annotation, own))
        pose, grip = "observation.state.cartesian_position", "observation.state.gripper_position"
        if full_rate and pose in annotation:
            if grip not in annotation:
                return None, ()
            return _side_by_side(_table(annotation, pose), _table(annotation, grip), pose), STATE_NAMES
        if own is None or (full_rate and any(key in annotation for key in SPACES)):
            return None, ()
        states = _table(annotation, own)
        return states, STATE_NAMES if states.shape[1] == len(STATE_NAMES) else ()


def _table(annotation: Annotation, key: str) -> Reals:
    """(n, D) of one of the annotation's arrays; a list of numbers becomes one column, what is absent NaN."""
    return as_reals(annotation[key], f"'{key}' of an annotation")


def _side_by_side(a: Reals, b: Reals, name: str) -> Reals:
    if len(a) != len(b):
        raise Damaged(f"'{name}' has {len(a)} rows, the gripper has {len(b)}.", "They should be equally many.")
    return np.concatenate([a, b], axis=1)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**8 else 0


def _natural(text: str) -> list[tuple[int, int, str]]:
    """A key by which ``6`` comes before ``10``."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]


def _has_annotations(folder: Path) -> bool:
    """Whether a folder holds annotations in this form; only file names are looked at."""
    notes = folder / "annotation"
    if not notes.is_dir():
        return False
    return any(path.suffix == ".json" for split in entries(notes) if split.is_dir() for path in entries(split))


FORMAT = DatasetFormat("Ctrl-World", "annotation/SPLIT/ID.json", _has_annotations, CtrlWorldDataset)

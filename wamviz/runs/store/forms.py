"""The form of an episode: what all episodes of one LeRobot dataset have in common, and a rollout as its rows.

Contract: pure functions from a rollout to arrays; nothing here writes. ``store.episodes`` says what becomes of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import ActionSpace, Rollout
from wamviz.datasets import DatasetSchema
from wamviz.metrics.actions import STEPS

ACTED = "wamviz.acted"


@dataclass(frozen=True)
class Form:
    """What the episodes of one dataset have in common.

    Attributes:
        fps: rows a second.
        size: (height, width) of the frames in pixels, or None without video.
        camera: the view, as a feature's name can hold it; "" without video.
        space: what the actions mean, or None without actions.
        state_names: one name a dimension of the states; () without states.
    """

    fps: int
    size: tuple[int, int] | None
    camera: str
    space: ActionSpace | None
    state_names: tuple[str, ...]

    def plan(self) -> DatasetSchema:
        """The LeRobot features."""
        features: dict[str, dict[str, Any]] = {}
        if self.space is not None:
            features["action"] = {"dtype": "float32", "shape": [self.space.dim], "names": list(self.space.names)}
            features[ACTED] = {"dtype": "bool", "shape": [1], "names": None}
        if self.state_names:
            shape = [len(self.state_names)]
            features["observation.state"] = {"dtype": "float32", "shape": shape, "names": list(self.state_names)}
        if self.size is not None:
            # H.264 has even sides only; write_mp4 pads, and the metadata has to say what the file holds.
            shape = [side + side % 2 for side in self.size] + [3]
            features[self.video_key] = {"dtype": "video", "shape": shape}
        # lerobot 0.6 decodes every video as BT.601, whatever it says of itself; ours and browsers do as it says.
        return DatasetSchema(features, self.fps, crf=18, without_stats=(ACTED,), matrix="bt601")

    @property
    def video_key(self) -> str:
        """The feature of the view."""
        return f"observation.images.{self.camera}"

    def __str__(self) -> str:
        video = "no video" if self.size is None else f"{self.size[1]}x{self.size[0]} pixels ({self.camera})"
        acting = "no actions" if self.space is None else f"{self.space.kind} actions of {self.space.dim} numbers"
        states = f"states of {len(self.state_names)} numbers" if self.state_names else "no states"
        return f"{self.fps} rows a second, {video}, {acting}, {states}"


def form_of(rollout: Rollout, name: str, states: bool = True) -> tuple[Form, str]:
    """The form of a rollout's episode, and what had to be left out of it ("" when nothing).

    Args:
        name: what errors call it.
        states: whether its states are wanted.

    Raises:
        WamvizError: frames and actions at rates of which the actions' is no multiple, a rate that is no whole number,
            or more actions than frames.
    """
    space, frames = rollout.action_space if rollout.actions is not None else None, rollout.frames
    every = frame_every(rollout)
    rate = rollout.fps * every if frames is not None or space is None else space.rate
    leave = "Leave it out with --only, or download the run's npz, which keeps both rates."
    if space is not None and abs(space.rate - rate) > 1e-6:
        raise InvalidInput(
            f"The {name} has frames at {rate:g} and actions at {space.rate:g} Hz; a LeRobot dataset has one rate.",
            leave,
        )
    if abs(rate - round(rate)) > 1e-6:
        raise InvalidInput(f"The {name} has {rate:g} frames a second; LeRobot keeps whole numbers only.", leave)
    count = 0 if rollout.actions is None else len(rollout.actions)
    rows_shown = 0 if frames is None else (len(frames) - 1) * every + 1
    if frames is not None and count > rows_shown:
        raise InvalidInput(f"The {name} has {count} actions but only {rows_shown} frames to put them beside.", leave)
    names: tuple[str, ...] = ()
    note = ""
    if states and rollout.states is not None:
        rows, dim = rollout.states.shape
        if rows == (rows_shown if frames is not None else max(count, min(rows, count + 1))):
            listed = rollout.meta.get("state_names")
            known = isinstance(listed, list | tuple) and len(listed) == dim
            names = tuple(map(str, listed)) if known and listed else tuple(f"state{i}" for i in range(dim))
        else:
            note = f"The states of the {name} are left out: {rows} rows do not go with its frames or actions."
    camera = "" if frames is None else re.sub(r"[^\w.-]+", "_", rollout.camera) or "main"
    size = None if frames is None else (frames.shape[1], frames.shape[2])
    return Form(round(rate), size, camera, space, names), note


def frame_every(rollout: Rollout) -> int:
    """How many actions one frame lasts, where that is a whole number above 1 (one picture a chunk, say); else 1."""
    if rollout.frames is None or rollout.actions is None or rollout.action_space is None:
        return 1
    times = rollout.action_space.rate / rollout.fps
    return round(times) if times > 1.5 and abs(times - round(times)) < 1e-6 * times else 1


def episode_rows(rollout: Rollout, form: Form) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[np.uint8]]]:
    """The (n, D) numbers and (n, H, W, 3) frames of an episode by feature, n the same for all."""
    frames, actions, every = rollout.frames, rollout.actions, frame_every(rollout)
    if frames is not None:
        frames = frames.repeat(every, axis=0)[: (len(frames) - 1) * every + 1]
    chosen = rollout.states if form.state_names else None
    lengths = [len(part) for part in (frames, actions, chosen) if part is not None]
    length = len(frames) if frames is not None else max(lengths)
    rows: dict[str, NDArray[Any]] = {}
    if form.space is not None and actions is not None:
        fill = np.repeat(filler(form.space, actions), length - len(actions), axis=0)
        rows["action"] = np.concatenate([actions, fill])
        rows[ACTED] = np.arange(length) < len(actions)
    if chosen is not None:
        rows["observation.state"] = chosen
    if frames is None or form.size is None:
        return rows, {}
    padding = ((0, 0), (0, form.size[0] % 2), (0, form.size[1] % 2), (0, 0))
    return rows, {form.video_key: np.pad(frames, padding, "edge")}


def filler(space: ActionSpace, actions: NDArray[np.float32]) -> NDArray[np.float32]:
    """(1, A): what keeps the robot where the last action put it, the gripper as it was told."""
    last = actions[-1:] if len(actions) else np.zeros((1, space.dim), np.float32)
    if space.kind not in STEPS:
        return last.copy()  # an absolute target goes on being one
    still = np.zeros_like(last)
    if space.gripper_index is not None:
        still[:, space.gripper_index] = last[:, space.gripper_index]
    return still

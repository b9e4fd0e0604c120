"""What a recorded dataset looks like to everybody else, whatever its files are.

Contract: an ``Episode`` is read when it is asked, not when it is opened; frames are decoded from the nearest key frame.
``observation`` and ``rollout`` turn any part of it into the nouns of ``wamviz.core.rollout``. A format implements the
abstract members and nothing more. Axis letters: T frames, K actions, A action dims, D state dims, H/W pixels.

Two kinds of episodes exist: those that end with a frame after their last action (T = K + 1, the tabletop's), and those
with one frame an action (T = K, most recordings: the frame after the last action was not kept). Video and actions may
go at different rates (DROID excerpts keep every third frame): rows are matched by time, never by index.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import NotFound, WamvizError, unknown_name
from wamviz.core.media import fit_square
from wamviz.core.rollout import ORIGINS, ActionSpace, Camera, Floats, Frames, Observation, Rollout, WorldState
from wamviz.datasets.action_semantics import ActionSpaceOverride
from wamviz.datasets.calibration import unknown_cameras


class Episode(ABC):
    """A recorded rollout inside a dataset.

    Attributes:
        dataset_title: the dataset's name for people.
        index: its number in the dataset.
        instruction: what the robot was told; may be empty.
        fps: frames a second.
        cameras: names of its views, the main one first.
        source: the SOURCE string that names it, ``DIR#EPISODE``.
        facts: JSON-ready extras (seed, kind, style ...), empty where none are kept.
        state_names: one name a dimension of the states, or () when they are not known.
        missing: plain sentences about what its metadata promises and its files lack, or what was found odd.
        calibration: cameras that a person has calibrated (``calibrate``); they win over what the files say.
    """

    dataset_title: str
    index: int
    instruction: str
    fps: float
    cameras: tuple[str, ...]
    source: str
    facts: Mapping[str, Any]
    state_names: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    calibration: Mapping[str, Camera] = MappingProxyType({})

    @property
    @abstractmethod
    def length(self) -> int:
        """K, the number of actions (of frames, where there are no actions)."""

    @property
    @abstractmethod
    def frame_count(self) -> int:
        """T, the number of frames: K + 1 or K."""

    @property
    @abstractmethod
    def action_space(self) -> ActionSpace | None:
        """What the actions mean, or None when there are none."""

    @property
    @abstractmethod
    def actions(self) -> Floats | None:
        """(K, A) float32, or None when the dataset has none."""

    @property
    @abstractmethod
    def states(self) -> Floats | None:
        """(M, D) float32 at the rate of the actions (of the frames, where there are no actions), or None."""

    @property
    @abstractmethod
    def success(self) -> bool | None:
        """Whether the task succeeded, or None when it is not known."""

    @abstractmethod
    def _decode(self, camera: str, start: int, stop: int) -> Frames:
        """Frames ``start`` .. ``stop`` - 1 of a known camera, 0 <= start < stop <= T."""

    @property
    def origin(self) -> str:
        """``recorded``, unless the dataset says of this episode that it was ``imagined`` or ``executed``."""
        told = self.facts.get("origin")
        return told if told in ORIGINS else "recorded"

    def camera_model(self, camera: str, frame: int = 0) -> Camera | None:
        """Calibration of a view at a frame, for the size in which it was recorded, or None when it is not known."""
        return self.calibration.get(camera)

    def calibrate(self, override: ActionSpaceOverride) -> None:
        """Take a person's word on the cameras; the dataset calls this as it opens the episode."""
        self.calibration = override.calibration(self.index)
        self.missing = (*self.missing, *unknown_cameras(self.calibration, self.cameras))

    def camera_moves(self, camera: str) -> bool:
        """Whether the calibration differs from frame to frame (a wrist camera)."""
        return False

    def world_state(self, frame: int) -> WorldState | None:
        """The simulated world's exact state at a frame, or None for a recording of a real robot."""
        return None

    def frames(self, camera: str | None = None, start: int = 0, stop: int | None = None) -> Frames:
        """Frames ``start`` .. ``stop`` - 1 of a view (the main one by default), as (n, H, W, 3) uint8.

        Raises:
            WamvizError: no such camera or frames, or the video is missing or damaged.
        """
        camera = self._known(camera)
        stop = self.frame_count if stop is None else stop
        self._check_frame(start)
        if not start < stop <= self.frame_count:
            raise WamvizError(f"Frames {start} to {stop} are no span of frames 0 to {self.frame_count}.")
        return self._decode(camera, start, stop)

    def observation(self, frame: int = 0, size: int | None = None) -> Observation:
        """The context at a frame: every view, the state, calibration, and the world's state where there is one.

        Args:
            size: cut the centre square of each view and scale it to ``size`` x ``size``; None keeps it as recorded.
        """
        self._known(None)
        self._check_frame(frame)
        pictures = {camera: self._decode(camera, frame, frame + 1)[0] for camera in self.cameras}
        models = {camera: self.camera_model(camera, frame) for camera in self.cameras}
        known = {camera: fitted(model, pictures[camera]) for camera, model in models.items() if model is not None}
        if size is not None:
            pictures = {camera: fit_square(picture, size) for camera, picture in pictures.items()}
            known = {camera: squared(model, size) for camera, model in known.items()}
        try:
            states, row = self.states, self._row(frame)
        except WamvizError:  # damaged rows take the state away, not the picture; who asks for the states is told why
            states, row = None, 0
        return Observation(
            frames=pictures,
            instruction=self.instruction,
            state=None if states is None or row >= len(states) else states[row],
            world_state=self.world_state(frame),
            cameras=known,
            source=f"{self.source}@{frame}",
            orientation=self.facts.get("orientation", {}),
        )

    def rollout(self, start: int = 0, stop: int | None = None, camera: str | None = None) -> Rollout:
        """Frames ``start`` .. ``stop`` - 1 with the actions between them, as a rollout of the episode's origin.

        Up to the end (``stop`` None) all remaining actions are there, also one that has no frame after it.
        """
        camera = self._known(camera)
        frames = self.frames(camera, start, stop)
        first, end = self._row(start), self._row(start + len(frames) - 1)
        actions, states = self.actions, self.states
        last = self.length if stop is None else min(end, self.length)
        chosen = None if actions is None or first >= last else actions[first:last]
        names = {"state_names": list(self.state_names)} if self.state_names else {}
        # A moving camera's calibration holds for one frame only; a path drawn with it would lie.
        model = None if self.camera_moves(camera) else self.camera_model(camera, start)
        return Rollout(
            origin=self.origin,
            frames=frames,
            fps=self.fps,
            actions=chosen,
            action_space=self.action_space if chosen is not None else None,
            states=None if states is None else states[first : end + 1],
            instruction=self.instruction,
            camera=camera,
            camera_model=None if model is None else fitted(model, frames[0]),
            success=self.success,
            meta={"source": f"{self.source}@{start}", "dataset": self.dataset_title, **names, **self.facts},
        )

    def _row(self, frame: int) -> int:
        """The row of actions and states that begins when a frame is shown."""
        space = self.action_space
        return frame if space is None else round(frame * space.rate / self.fps)

    def _known(self, camera: str | None) -> str:
        if not self.cameras:
            raise WamvizError(
                f"Episode {self.index} of '{self.dataset_title}' has no video here.", " ".join(self.missing)
            )
        if camera is not None and camera not in self.cameras:
            raise unknown_name("camera", camera, self.cameras)
        return self.cameras[0] if camera is None else camera

    def _check_frame(self, frame: int) -> None:
        if not 0 <= frame < self.frame_count:
            raise WamvizError(
                f"Episode {self.index} has no frame {frame}.", f"Its frames are 0 .. {self.frame_count - 1}."
            )


@dataclass(frozen=True)
class Numbers:
    """What an episode has beside pictures; every part may be None.

    Attributes:
        actions: (K, A) float32.
        states: (M, D) float32, at the rate of the actions.
        success: whether the task succeeded.
    """

    actions: Floats | None = None
    states: Floats | None = None
    success: bool | None = None


@dataclass(frozen=True)
class Recording:
    """An episode as a reader finds it; its numbers and frames are read when they are asked for.

    Attributes:
        dataset_title, index, instruction, fps, source, facts, state_names, missing: see ``Episode``.
        frame_count: T, above 0.
        views: view name -> what decodes its frames ``start`` .. ``stop`` - 1 as (n, H, W, 3) uint8, main view first.
        numbers: what reads the actions, states and success.
        space: what the actions mean, or None when there are none.
    """

    dataset_title: str
    index: int
    instruction: str
    fps: float
    source: str
    frame_count: int
    views: Mapping[str, Callable[[int, int], Frames]]
    numbers: Callable[[], Numbers]
    space: ActionSpace | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    state_names: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.fps < 1e6:
            raise WamvizError(f"Episode {self.index} of '{self.dataset_title}' has a frame rate of {self.fps}.")
        if self.frame_count < 1:
            raise WamvizError(f"Episode {self.index} of '{self.dataset_title}' holds no frame.")


class RecordedEpisode(Episode):
    """An ``Episode`` over a ``Recording``: all that a simple format has to make."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        for name in ("dataset_title", "index", "instruction", "fps", "source", "facts", "state_names", "missing"):
            setattr(self, name, getattr(recording, name))
        self.cameras = tuple(recording.views)

    @cached_property
    def _numbers(self) -> Numbers:
        return self._recording.numbers()

    @property
    def length(self) -> int:
        actions = self.actions
        return self.frame_count if actions is None else len(actions)

    @property
    def frame_count(self) -> int:
        return self._recording.frame_count

    @property
    def action_space(self) -> ActionSpace | None:
        return self._recording.space

    @property
    def actions(self) -> Floats | None:
        return self._numbers.actions

    @property
    def states(self) -> Floats | None:
        return self._numbers.states

    @property
    def success(self) -> bool | None:
        return self._numbers.success

    def _decode(self, camera: str, start: int, stop: int) -> Frames:
        return self._recording.views[camera](start, stop)


@dataclass(frozen=True)
class Outline:
    """What is known of every episode without opening one, in the order of ``Dataset.indices``.

    Attributes:
        instructions: "" where there is none, or where only the episode itself can say it.
        labels: the format's own names (``train/6``), or () where there are none.
        frames: (n,) numbers of frames, or None where only the episodes know.
    """

    instructions: tuple[str, ...]
    labels: tuple[str, ...] = ()
    frames: NDArray[np.int64] | None = None


class Dataset(ABC):
    """A set of episodes; opening it reads metadata only.

    Attributes:
        title: its name for people.
        indices: the numbers of all episodes that its metadata lists, in order.
        available: those of them whose files are here.
        override: a person's correction of what the numbers mean; empty when nobody said anything.
        absent: what a list says of an episode whose files are not here.
    """

    title: str
    indices: tuple[int, ...]
    override: ActionSpaceOverride = ActionSpaceOverride()
    absent: str = "Its files are not here."

    @property
    @abstractmethod
    def available(self) -> tuple[int, ...]:
        """Numbers of the episodes whose files are here; a partial download has fewer than ``indices``."""

    @abstractmethod
    def episode(self, index: int) -> Episode:
        """The episode with this number, or ``WamvizError`` when there is none or its files are missing."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Plain sentences about what the metadata promises and the folder lacks, or what was found odd."""
        return ()

    @abstractmethod
    def summary(self) -> dict[str, Any]:
        """JSON-ready facts: title, format, episodes, frames, seconds, fps, cameras, actions, tasks ..."""

    def outline(self) -> Outline:
        """What is known of every episode from metadata alone."""
        return Outline(("",) * len(self.indices))

    def __len__(self) -> int:
        return len(self.indices)


def no_episode(title: str, index: int, indices: Sequence[int], available: Sequence[int]) -> NotFound:
    """The error for an episode that is not listed, or whose files are not here."""
    if index in indices:
        some = ", ".join(map(str, available[:10])) or "none"
        return NotFound(f"The files of episode {index} of '{title}' are not here.", f"Here are: {some}.")
    if not len(indices):
        return NotFound(f"'{title}' has no episode {index}; it has none at all.")
    return NotFound(f"'{title}' has no episode {index}.", f"Its episodes are {min(indices)} .. {max(indices)}.")


def fitted(camera: Camera, picture: Frames) -> Camera:
    """The calibration for ``picture`` (H, W, 3): calibrated with large pictures, recorded in small ones."""
    height, width = picture.shape[:2]
    return camera if (camera.width, camera.height) == (width, height) else camera.resized(width, height)


def squared(camera: Camera, size: int) -> Camera:
    """The calibration after ``fit_square``: centre square cut out, scaled to ``size`` x ``size``."""
    side = min(camera.width, camera.height)
    shift = np.eye(3)
    shift[0, 2], shift[1, 2] = -((camera.width - side) // 2), -((camera.height - side) // 2)
    cut = replace(camera, width=side, height=side, intrinsics=shift @ camera.intrinsics)
    return cut.resized(size, size)

"""What a recorded dataset looks like to everybody else, whatever its files are.

An ``Episode`` is read when it is asked for; frames are decoded from the nearest key frame. ``observation`` and
``rollout`` turn any part of it into the nouns of ``wamviz.core.rollout``. A format implements the abstract members and
nothing more; most need only ``recording.Recording``. Axis letters: T frames, K actions, M states, A action dims, D
state dims, H/W pixels.

Two kinds of episodes exist: those that end with a frame after their last action (T = K + 1, the tabletop's), and those
with one frame an action (T = K, most recordings: the frame after the last action was not kept). Video and actions may
go at different rates (DROID excerpts keep every third frame): rows are matched by time, never by index.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, InvalidInput, NotFound, WamvizError, unknown_name
from wamviz.core.media import fit_square
from wamviz.core.rollout import ORIGINS, ActionSpace, Camera, Floats, Frames, Observation, Rollout, WorldState
from wamviz.datasets.calibration import aspect_note, unknown_cameras
from wamviz.datasets.override import ActionSpaceOverride

MOST_NOTES = 40  # sentences about a dataset's episodes


class Episode(ABC):
    """A recorded rollout inside a dataset.

    Attributes:
        dataset_title: the dataset's name for people.
        index: its number in the dataset.
        instruction: what the robot was to do as the episode begins; may be empty.
        fps: frames a second.
        cameras: names of its views, the main one first.
        source: the SOURCE string that names it, ``DIR#EPISODE``.
        facts: JSON-ready extras (seed, kind, style ...), empty where none are kept.
        state_names: one name a dimension of the states, or () when they are not known.
        missing: plain sentences about what its metadata promises and its files lack, or what was found odd.
        unreadable_views: cameras that are declared and cannot be shown -> why.
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
    unreadable_views: Mapping[str, str] = MappingProxyType({})
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
    def scalars(self) -> Mapping[str, Floats]:
        """Columns of one number a row that are neither actions nor states (reward, progress ...): name -> (M,)."""
        return {}

    def instruction_at(self, frame: int) -> str:
        """What the robot was to do at a frame, where that changes on the way."""
        return self.instruction

    def state_at(self, frame: int) -> Floats | None:
        """(D,) the state at a frame; None where none is known, or its rows are damaged (``states`` says how)."""
        try:
            states, row = self.states, self._row(frame)
        except WamvizError:  # damaged rows take the state away, not the picture
            return None
        return None if states is None or row >= len(states) else states[row]

    def view_size(self, camera: str) -> tuple[int, int]:
        """(width, height) of a view in pixels."""
        height, width = self._decode(camera, 0, 1).shape[1:3]
        return width, height

    @property
    def origin(self) -> str:
        """``recorded``, unless the dataset says of this episode that it was ``imagined`` or ``executed``."""
        origin = self.facts.get("origin")
        return origin if origin in ORIGINS else "recorded"

    def camera_model(self, camera: str, frame: int = 0) -> Camera | None:
        """Calibration of a view at a frame, for the size in which it was recorded, or None when it is not known."""
        return self.calibration.get(camera)

    def calibrate(self, override: ActionSpaceOverride) -> None:
        """Take a person's word on the cameras; the dataset calls this as it opens the episode.

        A calibration for pictures of another shape is told in ``missing`` and left out: a path drawn by it would lie.
        """
        self.calibration = override.calibration(self.index)
        notes = list(unknown_cameras(self.calibration, self.cameras))
        unfit = set()
        for camera in self.cameras:
            try:
                model = self.camera_model(camera)
                note = None if model is None else aspect_note(model, *self.view_size(camera))
            except WamvizError:
                continue  # a view that cannot be decoded says so itself
            if note is not None:
                notes.append(note)
                unfit.add(camera)
        self._unfit = frozenset(unfit)
        self.missing = (*self.missing, *notes)

    _unfit: frozenset[str] = frozenset()

    def camera_moves(self, camera: str) -> bool:
        """Whether the calibration differs from frame to frame (a wrist camera)."""
        return False

    def world_state(self, frame: int) -> WorldState | None:
        """The simulated world's exact state at a frame, or None for a recording of a real robot."""
        return None

    def frames(self, camera: str | None = None, start: int = 0, stop: int | None = None) -> Frames:
        """Frames ``start`` .. ``stop`` - 1 of a view (the main one by default), as (n, H, W, 3) uint8.

        Raises:
            NotFound: no such camera or frames, or no video here.
            Damaged: the video cannot be decoded.
        """
        camera = self._known(camera)
        stop = self.frame_count if stop is None else stop
        self._check_frame(start)
        if not start < stop <= self.frame_count:
            raise InvalidInput(f"Frames {start} to {stop} are no span of frames 0 to {self.frame_count}.")
        return self._decode(camera, start, stop)

    def observation(self, frame: int = 0, size: int | None = None) -> Observation:
        """The context at a frame: every view, the state, calibration, and the world's state where there is one.

        Args:
            size: cut the centre square of each view and scale it to ``size`` x ``size``; None keeps it as recorded.
        """
        self._known(None)
        self._check_frame(frame)
        pictures = {camera: self._decode(camera, frame, frame + 1)[0] for camera in self.cameras}
        models = {camera: self._drawable(camera, frame) for camera in self.cameras}
        known = {camera: scaled_to(model, pictures[camera]) for camera, model in models.items() if model is not None}
        if size is not None:
            pictures = {camera: fit_square(picture, size) for camera, picture in pictures.items()}
            known = {camera: squared(model, size) for camera, model in known.items()}
        return Observation(
            frames=pictures,
            instruction=self.instruction_at(frame),
            state=self.state_at(frame),
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
        model = None if self.camera_moves(camera) else self._drawable(camera, start)
        return Rollout(
            origin=self.origin,
            frames=frames,
            fps=self.fps,
            actions=chosen,
            action_space=self.action_space if chosen is not None else None,
            states=None if states is None else states[first : end + 1],
            instruction=self.instruction_at(start),
            camera=camera,
            camera_model=None if model is None else scaled_to(model, frames[0]),
            success=self.success,
            meta={"source": f"{self.source}@{start}", "dataset": self.dataset_title, **names, **self.facts},
        )

    def _drawable(self, camera: str, frame: int) -> Camera | None:
        """The calibration by which a path may be drawn on a view."""
        return None if camera in self._unfit else self.camera_model(camera, frame)

    def _row(self, frame: int) -> int:
        """The row of actions and states that begins when a frame is shown."""
        space = self.action_space
        return frame if space is None else round(frame * space.rate / self.fps)

    def _known(self, camera: str | None) -> str:
        if camera is not None and camera in self.unreadable_views:
            raise Damaged(self.unreadable_views[camera])
        if not self.cameras:
            raise NotFound(f"Episode {self.index} of '{self.dataset_title}' has no video here.", " ".join(self.missing))
        if camera is not None and camera not in self.cameras:
            raise unknown_name("camera", camera, self.cameras)
        return self.cameras[0] if camera is None else camera

    def _check_frame(self, frame: int) -> None:
        if not 0 <= frame < self.frame_count:
            raise NotFound(
                f"Episode {self.index} has no frame {frame}.", f"Its frames are 0 .. {self.frame_count - 1}."
            )


Episode_ = TypeVar("Episode_", bound=Episode)


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
        indices: the numbers of all episodes that its metadata lists, rising.
        available: those of them whose files are here.
        override: a person's correction of what the numbers mean; empty when there is none.
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
        """The episode with this number; ``NotFound`` when there is none or its files are missing."""

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


def collect_notes(
    episodes: Sequence[Episode_], leave_out: Callable[[Episode_], Collection[str]] = lambda episode: ()
) -> list[str]:
    """What is odd in some episodes, each sentence once, with the episodes of which it is true unless all are meant.

    Args:
        leave_out: the sentences of an episode that the dataset says itself.
    """
    where: dict[str, list[int]] = {}
    for episode in episodes:
        for note in episode.missing:
            if note in leave_out(episode):
                continue
            where.setdefault(note, []).append(episode.index)
    out = []
    for note, indices in where.items():
        if len(indices) == len(episodes):
            out.append(note)
            continue
        some = ", ".join(map(str, indices[:8])) + (" ..." if len(indices) > 8 else "")
        out.append(f"{note} (episode{'s' if len(indices) > 1 else ''} {some})")
    more = len(out) - MOST_NOTES
    return out if more <= 0 else [*out[:MOST_NOTES], f"{more} more sentences about single episodes are left out."]


def decode_notes(episode: Episode) -> list[str]:
    """What is wrong with the first and the last frame of each view of an episode; nothing where both can be read."""
    out = []
    for camera in episode.cameras:
        for frame in dict.fromkeys((0, episode.frame_count - 1)):
            try:
                episode.frames(camera, frame, frame + 1)
            except WamvizError as error:
                out.append(f"Camera '{camera}' of episode {episode.index}, frame {frame}: {error}")
                break
    return out


def clean_instruction(text: str) -> str:
    """An instruction without what says nothing: blanks at its ends, and empty parts between bars."""
    parts = [part.strip() for part in text.split("|")]
    joined = " | ".join(part for part in parts if any(letter.isalnum() for letter in part))
    return joined if "|" in text else text.strip() if any(letter.isalnum() for letter in text) else ""


def no_episode(title: str, index: int, indices: Sequence[int], available: Sequence[int]) -> NotFound:
    """The error for an episode that is not listed, or whose files are not here."""
    if index in indices:
        some = ", ".join(map(str, available[:10])) or "none"
        return NotFound(f"The files of episode {index} of '{title}' are not here.", f"Here are: {some}.")
    if not len(indices):
        return NotFound(f"'{title}' has no episode {index}; it has none at all.")
    return NotFound(f"'{title}' has no episode {index}.", f"Its episodes are {min(indices)} .. {max(indices)}.")


def scaled_to(camera: Camera, picture: Frames) -> Camera:
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

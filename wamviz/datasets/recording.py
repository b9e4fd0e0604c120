"""An episode as a format's reader finds it, and the ``Episode`` that is made of it: all that a simple format has to do.

The reader says what lies in its files, gaps and all; what follows from it is worked out here, once for all formats:
rows that hold no numbers are left out, what the file declares of its actions is held against their values, and a
person's choice of columns is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, InvalidInput
from wamviz.core.rollout import ActionSpace, Camera, Floats, Frames
from wamviz.datasets.action_semantics import check_by_values
from wamviz.datasets.containers.videos import VideoFile
from wamviz.datasets.protocol import Episode, clean_instruction
from wamviz.datasets.rows import Reals, as_reals, hold_gaps, usable_rows

Decoder = Callable[[int, int], Frames]  # frames ``start`` .. ``stop`` - 1 as (n, H, W, 3) uint8


@dataclass(frozen=True)
class View:
    """One camera's frames.

    Attributes:
        decode: reads some of them.
        width, height: pixels; 0 where only a decoded frame says it.
        codec: of a video, else ``"pictures"``.
    """

    decode: Decoder
    width: int = 0
    height: int = 0
    codec: str = "pictures"


def view_of(video: VideoFile) -> View:
    """The view that one video file is, from its first frame on."""
    return View(video.view, video.width, video.height, video.codec)


@dataclass(frozen=True)
class EpisodeNumbers:
    """What an episode has beside pictures; every part may be absent.

    Attributes:
        actions: (K, A) float64, NaN where the file has no number.
        space: what they mean; needed with actions.
        known_by: the sentence that says how that is known.
        states: (M, D) float64 at the rate of the actions (of the frames, where there are no actions), likewise.
        state_names: one a dimension of the states, or ().
        success: whether the task succeeded.
        scalars: columns of one number a row: name -> (M,).
    """

    actions: Reals | None = None
    space: ActionSpace | None = None
    known_by: str = ""
    states: Reals | None = None
    state_names: tuple[str, ...] = ()
    success: bool | None = None
    scalars: Mapping[str, Reals] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.actions is not None and (self.space is None or self.actions.shape[1] != self.space.dim):
            raise InvalidInput("Recorded actions need an action space of their size.")


@dataclass(frozen=True)
class Recording:
    """An episode as a reader finds it; frames are decoded when they are asked for.

    Attributes:
        frame_count: T, above 0.
        fps: frames a second.
        views: by name, main view first.
        numbers: actions, states, success.
        instruction: what the robot was to do; may be empty.
        instructions: the same of every frame, where it changes on the way; else ().
        cameras: calibrations that the files hold, by view.
        facts: JSON-ready extras.
        missing: what is missing or odd, in plain sentences.
    """

    frame_count: int
    fps: float
    views: Mapping[str, View]
    numbers: EpisodeNumbers = EpisodeNumbers()
    instruction: str = ""
    instructions: tuple[str, ...] = ()
    cameras: Mapping[str, Camera] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.fps < 1e6:
            raise Damaged(f"It has a frame rate of {self.fps}.")
        if self.frame_count < 1:
            raise Damaged("It holds no frame.")
        if self.instructions and len(self.instructions) != self.frame_count:
            raise InvalidInput("Instructions that change need one for every frame.")


@dataclass(frozen=True)
class UsableNumbers:
    """The numbers of an episode as they are shown: finite, one action space, errors for what cannot be read.

    Attributes:
        keep: (n,) which rows are left.
        actions, states: (K, A) and (M, D) float32, or None.
        space: what the actions mean, or None.
        known_by: the sentence that says how that is known.
        scalars: name -> (n,) float32, NaN where there is no number.
        problems: ``"actions"`` or ``"states"`` -> why it cannot be read.
        notes: what was left out or is not believed, in plain sentences.
    """

    keep: NDArray[np.int64]
    actions: Floats | None
    states: Floats | None
    space: ActionSpace | None
    known_by: str
    scalars: Mapping[str, Floats]
    problems: Mapping[str, str]
    notes: tuple[str, ...]


def use_numbers(found: EpisodeNumbers, rows: int, one_rate: bool, trusted: bool = False) -> UsableNumbers:
    """What of an episode's numbers can be shown.

    Args:
        rows: of the episode: frames, where there are no numbers.
        one_rate: whether every row has a frame of its own; then a row without a number is left out with its frame.
        trusted: whether what is declared of the actions is wamviz's own word, which is not held against the values.
    """
    space, known_by, notes = found.space, found.known_by, list[str]()
    columns = {"the actions": found.actions, "the states": found.states}
    usable = usable_rows(columns)
    problems = {name.removeprefix("the "): why for name, why in usable.unreadable.items()}
    notes += usable.unreadable.values()
    space = None if "actions" in problems else space
    if found.actions is not None and space is not None and not trusted:
        space, known_by, doubts = check_by_values(space, known_by, found.actions, found.states, found.state_names)
        notes += doubts
    keep = np.arange(rows)
    shown: dict[str, Floats | None] = {}
    if one_rate:
        notes += usable.notes
        longest = max((len(values) for values in columns.values() if values is not None), default=0)
        gone = np.setdiff1d(np.arange(longest), usable.keep)
        keep = np.setdiff1d(keep, gone)
    for name, values in columns.items():
        part = name.removeprefix("the ")
        if values is None or part in problems:
            shown[part] = None
        elif one_rate:
            shown[part] = values[usable.keep[usable.keep < len(values)]][: usable.counts[name]].astype(np.float32)
        else:
            end = int(np.flatnonzero(np.isfinite(values).all(axis=1))[-1]) + 1
            held, count = hold_gaps(values[:end])
            if count:
                notes.append(f"{count} rows of {name} hold no number; the row before each is shown in its place.")
            shown[part] = held.astype(np.float32)
    scalars = {name: (values[keep[keep < len(values)]] if one_rate else values).astype(np.float32)
               for name, values in found.scalars.items()}  # fmt: skip
    return UsableNumbers(keep, shown["actions"], shown["states"], space, known_by, scalars, problems, tuple(notes))


class RecordedEpisode(Episode):
    """An ``Episode`` over a ``Recording``."""

    def __init__(self, recording: Recording, title: str, index: int, source: str) -> None:
        self.dataset_title, self.index, self.source = title, index, source
        self.fps, self.facts, self._views = recording.fps, recording.facts, recording.views
        self.cameras = tuple(recording.views)
        self._recorded_cameras = recording.cameras
        found = recording.numbers
        rate = recording.fps if found.space is None else found.space.rate
        self._numbers = use_numbers(found, recording.frame_count, abs(rate / recording.fps - 1) < 1e-3)
        self._keep = self._numbers.keep
        whole = len(self._keep) == recording.frame_count
        self._keep_all = whole
        texts = [clean_instruction(text) for text in recording.instructions]
        self._texts = tuple(texts) if whole else tuple(texts[i] for i in self._keep) if texts else ()
        self.instruction = self._texts[0] if self._texts else clean_instruction(recording.instruction)
        self.state_names = found.state_names
        self._success = found.success
        self.known_by = self._numbers.known_by
        self.missing = (*recording.missing, *task_notes(self._texts), *self._numbers.notes)
        if not len(self._keep):
            raise Damaged(f"Episode {index} of '{title}' holds no row of numbers.", " ".join(self.missing))

    @property
    def length(self) -> int:
        actions = self._numbers.actions
        return self.frame_count if actions is None else len(actions)

    @property
    def frame_count(self) -> int:
        return len(self._keep)

    @property
    def action_space(self) -> ActionSpace | None:
        return self._numbers.space

    @property
    def actions(self) -> Floats | None:
        return self._numbers.actions

    @property
    def states(self) -> Floats | None:
        return self._numbers.states

    @property
    def scalars(self) -> Mapping[str, Floats]:
        return self._numbers.scalars

    @property
    def success(self) -> bool | None:
        return self._success

    def instruction_at(self, frame: int) -> str:
        return self._texts[frame] if self._texts else self.instruction

    def camera_model(self, camera: str, frame: int = 0) -> Camera | None:
        return self.calibration.get(camera) or self._recorded_cameras.get(camera)

    def view_size(self, camera: str) -> tuple[int, int]:
        view = self._views[camera]
        return (view.width, view.height) if view.width else super().view_size(camera)

    def codec(self, camera: str) -> str:
        """What a view is compressed with, or ``"pictures"``."""
        return self._views[camera].codec

    def _decode(self, camera: str, start: int, stop: int) -> Frames:
        decode = self._views[camera].decode
        if self._keep_all:
            return decode(start, stop)
        wanted = self._keep[start:stop]
        return decode(int(wanted[0]), int(wanted[-1]) + 1)[wanted - wanted[0]]


def task_notes(texts: Sequence[str]) -> list[str]:
    """A sentence about instructions that change within an episode."""
    starts = [0, *(i for i in range(1, len(texts)) if texts[i] != texts[i - 1])] if texts else []
    if len(starts) < 2:
        return []
    spans = [f"frame {start}: '{texts[start]}'" for start in starts[:6]]
    return [f"The instruction changes on the way ({'; '.join(spans)}{' ...' if len(starts) > 6 else ''})."]


__all__ = [
    "EpisodeNumbers", "RecordedEpisode", "Recording", "UsableNumbers", "View", "as_reals", "task_notes", "view_of",
    "use_numbers",
]  # fmt: skip

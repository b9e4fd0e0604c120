"""A dataset as a list to leaf through: search over all its episodes, and the facts of the few that are shown.

Contract: searching reads what the metadata say (``Dataset.outline``) and opens nothing; ``lines`` opens the episodes
that it is asked for, and one that cannot be opened becomes a line that says why. No frame is decoded.

>>> from wamviz.datasets import shipped
>>> catalogue = Catalogue(shipped())
>>> catalogue.find("#3")
(3,)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wamviz.core.errors import WamvizError
from wamviz.datasets.protocol import Dataset, Episode


@dataclass(frozen=True)
class EpisodeSummary:
    """One episode in the list; None is what is not known.

    Attributes:
        index: its number in the dataset.
        instruction: what the robot was to do, or "".
        label: the format's own name, or "".
        frames: how many.
        fps: frames a second.
        success: whether the task succeeded.
        pictured: whether a view of it is here.
        missing: what is missing or wrong, in a sentence, or "".
    """

    index: int
    instruction: str = ""
    label: str = ""
    frames: int | None = None
    fps: float | None = None
    success: bool | None = None
    pictured: bool = False
    missing: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it lasts, or None."""
        return None if self.frames is None or self.fps is None else self.frames / self.fps


class Catalogue:
    """The list of a dataset's episodes.

    Args:
        dataset: opened; its outline is read once, here.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._outline = dataset.outline()
        self._place = {index: place for place, index in enumerate(dataset.indices)}
        self._here = frozenset(dataset.available)
        self._all = self._ordered(dataset.indices)
        labels = self._outline.labels or ("",) * len(dataset.indices)
        self._labels = labels
        both = zip(self._outline.instructions, labels, strict=True)
        self._texts = tuple(f"{text} {label}".casefold() for text, label in both)  # what a search looks through

    @property
    def first(self) -> int | None:
        """The first episode whose files are here, or None."""
        return self._all[0] if self._here else None

    def find(self, query: str = "") -> tuple[int, ...]:
        """Numbers of the episodes that hold every word of ``query`` in their instruction or label, in order.

        Those whose files are here come first. A number (``12`` or ``#12``) finds that episode before all; an empty
        query finds all.
        """
        words = query.casefold().split()
        if not words:
            return self._all
        found = [
            index
            for index, text in zip(self.dataset.indices, self._texts, strict=True)
            if all(word in text for word in words)
        ]
        number = words[0].removeprefix("#") if len(words) == 1 else ""
        if number.isdecimal() and len(number) < 10 and int(number) in self._place:
            index = int(number)
            return (index, *self._ordered(other for other in found if other != index))
        return self._ordered(found)

    def _ordered(self, indices: Iterable[int]) -> tuple[int, ...]:
        chosen = tuple(indices)
        if len(self._here) == len(self._place):
            return chosen
        here = tuple(index for index in chosen if index in self._here)
        return here + tuple(index for index in chosen if index not in self._here)

    def lines(self, indices: Iterable[int]) -> list[EpisodeSummary]:
        """The facts of some episodes, which are opened for it."""
        return [self._line(index) for index in indices]

    def _line(self, index: int) -> EpisodeSummary:
        place = self._place[index]
        text, frames = self._outline.instructions[place], self._outline.frames
        known = EpisodeSummary(index, text, self._labels[place], None if frames is None else int(frames[place]))
        if index not in self._here:
            return EpisodeSummary(index, text, known.label, known.frames, missing=self.dataset.absent)
        try:
            episode = self.dataset.episode(index)
            success, problem = _success(episode)
        except WamvizError as error:
            return EpisodeSummary(index, text, known.label, known.frames, missing=error.message)
        return EpisodeSummary(
            index,
            episode.instruction,
            known.label,
            episode.frame_count,
            episode.fps,
            success,
            bool(episode.cameras),
            problem or " ".join(episode.missing),
        )


def _success(episode: Episode) -> tuple[bool | None, str]:
    """Whether it succeeded, and what was wrong with looking: damaged rows must not hide the episode."""
    try:
        return episode.success, ""
    except WamvizError as error:
        return None, error.message

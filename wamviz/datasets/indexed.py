"""What the simple formats share: a dataset that is a list of episodes, each opened by itself when it is asked for.

Contract: a format gives the number of episodes, says which are here, and opens one; this module does the rest (wrong
numbers, the summary). Episodes are numbered 0, 1, 2 ... in the order of the format's own names.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ActionSpace
from wamviz.datasets.action_semantics import ActionSpaceOverride
from wamviz.datasets.protocol import Dataset, Episode, Outline, no_episode

MOST_SUMMED = 200  # episodes that a summary opens; beyond, totals are not known


class ListedDataset(Dataset):
    """A dataset whose episodes are opened one by one.

    Args:
        root: its folder (or, for a format of one file, that file).
        name: how SOURCE strings call it.
        override: a person's correction of what the numbers mean.
    """

    format: ClassVar[str]

    def __init__(self, root: Path, name: str, override: ActionSpaceOverride) -> None:
        self.root, self.name, self.override = root, name, override
        self.title = root.resolve().name
        self._cached = lru_cache(maxsize=16)(self._calibrated)

    @property
    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """The format's own name of every episode, e.g. ``train/6``."""

    @abstractmethod
    def _open(self, index: int) -> Episode:
        """The episode with a number of ``available``."""

    def _calibrated(self, index: int) -> Episode:
        episode = self._open(index)
        episode.calibrate(self.override)
        return episode

    @property
    def available(self) -> tuple[int, ...]:
        return self.indices

    def episode(self, index: int) -> Episode:
        if index not in self.available:
            raise no_episode(self.title, index, self.indices, self.available)
        return self._cached(index)

    def source(self, index: int) -> str:
        """The SOURCE string of an episode."""
        return f"{self.name}#{index}"

    def outline(self) -> Outline:
        """The labels of all, and the instructions of as many episodes as a summary opens."""
        told = {episode.index: episode.instruction for episode in self._looked_at[0]}
        return Outline(tuple(told.get(index, "") for index in self.indices), self.labels)

    @cached_property
    def _looked_at(self) -> tuple[list[Episode], list[str]]:
        """The first episodes, and what is wrong with those that cannot be opened."""
        episodes, problems = [], []
        for index in self.available[:MOST_SUMMED]:
            try:
                episodes.append(self.episode(index))
            except WamvizError as error:
                problems.append(f"Episode {index} ({self.labels[index]}): {error.message}")
        return episodes, problems

    @property
    def missing(self) -> tuple[str, ...]:
        episodes, problems = self._looked_at
        absent = len(self.indices) - len(self.available)
        out = [f"The files of {absent} of {len(self.indices)} episodes are not here."] if absent else []
        said: dict[str, list[int]] = {}
        for episode in episodes:
            for sentence in episode.missing:
                said.setdefault(sentence, []).append(episode.index)
        for sentence, where in said.items():
            everywhere = len(where) == len(episodes)
            out.append(sentence if everywhere else f"{sentence} (episode {', '.join(map(str, where[:8]))})")
        return (*out, *problems[:8])

    def summary(self) -> dict[str, Any]:
        episodes, _ = self._looked_at
        whole = len(self.available) <= MOST_SUMMED
        first = episodes[0] if episodes else None
        spaces = [episode.action_space for episode in episodes if episode.action_space is not None]
        space = spaces[0] if spaces else None
        told = list(dict.fromkeys(episode.instruction for episode in episodes))
        cameras = list(dict.fromkeys(camera for episode in episodes for camera in episode.cameras))
        return {
            "title": self.title,
            "format": self.format,
            "robot": None,
            "episodes": len(self),
            "available": len(self.available),
            "frames": sum(episode.frame_count for episode in episodes) if whole else None,
            "seconds": round(sum(e.frame_count / e.fps for e in episodes), 2) if whole else None,
            "fps": first.fps if first else None,
            "cameras": {camera: self._camera(camera) for camera in cameras},
            "actions": None if space is None else space.to_json(),
            "actions_known_by": self._known_by(space),
            "tasks": len(told) if whole else None,
            "instructions": told[:20],
            "labels": list(self.labels[:20]),
            "missing": list(self.missing),
        }

    def _camera(self, camera: str) -> Mapping[str, Any]:
        """Shape and codec of a view, from the first episode that has it."""
        return {"shape": None, "codec": None}

    def _known_by(self, space: ActionSpace | None) -> str:
        """How the meaning of the actions is known."""
        return "There are no actions." if space is None else self.meaning

    meaning: str = ""

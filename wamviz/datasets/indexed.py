"""A dataset that is a list of episodes, each opened by itself: what all formats but LeRobot's share.

A format gives the number of episodes and their names, says which are here, and opens one; this module does the rest
(wrong numbers, the summary). Episodes are numbered 0, 1, 2 ... in the order of the format's own names.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ActionSpace
from wamviz.datasets.override import ActionSpaceOverride
from wamviz.datasets.protocol import Dataset, Outline, collect_notes, decode_notes, no_episode
from wamviz.datasets.recording import RecordedEpisode, Recording

MOST_DECODED = 2  # of these, whose first and last frames are decoded (or one more)
MOST_SUMMED = 200  # episodes that a summary opens; beyond, totals are not known


class IndexedDataset(Dataset):
    """A dataset whose episodes are opened one by one.

    Args:
        root: its folder (or, for a format of one file, that file).
        name: how SOURCE strings call it.
        override: a person's correction of what the numbers mean.
    """

    format: ClassVar[str]
    robot: str | None = None

    def __init__(self, root: Path, name: str, override: ActionSpaceOverride) -> None:
        self.root, self.name, self.override = root, name, override
        self.title = root.resolve().name
        self._opened = lru_cache(maxsize=16)(self._open_calibrated)

    @property
    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """The format's own name of every episode, e.g. ``train/6``."""

    @abstractmethod
    def _read(self, index: int) -> Recording:
        """What the files hold of an episode whose number is in ``available``."""

    def _open_calibrated(self, index: int) -> RecordedEpisode:
        try:
            recording = self._read(index)
            episode = RecordedEpisode(recording, self.title, index, f"{self.name}#{index}")
        except WamvizError as error:
            raise error.with_text(message=f"Episode {index} ({self.labels[index]}): {error.message}") from error
        episode.facts = {"label": self.labels[index], **episode.facts}
        episode.calibrate(self.override)
        return episode

    @property
    def available(self) -> tuple[int, ...]:
        return self.indices

    def episode(self, index: int) -> RecordedEpisode:
        if index not in self.available:
            raise no_episode(self.title, index, self.indices, self.available)
        return self._opened(index)

    def outline(self) -> Outline:
        """The labels of all, and the instructions of as many episodes as a summary opens."""
        known = {episode.index: episode.instruction for episode in self._looked_at[0]}
        return Outline(tuple(known.get(index, "") for index in self.indices), self.labels)

    @cached_property
    def _looked_at(self) -> tuple[list[RecordedEpisode], list[str]]:
        """The first episodes, and what is wrong with those that cannot be opened."""
        episodes, problems = [], []
        for index in self.available[:MOST_SUMMED]:
            try:
                episodes.append(self.episode(index))
            except WamvizError as error:
                problems.append(str(error))
        return episodes, problems

    @property
    def missing(self) -> tuple[str, ...]:
        return self._missing

    @cached_property
    def _missing(self) -> tuple[str, ...]:
        episodes, problems = self._looked_at
        absent = len(self.indices) - len(self.available)
        out = [f"The files of {absent} of {len(self.indices)} episodes are not here."] if absent else []
        unread = [f"{len(problems) - 8} more episodes cannot be read."] if len(problems) > 8 else []
        decoded = [
            note for episode in episodes[:: max(1, len(episodes) // MOST_DECODED)] for note in decode_notes(episode)
        ]
        return (*out, *collect_notes(episodes), *decoded, *problems[:8], *unread)

    def summary(self) -> dict[str, Any]:
        episodes, _ = self._looked_at
        whole = len(self.available) <= MOST_SUMMED
        first = episodes[0] if episodes else None
        acting = next((episode for episode in episodes if episode.action_space is not None), None)
        space = None if acting is None else acting.action_space
        texts = list(dict.fromkeys(episode.instruction for episode in episodes if episode.instruction))
        cameras: dict[str, Mapping[str, Any]] = {}
        for episode in episodes:
            for camera in episode.cameras:
                if camera not in cameras:
                    cameras[camera] = _describe_view(episode, camera)
        return {
            "title": self.title,
            "format": self.format,
            "robot": self.robot,
            "episodes": len(self),
            "available": len(self.available),
            "checked": len(self._looked_at[0]) + len(self._looked_at[1]),
            "frames": sum(episode.frame_count for episode in episodes) if whole else None,
            "seconds": round(sum(e.frame_count / e.fps for e in episodes), 2) if whole else None,
            "fps": first.fps if first else None,
            "cameras": cameras,
            "actions": None if space is None else space.to_json(),
            "actions_known_by": _known_by(acting, space),
            "action_spaces": _other_spaces(episodes, space),
            "scalars": sorted({name for episode in episodes for name in episode.scalars}),
            "tasks": len(texts) if whole else None,
            "instructions": texts[:20],
            "labels": list(self.labels[:20]),
            "missing": list(self.missing),
        }


def _known_by(episode: RecordedEpisode | None, space: ActionSpace | None) -> str:
    return "There are no actions." if episode is None or space is None else episode.known_by


def _other_spaces(episodes: list[RecordedEpisode], first: ActionSpace | None) -> str | None:
    """Where not all episodes have the same actions: which have others, in words."""
    other = [episode.index for episode in episodes if episode.action_space != first]
    if not other:
        return None
    some = ", ".join(map(str, other[:8]))
    return f"{len(other)} episodes have other actions, or none: {some}."


def _describe_view(episode: RecordedEpisode, camera: str) -> Mapping[str, Any]:
    """Shape and codec of a view, from an episode that has it."""
    try:
        width, height = episode.view_size(camera)
        return {"shape": [height, width, 3], "codec": episode.codec(camera)}
    except WamvizError:
        return {"shape": None, "codec": None}

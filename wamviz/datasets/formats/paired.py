"""Videos and tables of actions that ``wamviz.json`` puts together; nothing is guessed. ::

    {"episodes": [{"videos": {"front": "run1.mp4"}, "actions": "run1.csv", "states": "run1.csv",
                   "instruction": "push", "success": true}],
     "columns": {"actions": ["vx", "vy"], "states": ["x", "y"]},
     "layout": {"rate": 15, "kind": "ee_delta", "units": ["m", "m"]}}

Columns are chosen by name, or by place where a table has no names: ``{"actions": ["8:16"]}`` is the second arm of two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from wamviz.core.errors import InvalidInput, NotFound, unknown_name
from wamviz.datasets.action_semantics import infer_action_space
from wamviz.datasets.containers.tables import order_of_table, read_table
from wamviz.datasets.containers.videos import open_videos
from wamviz.datasets.files import contained, inside, read_json
from wamviz.datasets.format import DatasetFormat
from wamviz.datasets.indexed import IndexedDataset
from wamviz.datasets.override import SIDECAR, ActionSpaceOverride, check_columns
from wamviz.datasets.recording import EpisodeNumbers, Recording, view_of

EPISODE_KEYS = ("videos", "actions", "states", "instruction", "success")
MOST_EPISODES = 100_000


class PairedFolder(IndexedDataset):
    """A folder with a ``wamviz.json`` that lists episodes."""

    format = "video and action files"

    def __init__(self, root: Path, name: str, override: ActionSpaceOverride) -> None:
        facts = read_json(contained(root, root / SIDECAR), limit=50_000_000)
        columns = facts.get("columns")
        if columns is not None:
            override = replace(override, columns=check_columns(columns) | dict(override.columns or {}))
        super().__init__(root, name, override)
        self._episodes = _episodes(facts.get("episodes"))
        self.indices = tuple(range(len(self._episodes)))
        for episode in self._episodes:
            for key in episode:
                if key not in EPISODE_KEYS:
                    raise unknown_name(f"key of an episode in {SIDECAR}", str(key), EPISODE_KEYS)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return tuple(", ".join(map(str, _videos(episode).values())) for episode in self._episodes)

    def _read(self, index: int) -> Recording:
        entry = self._episodes[index]
        videos, missing = open_videos(self.root, _videos(entry))
        missing += [note for video in videos.values() for note in video.notes]
        if not videos:
            raise NotFound(f"No video of episode {index} of '{self.title}' is here.", " ".join(missing))
        count, fps = min(map(len, videos.values())), self.override.fps or next(iter(videos.values())).fps
        instruction, success = entry.get("instruction", ""), entry.get("success")
        if not isinstance(instruction, str) or not isinstance(success, bool | None):
            raise InvalidInput(f"Episode {index} in {SIDECAR} needs a text as instruction, true or false as success.")
        numbers = replace(self._numbers(entry, missing), success=success)
        if numbers.actions is not None and numbers.space is not None:
            missing += _duration_notes(len(numbers.actions) / numbers.space.rate, count / fps)
        views = {name: view_of(video) for name, video in videos.items()}
        return Recording(count, fps, views, numbers, instruction, missing=tuple(missing))

    def _numbers(self, entry: Mapping[str, Any], missing: list[str]) -> EpisodeNumbers:
        """The actions and states of an episode from their tables."""
        tables = {}
        for part in ("actions", "states"):
            relative = entry.get(part)
            if relative is None:
                continue
            if not isinstance(relative, str):
                raise InvalidInput(f"'{part}' in {SIDECAR} must name a file.")
            path = contained(self.root, inside(self.root, relative))
            if not path.is_file():  # which does not hide the video
                missing.append(f"'{relative}' is not here, so there are no {part}.")
                continue
            wanted = (self.override.columns or {}).get(part)
            values, named = read_table(path, wanted, self.override.names or () if part == "actions" else ())
            order = order_of_table(path, len(values), self.override.rate or 0)
            missing += [f"'{relative}': {note}" for note in order.notes]
            tables[part] = values[order.order], named
        states, names = tables.get("states", (None, ()))
        if "actions" not in tables:
            return EpisodeNumbers(states=states, state_names=names)
        actions, columns = tables["actions"]
        if self.override.rate is None:
            raise InvalidInput(
                f"{SIDECAR} does not say the rate of the actions.", 'Add "layout": {"rate": ACTIONS_A_SECOND}.'
            )
        space, why = infer_action_space(actions.shape[1], self.override.rate, columns, override=self.override)
        return EpisodeNumbers(actions, space, why, states, names)


def _duration_notes(acting: float, shown: float) -> list[str]:
    """What to say where actions and video of one episode last differently long (seconds)."""
    if abs(acting - shown) <= max(0.5, 0.1 * shown):
        return []
    return [f"The actions last {acting:.1f} s, the video {shown:.1f} s: is the rate of the actions right?"]


def _episodes(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise InvalidInput(
            f"'episodes' in {SIDECAR} must be a list of JSON objects.", f"Keys: {', '.join(EPISODE_KEYS)}."
        )
    if len(value) > MOST_EPISODES:
        raise InvalidInput(f"{SIDECAR} lists {len(value)} episodes; {MOST_EPISODES} is the limit.")
    return value


def _videos(entry: Mapping[str, Any]) -> dict[str, str]:
    videos = entry.get("videos")
    if isinstance(videos, str):
        return {"exterior": videos}
    if not isinstance(videos, dict) or not videos or not all(isinstance(path, str) for path in videos.values()):
        raise InvalidInput(f"An episode in {SIDECAR} needs 'videos': a file, or names of cameras with their files.")
    return videos


def _lists_episodes(path: Path) -> bool:
    sidecar = path / SIDECAR
    return sidecar.is_file() and "episodes" in read_json(contained(path, sidecar), limit=50_000_000)


FORMAT = DatasetFormat("video and action files", f"{SIDECAR} with 'episodes'", _lists_episodes, PairedFolder, 10)

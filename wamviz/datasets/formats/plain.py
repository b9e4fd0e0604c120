"""Plain files: a folder of videos, and videos with a table of actions beside them, put together by ``wamviz.json``.

Contract: without ``wamviz.json`` a folder of videos is episodes without actions (views of one episode, where all videos
are equally long and are called like cameras). With it, nothing is guessed: ::

    {"episodes": [{"videos": {"front": "run1.mp4"}, "actions": "run1.csv", "states": "run1.csv",
                   "instruction": "push", "success": true}],
     "columns": {"actions": ["vx", "vy"], "states": ["x", "y"]},
     "layout": {"rate": 15, "kind": "ee_delta", "units": ["m", "m"]}}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from wamviz.core.errors import WamvizError, unknown_name
from wamviz.core.rollout import ActionSpace
from wamviz.datasets.action_semantics import SIDECAR, ActionSpaceOverride, infer_action_space
from wamviz.datasets.containers.tables import SUFFIXES as TABLES
from wamviz.datasets.containers.tables import read_table
from wamviz.datasets.containers.videos import SUFFIXES, Clip, open_clip
from wamviz.datasets.files import contained, entries, inside, read_json
from wamviz.datasets.indexed import ListedDataset
from wamviz.datasets.protocol import Numbers, RecordedEpisode, Recording

_VIEW = re.compile(r"(?i)(wrist|exterior|image|cam|left|right|front|top|side|hand|head|view)")
EPISODE_KEYS = ("videos", "actions", "states", "instruction", "success")
MOST_EPISODES = 100_000


class VideoFolder(ListedDataset):
    """A folder of video files without anything beside them."""

    format = "videos"

    def __init__(self, root: Path, name: str, override: ActionSpaceOverride) -> None:
        super().__init__(root, name, override)
        self._files = video_files(root)
        self._views = self._one_episode()
        self.indices = (0,) if self._views else tuple(range(len(self._files)))

    def _one_episode(self) -> dict[str, Clip]:
        """View -> clip, if the videos are views of one episode; else nothing."""
        if not 1 < len(self._files) <= 8 or not all(_VIEW.search(path.stem) for path in self._files):
            return {}
        try:
            clips = {path.stem: open_clip(self.root, path) for path in self._files}
        except WamvizError:
            return {}  # each is an episode then, and the damaged one says so itself
        alike = {(clip.frames, clip.fps) for clip in clips.values()}
        order = sorted(clips, key=lambda view: ("wrist" in view or "hand" in view, view))
        return {view: clips[view] for view in order} if len(alike) == 1 else {}

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return (" + ".join(self._views),) if self._views else tuple(path.name for path in self._files)

    def _open(self, index: int) -> RecordedEpisode:
        clips = self._views or {"exterior": open_clip(self.root, self._files[index])}
        first = next(iter(clips.values()))
        facts = {"label": self.labels[index]}
        if self._views:
            facts["understood_as"] = "views of one episode: equally long, and called like cameras"
        notes = [note for clip in clips.values() for note in clip.notes]
        return RecordedEpisode(
            Recording(
                self.title, index, "", self.override.fps or first.fps, self.source(index), first.frames,
                {view: clip.view for view, clip in clips.items()}, Numbers, facts=facts, missing=tuple(notes),
            )
        )  # fmt: skip

    @property
    def missing(self) -> tuple[str, ...]:
        tables = [path.name for path in entries(self.root) if path.suffix.lower() in TABLES and path.is_file()]
        if not tables:
            return super().missing
        note = f"{', '.join(tables[:3])} may hold actions; say in {SIDECAR} which video they belong to and their rate."
        return (*super().missing, note)

    def _camera(self, camera: str) -> dict[str, Any]:
        return _shape(self._views.get(camera) or open_clip(self.root, self._files[0]))


class PairedFolder(ListedDataset):
    """Videos and tables that ``wamviz.json`` puts together."""

    format = "video and action files"

    def __init__(self, root: Path, name: str, override: ActionSpaceOverride) -> None:
        super().__init__(root, name, override)
        facts = read_json(contained(root, root / SIDECAR), limit=50_000_000)
        self._episodes = _objects(facts.get("episodes"))
        self._columns = _columns(facts.get("columns"))
        self.indices = tuple(range(len(self._episodes)))
        for episode in self._episodes:
            for key in episode:
                if key not in EPISODE_KEYS:
                    raise unknown_name(f"key of an episode in {SIDECAR}", str(key), EPISODE_KEYS)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return tuple(", ".join(map(str, _videos(episode).values())) for episode in self._episodes)

    def _open(self, index: int) -> RecordedEpisode:
        entry = self._episodes[index]
        clips: dict[str, Clip] = {}
        missing = []
        for view, relative in _videos(entry).items():
            path = inside(self.root, relative)
            if not path.is_file():
                missing.append(f"Camera '{view}': '{relative}' is not here.")
                continue
            contained(self.root, path)
            try:
                clips[view] = open_clip(self.root, path)
                missing += clips[view].notes
            except WamvizError as error:  # one damaged view must not hide the others
                missing.append(f"Camera '{view}': {error}")
        if not clips:
            raise WamvizError(f"No video of episode {index} of '{self.title}' is here.", " ".join(missing))
        count, fps = min(clip.frames for clip in clips.values()), self.override.fps or next(iter(clips.values())).fps
        space, numbers, names = self._numbers(entry, fps)
        instruction, success = entry.get("instruction", ""), entry.get("success")
        if not isinstance(instruction, str) or not isinstance(success, bool | None):
            raise WamvizError(f"Episode {index} in {SIDECAR} needs a text as instruction, true or false as success.")
        numbers = Numbers(numbers.actions, numbers.states, success)
        if numbers.actions is not None and space is not None:
            missing += _lasting(len(numbers.actions) / space.rate, count / fps)
        return RecordedEpisode(
            Recording(
                self.title, index, instruction, fps, self.source(index), count,
                {view: clip.view for view, clip in clips.items()}, lambda: numbers, space,
                {"label": self.labels[index]}, names, tuple(missing),
            )
        )  # fmt: skip

    def _numbers(self, entry: Mapping[str, Any], fps: float) -> tuple[ActionSpace | None, Numbers, tuple[str, ...]]:
        """What the actions mean, the numbers, and the states' names."""
        tables = {}
        for part in ("actions", "states"):
            relative = entry.get(part)
            if relative is None:
                continue
            if not isinstance(relative, str):
                raise WamvizError(f"'{part}' in {SIDECAR} must name a file.")
            tables[part] = read_table(contained(self.root, inside(self.root, relative)), self._columns.get(part))
        states, names = tables.get("states", (None, ()))
        if "actions" not in tables:
            return None, Numbers(None, states), names
        actions, columns = tables["actions"]
        if self.override.rate is None:
            raise WamvizError(
                f"{SIDECAR} does not say the rate of the actions.", 'Add "layout": {"rate": ACTIONS_A_SECOND}.'
            )
        space, self.meaning = infer_action_space(actions.shape[1], self.override.rate, columns, override=self.override)
        return space, Numbers(actions, states), names

    def _camera(self, camera: str) -> dict[str, Any]:
        for entry in self._episodes[:20]:
            relative = _videos(entry).get(camera)
            path = inside(self.root, relative) if relative else None
            if path is not None and path.is_file():
                return _shape(open_clip(self.root, path))
        return {"shape": None, "codec": None}


def video_files(folder: Path) -> list[Path]:
    """The video files right in a folder, by name."""
    return [path for path in entries(folder) if path.suffix.lower() in SUFFIXES and path.is_file()]


def _lasting(acting: float, shown: float) -> list[str]:
    """What to say where actions and video of one episode last differently long (seconds)."""
    if abs(acting - shown) <= max(0.5, 0.1 * shown):
        return []
    return [f"The actions last {acting:.1f} s, the video {shown:.1f} s: is the rate of the actions right?"]


def _shape(clip: Clip) -> dict[str, Any]:
    return {"shape": [clip.height, clip.width, 3], "codec": clip.codec}


def _objects(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise WamvizError(
            f"'episodes' in {SIDECAR} must be a list of JSON objects.", f"Keys: {', '.join(EPISODE_KEYS)}."
        )
    if len(value) > MOST_EPISODES:
        raise WamvizError(f"{SIDECAR} lists {len(value)} episodes; {MOST_EPISODES} is the limit.")
    return value


def _columns(value: Any) -> dict[str, list[str]]:
    if value is None:
        return {}
    good = isinstance(value, dict) and set(value) <= {"actions", "states"}
    if not good or not all(isinstance(v, list) and v and all(isinstance(c, str) for c in v) for v in value.values()):
        raise WamvizError(f"'columns' in {SIDECAR} must list names for 'actions' and 'states'.")
    return dict(value)


def _videos(entry: Mapping[str, Any]) -> dict[str, str]:
    videos = entry.get("videos")
    if isinstance(videos, str):
        return {"exterior": videos}
    if not isinstance(videos, dict) or not videos or not all(isinstance(path, str) for path in videos.values()):
        raise WamvizError(f"An episode in {SIDECAR} needs 'videos': a file, or names of cameras with their files.")
    return videos

"""Read LeRobot datasets, v3.0 and v2.0/v2.1, without lerobot.

Opening reads ``meta/`` only. A partial download opens and says what is missing; nothing outside the dataset's folder is
ever opened. ``meta/wamviz.json``, where present, adds what LeRobot has no place for. All versions come down to one
shape: episode -> (part of a parquet file, camera -> part of an mp4 file).
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from wamviz.core.errors import Damaged, WamvizError
from wamviz.core.rollout import ActionSpace
from wamviz.datasets.files import contained, read_json
from wamviz.datasets.formats.lerobot import layout
from wamviz.datasets.formats.lerobot.episode import LeRobotEpisode
from wamviz.datasets.formats.lerobot.features import Features, declared_features
from wamviz.datasets.formats.lerobot.info import rate_of, task_texts, version_of
from wamviz.datasets.formats.lerobot.layout import feature_info
from wamviz.datasets.formats.lerobot.metadata import EpisodeTable
from wamviz.datasets.override import ActionSpaceOverride
from wamviz.datasets.protocol import Dataset, Outline, clean_instruction, collect_notes, decode_notes, no_episode

MOST_DECODED = 2  # of these, whose first and last frames are decoded (or one more)
MOST_CHECKED = 40  # episodes that are opened to say what is missing, spread over the dataset


class LeRobotDataset(Dataset):
    """A LeRobot dataset on disk.

    Args:
        root: the folder that holds ``meta/info.json``.
        name: how SOURCE strings call it; the path as it was given when None.
        override: a person's correction of what the numbers mean.

    Raises:
        NotFound: no such dataset.
        InvalidInput: an unsupported version.
        Damaged: metadata that cannot be read.
    """

    def __init__(self, root: str | Path, name: str | None = None, override: ActionSpaceOverride | None = None) -> None:
        self.root = Path(root)
        self.name = str(root) if name is None else name
        self.override = override or ActionSpaceOverride()
        self.info = read_json(contained(self.root, self.root / "meta/info.json"))
        self._odd: list[str] = []
        self.version = version_of(self.root, self.info, self._odd)
        declared = declared_features(self.root, self.info)
        self.fps = self.override.fps or rate_of(self.info, self._odd)
        self.features = Features(self.root, self.info, self.fps, self.override, self._first_data)
        self.manifest = self.features.manifest
        self.title = str(self.manifest.get("title") or self.root.resolve().name)
        views = [name for name, feature in declared.items() if feature.get("dtype") in ("video", "image")]
        self._videos = [name for name in views if declared[name]["dtype"] == "video"]
        self._episodes = EpisodeTable(self.root, self.info, self.version, views)
        self.indices = tuple(self._episodes.indices.tolist())
        facts = self.manifest.get("episodes", [])
        if not isinstance(facts, list) or not all(isinstance(fact, dict) for fact in facts):
            raise Damaged(f"'{layout.MANIFEST}' must list its episodes as JSON objects.")
        self._facts = {fact["episode_index"]: fact for fact in facts if isinstance(fact.get("episode_index"), int)}

    def _first_data(self) -> Path | None:
        """The first parquet file that is here, or None."""
        parts = (self._episodes.entry(index).data for index in self.available)
        return next((part.path for part in parts if part is not None and part.path.is_file()), None)

    @cached_property
    def tasks(self) -> dict[int, str]:
        """task_index -> text."""
        return task_texts(self.root)

    @property
    def camera_features(self) -> dict[str, str]:
        """View name -> feature, the main view first and depth last."""
        return self.features.cameras

    @cached_property
    def _here(self) -> np.ndarray:
        return self._episodes.here()  # (n, 1 + views)

    @cached_property
    def available(self) -> tuple[int, ...]:
        return tuple(self._episodes.indices[self._here.any(axis=1)].tolist())

    @cached_property
    def _known(self) -> dict[int, int]:
        return {index: place for place, index in enumerate(self.indices)}

    @cached_property
    def missing(self) -> tuple[str, ...]:
        problems: list[str] = []
        try:
            self.action_space()  # reads what the files beside info.json say of it
        except WamvizError as error:
            problems.append(str(error))
        absent = self._absent_files()
        out = [*self._odd, *self._episodes.notes, *self.features.notes, *problems, *absent]
        for name, count in (("total_episodes", len(self)), ("total_frames", int(self._episodes.lengths.sum()))):
            if self.info.get(name, count) != count:
                out.append(f"meta/info.json says {name} = {self.info[name]}; {count} are listed.")
        checked, unreadable = self._checked
        out += collect_notes(checked, lambda episode: episode.absent_notes)
        out += unreadable[:8]
        out += [note for episode in checked[:: max(1, len(checked) // MOST_DECODED)] for note in decode_notes(episode)]
        for camera in dict.fromkeys(camera for episode in checked for camera in episode.cameras):
            out += self._codec_differs(camera, checked)
        return tuple(dict.fromkeys(out))

    def _absent_files(self) -> list[str]:
        """Which files of the listed episodes are not here, and where the first of them was looked for."""
        here, listed = self._here, np.flatnonzero(self._here.any(axis=1))
        lacking = len(self) - len(listed)
        out = [f"The files of {lacking} of {len(self)} episodes are not here."] if lacking else []
        for column, key in enumerate([None, *self._episodes.video_keys]):
            absent = [int(self.indices[place]) for place in listed if not here[place, column]]
            if not absent or (key is not None and key not in self._videos):  # pictures in the rows
                continue
            path = self._episodes.path_of(key, absent[0])
            where = "meta/episodes names no file" if path is None else f"'{path}'{' and so on' * (len(absent) > 1)}"
            some = ", ".join(map(str, absent[:8])) + (" ..." if len(absent) > 8 else "")
            name = next((name for name, feature in self.camera_features.items() if feature == key), key)
            what = "The rows" if key is None else f"Camera '{name}': the video"
            out.append(f"{what} of {len(absent)} of {len(listed)} episodes {'are' if key is None else 'is'} not here: "
                       f"{where} (episode{'s' * (len(absent) > 1)} {some}).")  # fmt: skip
        return out

    @cached_property
    def _checked(self) -> tuple[list[LeRobotEpisode], list[str]]:
        """Episodes spread over the dataset, opened, and what is wrong with those that cannot be."""
        count = len(self.available)
        places = np.unique(np.linspace(0, max(count, 1) - 1, min(count, MOST_CHECKED)).round().astype(np.int64))
        episodes, problems = [], []
        for place in places:
            try:
                episodes.append(self.episode(self.available[place]))
            except WamvizError as error:  # a damaged episode is a fact about the dataset, not the end of looking at it
                problems.append(f"Episode {self.available[place]}: {error}")
        return episodes, problems

    def _codec_differs(self, camera: str, episodes: list[LeRobotEpisode]) -> list[str]:
        """What a video's own header says, where the metadata says something else."""
        declared = str(feature_info(self.features.of(self.camera_features[camera])).get("video.codec") or "")
        for episode in episodes:
            video = episode.video_of(camera) if declared and camera in episode.cameras else None
            if video is not None and declared not in (video.codec, f"lib{video.codec}", f"libsvt{video.codec}"):
                return [f"Camera '{camera}': the metadata says {declared}, the file is {video.codec}."]
        return []

    def outline(self) -> Outline:
        texts = tuple(clean_instruction(text) for text in self._episodes.texts())
        return Outline(texts, frames=self._episodes.lengths)

    def episode(self, index: int) -> LeRobotEpisode:
        place = self._known.get(index)
        if place is None or not self._here[place].any():
            raise no_episode(self.title, index, self.indices, self.available)
        entry = self._episodes.entry(index)
        if entry.length < 1:
            raise Damaged(f"Episode {index} of '{self.title}' holds no frame.", "Its length is 0, says the metadata.")
        return LeRobotEpisode(self.features, entry, self._facts.get(index, {}), self.title, self.name, self.tasks)

    def files_of(self, index: int) -> tuple[str, ...]:
        """Where an episode's rows and videos lie, here or not: names inside the dataset's folder, with ``/``."""
        if index not in self._known:
            raise no_episode(self.title, index, self.indices, ())
        entry = self._episodes.entry(index)
        parts = [entry.data, *(part for key, part in entry.videos.items() if key in self._videos)]
        return tuple(part.path.relative_to(self.root).as_posix() for part in parts if part is not None)

    def action_space(self) -> ActionSpace | None:
        """What the actions are declared to mean; an episode's own values may contradict that."""
        return self.features.action_space[0]

    def summary(self) -> dict[str, Any]:
        rows = int(self._episodes.lengths.sum())
        space, why = self._space_of_episodes()
        texts = [clean_instruction(text) for text in self._episodes.instructions() or self.tasks.values()]
        own = [text for episode in self._checked[0] for text in episode.texts]
        tasks = list(dict.fromkeys(text for text in (*texts, *own) if text))
        cameras = {}
        for name, feature in self.camera_features.items():
            about = feature_info(self.features.of(feature))
            shape, codec = layout.picture_shape(self.features.of(feature)), about.get("video.codec")
            cameras[name] = {"shape": shape, "codec": codec if isinstance(codec, str) else None}
        out: dict[str, Any] = {
            "title": self.title,
            "format": f"LeRobot v{self.version}",
            "robot": self.info.get("robot_type"),
            "episodes": len(self),
            "available": len(self.available),
            "checked": len(self._checked[0]) + len(self._checked[1]),
            "frames": rows,
            "seconds": round(rows / self.fps, 2),
            "fps": self.fps,
            "cameras": cameras,
            "actions": None if space is None else space.to_json(),
            "actions_known_by": why,
            "scalars": sorted({name for episode in self._checked[0] for name in episode.scalars}),
            "tasks": len(tasks),
            "instructions": tasks[:20],
            "missing": list(self.missing),
        }
        for name in ("license", "world", "versions"):
            if name in self.manifest:
                out[name] = self.manifest[name]
        for name, fact in (("kinds", "kind"), ("origins", "origin")):
            values = [str(facts[fact]) for facts in self._facts.values() if facts.get(fact)]
            if values:
                out[name] = {value: values.count(value) for value in dict.fromkeys(values)}
        return out

    def _space_of_episodes(self) -> tuple[ActionSpace | None, str]:
        """What the actions mean by the episodes that were looked at; what is declared where none has actions."""
        spaces = [(episode.action_space, episode.known_by) for episode in self._checked[0] if episode.action_space]
        if not spaces:
            return self.features.action_space
        others = sum(space != spaces[0][0] for space, _ in spaces)
        more = f" {others} of {len(spaces)} episodes have another." if others else ""
        return spaces[0][0], spaces[0][1] + more

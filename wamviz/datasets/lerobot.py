"""Read LeRobot datasets, v3.0 and v2.0/v2.1, without lerobot.

Contract: opening reads ``meta/`` only; an episode reads its rows once and decodes the frames that are asked for. Bad
metadata, missing or damaged files raise ``WamvizError``; a partial download opens and says what is missing. Nothing
outside the dataset's folder is ever opened. ``meta/wamviz.json``, where present, adds what LeRobot has no place for.

All versions come down to one shape: episode -> (parquet file, camera -> (mp4 file, seconds at which it begins)).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wamviz.datasets import layout
from wamviz.datasets.base import Dataset, Episode, Outline, no_episode
from wamviz.datasets.files import contained, inside, read_json
from wamviz.datasets.layout import camera_name, dimension_names, dimensions, feature_info, first_key
from wamviz.datasets.lerobot_meta import EpisodeTable, Listing, positive, task_texts
from wamviz.datasets.meaning import Layout, modality_names, understand
from wamviz.datasets.parquet import column_names, numbers, read_columns, readable
from wamviz.errors import WamvizError, unknown_name
from wamviz.media import read_image, read_video_span, video_info
from wamviz.rollout import ActionSpace, Camera, Floats, Frames, WorldState, check_floats

ACTION_KEYS = ("action", "actions")
STATE_KEYS = ("observation.state", "state", "observation.states")
SUPPORTED = "LeRobot v2.0, v2.1 and v3.0 can be read."


class LeRobotDataset(Dataset):
    """A LeRobot dataset on disk.

    Args:
        root: the folder that holds ``meta/info.json``.
        name: how SOURCE strings call it; the path as it was given when None.
        told: a person's correction of what the numbers mean.

    Raises:
        WamvizError: no such dataset, an unsupported version, or metadata that cannot be read.
    """

    def __init__(self, root: str | Path, name: str | None = None, told: Layout | None = None) -> None:
        self.root = Path(root)
        self.name = str(root) if name is None else name
        self.told = told or Layout()
        self.info = read_json(contained(self.root, self.root / "meta/info.json"))
        version = str(self.info.get("codebase_version", "")).removeprefix("v")
        if version.split(".")[0] not in ("2", "3"):
            raise WamvizError(
                f"'{self.root.name}' is a LeRobot dataset of version '{version or 'unknown'}'.", SUPPORTED
            )
        self.version = version
        self.fps = self.told.fps or positive(self.info.get("fps"), "fps")
        features = self.info.get("features")
        if not isinstance(features, dict) or not all(isinstance(feature, dict) for feature in features.values()):
            raise WamvizError(f"meta/info.json of '{self.root.name}' lists no features.")
        self.features: dict[str, dict[str, Any]] = features
        self.manifest = self._beside(layout.MANIFEST)
        self.title = str(self.manifest.get("title") or self.root.resolve().name)
        video_keys = [name for name, feature in features.items() if feature.get("dtype") == "video"]
        self._episodes = EpisodeTable(self.root, self.info, version, video_keys)
        self.indices = tuple(self._episodes.indices.tolist())
        facts = self.manifest.get("episodes", [])
        if not isinstance(facts, list) or not all(isinstance(fact, dict) for fact in facts):
            raise WamvizError(f"'{layout.MANIFEST}' must list its episodes as JSON objects.")
        self._facts = {fact["episode_index"]: fact for fact in facts if isinstance(fact.get("episode_index"), int)}

    def _beside(self, name: str) -> dict[str, Any]:
        """An optional JSON file of the dataset."""
        path = self.root / name
        return read_json(contained(self.root, path)) if path.exists() else {}

    @property
    def camera_features(self) -> dict[str, str]:
        """View name -> feature, the main view first."""
        found = {camera_name(n): n for n, f in self.features.items() if f.get("dtype") in ("video", "image")}
        main = self.manifest.get("main_camera")
        return dict(sorted(found.items(), key=lambda item: item[0] != main))

    @cached_property
    def modality(self) -> dict[str, Any]:
        """GR00T's ``meta/modality.json``, or nothing."""
        return self._beside("meta/modality.json")

    @cached_property
    def tasks(self) -> dict[int, str]:
        """task_index -> text."""
        return task_texts(self.root)

    def key(self, part: str) -> str | None:
        """The feature that holds the ``actions`` or the ``states``, or None; a layout's word wins."""
        wanted = getattr(self.told, part)
        if wanted is not None:
            if wanted not in self.features:
                raise unknown_name(f"column for the {part}", wanted, self.features)
            return str(wanted)
        return first_key(self.features, ACTION_KEYS if part == "actions" else STATE_KEYS)

    def names_of(self, key: str, part: str) -> tuple[str, ...]:
        """What the dataset calls the dimensions of a vector column, or () when it does not."""
        feature = self.features[key]
        dim = dimensions(feature)
        names = dimension_names(feature, dim, "")
        generic = all(name.strip("_").isdigit() or name.startswith("motor_") for name in names)
        better = modality_names(self.modality, part, dim) if generic else ()
        return better or (() if names == tuple(map(str, range(dim))) else names)

    # --- what a dataset answers -------------------------------------------------------------------------------------

    @cached_property
    def available(self) -> tuple[int, ...]:
        return tuple(self._episodes.indices[self._episodes.here()].tolist())

    @cached_property
    def missing(self) -> tuple[str, ...]:
        out = []
        absent = len(self) - len(self.available)
        if absent:
            out.append(f"The files of {absent} of {len(self)} episodes are not here.")
        for name, count in (("total_episodes", len(self)), ("total_frames", int(self._episodes.lengths.sum()))):
            if self.info.get(name, count) != count:
                out.append(f"meta/info.json says {name} = {self.info[name]}; {count} are listed.")
        if self.available:
            try:
                first = self.episode(self.available[0])
                out += first.missing
                for camera in first.cameras:
                    out += self._codec_differs(camera, first.listing)
            except WamvizError as error:  # a damaged episode is a fact about the dataset, not the end of looking at it
                out.append(str(error))
        return tuple(out)

    def _codec_differs(self, camera: str, listing: Listing) -> list[str]:
        """What a video's own header says, where the metadata says something else."""
        feature = self.camera_features[camera]
        told = str(feature_info(self.features[feature]).get("video.codec") or "")
        if feature not in listing.videos or not told:
            return []
        found = video_info(contained(self.root, listing.videos[feature][0])).codec
        same = {found, found.removeprefix("lib")} | ({"av1"} if found == "libdav1d" else set())
        return [] if told in same else [f"Camera '{camera}': the metadata says {told}, the file is {found}."]

    def outline(self) -> Outline:
        return Outline(self._episodes.texts(), frames=self._episodes.lengths)

    def episode(self, index: int) -> LeRobotEpisode:
        if index not in self._known or index not in self._here:
            raise no_episode(self.title, index, self.indices, self.available)
        listing = self._episodes.listing(index)
        if listing.length < 1:
            raise WamvizError(
                f"Episode {index} of '{self.title}' holds no frame.", "Its length is 0, says the metadata."
            )
        return LeRobotEpisode(self, listing, self._facts.get(index, {}))

    def files_of(self, index: int) -> tuple[str, ...]:
        """Where an episode's rows and videos lie, here or not: names inside the dataset's folder, with ``/``."""
        if index not in self._known:
            raise no_episode(self.title, index, self.indices, ())
        listing = self._episodes.listing(index)
        paths = [listing.data, *(path for path, _ in listing.videos.values())]
        return tuple(path.relative_to(self.root).as_posix() for path in paths)

    @cached_property
    def _known(self) -> frozenset[int]:
        return frozenset(self.indices)

    @cached_property
    def _here(self) -> frozenset[int]:
        return frozenset(self.available)

    def action_space(self) -> ActionSpace | None:
        """What the actions mean: a person's word, the manifest's, a known robot's, the names'; None without actions."""
        return self._meaning[0]

    @cached_property
    def _meaning(self) -> tuple[ActionSpace | None, str]:
        told = self.manifest.get("action_space")
        if told:
            try:
                return self.told.applied(ActionSpace(**told)), f"Written in {layout.MANIFEST}."
            except TypeError as error:
                raise WamvizError(f"The action space in {layout.MANIFEST} cannot be read ({error}).") from error
        key = self.key("actions")
        if key is None:
            return None, "There are no actions."
        robot = str(self.info.get("robot_type") or "")
        names = self.names_of(key, "action")
        return understand(dimensions(self.features[key]), self.fps, names, robot=robot, key=key, layout=self.told)

    def summary(self) -> dict[str, Any]:
        rows = int(self._episodes.lengths.sum())
        space, why = self._meaning
        tasks = self._episodes.instructions() or list(dict.fromkeys(self.tasks.values()))
        cameras = {}
        for name, feature in self.camera_features.items():
            about = feature_info(self.features[feature])
            cameras[name] = {"shape": self.features[feature].get("shape"), "codec": about.get("video.codec")}
        out: dict[str, Any] = {
            "title": self.title,
            "format": f"LeRobot v{self.version}",
            "robot": self.info.get("robot_type"),
            "episodes": len(self),
            "available": len(self.available),
            "frames": rows,
            "seconds": round(rows / self.fps, 2),
            "fps": self.fps,
            "cameras": cameras,
            "actions": None if space is None else space.to_json(),
            "actions_known_by": why,
            "tasks": len(tasks),
            "instructions": tasks[:20],
            "missing": list(self.missing),
        }
        for name in ("license", "world", "versions"):
            if name in self.manifest:
                out[name] = self.manifest[name]
        for name, fact in (("kinds", "kind"), ("origins", "origin")):
            told = [str(facts[fact]) for facts in self._facts.values() if facts.get(fact)]
            if told:
                out[name] = {value: told.count(value) for value in dict.fromkeys(told)}
        return out


class LeRobotEpisode(Episode):
    """One episode; made by ``LeRobotDataset.episode``."""

    def __init__(self, dataset: LeRobotDataset, listing: Listing, facts: Mapping[str, Any]) -> None:
        self._dataset, self.listing = dataset, listing
        self.dataset_title, self.index = dataset.title, listing.index
        every = facts.get("frame_every", 1)  # rows that show the same frame, in an export of a run with rarer frames
        self._every = every if isinstance(every, int) and 0 < every <= max(1, listing.length) else 1
        self.fps = dataset.fps / self._every
        self.source = f"{dataset.name}#{listing.index}"
        kept_apart = ("cameras", "episode_index", "rows_without_action")
        self.facts = {name: value for name, value in facts.items() if name not in kept_apart}
        self._told_closing = facts.get("rows_without_action")
        cameras = facts.get("cameras", {})
        self._cameras: Mapping[str, Any] = cameras if isinstance(cameras, Mapping) else {}
        features = dataset.camera_features
        self._has_data = listing.data.is_file()
        self.cameras = tuple(name for name, key in features.items() if self._has_pictures(key))
        lacking = [f"Camera '{name}' is declared, but its files are not here." for name in features
                   if name not in self.cameras]  # fmt: skip
        if not self._has_data:
            lacking.append(f"'{listing.data.name}' is not here, so there are no actions and no states.")
        self.missing = tuple(lacking)
        key = dataset.key("states")
        self.state_names = () if key is None else dataset.names_of(key, "state")
        self.instruction = self._told() if listing.instruction is None else listing.instruction
        self.calibrate(dataset.told)

    def _told(self) -> str:
        """The instruction by way of the rows' task_index, where the list of episodes has none."""
        if not self._has_data:
            return ""
        column = self.column("task_index")
        return "" if column is None else self._dataset.tasks.get(int(column[0, 0]), "")

    def _has_pictures(self, feature: str) -> bool:
        if self._dataset.features[feature]["dtype"] == "image":
            return self._has_data and feature in self._columns
        video = self.listing.videos.get(feature)
        return video is not None and video[0].is_file()

    @cached_property
    def _columns(self) -> list[str]:
        return column_names(contained(self._dataset.root, self.listing.data)) if self._has_data else []

    @cached_property
    def _table(self) -> pa.Table:
        """The rows of this episode, without pictures."""
        pictures = {name for name, feature in self._dataset.features.items() if feature.get("dtype") == "image"}
        return self._rows([name for name in self._columns if name not in pictures])

    def _rows(self, names: list[str]) -> pa.Table:
        """Some columns of this episode's rows."""
        path = self.listing.data
        only = self.index if "episode_index" in self._columns else None
        table = read_columns(contained(self._dataset.root, path), names, only)
        if table.num_rows < max(1, self.listing.length):
            raise WamvizError(
                f"'{path.name}' holds {table.num_rows} rows of episode {self.index}, not {self.listing.length}.",
                "The file is cut short or belongs to another dataset; download it again.",
            )
        return table.slice(0, self.listing.length)

    def column(self, name: str) -> NDArray[Any] | None:
        """The (T, D) numbers of a column, or None when the episode has no such column."""
        return numbers(self._table.column(name), name) if name in self._columns else None

    @property
    def _closing(self) -> int:
        """How many rows at the end only hold frames after the last action: told of the episode, else of all (1)."""
        told = self._told_closing
        if isinstance(told, int) and not isinstance(told, bool):
            return min(max(told, 0), self.listing.length - 1)
        return int(bool(self._dataset.manifest.get("closing_row")) and self.listing.length > 1)

    @property
    def length(self) -> int:
        return self.listing.length - self._closing

    @property
    def frame_count(self) -> int:
        return (self.listing.length - 1) // self._every + 1

    @property
    def action_space(self) -> ActionSpace | None:
        return self._dataset.action_space() if self._has_data else None

    @cached_property
    def actions(self) -> Floats | None:
        values, space = self._vector("actions", ACTION_KEYS), self.action_space
        if values is None or space is None:
            return None
        if values.shape[1] != space.dim:
            raise WamvizError(
                f"An action of episode {self.index} has {values.shape[1]} numbers; the metadata says {space.dim}.",
                "The metadata does not belong to this file.",
            )
        return values[: self.length]

    @cached_property
    def states(self) -> Floats | None:
        return self._vector("states", STATE_KEYS)

    def _vector(self, part: str, keys: tuple[str, ...]) -> Floats | None:
        """The (T, D) float32 of the actions or states; the metadata's column, else one of the usual names."""
        key = self._dataset.key(part)
        if key not in self._columns:
            key = first_key(self._columns, keys)
        values = None if key is None else self.column(key)
        return None if values is None else check_floats(values, f"The {part} of episode {self.index}")

    @property
    def success(self) -> bool | None:
        if "success" in self.facts:
            return None if self.facts["success"] is None else bool(self.facts["success"])
        column = self.column("next.success")
        return None if column is None else bool(np.asarray(column).any())

    def world_state(self, frame: int) -> WorldState | None:
        self._check_frame(frame)
        snapshots = self._snapshots
        world, seed = self._dataset.manifest.get("world"), self.facts.get("seed")
        if snapshots is None or world is None or seed is None:
            return None
        return WorldState(str(world), int(seed), snapshots[frame].copy())

    @cached_property
    def _snapshots(self) -> NDArray[np.float64] | None:
        values = self.column(layout.SNAPSHOT_KEY)
        return None if values is None else values.astype(np.float64)

    def camera_model(self, camera: str, frame: int = 0) -> Camera | None:
        self._check_frame(frame)
        if camera in self.calibration:
            return self.calibration[camera]
        model = self._cameras.get(self._known(camera))
        if model is None:
            return None
        poses = self.column(layout.pose_key(camera))
        pose = model["world_from_camera"] if poses is None else poses[frame].reshape(4, 4)
        return Camera(**{**model, "world_from_camera": pose})

    def camera_moves(self, camera: str) -> bool:
        return layout.pose_key(camera) in self._columns and camera not in self.calibration

    def _decode(self, camera: str, start: int, stop: int) -> Frames:
        feature = self._dataset.camera_features[camera]
        first, count = start * self._every, (stop - start - 1) * self._every + 1  # rows
        if self._dataset.features[feature]["dtype"] == "image":
            return self._pictures(feature, first, first + count)[:: self._every]
        path, begins = self.listing.videos[feature]
        path, fps = contained(self._dataset.root, path), self._dataset.fps
        return read_video_span(path, begins + first / fps, count, fps)[:: self._every]

    def _pictures(self, feature: str, start: int, stop: int) -> Frames:
        """Frames kept as pictures inside the parquet file, or beside it under the name that it holds."""
        column = self._rows([feature]).column(feature)
        frames = []
        with readable(self.listing.data):
            for row in column.slice(start, stop - start).to_pylist():
                if not isinstance(row, Mapping) or not (row.get("bytes") or row.get("path")):
                    raise WamvizError(f"Column '{feature}' of episode {self.index} holds no pictures.")
                root = self._dataset.root
                frames.append(read_image(row.get("bytes") or contained(root, inside(root, str(row["path"])))))
        if len({frame.shape for frame in frames}) > 1:
            raise WamvizError(f"The pictures in '{feature}' of episode {self.index} differ in size.")
        return np.stack(frames)

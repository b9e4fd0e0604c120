"""Read LeRobot datasets, v3.0 and v2.0/v2.1, without lerobot.

Contract: opening reads ``meta/`` only; an episode reads its rows once and decodes the frames that are asked for. Bad
metadata, missing or damaged files raise ``WamvizError``; a partial download opens and says what is there. Nothing
outside the dataset's folder is ever opened. ``meta/wamviz.json``, where present, adds what LeRobot has no place for.

Both versions come down to one shape: episode -> (parquet file, camera -> (mp4 file, seconds at which it begins)).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from wamviz.datasets import layout
from wamviz.datasets.base import Dataset, Episode
from wamviz.datasets.layout import camera_name, dimension_names, fill
from wamviz.datasets.staging import read_json
from wamviz.errors import WamvizError
from wamviz.media import read_image, read_video_span
from wamviz.rollout import ActionSpace, Camera, Floats, Frames, WorldState

ACTION_KEYS = ("action", "actions")
STATE_KEYS = ("observation.state", "state", "observation.states")
SUPPORTED = "LeRobot v2.0, v2.1 and v3.0 can be read."


@dataclass(frozen=True)
class Listing:
    """One episode as the metadata has it: ``length`` rows, of which ``start`` is the first in ``data``'s count."""

    index: int
    instruction: str
    length: int
    data: Path
    videos: Mapping[str, tuple[Path, float]] = field(default_factory=dict)  # feature -> (mp4, seconds it begins at)


class LeRobotDataset(Dataset):
    """A LeRobot dataset on disk.

    Args:
        root: the folder that holds ``meta/info.json``.
        name: how SOURCE strings call it; the path as it was given when None.

    Raises:
        WamvizError: no such dataset, an unsupported version, or metadata that cannot be read.
    """

    def __init__(self, root: str | Path, name: str | None = None) -> None:
        self.root = Path(root)
        self.name = str(root) if name is None else name
        self.info = read_json(self.root / "meta/info.json")
        version = str(self.info.get("codebase_version", "")).removeprefix("v")
        if version.split(".")[0] not in ("2", "3"):
            raise WamvizError(
                f"'{self.root.name}' is a LeRobot dataset of version '{version or 'unknown'}'.", SUPPORTED
            )
        self.version = version
        self.fps = _positive(self.info.get("fps"), "fps")
        features = self.info.get("features")
        if not isinstance(features, dict) or not all(isinstance(feature, dict) for feature in features.values()):
            raise WamvizError(f"meta/info.json of '{self.root.name}' lists no features.")
        self.features: dict[str, dict[str, Any]] = features
        manifest = self.root / layout.MANIFEST
        self.manifest = read_json(manifest) if manifest.exists() else {}
        self.title = str(self.manifest.get("title") or self.root.resolve().name)
        try:
            listings = self._listings_v3() if version.startswith("3") else self._listings_v2()
        except (KeyError, TypeError, ValueError, IndexError, OSError, pa.ArrowException) as error:
            if isinstance(error, WamvizError):
                raise
            raise WamvizError(f"The metadata of '{self.root.name}' is incomplete or damaged ({error}).") from error
        self._listings = {listing.index: listing for listing in listings}
        self.indices = tuple(self._listings)
        told = self.manifest.get("episodes", [])
        self._facts = {int(facts["episode_index"]): facts for facts in told if "episode_index" in facts}

    # --- metadata ---------------------------------------------------------------------------------------------------

    @property
    def camera_features(self) -> dict[str, str]:
        """View name -> feature, the main view first."""
        found = {camera_name(n): n for n, f in self.features.items() if f.get("dtype") in ("video", "image")}
        main = self.manifest.get("main_camera")
        return dict(sorted(found.items(), key=lambda item: item[0] != main))

    def _listings_v3(self) -> list[Listing]:
        video_keys = [name for name, feature in self.features.items() if feature.get("dtype") == "video"]
        data_path = self.info.get("data_path") or layout.DATA_PATH
        video_path = self.info.get("video_path") or layout.VIDEO_PATH
        tables = []
        for path in sorted((self.root / "meta/episodes").glob("*/*.parquet")):
            names = [name for name in pq.read_schema(path).names if not name.startswith("stats/")]
            tables.append(pq.read_table(path, columns=names))
        if not tables:
            raise WamvizError(f"'{self.root.name}' has no meta/episodes; it is not a whole v3.0 dataset.")
        listings = []
        for row in pa.concat_tables(tables, promote_options="default").to_pylist():
            index = int(row["episode_index"])
            place = {"chunk_index": int(row["data/chunk_index"]), "file_index": int(row["data/file_index"])}
            videos = {}
            for key in video_keys:
                if row.get(f"videos/{key}/chunk_index") is None:
                    continue  # declared in info.json, never recorded
                spot = {name: int(row[f"videos/{key}/{name}"]) for name in ("chunk_index", "file_index")}
                path = fill(self.root, video_path, video_key=key, **spot)
                videos[key] = (path, float(row[f"videos/{key}/from_timestamp"]))
            text = _instruction(row.get("tasks"))
            listings.append(Listing(index, text, int(row["length"]), fill(self.root, data_path, **place), videos))
        return listings

    def _listings_v2(self) -> list[Listing]:
        video_keys = [name for name, feature in self.features.items() if feature.get("dtype") == "video"]
        data_path = self.info.get("data_path") or "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
        video_path = self.info.get("video_path") or (
            "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
        )
        chunks = int(_positive(self.info.get("chunks_size", layout.CHUNKS_SIZE), "chunks_size"))
        listings = []
        for line in (self.root / "meta/episodes.jsonl").read_text(encoding="utf-8").splitlines():
            if not line.strip():
                continue
            row = json.loads(line)
            index = int(row["episode_index"])
            place = {"episode_chunk": index // chunks, "episode_index": index}
            videos = {key: (fill(self.root, video_path, video_key=key, **place), 0.0) for key in video_keys}
            text = _instruction(row.get("tasks"))
            listings.append(Listing(index, text, int(row["length"]), fill(self.root, data_path, **place), videos))
        return listings

    # --- what a dataset answers -------------------------------------------------------------------------------------

    @cached_property
    def available(self) -> tuple[int, ...]:
        exists: dict[Path, bool] = {}  # many episodes share a file

        def here(path: Path) -> bool:
            if path not in exists:
                exists[path] = path.is_file()
            return exists[path]

        return tuple(i for i, listing in self._listings.items() if here(listing.data))

    def episode(self, index: int) -> LeRobotEpisode:
        if index not in self._listings:
            first, last = min(self.indices, default=0), max(self.indices, default=0)
            raise WamvizError(f"'{self.title}' has no episode {index}.", f"Its episodes are {first} .. {last}.")
        if index not in self.available:
            some = ", ".join(map(str, self.available[:10])) or "none"
            raise WamvizError(f"The files of episode {index} of '{self.title}' are not here.", f"Here are: {some}.")
        return LeRobotEpisode(self, self._listings[index], self._facts.get(index, {}))

    def action_space(self) -> ActionSpace | None:
        """What the actions mean: the manifest's word, else the names alone; None when there are no actions."""
        told = self.manifest.get("action_space")
        if told:
            return ActionSpace(**told)
        key = first_key(self.features, ACTION_KEYS)
        if key is None:
            return None
        dim = int(np.prod(self.features[key].get("shape") or [1]))
        names = dimension_names(self.features[key], dim, "a")
        return ActionSpace(names=names, units=("",) * dim, kind="unnamed", rate=self.fps)

    def summary(self) -> dict[str, Any]:
        rows = sum(listing.length for listing in self._listings.values())
        space = self.action_space()
        tasks = list(dict.fromkeys(listing.instruction for listing in self._listings.values()))
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
            "tasks": len(tasks),
            "instructions": tasks[:20],
        }
        for name in ("license", "world", "versions"):
            if name in self.manifest:
                out[name] = self.manifest[name]
        kinds = [facts.get("kind") for facts in self._facts.values() if facts.get("kind")]
        if kinds:
            out["kinds"] = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
        return out


class LeRobotEpisode(Episode):
    """One episode; made by ``LeRobotDataset.episode``."""

    def __init__(self, dataset: LeRobotDataset, listing: Listing, facts: Mapping[str, Any]) -> None:
        self._dataset, self._listing = dataset, listing
        self.dataset_title, self.index = dataset.title, listing.index
        self.instruction, self.fps = listing.instruction, dataset.fps
        self.source = f"{dataset.name}#{listing.index}"
        self.facts = {name: value for name, value in facts.items() if name not in ("cameras", "episode_index")}
        self._cameras: Mapping[str, Any] = facts.get("cameras", {})
        features = dataset.camera_features
        self.cameras = tuple(name for name, key in features.items() if self._has_pictures(key))

    def _has_pictures(self, feature: str) -> bool:
        if self._dataset.features[feature]["dtype"] == "image":
            return True
        video = self._listing.videos.get(feature)
        return video is not None and video[0].is_file()

    @cached_property
    def _table(self) -> pa.Table:
        """The rows of this episode, without pictures."""
        path = self._listing.data
        pictures = {name for name, feature in self._dataset.features.items() if feature.get("dtype") == "image"}
        try:
            names = [name for name in pq.read_schema(path).names if name not in pictures]
            mine = [("episode_index", "=", self.index)] if "episode_index" in names else None
            table = pq.read_table(path, columns=names, filters=mine)
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            raise WamvizError(f"'{path.name}' is damaged or cut short ({error}).", "Download it again.") from error
        if table.num_rows < max(1, self._listing.length):
            raise WamvizError(
                f"'{path.name}' holds {table.num_rows} rows of episode {self.index}, not {self._listing.length}.",
                "The file is cut short or belongs to another dataset; download it again.",
            )
        return table.slice(0, self._listing.length)

    def column(self, name: str) -> NDArray[Any] | None:
        """The (T, D) numbers of a column, or None when the dataset has no such column."""
        if name not in self._table.column_names:
            return None
        values = self._table.column(name).to_pylist()
        try:
            return np.asarray(values).reshape(len(values), -1)
        except ValueError as error:
            raise WamvizError(f"The rows of '{name}' differ in length.") from error

    @property
    def _closing(self) -> int:
        """1 when the last row only holds the frame after the last action."""
        return int(bool(self._dataset.manifest.get("closing_row")) and self._listing.length > 1)

    @property
    def length(self) -> int:
        return self._listing.length - self._closing

    @property
    def frame_count(self) -> int:
        return self._listing.length

    @property
    def action_space(self) -> ActionSpace | None:
        return self._dataset.action_space()

    @cached_property
    def actions(self) -> Floats | None:
        key = first_key(self._table.column_names, ACTION_KEYS)
        values = None if key is None else self.column(key)
        return None if values is None else values[: self.length].astype(np.float32)

    @cached_property
    def states(self) -> Floats | None:
        key = first_key(self._table.column_names, STATE_KEYS)
        values = None if key is None else self.column(key)
        return None if values is None else values.astype(np.float32)

    @property
    def success(self) -> bool | None:
        if "success" in self.facts:
            return None if self.facts["success"] is None else bool(self.facts["success"])
        column = self.column("next.success")
        return None if column is None else bool(column.any())

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
        model = self._cameras.get(self._known(camera))
        if model is None:
            return None
        poses = self.column(layout.pose_key(camera))
        pose = model["world_from_camera"] if poses is None else poses[frame].reshape(4, 4)
        return Camera(**{**model, "world_from_camera": pose})

    def camera_moves(self, camera: str) -> bool:
        return layout.pose_key(camera) in self._table.column_names

    def _decode(self, camera: str, start: int, stop: int) -> Frames:
        feature = self._dataset.camera_features[camera]
        if self._dataset.features[feature]["dtype"] == "image":
            return self._pictures(feature, start, stop)
        path, begins = self._listing.videos[feature]
        return read_video_span(path, begins + start / self.fps, stop - start, self.fps)

    def _pictures(self, feature: str, start: int, stop: int) -> Frames:
        """Frames kept as pictures inside the parquet file."""
        mine = [("episode_index", "=", self.index)]
        rows = pq.read_table(self._listing.data, columns=[feature], filters=mine).column(feature)
        return np.stack([read_image(row["bytes"]) for row in rows.slice(start, stop - start).to_pylist()])


def first_key(names: Any, wanted: tuple[str, ...]) -> str | None:
    """The first of ``wanted`` that is among ``names``, or None."""
    return next((name for name in wanted if name in names), None)


def feature_info(feature: Mapping[str, Any]) -> Mapping[str, Any]:
    """The block that describes a video feature; v2.0 called it ``video_info``."""
    about = feature.get("info") or feature.get("video_info") or {}
    return about if isinstance(about, Mapping) else {}


def _instruction(tasks: Any) -> str:
    """The first task's text; some datasets keep a single text instead of a list."""
    return tasks if isinstance(tasks, str) else str(next(iter(tasks or ()), ""))


def _positive(value: Any, name: str) -> float:
    if not isinstance(value, int | float) or not 0 < value < 1e6:
        raise WamvizError(f"meta/info.json says {name} = {value!r}, which is no number above 0.")
    return float(value)

"""Read LeRobot datasets, v3.0 and v2.0/v2.1, without lerobot.

Contract: opening reads ``meta/`` only; an episode reads its rows once and decodes the frames that are asked for. Bad
metadata, missing or damaged files raise ``WamvizError``; a partial download opens and says what is missing. Nothing
outside the dataset's folder is ever opened. ``meta/wamviz.json``, where present, adds what LeRobot has no place for.

All versions come down to one shape: episode -> (parquet file, camera -> (mp4 file, seconds at which it begins)).
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from wamviz.core.errors import WamvizError, unknown_name
from wamviz.core.media import video_info
from wamviz.core.rollout import ActionSpace
from wamviz.datasets.action_semantics import ActionSpaceOverride, infer_action_space, modality_names
from wamviz.datasets.containers.parquet import is_numeric, read_columns, schema_of, width_of
from wamviz.datasets.containers.pictures import is_pictures
from wamviz.datasets.files import contained, read_json
from wamviz.datasets.formats.lerobot import layout
from wamviz.datasets.formats.lerobot.episode import LeRobotEpisode
from wamviz.datasets.formats.lerobot.layout import camera_name, dimension_names, dimensions, feature_info, first_key
from wamviz.datasets.formats.lerobot.metadata import EpisodeTable, Listing, rate_of, task_texts, version_of
from wamviz.datasets.protocol import Dataset, Outline, no_episode

ACTION_KEYS = ("action", "actions")
STATE_KEYS = ("observation.state", "state", "observation.states")
# Where there is none of these: datasets that keep a column for each part (arm, hand ...), which belong side by side.
PARTS = {"actions": ("action.", "actions."), "states": ("observation.state.", "observation.states.", "state.")}
VIEWS = ("video", "image")


class LeRobotDataset(Dataset):
    """A LeRobot dataset on disk.

    Args:
        root: the folder that holds ``meta/info.json``.
        name: how SOURCE strings call it; the path as it was given when None.
        override: a person's correction of what the numbers mean.

    Raises:
        WamvizError: no such dataset, an unsupported version, or metadata that cannot be read.
    """

    def __init__(self, root: str | Path, name: str | None = None, override: ActionSpaceOverride | None = None) -> None:
        self.root = Path(root)
        self.name = str(root) if name is None else name
        self.override = override or ActionSpaceOverride()
        self.info = read_json(contained(self.root, self.root / "meta/info.json"))
        self._odd: list[str] = []
        self.version = version_of(self.root, self.info, self._odd)
        features = self.info.get("features")
        if not isinstance(features, dict) or not all(isinstance(feature, dict) for feature in features.values()):
            raise WamvizError(f"meta/info.json of '{self.root.name}' lists no features.")
        self.features: dict[str, dict[str, Any]] = features
        self.fps = self.override.fps or rate_of(self.info, self._odd)
        self.manifest = self._beside(layout.MANIFEST)
        self.title = str(self.manifest.get("title") or self.root.resolve().name)
        views = {name: str(feature["dtype"]) for name, feature in features.items() if feature.get("dtype") in VIEWS}
        self._videos = [name for name, dtype in views.items() if dtype == "video"]
        self._episodes = EpisodeTable(self.root, self.info, self.version, list(views))
        self.indices = tuple(self._episodes.indices.tolist())
        facts = self.manifest.get("episodes", [])
        if not isinstance(facts, list) or not all(isinstance(fact, dict) for fact in facts):
            raise WamvizError(f"'{layout.MANIFEST}' must list its episodes as JSON objects.")
        self._facts = {fact["episode_index"]: fact for fact in facts if isinstance(fact.get("episode_index"), int)}

    def _beside(self, name: str) -> dict[str, Any]:
        """An optional JSON file of the dataset."""
        path = self.root / name
        return read_json(contained(self.root, path)) if path.exists() else {}

    @cached_property
    def camera_features(self) -> dict[str, str]:
        """View name -> feature, the main view first and depth last."""
        found: dict[str, str] = {}
        for name, feature in self.features.items():
            if feature.get("dtype") in VIEWS:  # two that would be called alike are both shown
                names = (camera_name(name), name, f"{name} ({len(found) + 1})")
                found[next(free for free in names if free not in found)] = name
        if not found:
            found = {camera_name(n): n for n, f in self._undeclared.items() if f["dtype"] == "image"}
        main = self.manifest.get("main_camera")
        return dict(sorted(found.items(), key=lambda item: (item[0] != main, layout.is_depth(self._feature(item[1])))))

    def _feature(self, name: str) -> dict[str, Any]:
        return self.features[name] if name in self.features else self._undeclared[name]

    @cached_property
    def _undeclared(self) -> dict[str, dict[str, Any]]:
        """What the rows hold and ``meta/info.json`` does not list, by the first file that is here."""
        try:
            rows = (self._episodes.listing(index) for index in self.available)
            path = next((listing.data for listing in rows if listing.data.is_file()), None)
            if path is None:
                return {}
            schema = schema_of(contained(self.root, path))
            out: dict[str, dict[str, Any]] = {}
            for name in schema.names:
                kind = schema.field(name).type
                if name in self.features or name in layout.DEFAULT_FEATURES:
                    continue
                if is_pictures(kind):
                    out[name] = {"dtype": "image", "shape": None}
                elif is_numeric(kind) and name in (*ACTION_KEYS, *STATE_KEYS):
                    out[name] = {"dtype": "float32", "shape": [width_of(read_columns(path, [name]).column(name))]}
            return out
        except WamvizError:
            return {}  # a damaged file says so itself when its episode is opened

    @cached_property
    def modality(self) -> dict[str, Any]:
        """GR00T's ``meta/modality.json``, or nothing where there is none or it cannot be read, which is told."""
        try:
            return self._beside("meta/modality.json")
        except WamvizError as error:
            self._odd.append(f"{error.message} The dimensions have no names from it.")
            return {}

    @cached_property
    def tasks(self) -> dict[int, str]:
        """task_index -> text."""
        return task_texts(self.root)

    def keys(self, part: str) -> tuple[str, ...]:
        """The columns that hold the ``actions`` or the ``states``; a layout's word wins. () when there are none."""
        wanted = getattr(self.override, part)
        if wanted is not None:
            if wanted not in self.features:
                raise unknown_name(f"column for the {part}", wanted, self.features)
            return (str(wanted),)
        usual = ACTION_KEYS if part == "actions" else STATE_KEYS
        key = first_key(self.features, usual)
        if key is None:
            split = [n for n, f in self.features.items() if n.startswith(PARTS[part]) and _is_vector(f)]
            if split:
                return tuple(split)
            key = first_key(self._undeclared, usual)
        return () if key is None else (key,)

    def names_of_part(self, part: str) -> tuple[str, ...]:
        """What the dataset calls the numbers of the ``actions`` or ``states``, or () when it does not."""
        keys = self.keys(part)
        if len(keys) == 1:
            return self.names_of(keys[0], "action" if part == "actions" else "state")
        names: list[str] = []
        for key in keys:  # told apart by their columns
            dim, inner = dimensions(self._feature(key)), self.names_of(key, "")
            short = key.removeprefix(next(prefix for prefix in PARTS[part] if key.startswith(prefix)))
            stems = inner or (("",) if dim == 1 else tuple(map(str, range(dim))))
            names += [f"{short}.{stem}" if inner else f"{short}{stem}" for stem in stems]
        return tuple(names)

    def names_of(self, key: str, part: str) -> tuple[str, ...]:
        """What the dataset calls the dimensions of a vector column, or () when it does not."""
        feature = self._feature(key)
        dim = dimensions(feature)
        names = dimension_names(feature, dim, "")
        generic = all(name.strip("_").isdigit() or name.startswith("motor_") for name in names)
        better = modality_names(self.modality, part, dim) if generic else ()
        return better or (() if names == tuple(map(str, range(dim))) else names)

    def first_row(self, index: int) -> int:
        """Which row of its file an episode begins at, by the list of episodes."""
        return self._episodes.first_row(index)

    # --- what a dataset answers -------------------------------------------------------------------------------------

    @cached_property
    def available(self) -> tuple[int, ...]:
        return tuple(self._episodes.indices[self._episodes.here()].tolist())

    @cached_property
    def missing(self) -> tuple[str, ...]:
        self.action_space()  # what it cannot read is told below
        out = [*self._odd, *self._episodes.notes]
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
        told = str(feature_info(self._feature(feature)).get("video.codec") or "")
        if feature not in listing.videos or not told or not listing.videos[feature][0].is_file():
            return []
        found = video_info(contained(self.root, listing.videos[feature][0])).codec
        if told in (found, f"lib{found}") or (told, found) == ("libsvtav1", "av1"):
            return []
        return [f"Camera '{camera}': the metadata says {told}, the file is {found}."]

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
        paths = [listing.data, *(path for key, (path, _) in listing.videos.items() if key in self._videos)]
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
                return self.override.applied(ActionSpace(**told)), f"Written in {layout.MANIFEST}."
            except TypeError as error:
                raise WamvizError(f"The action space in {layout.MANIFEST} cannot be read ({error}).") from error
        keys = self.keys("actions")
        if not keys:
            return None, "There are no actions."
        robot, names = str(self.info.get("robot_type") or ""), self.names_of_part("actions")
        dim, key = sum(dimensions(self._feature(key)) for key in keys), keys[0] if len(keys) == 1 else ""
        space, why = infer_action_space(dim, self.fps, names, robot=robot, key=key, override=self.override)
        if len(keys) > 1:
            why = f"Put together from the columns {', '.join(keys)}; choose one with a layout's 'actions'. {why}"
        elif key not in self.features:
            why = f"Column '{key}' is not listed in meta/info.json. {why}"
        return space, why

    def summary(self) -> dict[str, Any]:
        rows = int(self._episodes.lengths.sum())
        space, why = self._meaning
        tasks = self._episodes.instructions() or list(dict.fromkeys(self.tasks.values()))
        cameras = {}
        for name, feature in self.camera_features.items():
            about = feature_info(self._feature(feature))
            shape, codec = layout.picture_shape(self._feature(feature)), about.get("video.codec")
            cameras[name] = {"shape": shape, "codec": codec if isinstance(codec, str) else None}
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


def _is_vector(feature: dict[str, Any]) -> bool:
    """Whether a feature is declared as numbers."""
    return str(feature.get("dtype", "")).startswith(("float", "int", "uint", "double"))


__all__ = ["LeRobotDataset", "LeRobotEpisode"]

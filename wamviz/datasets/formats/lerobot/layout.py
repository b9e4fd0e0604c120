"""The LeRobot layout as constants and pure functions, shared by the reader and the writer.

Contract: path templates are filled lexically and can never leave the dataset's folder; names of vector features are
flattened whatever form the dataset chose. Knows no file content.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wamviz.core.errors import InvalidInput
from wamviz.datasets.files import inside

DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
CHUNKS_SIZE = 1000  # files a chunk folder
DATA_FILE_MB = 100
VIDEO_FILE_MB = 200
MANIFEST = "meta/wamviz.json"  # what LeRobot has no place for: action space, seeds, success, calibration, versions
CAMERA_PREFIXES = ("observation.images.", "observation.image.")
SNAPSHOT_KEY = "world.snapshot"

# Columns that every dataset has; `timestamp` restarts in each episode, `index` does not.
DEFAULT_FEATURES: dict[str, dict[str, Any]] = {
    "timestamp": {"dtype": "float32", "shape": [1], "names": None},
    "frame_index": {"dtype": "int64", "shape": [1], "names": None},
    "episode_index": {"dtype": "int64", "shape": [1], "names": None},
    "index": {"dtype": "int64", "shape": [1], "names": None},
    "task_index": {"dtype": "int64", "shape": [1], "names": None},
}

_FIELD = re.compile(r"\{(\w+)(?::0?(\d{0,2})d)?\}")


def fill(root: Path, template: str, **values: int | str) -> Path:
    """The path inside ``root`` that ``template`` names, e.g. ``data/chunk-{chunk_index:03d}/file.parquet``.

    Raises:
        InvalidInput: an unknown field.
        Unsafe: a path that leaves ``root``. Links are not followed: download caches use them.
    """

    def one(match: re.Match[str]) -> str:
        name, width = match.group(1), int(match.group(2) or 0)
        if name not in values:
            raise InvalidInput(
                f"The path template '{template}' has an unknown field '{name}'.", "Check meta/info.json."
            )
        return str(values[name]).zfill(width)

    return inside(root, _FIELD.sub(one, template))


def fields_of(template: str) -> list[str]:
    """The fields of a path template."""
    return [match.group(1) for match in _FIELD.finditer(template)]


def as_format(template: str) -> str:
    """A path template for ``str.format``, many times faster than ``fill``; only after ``fill`` has judged it."""
    parts, at = [], 0
    for match in _FIELD.finditer(template):
        name, width = match.group(1), match.group(2)
        literal = template[at : match.start()].replace("{", "{{").replace("}", "}}")
        parts += [literal, f"{{{name}:0>{width}}}" if width else f"{{{name}}}"]
        at = match.end()
    return "".join([*parts, template[at:].replace("{", "{{").replace("}", "}}")])


def camera_name(feature: str) -> str:
    """``observation.images.wrist`` -> ``wrist``; other keys stay as they are."""
    for prefix in CAMERA_PREFIXES:
        if feature.startswith(prefix) and len(feature) > len(prefix):
            return feature[len(prefix) :]
    return feature


def dimension_names(feature: Mapping[str, Any], dim: int, stem: str) -> tuple[str, ...]:
    """One name a dimension from a flat list, a nested list, a dict of lists or a dict of indices; else ``stem0`` ..."""
    names: Any = feature.get("names")
    if isinstance(names, Mapping):
        if names and all(isinstance(value, int) for value in names.values()):
            names = sorted(names, key=lambda name: names[name])
        else:
            names = list(names.values())
    flat: list[str] = []
    pending: list[Any] = list(names) if isinstance(names, list | tuple) else []
    while pending:
        item = pending.pop(0)
        if isinstance(item, Mapping):
            item = list(item) if all(isinstance(value, int) for value in item.values()) else list(item.values())
        if isinstance(item, list | tuple):
            pending = [*item, *pending]
        else:
            flat.append(str(item))
    return tuple(flat) if len(flat) == dim else tuple(f"{stem}{i}" for i in range(dim))


def pose_key(camera: str) -> str:
    """The column with the pose of a camera that moves: (16,) float64, world_from_camera row by row, metres."""
    return f"camera.{camera}.world_from_camera"


def first_key(names: Any, wanted: tuple[str, ...]) -> str | None:
    """The first of ``wanted`` that is among ``names``, or None."""
    return next((name for name in wanted if name in names), None)


def feature_info(feature: Mapping[str, Any]) -> Mapping[str, Any]:
    """The block that describes a video feature; v2.0 called it ``video_info``."""
    about = feature.get("info") or feature.get("video_info") or {}
    return about if isinstance(about, Mapping) else {}


def dimensions(feature: Mapping[str, Any]) -> int:
    """How many numbers a row of a vector feature has, as the metadata says."""
    shape = feature.get("shape") or [1]
    shape = [shape] if isinstance(shape, int) else shape
    if not isinstance(shape, list | tuple) or not all(isinstance(side, int) and 0 < side < 10**6 for side in shape):
        raise InvalidInput(
            f"meta/info.json says that a feature has shape {shape!r}.", "A shape is a list of whole numbers."
        )
    return int(np.prod(shape))


def picture_shape(feature: Mapping[str, Any]) -> list[int] | None:
    """The shape that the metadata say a view has, or None where they say nothing that could be one."""
    shape = feature.get("shape")
    good = isinstance(shape, list) and all(isinstance(side, int) and not isinstance(side, bool) for side in shape)
    return list(shape) if isinstance(shape, list) and good else None


def is_depth(feature: Mapping[str, Any]) -> bool:
    """Whether a view shows distances and no colours."""
    about = feature_info(feature)
    return bool(about.get("is_depth_map") or about.get("video.is_depth_map"))

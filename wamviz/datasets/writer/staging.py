"""Finished episodes on their way into a dataset: one folder an episode, each whole or absent.

Contract: a staging folder holds ``plan.json`` (what every episode has) and ``episode-KEY`` folders that appear by
renaming. Several processes may stage different keys at once, and a run that was stopped goes on with what is there.
The order of the keys is the order of the dataset, whoever staged them. Axis letters: n rows, D numbers a row.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput, Unavailable, unknown_name
from wamviz.core.media import MATRICES, write_mp4
from wamviz.datasets.files import read_json
from wamviz.datasets.formats.lerobot.layout import DEFAULT_FEATURES
from wamviz.datasets.writer.stats import column_stats, picture_stats

NUMBERS = {"float32": pa.float32(), "float64": pa.float64(), "int64": pa.int64(), "bool": pa.bool_()}
_FOLDER = re.compile(r"episode-(\d{12})")


@dataclass(frozen=True)
class DatasetSchema:
    """What every episode of a dataset has in common.

    Attributes:
        features: name -> {"dtype", "shape", "names"}; dtype ``video`` with shape [H, W, 3], or a number of shape [D].
        fps: rows and frames a second, a whole number above 0 (LeRobot keeps no other).
        robot_type: e.g. ``"panda"``.
        crf, keyframe_every: video quality and the distance of key frames.
        without_stats: columns for which no statistics are kept.
        about: JSON-ready facts that must be the same for every episode (versions, sizes ...).
        matrix: of the colours, see ``media.write_mp4``.
    """

    features: Mapping[str, Mapping[str, Any]]
    fps: int
    robot_type: str = ""
    crf: int = 23
    keyframe_every: int = 2
    without_stats: tuple[str, ...] = ()
    about: Mapping[str, Any] | None = None
    matrix: str = "bt709"

    def __post_init__(self) -> None:
        if int(self.fps) != self.fps or self.fps < 1:
            raise InvalidInput(f"A LeRobot dataset needs a whole number of frames a second, not {self.fps}.")
        object.__setattr__(self, "fps", int(self.fps))
        if self.matrix not in MATRICES:
            raise unknown_name("colour matrix", self.matrix, MATRICES)
        for name, feature in self.features.items():
            allowed = ", ".join(("video", *NUMBERS))
            if "/" in name or not name or name in DEFAULT_FEATURES:
                raise InvalidInput(f"A feature cannot be called '{name}'.", "Names have no '/' and are not built in.")
            if feature.get("dtype") not in ("video", *NUMBERS):
                raise InvalidInput(f"Feature '{name}' has dtype '{feature.get('dtype')}'.", f"Allowed: {allowed}.")
            if len(feature.get("shape", ())) != (3 if feature["dtype"] == "video" else 1):
                raise InvalidInput(f"Feature '{name}' needs shape [D], or [H, W, 3] for a video.")

    @property
    def videos(self) -> tuple[str, ...]:
        """Names of the video features."""
        return tuple(name for name, feature in self.features.items() if feature["dtype"] == "video")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features that are numbers."""
        return tuple(name for name, feature in self.features.items() if feature["dtype"] != "video")

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict, equal for equal plans."""
        plan = {name: getattr(self, name) for name in self.__dataclass_fields__}
        if plan["matrix"] == "bt709":
            del plan["matrix"]  # episodes that were staged before there was a choice are of the same plan
        return dict(json.loads(json.dumps(plan)))


def column(values: NDArray[Any], feature: Mapping[str, Any]) -> pa.Array:
    """Rows (n, D) as the Arrow column LeRobot writes: a scalar when D is 1, else a fixed-size list."""
    kind, dim = NUMBERS[feature["dtype"]], feature["shape"][0]
    flat = pa.array(np.ascontiguousarray(values).reshape(-1), kind)
    return flat if dim == 1 else pa.FixedSizeListArray.from_arrays(flat, dim)


def open_staging(folder: Path, plan: DatasetSchema) -> None:
    """Make the staging folder, or go on with one that was made for the same; ``InvalidInput`` when they differ."""
    path, mine = folder / "plan.json", plan.to_json()
    if path.exists():
        theirs = read_json(path)
        changed = sorted(name for name in mine if theirs.get(name) != mine[name])
        if changed:
            raise InvalidInput(
                f"'{folder.name}' holds episodes that were begun with other settings ({', '.join(changed)}).",
                "Use the same settings to go on, or delete that folder to start afresh.",
            )
        for rest in folder.glob(".episode-*"):  # what a stopped run had not finished
            shutil.rmtree(rest, ignore_errors=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, mine)


def stage_episode(
    folder: Path,
    plan: DatasetSchema,
    key: int,
    rows: Mapping[str, NDArray[Any]],
    frames: Mapping[str, NDArray[np.uint8]],
    task: str,
    meta: Mapping[str, Any] | None = None,
) -> None:
    """Encode one episode into ``folder/episode-KEY``, which appears only when it is whole.

    Args:
        key: its place in the order of the dataset, 0 .. 10**12 - 1.
        rows: feature name -> (n, D) numbers, for every feature of the plan that is no video.
        frames: feature name -> (n, H, W, 3) uint8, for every video feature.
        task: the instruction; empty for aimless play.
        meta: JSON-ready facts about this episode, kept in the manifest.

    Raises:
        InvalidInput: a missing, superfluous or misshapen feature, a key that is there already.
    """
    length = _check(plan, rows, frames)
    final = folder / f"episode-{key:012d}"
    if final.exists():
        raise InvalidInput(f"Episode {key} is staged already.")
    draft = folder / f".episode-{key:012d}.{secrets.token_hex(4)}"
    try:
        draft.mkdir()
        stats: dict[str, Any] = {}
        table: dict[str, pa.Array] = {}
        for name in plan.columns:
            values = np.asarray(rows[name]).reshape(length, -1)
            table[name] = column(values, plan.features[name])
            if name not in plan.without_stats:
                stats[name] = column_stats(values)
        for name in plan.videos:
            stats[name] = picture_stats(frames[name])
            options: dict[str, Any] = {"crf": plan.crf, "keyframe_every": plan.keyframe_every, "matrix": plan.matrix}
            write_mp4(draft / f"{name}.mp4", frames[name], plan.fps, **options)
        pq.write_table(pa.table(table), draft / "data.parquet")
        write_json(draft / "episode.json", {"task": task, "length": length, "stats": stats, "meta": dict(meta or {})})
        os.rename(draft, final)
    except OSError as error:
        raise Unavailable(f"Episode {key} cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def staged(folder: Path) -> dict[int, Path]:
    """Key -> folder of every whole episode, in order."""
    found = ((_FOLDER.fullmatch(path.name), path) for path in folder.glob("episode-*"))
    return dict(sorted((int(match.group(1)), path) for match, path in found if match))


def _check(plan: DatasetSchema, rows: Mapping[str, NDArray[Any]], frames: Mapping[str, NDArray[np.uint8]]) -> int:
    """The number of rows, or ``InvalidInput`` when the episode does not follow the plan."""
    for found, wanted in ((rows, plan.columns), (frames, plan.videos)):
        if set(found) != set(wanted):
            odd = sorted(set(found) ^ set(wanted))
            raise InvalidInput(f"The episode's features differ from the plan's: {', '.join(odd)}.")
    lengths = {name: len(values) for name, values in (*rows.items(), *frames.items())}
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise InvalidInput(f"Every feature needs the same number of rows, at least one, not {lengths}.")
    for name, values in (*rows.items(), *frames.items()):
        shape, wanted = tuple(np.shape(values)[1:]), tuple(plan.features[name]["shape"])
        if shape != wanted and not (shape == () and wanted == (1,)):
            raise InvalidInput(f"A row of '{name}' must have shape {wanted}, not {shape}.")
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InvalidInput(f"'{name}' holds a value that is not finite.")
    return next(iter(lengths.values()))


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write as LeRobot does: indented by 4, readable letters."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=4, ensure_ascii=False) + "\n", encoding="utf-8")

"""Write a LeRobot v3.0 dataset: readable by lerobot, by pandas and by ``wamviz.datasets``.

Contract: episodes are staged one by one beside the dataset's folder, which appears only when ``finish`` has written
all of it; a run that is stopped leaves no half-valid dataset and goes on from the staged episodes. Videos are joined by
copying packets, so an episode's frames are those that were staged. Knows no world and no robot.

Layout: many episodes a file, one row group an episode; ``timestamp`` restarts in each episode, the frames of episode e
begin at ``from_timestamp`` in their mp4; tasks are a pandas index, which lerobot looks up by name.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput, NotFound, Unavailable
from wamviz.datasets.files import read_json
from wamviz.datasets.formats.lerobot import layout
from wamviz.datasets.writer.staging import (
    DatasetSchema,
    column,
    open_staging,
    stage_episode,
    staged,
    write_json,
)
from wamviz.datasets.writer.stats import KEYS, column_stats, pooled

EPISODES_A_FILE = 2000  # rows of one meta/episodes file; keeps it well under 100 MB


@dataclass(frozen=True)
class Entry:
    """One row of ``meta/episodes``: its columns in order, and its statistics by feature."""

    columns: dict[str, Any]
    stats: dict[str, Any]


class LeRobotWriter:
    """Collects episodes and writes them as one dataset.

    Args:
        root: the dataset's folder; must not exist yet, or be empty.
        plan: features, rate, robot type and video quality.

    >>> plan = DatasetSchema({"action": {"dtype": "float32", "shape": [2], "names": ["x", "y"]}}, fps=5)
    >>> writer = LeRobotWriter("some/folder", plan)                                           # doctest: +SKIP
    >>> writer.add_episode({"action": np.zeros((9, 2), np.float32)}, {}, "pick up the cup")   # doctest: +SKIP
    >>> writer.finish()                                                                       # doctest: +SKIP
    """

    def __init__(self, root: str | Path, plan: DatasetSchema) -> None:
        self.root, self.plan = Path(root), plan
        check_free(self.root)
        self.staging = staging_folder(self.root)
        open_staging(self.staging, plan)

    def add_episode(
        self,
        rows: Mapping[str, NDArray[Any]],
        frames: Mapping[str, NDArray[np.uint8]],
        task: str,
        meta: Mapping[str, Any] | None = None,
        key: int | None = None,
    ) -> None:
        """Stage one episode; see ``staging.stage_episode``. Without a key it goes to the end."""
        if key is None:
            key = max(staged(self.staging), default=-1) + 1
        stage_episode(self.staging, self.plan, key, rows, frames, task, meta)

    def finish(self, manifest: Mapping[str, Any] | None = None) -> Path:
        """Write the dataset, remove the staged episodes and return the dataset's folder."""
        assemble(self.staging, self.plan, self.root, manifest)
        shutil.rmtree(self.staging, ignore_errors=True)
        return self.root


def staging_folder(root: Path) -> Path:
    """Where the episodes of the dataset ``root`` wait."""
    root = root.absolute()
    return root.with_name(f".{root.name}.episodes")


def check_free(root: Path) -> None:
    """Raise ``InvalidInput`` when ``root`` is in use."""
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise InvalidInput(f"'{root.name}' exists already.", "Choose another folder, or delete it first.")


def assemble(
    staging: Path,
    plan: DatasetSchema,
    root: Path,
    manifest: Mapping[str, Any] | None = None,
    *,
    replace: bool = False,
    columns: Mapping[str, tuple[str, str]] | None = None,
) -> None:
    """Join all staged episodes into the dataset ``root``, which appears when it is whole.

    Args:
        manifest: written to ``meta/wamviz.json`` with ``episodes``, the ``meta`` of each episode in order.
        replace: put it in the place of an existing dataset.
        columns: facts of the ``meta`` of each episode that ``meta/episodes`` carries as well, after LeRobot's own:
            fact -> (column, ``"string"`` or ``"int64"``). Readers pass over columns that they do not know.
    """
    folders = list(staged(staging).values())
    if not folders:
        raise NotFound("There is no finished episode to write.")
    if not replace:
        check_free(root)
    draft = root.absolute().with_name(f".{root.name}.{secrets.token_hex(4)}.draft")
    try:
        draft.mkdir(parents=True)
        episodes = [read_json(folder / "episode.json") for folder in folders]
        entries = _write_data(draft, plan, folders, episodes)
        for name in plan.videos:
            _write_videos(draft, plan, name, folders, entries)
        own = {
            name: pa.array([episode["meta"].get(fact) for episode in episodes], pa.type_for_alias(kind))
            for fact, (name, kind) in (columns or {}).items()
        }
        _write_episodes(draft, plan, entries, own)
        tasks = list(dict.fromkeys(episode["task"] for episode in episodes))
        _write_tasks(draft, tasks)
        every = [name for name in (*plan.features, *layout.DEFAULT_FEATURES) if name not in plan.without_stats]
        stats = {name: pooled([entry.stats[name] for entry in entries]) for name in every}
        write_json(draft / "meta/stats.json", stats)
        if manifest is not None:
            listed = [{"episode_index": i, **episode["meta"]} for i, episode in enumerate(episodes)]
            write_json(draft / layout.MANIFEST, {**manifest, "episodes": listed})
        write_json(draft / "meta/info.json", _info(plan, entries, len(tasks)))  # last: a reader looks for it first
        move_into_place(draft, root)
    except OSError as error:
        raise Unavailable(f"'{root.name}' cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def move_into_place(draft: Path, root: Path) -> None:
    """Rename ``draft`` to ``root``; what was there before is removed."""
    if root.exists() and any(root.iterdir()):
        old = root.absolute().with_name(f".{root.name}.{secrets.token_hex(4)}.old")
        os.rename(root, old)
        os.rename(draft, root)
        shutil.rmtree(old, ignore_errors=True)
    else:
        os.replace(draft, root)


def _places(sizes: list[int], limit_mb: int) -> list[tuple[int, int]]:
    """(chunk, file) of each episode: a new file before ``limit_mb`` is passed, a new chunk after 1000 files."""
    places, number, filled = [], 0, 0
    for size in sizes:
        if filled and filled + size > limit_mb * 1_000_000:
            number, filled = number + 1, 0
        filled += size
        places.append(divmod(number, layout.CHUNKS_SIZE))
    return places


def _write_data(root: Path, plan: DatasetSchema, folders: list[Path], episodes: list[dict[str, Any]]) -> list[Entry]:
    """Write ``data/`` with one row group an episode; returns what ``meta/episodes`` says of each so far."""
    tasks = {task: i for i, task in enumerate(dict.fromkeys(episode["task"] for episode in episodes))}
    places = _places([(folder / "data.parquet").stat().st_size for folder in folders], layout.DATA_FILE_MB)
    entries: list[Entry] = []
    start = 0
    with ExitStack() as stack:
        for number, (folder, episode, place) in enumerate(zip(folders, episodes, places, strict=True)):
            length = episode["length"]
            defaults = {
                "timestamp": (np.arange(length) / plan.fps).astype(np.float32),
                "frame_index": np.arange(length),
                "episode_index": np.full(length, number),
                "index": np.arange(start, start + length),
                "task_index": np.full(length, tasks[episode["task"]]),
            }
            own = pq.read_table(folder / "data.parquet")
            columns: dict[str, Any] = {
                name: own.column(name) for name in plan.columns
            }  # none, where there is only video
            columns |= {name: column(values, layout.DEFAULT_FEATURES[name]) for name, values in defaults.items()}
            table = pa.table(columns)
            if number == 0 or place != places[number - 1]:
                stack.close()
                path = _make_parent(layout.fill(root, layout.DATA_PATH, chunk_index=place[0], file_index=place[1]))
                writer = stack.enter_context(pq.ParquetWriter(path, table.schema, compression="snappy"))
            writer.write_table(table, row_group_size=length)
            listed = {
                "episode_index": number,
                "tasks": [episode["task"]],
                "length": length,
                "data/chunk_index": place[0],
                "data/file_index": place[1],
                "dataset_from_index": start,
                "dataset_to_index": start + length,
            }
            stats = episode["stats"] | {name: column_stats(values) for name, values in defaults.items()}
            entries.append(Entry(listed, stats))
            start += length
    return entries


def _write_videos(root: Path, plan: DatasetSchema, name: str, folders: list[Path], entries: list[Entry]) -> None:
    """Join the staged videos of one camera by copying packets, and note where each episode begins."""
    sources = [folder / f"{name}.mp4" for folder in folders]
    places = _places([source.stat().st_size for source in sources], layout.VIDEO_FILE_MB)
    for place in dict.fromkeys(places):
        members = [i for i, here in enumerate(places) if here == place]
        path = layout.fill(root, layout.VIDEO_PATH, video_key=name, chunk_index=place[0], file_index=place[1])
        join_videos(_make_parent(path), [sources[i] for i in members], plan.fps)
        seen = 0
        for i in members:
            length = entries[i].columns["length"]
            entries[i].columns.update(
                {
                    f"videos/{name}/chunk_index": place[0],
                    f"videos/{name}/file_index": place[1],
                    f"videos/{name}/from_timestamp": seen / plan.fps,
                    f"videos/{name}/to_timestamp": (seen + length) / plan.fps,
                }
            )
            seen += length


def join_videos(path: Path, sources: list[Path], fps: int) -> None:
    """Copy the packets of videos without B-frames into one mp4; frame k of all begins at k / fps.

    Raises:
        InvalidInput: the videos were encoded with different settings and cannot share one header.
    """
    tick, seen, header = Fraction(1, fps), 0, None
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as out:
        for source in sources:
            with av.open(str(source)) as container:
                stream = container.streams.video[0]
                if header is None:
                    header = bytes(stream.codec_context.extradata or b"")
                    target = out.add_stream_from_template(stream, opaque=True)
                    target.time_base = tick
                elif bytes(stream.codec_context.extradata or b"") != header:
                    raise InvalidInput(
                        f"The videos of '{source.stem}' were encoded in different ways.", "Record afresh."
                    )
                for packet in container.demux(stream):
                    if packet.size:  # the last one is an empty flush
                        packet.stream, packet.time_base = target, tick
                        packet.pts = packet.dts = seen
                        packet.duration = 1
                        out.mux(packet)
                        seen += 1


def _write_episodes(root: Path, plan: DatasetSchema, entries: list[Entry], own: Mapping[str, pa.Array]) -> None:
    """Write ``meta/episodes``: one row an episode, columns in LeRobot's order, then ours."""
    numbers = pa.list_(pa.float64())
    for file, first in enumerate(range(0, len(entries), EPISODES_A_FILE)):
        chosen = entries[first : first + EPISODES_A_FILE]
        chunk, number = divmod(file, layout.CHUNKS_SIZE)
        table: dict[str, pa.Array] = {name: pa.array([e.columns[name] for e in chosen]) for name in chosen[0].columns}
        for feature in chosen[0].stats:
            kind = pa.list_(pa.list_(numbers)) if feature in plan.videos else numbers
            for key in KEYS:
                values = [entry.stats[feature][key] for entry in chosen]
                table[f"stats/{feature}/{key}"] = pa.array(values, pa.list_(pa.int64()) if key == "count" else kind)
        table["meta/episodes/chunk_index"] = pa.array([chunk] * len(chosen))
        table["meta/episodes/file_index"] = pa.array([number] * len(chosen))
        table |= {name: values.slice(first, len(chosen)) for name, values in own.items()}
        path = layout.fill(root, layout.EPISODES_PATH, chunk_index=chunk, file_index=number)
        pq.write_table(pa.table(table), _make_parent(path), compression="snappy")


def _write_tasks(root: Path, tasks: list[str]) -> None:
    """Write ``meta/tasks.parquet``; the text is the pandas index, since lerobot reads ``tasks.iloc[i].name``."""
    about = {
        "index_columns": ["task"],
        "column_indexes": [
            {"name": None, "field_name": None, "pandas_type": "unicode", "numpy_type": "object", "metadata": None}
        ],
        "columns": [
            {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": numpy_type, "metadata": None}
            for name, kind, numpy_type in (("task_index", "int64", "int64"), ("task", "unicode", "object"))
        ],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.0.0",
    }
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), "task": pa.array(tasks, pa.string())})
    pq.write_table(
        table.replace_schema_metadata({"pandas": json.dumps(about)}), _make_parent(root / "meta/tasks.parquet")
    )


def _info(plan: DatasetSchema, entries: list[Entry], tasks: int) -> dict[str, Any]:
    features: dict[str, Any] = {name: dict(feature) for name, feature in plan.features.items()}
    for name in plan.videos:
        height, width = plan.features[name]["shape"][:2]
        features[name]["names"] = ["height", "width", "channels"]
        features[name]["info"] = {
            "video.height": height,
            "video.width": width,
            "video.codec": "h264",
            "video.pix_fmt": "yuv420p",
            "is_depth_map": False,
            "video.fps": plan.fps,
            "video.channels": 3,
            "has_audio": False,
            "video.g": plan.keyframe_every,
            "video.crf": plan.crf,
        }
    return {
        "codebase_version": "v3.0",
        "robot_type": plan.robot_type,
        "total_episodes": len(entries),
        "total_frames": entries[-1].columns["dataset_to_index"],
        "total_tasks": tasks,
        "chunks_size": layout.CHUNKS_SIZE,
        "data_files_size_in_mb": layout.DATA_FILE_MB,
        "video_files_size_in_mb": layout.VIDEO_FILE_MB,
        "fps": plan.fps,
        "splits": {"train": f"0:{len(entries)}"},
        "data_path": layout.DATA_PATH,
        "video_path": layout.VIDEO_PATH if plan.videos else None,
        "features": features | layout.DEFAULT_FEATURES,
    }


def _make_parent(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path

"""The metadata of a LeRobot dataset, v2.0 to v3.0, as one table: episode -> files, rows, instruction.

Contract: the table stays in columns, so that 100,000 episodes open in a second; one ``Listing`` is made when an episode
is asked for. No data and no video is opened. What the file says about itself is checked before it is believed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from wamviz.core.errors import Unsafe, WamvizError
from wamviz.datasets.containers.parquet import column_names, numbers, read_columns, readable, row_count
from wamviz.datasets.files import contained, read_json_lines
from wamviz.datasets.formats.lerobot import layout
from wamviz.datasets.formats.lerobot.layout import as_format, feature_info, fill

V2_DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
V2_VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
TASK_COLUMNS = ("task", "__index_level_0__", "tasks", "instruction")
TOLD = ("tasks", "task", "instruction", "language_instruction", "task_index")  # keys of a line of episodes.jsonl
MOST_FOUND = 20_000  # files of episodes that are looked into where nothing lists them
SUPPORTED = "LeRobot v2.0, v2.1 and v3.0 can be read."
SPOT = ("chunk_index", "file_index")


@dataclass(frozen=True)
class Listing:
    """One episode as the metadata has it.

    Attributes:
        index: its number.
        instruction: its first task's text, or None when only the rows' task_index can say it.
        length: rows.
        data: its parquet file.
        videos: video feature -> (mp4, second at which the episode begins in it).
        alone: whether its files hold this episode only.
    """

    index: int
    instruction: str | None
    length: int
    data: Path
    videos: Mapping[str, tuple[Path, float]] = field(default_factory=dict)
    alone: bool = False


class EpisodeTable:
    """Every episode that the metadata lists.

    Args:
        root: the dataset's folder.
        info: what ``meta/info.json`` holds.
        version: ``"2.0"``, ``"2.1"`` or ``"3.0"``.
        video_keys: the features that may have videos.

    Attributes:
        indices, lengths: (n,) numbers and rows of the episodes.
        notes: what was odd, in plain sentences.
    """

    def __init__(self, root: Path, info: Mapping[str, Any], version: str, video_keys: list[str]) -> None:
        self._root, self._keys, self._new = root, video_keys, version.startswith("3")
        self.notes: list[str] = []
        self._data_path = _template(info, "data_path", layout.DATA_PATH if self._new else V2_DATA)
        self._video_path = _template(info, "video_path", layout.VIDEO_PATH if self._new else V2_VIDEO)
        self._chunks = int(positive(info.get("chunks_size", layout.CHUNKS_SIZE), "chunks_size"))
        with readable(root / ("meta/episodes" if self._new else "meta/episodes.jsonl")):
            self._table = self._read_v3() if self._new else self._read_v2()
            self.indices = numbers(self._table.column("episode_index"), "episode_index")[:, 0].astype(np.int64)  # (n,)
            self.lengths = numbers(self._table.column("length"), "length")[:, 0].astype(np.int64)  # (n,)
        if len(np.unique(self.indices)) != len(self.indices) or (self.indices < 0).any():
            raise WamvizError(f"The metadata of '{root.name}' lists an episode twice, or one below 0.")
        if (self.lengths < 0).any() or (self.lengths > 10**8).any():
            raise WamvizError(f"The metadata of '{root.name}' lists an episode of impossible length.")
        self._place = {int(index): place for place, index in enumerate(self.indices)}
        if len(self.indices):
            self.listing(int(self.indices[0]))  # templates and columns are judged now, not at the first episode

    def _read_v3(self) -> pa.Table:
        wanted = {"episode_index", "length", "tasks", *(f"data/{name}" for name in SPOT)}
        for key in self._keys:
            wanted |= {f"videos/{key}/{name}" for name in (*SPOT, "from_timestamp")}
        tables, problems = [], []
        for path in sorted((self._root / "meta/episodes").rglob("*.parquet")):
            try:
                names = [name for name in column_names(contained(self._root, path)) if name in wanted]
                tables.append(read_columns(path, names))
            except Unsafe:
                raise
            except WamvizError as error:
                problems.append(error)
        if problems and not tables:
            raise problems[0]
        self.notes += [f"{error} Its episodes are not listed." for error in problems]
        if not tables:
            raise WamvizError(
                f"'{self._root.name}' has no meta/episodes; it is not a whole v3.0 dataset.",
                "Download meta/episodes too: without it nobody knows where an episode begins.",
            )
        table = pa.concat_tables(tables, promote_options="permissive").combine_chunks()
        for name in ("episode_index", "length", *(f"data/{name}" for name in SPOT)):
            if name not in table.column_names:
                raise WamvizError(f"meta/episodes of '{self._root.name}' has no column '{name}'.", "Download it again.")
        return table

    def _read_v2(self) -> pa.Table:
        path = self._root / "meta/episodes.jsonl"
        if not path.exists() and (found := self._found_v2()):
            rows: list[dict[str, Any]] = found
            self.notes.append(f"meta/episodes.jsonl is not here; {len(rows)} episodes were found by their files.")
        else:
            rows = list(read_json_lines(contained(self._root, path)))
        index, length = ([_whole(row.get(name)) for row in rows] for name in ("episode_index", "length"))
        if None in index or None in length:
            place = next(i for i, pair in enumerate(zip(index, length, strict=True)) if None in pair)
            told = str(rows[place])[:80]
            raise WamvizError(f"A line of meta/episodes.jsonl has no whole episode_index and length: {told}.")
        texts = [self._text(next((row[key] for key in TOLD if row.get(key) is not None), None)) for row in rows]
        columns = {
            "episode_index": pa.array(index, pa.int64()),
            "length": pa.array(length, pa.int64()),
            "tasks": pa.array([None if text is None else [text] for text in texts], pa.list_(pa.string())),
        }
        return pa.table(columns)

    def _found_v2(self) -> list[dict[str, Any]]:
        """What the parquet files' own names and footers say, where the list of episodes is not here."""
        rows = []
        for path in sorted((self._root / "data").glob("*/episode_*.parquet"))[:MOST_FOUND]:
            number = path.stem.removeprefix("episode_")
            if number.isdecimal():
                rows.append({"episode_index": int(number), "length": row_count(contained(self._root, path))})
        return rows

    def listing(self, index: int) -> Listing:
        """The listing of an episode that is in ``indices``."""
        with readable(self._root / "meta/episodes"):
            row = self._table.slice(self._place[index], 1).to_pylist()[0]
            text = self._text(row.get("tasks"))
            length = int(self.lengths[self._place[index]])
            if not self._new:
                data, *paths = self._own_files(index)
                own = {key: (path, 0.0) for key, path in zip(self._keys, paths, strict=True)}
                return Listing(index, text, length, data, own, alone=True)
            data = fill(self._root, self._data_path, **{name: int(row[f"data/{name}"]) for name in SPOT})
            videos = {}
            for key in self._keys:
                if any(row.get(f"videos/{key}/{name}") is None for name in (*SPOT, "from_timestamp")):
                    continue  # declared in info.json, never recorded
                spot = {name: int(row[f"videos/{key}/{name}"]) for name in SPOT}
                begins = float(row[f"videos/{key}/from_timestamp"])
                if not 0 <= begins < 1e9:
                    raise WamvizError(f"Episode {index} begins at second {begins} of its video, says the metadata.")
                videos[key] = (fill(self._root, self._video_path, video_key=key, **spot), begins)
            return Listing(index, text, length, data, videos)

    def first_row(self, index: int) -> int:
        """Which row of its parquet file an episode begins at: after those that are listed before it for that file."""
        place = self._place[index]
        spots = np.concatenate([numbers(self._table.column(f"data/{name}"), name) for name in SPOT], axis=1)
        mine = (spots[:place] == spots[place]).all(axis=1)
        return int(self.lengths[:place][mine].sum())

    def here(self) -> NDArray[np.bool_]:
        """(n,) whether an episode has any of its files; each file is looked for once."""
        if not self._new:
            return self._here_v2()
        found = np.zeros(len(self.indices), bool)
        if not len(found):
            return found
        paths: list[tuple[str, str, dict[str, str]]] = [(self._data_path, "data", {})]
        paths += [(self._video_path, f"videos/{key}", {"video_key": key}) for key in self._keys]
        for template, prefix, key in paths:
            columns = [f"{prefix}/{name}" for name in SPOT]
            if not set(columns) <= set(self._table.column_names):
                continue
            spots = [pc.fill_null(self._table.column(name), -1) for name in columns]
            both = np.concatenate([numbers(spot, name) for spot, name in zip(spots, columns, strict=True)], axis=1)
            both = both.astype(np.int64)  # (n, 2)
            valid = ((both >= 0) & (both < 2**31)).all(axis=1)
            files, inverse = np.unique(np.where(valid, both[:, 0] << 31 | both[:, 1], -1), return_inverse=True)
            is_file = [
                code >= 0
                and fill(self._root, template, **key, chunk_index=code >> 31, file_index=code % 2**31).is_file()
                for code in files.tolist()
            ]
            found |= np.array(is_file, bool)[inverse.reshape(-1)]
        return found

    def _here_v2(self) -> NDArray[np.bool_]:
        """Folders are listed, because asking for 100,000 files by name takes seconds."""
        held: dict[str, frozenset[str]] = {}
        found = np.zeros(len(self.indices), bool)
        if not len(self.indices):
            return found
        self._own_files(int(self.indices[0]))  # the templates stay inside the folder for every number
        templates = [(self._data_path, ""), *((self._video_path, key) for key in self._keys)]
        for template, key in templates:
            form = as_format(template)
            for place, index in enumerate(self.indices.tolist()):
                if found[place]:
                    continue
                name = form.format(episode_chunk=index // self._chunks, episode_index=index, video_key=key)
                folder, _, file = name.rpartition("/")
                if folder not in held:
                    held[folder] = _files_in(self._root / folder)
                found[place] = file in held[folder]
        return found

    def _own_files(self, index: int) -> list[Path]:
        """Of v2, where an episode has files of its own: its parquet file, then a video a key."""
        where = {"episode_chunk": index // self._chunks, "episode_index": index}
        videos = [fill(self._root, self._video_path, video_key=key, **where) for key in self._keys]
        return [fill(self._root, self._data_path, **where), *videos]

    def texts(self) -> tuple[str, ...]:
        """Every episode's first task, "" where the list of episodes has none."""
        if "tasks" not in self._table.column_names:
            return ("",) * len(self.indices)
        with readable(Path("tasks")):
            return tuple(self._text(tasks) or "" for tasks in self._table.column("tasks").to_pylist())

    def instructions(self) -> list[str]:
        """Every first task, once, in the order of the episodes."""
        if "tasks" not in self._table.column_names:
            return []
        tasks = self._table.column("tasks")
        with readable(Path("tasks")):
            if pa.types.is_list(tasks.type) or pa.types.is_large_list(tasks.type):
                tasks = pc.list_element(tasks.filter(pc.greater(pc.list_value_length(tasks), 0)), 0)
            if pa.types.is_null(tasks.type):
                return []
            texts = [self._text(text) for text in pc.unique(tasks).to_pylist()]
            return list(dict.fromkeys(text for text in texts if text is not None))

    def _text(self, tasks: Any) -> str | None:
        """An episode's first task in words: itself, or the one with its number."""
        told = _first_text(tasks)
        return self._by_number.get(told, "") if isinstance(told, int) else told

    @cached_property
    def _by_number(self) -> dict[int, str]:
        return task_texts(self._root)


def task_texts(root: Path) -> dict[int, str]:
    """task_index -> text from ``meta/tasks.parquet`` or ``meta/tasks.jsonl``; empty when neither is here."""
    new, old = root / "meta/tasks.parquet", root / "meta/tasks.jsonl"
    if new.is_file():
        with readable(new):
            table = pq.read_table(contained(root, new))
            texts = [f.name for f in table.schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
            column = next((name for name in TASK_COLUMNS if name in texts), texts[0] if len(texts) == 1 else None)
            if column is None or "task_index" not in table.column_names:
                return {}
            pairs = zip(table.column("task_index").to_pylist(), table.column(column).to_pylist(), strict=True)
            return {int(index): str(text) for index, text in pairs if index is not None and text is not None}
    if old.is_file():
        rows = read_json_lines(contained(root, old))
        return {row["task_index"]: str(row.get("task", "")) for row in rows if isinstance(row.get("task_index"), int)}
    return {}


def version_of(root: Path, info: Mapping[str, Any], odd: list[str]) -> str:
    """``"2.0"``, ``"2.1"``, ``"3.0"``: what ``meta/info.json`` says, else what the folder looks like."""
    told = str(info.get("codebase_version") or "").strip().lower().removeprefix("v")
    if not told:
        looks = "3.0" if (root / "meta/episodes").is_dir() else "2.1" if (root / "meta/episodes.jsonl").exists() else ""
        if looks:
            odd.append(f"meta/info.json does not say its version; it is read as v{looks}.")
            return looks
    if told.split(".")[0] not in ("2", "3"):
        raise WamvizError(f"'{root.name}' is a LeRobot dataset of version '{told or 'unknown'}'.", SUPPORTED)
    return told


def rate_of(info: Mapping[str, Any], odd: list[str]) -> float:
    """Frames a second: ``fps`` of ``meta/info.json``, else the one rate that all of its videos are said to have."""
    told = info.get("fps")
    with suppress(ValueError, TypeError):
        if isinstance(told, str):
            return positive(float(told), "fps")
    if told is None:
        blocks = [feature_info(feature) for feature in info["features"].values()]
        rates = {rate for block in blocks if isinstance(rate := block.get("video.fps"), int | float) and rate}
        if len(rates) == 1:
            rate = positive(rates.pop(), "video.fps")
            odd.append(f"meta/info.json does not say fps; its videos are said to have {rate:g} frames a second.")
            return rate
    try:
        return positive(told, "fps")
    except WamvizError as error:
        raise error.with_text(hint='Say it in wamviz.json beside meta: {"layout": {"fps": 30}}.') from error


def positive(value: Any, name: str) -> float:
    """A number above 0 from meta/info.json, or ``WamvizError``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise WamvizError(f"meta/info.json says {name} = {value!r}, which is no number above 0.")
    return float(value)


def _template(info: Mapping[str, Any], name: str, default: str) -> str:
    value = info.get(name)
    if value is None:
        return default  # v3.0 without videos has null
    if not isinstance(value, str):
        raise WamvizError(f"meta/info.json says {name} = {value!r}, which is no text.")
    return value


def _first_text(tasks: Any) -> str | int | None:
    """The first task that says something, or its number; some datasets keep a single text instead of a list."""
    if isinstance(tasks, str):
        return tasks
    if isinstance(tasks, int) and not isinstance(tasks, bool):
        return tasks
    if isinstance(tasks, list | tuple):
        first = next((task for task in tasks if task not in ("", None)), "")
        return first if isinstance(first, int) and not isinstance(first, bool) else str(first)
    return None


def _whole(value: Any) -> int | None:
    """A whole number, also one that pandas wrote as 3.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _files_in(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as found:
            return frozenset(entry.name for entry in found if entry.is_file())
    except OSError:
        return frozenset()

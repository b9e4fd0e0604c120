"""The metadata of a LeRobot dataset, v2.0 to v3.0, as one table: episode -> files, rows, instruction.

The table stays in columns, so that 100,000 episodes open in a second; one ``EpisodeEntry`` is made when an episode is
asked for. What the metadata say about files is held against the folder: where they name a file that is not there, the
folder is searched for it by its numbers (``files.FileTree``), and that is said.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
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

from wamviz.core.errors import Damaged, InvalidInput, NotFound, Unsafe, WamvizError
from wamviz.datasets.containers.parquet import column_names, numbers, read_columns, readable, row_count
from wamviz.datasets.containers.videos import open_video
from wamviz.datasets.files import contained, read_json_lines
from wamviz.datasets.formats.lerobot import layout
from wamviz.datasets.formats.lerobot.files import FilePart, FileTree
from wamviz.datasets.formats.lerobot.layout import as_format, feature_info, fill
from wamviz.datasets.formats.lerobot.rows import read_counters

V2_DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
V2_VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
TASK_COLUMNS = ("task", "__index_level_0__", "tasks", "instruction")
TEXT_KEYS = ("tasks", "task", "instruction", "language_instruction", "task_index")  # of a line of episodes.jsonl
MOST_FOUND = 20_000  # files of episodes that are looked into where nothing lists them
SUPPORTED = "LeRobot v2.0, v2.1 and v3.0 can be read."
SPOT = ("chunk_index", "file_index")


@dataclass(frozen=True)
class EpisodeEntry:
    """One episode as the metadata has it.

    Attributes:
        index: its number.
        instruction: its first task's text, or None when only the rows' task_index can say it.
        length: rows.
        data: its part of a parquet file, or None where nothing says which file that is.
        videos: video feature -> its part of an mp4.
    """

    index: int
    instruction: str | None
    length: int
    data: FilePart | None
    videos: Mapping[str, FilePart] = field(default_factory=dict)


@dataclass(frozen=True)
class FileMap:
    """Which file each episode lies in, for one sort of files.

    Attributes:
        paths: the files, here or not.
        of: (n,) which of them, -1 for none.
        begins: (n,) seconds at which an episode begins in it, NaN where nothing says so.
    """

    paths: tuple[Path, ...]
    of: NDArray[np.int64]
    begins: NDArray[np.float64]


class EpisodeTable:
    """Every episode that the metadata lists, by rising numbers.

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
        self._tree = FileTree(root)
        self._data_path = _template(info, "data_path", layout.DATA_PATH if self._new else V2_DATA)
        self._video_path = _template(info, "video_path", layout.VIDEO_PATH if self._new else V2_VIDEO)
        self._chunks = int(positive(info.get("chunks_size", layout.CHUNKS_SIZE), "chunks_size"))
        with readable(root / ("meta/episodes" if self._new else "meta/episodes.jsonl")):
            table = self._read_v3() if self._new else self._read_v2()
            indices = numbers(table.column("episode_index"), "episode_index")[:, 0].astype(np.int64)  # (n,)
            order = np.argsort(indices, kind="stable")
            self._table = table if (np.diff(indices) > 0).all() else table.take(pa.array(order))
            self.indices = indices[order]
            self.lengths = numbers(self._table.column("length"), "length")[:, 0].astype(np.int64)  # (n,)
        if len(np.unique(self.indices)) != len(self.indices) or (self.indices < 0).any():
            raise Damaged(f"The metadata of '{root.name}' lists an episode twice, or one below 0.")
        if (self.lengths < 0).any() or (self.lengths > 10**8).any():
            raise Damaged(f"The metadata of '{root.name}' lists an episode of impossible length.")
        self._place = {int(index): place for place, index in enumerate(self.indices)}
        if len(self.indices):
            self.entry(int(self.indices[0]))  # templates and columns are judged now, not at the first episode

    # --- the list of episodes ---------------------------------------------------------------------------------------

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
            found = self._found_v3()
            self.notes.append(f"meta/episodes is not here; {found.num_rows} episodes were found by their rows.")
            return found
        table = pa.concat_tables(tables, promote_options="permissive").combine_chunks()
        for name in ("episode_index", "length"):
            if name not in table.column_names:
                raise Damaged(
                    f"meta/episodes of '{self._root.name}' has no column '{name}'.", "Record or download it again."
                )
        return table

    def _found_v3(self) -> pa.Table:
        """What the rows say, where the list of episodes is not here."""
        lengths: dict[int, int] = {}
        for path in self._tree.of(None)[:MOST_FOUND]:
            named = read_counters(contained(self._root, path)).episode_index
            for index, count in zip(*np.unique(_finite(named), return_counts=True), strict=True):
                lengths[int(index)] = lengths.get(int(index), 0) + int(count)
        if not lengths:
            raise NotFound(
                f"'{self._root.name}' has no meta/episodes; it is not a whole v3.0 dataset.",
                "Download meta/episodes too: without it nobody knows where an episode begins.",
            )
        return pa.table({"episode_index": list(lengths), "length": list(lengths.values())})

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
            raise Damaged(
                f"A line of meta/episodes.jsonl has no whole episode_index and length: {str(rows[place])[:80]}."
            )
        texts = [self._text(next((row[key] for key in TEXT_KEYS if row.get(key) is not None), None)) for row in rows]
        columns = {
            "episode_index": pa.array(index, pa.int64()),
            "length": pa.array(length, pa.int64()),
            "tasks": pa.array([None if text is None else [text] for text in texts], pa.list_(pa.string())),
        }
        return pa.table(columns)

    def _found_v2(self) -> list[dict[str, Any]]:
        """What the parquet files' own names and footers say, where the list of episodes is not here."""
        found = sorted(self._tree.by_episode(None).items())[:MOST_FOUND]
        return [{"episode_index": index, "length": row_count(contained(self._root, path))} for index, path in found]

    # --- files ------------------------------------------------------------------------------------------------------

    def entry(self, index: int) -> EpisodeEntry:
        """What is known of an episode that is in ``indices``."""
        place = self._place[index]
        with readable(self._root / "meta/episodes"):
            tasks = self._table.column("tasks")[place].as_py() if "tasks" in self._table.column_names else None
        videos = {key: part for key in self._keys if (part := self._part(key, place)) is not None}
        return EpisodeEntry(index, self._text(tasks), int(self.lengths[place]), self._part(None, place), videos)

    def _part(self, key: str | None, place: int) -> FilePart | None:
        """An episode's part of a parquet file (None) or of a view's video."""
        if not self._new:
            index = int(self.indices[place])
            return FilePart(self._own_file(key, index), 0, np.array([index]), self.lengths[place : place + 1],
                            np.zeros(1))  # fmt: skip
        files = self._map(key)
        number = int(files.of[place])
        if number < 0:
            return None
        members = np.flatnonzero(files.of == number)
        begins = files.begins[members]
        if np.isfinite(begins).all() and len(np.unique(begins)) == len(begins):
            members = members[np.argsort(begins, kind="stable")]
        where = int(np.flatnonzero(members == place)[0])
        return FilePart(files.paths[number], where, self.indices[members], self.lengths[members], files.begins[members])

    @property
    def video_keys(self) -> list[str]:
        """The features that may have videos, in the order of the columns of ``here``."""
        return self._keys

    def path_of(self, key: str | None, index: int) -> str | None:
        """Where an episode's parquet file or video was looked for, inside the dataset's folder."""
        part = self._part(key, self._place[index])
        return None if part is None else part.path.relative_to(self._root).as_posix()

    def _own_file(self, key: str | None, index: int) -> Path:
        """Of v2, where an episode's own file is: where the metadata say, else where one of its number lies."""
        named = self._named(key, index)
        if named.is_file():
            return named
        return self._searched(key).get(index, named)

    def _searched(self, key: str | None) -> dict[int, Path]:
        if key not in self._found:
            self._found[key] = self._tree.by_episode(key)
        return self._found[key]

    @cached_property
    def _found(self) -> dict[str | None, dict[int, Path]]:
        return {}

    def _template(self, key: str | None) -> str:
        return self._data_path if key is None else self._video_path

    def _map(self, key: str | None) -> FileMap:
        """Of v3, which file each episode lies in."""
        if key not in self._maps:
            self._maps[key] = self._make_map(key)
        return self._maps[key]

    @cached_property
    def _maps(self) -> dict[str | None, FileMap]:
        return {}

    def _make_map(self, key: str | None) -> FileMap:
        prefix = "data" if key is None else f"videos/{key}"
        columns, count = self._table.column_names, len(self.indices)
        begins = np.full(count, np.nan)
        if key is not None and f"{prefix}/from_timestamp" in columns:
            column = self._table.column(f"{prefix}/from_timestamp")
            begins = numbers(column, "from_timestamp", gaps=True)[:, 0].astype(np.float64)
            wrong = np.isfinite(begins) & ((begins < 0) | (begins > 1e9))
            if wrong.any():
                first = int(np.argmax(wrong))
                raise Damaged(
                    f"Episode {self.indices[first]} begins at second {begins[first]} of its video, says the metadata."
                )
        if not {f"{prefix}/{name}" for name in SPOT} <= set(columns):
            return self._map_by_folder(key, begins)
        spots = [numbers(pc.fill_null(self._table.column(f"{prefix}/{name}"), -1), name)[:, 0] for name in SPOT]
        both = np.stack(spots, axis=1).astype(np.int64)  # (n, 2)
        valid = ((both >= 0) & (both < 2**31)).all(axis=1)
        codes, of = np.unique(np.where(valid, both[:, 0] << 31 | both[:, 1], -1), return_inverse=True)
        of = of.reshape(-1).astype(np.int64)
        if len(codes) and codes[0] == -1:  # declared in info.json, never recorded
            codes, of = codes[1:], of - 1
        named = [self._fill(key, int(code) >> 31, int(code) % 2**31) for code in codes]
        return FileMap(self._where_they_are(key, named, codes), of, begins)

    def _fill(self, key: str | None, chunk: int, file: int) -> Path:
        values: dict[str, int | str] = {
            "chunk_index": chunk, "file_index": file, "episode_chunk": chunk, "episode_file": file,
        }  # fmt: skip
        return fill(self._root, self._template(key), **values, **({} if key is None else {"video_key": key}))

    def _where_they_are(self, key: str | None, named: list[Path], codes: NDArray[np.int64]) -> tuple[Path, ...]:
        """The files that the metadata name; where one is not here, the file of the same numbers."""
        absent = [place for place, path in enumerate(named) if not path.is_file()]
        found = self._tree.by_spot(key) if absent else {}
        for place in absent:
            spot = (int(codes[place]) >> 31, int(codes[place]) % 2**31)
            other = found.get(spot)
            if other is not None and other not in named:
                self._say_moved(key, named[place], other)
                named[place] = other
        return tuple(named)

    def _say_moved(self, key: str | None, named: Path, found: Path) -> None:
        what = "data_path" if key is None else "video_path"
        sign = f"The {what} of meta/info.json is wrong"
        if not any(note.startswith(sign) for note in self.notes):
            self.notes.append(
                f"{sign}: it names '{named.relative_to(self._root).as_posix()}', and the file is "
                f"'{found.relative_to(self._root).as_posix()}'. Files are taken from where they are."
            )

    def _map_by_folder(self, key: str | None, begins: NDArray[np.float64]) -> FileMap:
        """Where the list of episodes does not say the files: what the folder allows."""
        files, count = self._tree.of(key), len(self.indices)
        what = "rows" if key is None else f"camera '{layout.camera_name(key)}'"
        sign = f"meta/episodes does not say in which file the {what} of an episode {'are' if key is None else 'is'}; "
        if len(files) <= 1:
            path = files[0] if files else self._fill(key, 0, 0)
            if files and count:
                self.notes.append(f"{sign}the only one here is taken: '{path.relative_to(self._root).as_posix()}'.")
            return FileMap((path,), np.zeros(count, np.int64), begins)
        of = self._files_by_rows(files) if key is None else self._files_by_frames(files)
        lost = int((of < 0).sum())
        how = "they were found by their rows" if key is None else "the files were counted against the lengths"
        self.notes.append(f"{sign}{how}" + (f", in vain for {lost} of {count} episodes." if lost else "."))
        return FileMap(tuple(files), of, begins)

    def _files_by_rows(self, files: list[Path]) -> NDArray[np.int64]:
        """(n,) which parquet file holds the rows of each episode."""
        of = np.full(len(self.indices), -1)
        for number, path in enumerate(files):
            try:
                named = read_counters(contained(self._root, path)).episode_index
            except WamvizError:
                continue  # a damaged file is a file of nobody
            of[np.isin(self.indices, np.unique(_finite(named)))] = number
        return of

    def _files_by_frames(self, files: list[Path]) -> NDArray[np.int64]:
        """(n,) which video each episode is in: one each, or in order, as many frames as the episodes have rows."""
        count = len(self.indices)
        if len(files) == count:
            return np.arange(count)
        of, ends = np.full(count, -1), np.cumsum(self.lengths)
        start = 0
        for number, path in enumerate(files):
            try:
                held = len(open_video(self._root, path))
            except WamvizError:
                break
            before = int(ends[start - 1]) if start else 0
            stop = int(np.searchsorted(ends, before + held)) + 1
            if start >= count or stop > count or int(ends[stop - 1]) != before + held:
                break
            of[start:stop] = number
            start = stop
        return of

    def here(self) -> NDArray[np.bool_]:
        """(n, 1 + views) whether an episode has its parquet file, and its video of each view; files are only listed."""
        keys: list[str | None] = [None, *self._keys]
        out = np.zeros((len(self.indices), len(keys)), bool)
        if not len(self.indices):
            return out
        if not self._new:
            return self._here_v2(keys, out)
        for column, key in enumerate(keys):
            files = self._map(key)
            is_file = np.array([path.is_file() for path in files.paths] + [False])  # the last is that of -1
            out[:, column] = is_file[files.of]
        return out

    def _here_v2(self, keys: list[str | None], out: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Folders are listed, because asking for 100,000 files by name takes seconds."""
        held: dict[str, frozenset[str]] = {}
        for column, key in enumerate(keys):
            form = as_format(self._template(key))
            for place, index in enumerate(self.indices.tolist()):
                name = form.format(episode_chunk=index // self._chunks, episode_index=index, video_key=key)
                folder, _, file = name.rpartition("/")
                if folder not in held:
                    held[folder] = _files_in(self._root / folder)
                out[place, column] = file in held[folder]
            absent = np.flatnonzero(~out[:, column])
            found = self._searched(key) if len(absent) else {}
            for place in absent:
                index = int(self.indices[place])
                if index in found:
                    out[place, column] = True
                    self._say_moved(key, self._named(key, index), found[index])
        return out

    def _named(self, key: str | None, index: int) -> Path:
        where = {"episode_chunk": index // self._chunks, "episode_index": index}
        return fill(self._root, self._template(key), **where, **({} if key is None else {"video_key": key}))

    # --- instructions -----------------------------------------------------------------------------------------------

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
        first = _first_text(tasks)
        return self._by_number.get(first, "") if isinstance(first, int) else first

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
    said = str(info.get("codebase_version") or "").strip().lower().removeprefix("v")
    looks = "3.0" if (root / "meta/episodes").is_dir() else "2.1" if (root / "meta/episodes.jsonl").exists() else ""
    if not said and looks:
        odd.append(f"meta/info.json does not say its version; it is read as v{looks}.")
        return looks
    if said.split(".")[0] not in ("2", "3"):
        raise InvalidInput(f"'{root.name}' is a LeRobot dataset of version '{said or 'unknown'}'.", SUPPORTED)
    if looks and looks[0] != said[0]:
        odd.append(f"meta/info.json says v{said}, and its list of episodes is of v{looks}, as which it is read.")
        return looks
    return said


def rate_of(info: Mapping[str, Any], odd: list[str]) -> float:
    """Frames a second: ``fps`` of ``meta/info.json``, else the one rate that all of its videos are said to have."""
    said = info.get("fps")
    with suppress(ValueError, TypeError):
        if isinstance(said, str):
            return positive(float(said), "fps")
    if said is None:
        blocks = [feature_info(feature) for feature in info["features"].values()]
        rates = {rate for block in blocks if isinstance(rate := block.get("video.fps"), int | float) and rate}
        if len(rates) == 1:
            rate = positive(rates.pop(), "video.fps")
            odd.append(f"meta/info.json does not say fps; its videos are said to have {rate:g} frames a second.")
            return rate
    try:
        return positive(said, "fps")
    except InvalidInput as error:
        raise error.with_text(hint='Say it in wamviz.json beside meta: {"layout": {"fps": 30}}.') from error


def positive(value: Any, name: str) -> float:
    """A number above 0 from meta/info.json, or ``InvalidInput``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise InvalidInput(f"meta/info.json says {name} = {value!r}, which is no number above 0.")
    return float(value)


def _template(info: Mapping[str, Any], name: str, default: str) -> str:
    value = info.get(name)
    if value is None:
        return default  # v3.0 without videos has null
    if not isinstance(value, str):
        raise InvalidInput(f"meta/info.json says {name} = {value!r}, which is no text.")
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


def _finite(values: NDArray[np.float64] | None) -> Iterable[float]:
    return np.zeros(0) if values is None else values[np.isfinite(values)]


def _files_in(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as found:
            return frozenset(entry.name for entry in found if entry.is_file())
    except OSError:
        return frozenset()

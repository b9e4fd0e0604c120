"""Which file each episode's rows and videos lie in, and whether it is here.

What the metadata say is held against the folder: where they name a file that is not there, or none at all, the folder
is searched for it by its numbers (``files.FileTree``), and that is a sentence in ``notes``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wamviz.core.errors import WamvizError
from wamviz.datasets.containers.parquet import numbers, readable
from wamviz.datasets.containers.videos import open_video
from wamviz.datasets.files import contained
from wamviz.datasets.formats.lerobot import layout
from wamviz.datasets.formats.lerobot.files import FilePart, FileTree
from wamviz.datasets.formats.lerobot.info import positive, read_template
from wamviz.datasets.formats.lerobot.layout import as_format, fill
from wamviz.datasets.formats.lerobot.rows import finite, read_counters

V2_DATA = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
V2_VIDEO = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
SPOT = ("chunk_index", "file_index")
FIELDS = ("episode_chunk", "episode_index", "episode_file", "chunk_index", "file_index", "video_key")
MOST_SECONDS = 1e6  # of a video; more is the time of a clock


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


class EpisodeFiles:
    """The files of every episode in a table.

    Args:
        root: the dataset's folder.
        info: what ``meta/info.json`` holds.
        shared: whether several episodes share a file (v3), or each has its own (v2).
        keys: the features that may have videos.
        tree: the folder's files by their numbers.

    Attributes:
        notes: what was odd, in plain sentences.
    """

    def __init__(self, root: Path, info: Mapping[str, Any], shared: bool, keys: list[str], tree: FileTree) -> None:
        self._root, self._keys, self._new, self._tree = root, keys, shared, tree
        self.notes: list[str] = []
        self._data_path = self._known_template(info, "data_path", layout.DATA_PATH if shared else V2_DATA)
        self._video_path = self._known_template(info, "video_path", layout.VIDEO_PATH if shared else V2_VIDEO)
        self._chunks = int(positive(info.get("chunks_size", layout.CHUNKS_SIZE), "chunks_size"))

    def _known_template(self, info: Mapping[str, Any], name: str, usual: str) -> str:
        """A path template, or the usual one where it has fields that nobody fills; files are then found by numbers."""
        template = read_template(info, name, usual)
        fields = [field for field in layout.fields_of(template) if field not in FIELDS]
        if not fields:
            return template
        self.notes.append(f"The {name} of meta/info.json has the field '{fields[0]}', which is not known here; files "
                          f"are looked for at '{usual}' and by the numbers in their names.")  # fmt: skip
        return usual

    def take(self, table: pa.Table, indices: NDArray[np.int64], lengths: NDArray[np.int64]) -> None:
        """Take the list of episodes, (n,) by rising numbers, before anything is asked."""
        self._table, self.indices, self.lengths = table, indices, lengths

    def part(self, key: str | None, place: int) -> FilePart | None:
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
            begins = self._believed(key, numbers(column, "from_timestamp", gaps=True)[:, 0].astype(np.float64))
        if not {f"{prefix}/{name}" for name in SPOT} <= set(columns):
            return self._map_by_folder(key, begins)
        with readable(self._root / "meta/episodes"):
            spots = [pc.cast(self._table.column(f"{prefix}/{name}"), pa.float64()) for name in SPOT]
        both = np.stack([numbers(spot, name, gaps=True)[:, 0] for spot, name in zip(spots, SPOT, strict=True)], axis=1)
        if not np.isfinite(both).any():  # columns that nobody filled say as little as none
            return self._map_by_folder(key, begins)
        both = np.where(np.isfinite(both) & (np.abs(both) < 2**31), both, -1).astype(np.int64)  # (n, 2)
        valid = (both >= 0).all(axis=1)
        codes, of = np.unique(np.where(valid, both[:, 0] << 31 | both[:, 1], -1), return_inverse=True)
        of = of.reshape(-1).astype(np.int64)
        if len(codes) and codes[0] == -1:  # declared in info.json, never recorded
            codes, of = codes[1:], of - 1
        named = [self._fill(key, int(code) >> 31, int(code) % 2**31) for code in codes]
        return FileMap(self._where_they_are(key, named, codes), of, begins)

    def _believed(self, key: str, begins: NDArray[np.float64]) -> NDArray[np.float64]:
        """The starts as far as they can be seconds of a video; NaN, and a sentence, for others."""
        wrong = np.isfinite(begins) & ((begins < 0) | (begins > MOST_SECONDS))
        if wrong.any():
            first = int(np.argmax(wrong))
            self.notes.append(
                f"Episode {self.indices[first]} begins at second {begins[first]:.4g} of camera "
                f"'{layout.camera_name(key)}', says the list of episodes, which cannot be"
                + (f", nor can {int(wrong.sum()) - 1} more starts" if wrong.sum() > 1 else "") + "; frames are counted."
            )  # fmt: skip
        return np.where(wrong, np.nan, begins)

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
            of[np.isin(self.indices, np.unique(finite(named)))] = number
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
            for row in absent:
                index = int(self.indices[row])
                if index in found:
                    out[row, column] = True
                    self._say_moved(key, self._named(key, index), found[index])
        return out

    def _named(self, key: str | None, index: int) -> Path:
        where = {"episode_chunk": index // self._chunks, "episode_index": index}
        return fill(self._root, self._template(key), **where, **({} if key is None else {"video_key": key}))


def _files_in(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as found:
            return frozenset(entry.name for entry in found if entry.is_file())
    except OSError:
        return frozenset()

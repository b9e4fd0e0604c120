"""The metadata of a LeRobot dataset, v2.0 to v3.0, as one table: episode -> files, rows, instruction.

The table stays in columns, so that 100,000 episodes open in a second; one ``EpisodeEntry`` is made when an episode is
asked for. Where the files are is a matter of ``locations``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, NotFound, Unsafe, WamvizError
from wamviz.datasets.containers.parquet import column_names, numbers, read_columns, readable, row_count
from wamviz.datasets.files import contained, read_json_lines
from wamviz.datasets.formats.lerobot.files import FilePart, FileTree
from wamviz.datasets.formats.lerobot.info import task_texts, whole
from wamviz.datasets.formats.lerobot.locations import SPOT, EpisodeFiles
from wamviz.datasets.formats.lerobot.rows import finite, read_counters

TEXT_KEYS = ("tasks", "task", "instruction", "language_instruction", "task_index")  # of a line of episodes.jsonl
MOST_FOUND = 20_000  # files of episodes that are looked into where nothing lists them


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


class EpisodeTable:
    """Every episode that the metadata lists, by rising numbers.

    Args:
        root: the dataset's folder.
        info: what ``meta/info.json`` holds.
        version: ``"2.0"``, ``"2.1"`` or ``"3.0"``.
        video_keys: the features that may have videos.

    Attributes:
        indices, lengths: (n,) numbers and rows of the episodes.
    """

    def __init__(self, root: Path, info: Mapping[str, Any], version: str, video_keys: list[str]) -> None:
        self._root, self._keys, self._new = root, video_keys, version.startswith("3")
        self._notes: list[str] = []
        self._tree = FileTree(root)
        self._files = EpisodeFiles(root, info, self._new, video_keys, self._tree)
        with readable(root / ("meta/episodes" if self._new else "meta/episodes.jsonl")):
            table = self._without_gaps(self._read_v3()) if self._new else self._read_v2()
            indices = numbers(table.column("episode_index"), "episode_index")[:, 0].astype(np.int64)  # (n,)
            order = np.argsort(indices, kind="stable")
            self._table = table if (np.diff(indices) > 0).all() else table.take(pa.array(order))
            self.indices = indices[order]
            self.lengths = numbers(self._table.column("length"), "length")[:, 0].astype(np.int64)  # (n,)
        if len(np.unique(self.indices)) != len(self.indices) or (self.indices < 0).any():
            raise Damaged(f"The metadata of '{root.name}' lists an episode twice, or one below 0.")
        if (self.lengths < 0).any() or (self.lengths > 10**8).any():
            raise Damaged(f"The metadata of '{root.name}' lists an episode of impossible length.")
        self._files.take(self._table, self.indices, self.lengths)
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
        self._notes += [f"{error} Its episodes are not listed." for error in problems]
        if not tables:
            found = self._found_v3()
            self._notes.append(f"meta/episodes is not here; {found.num_rows} episodes were found by their rows.")
            return found
        table = pa.concat_tables(tables, promote_options="permissive").combine_chunks()
        for name in ("episode_index", "length"):
            if name not in table.column_names:
                raise Damaged(
                    f"meta/episodes of '{self._root.name}' has no column '{name}'.", "Record or download it again."
                )
        return table

    def _without_gaps(self, table: pa.Table) -> pa.Table:
        """The episodes whose number and length are known."""
        good = pc.and_(pc.is_valid(table.column("episode_index")), pc.is_valid(table.column("length")))
        lost = table.num_rows - (pc.sum(good).as_py() or 0)
        if lost and lost < table.num_rows:
            self._notes.append(f"{lost} of {table.num_rows} rows of meta/episodes have no number or no length.")
            return table.filter(good)
        return table

    def _found_v3(self) -> pa.Table:
        """What the rows say, where the list of episodes is not here."""
        lengths: dict[int, int] = {}
        for path in self._tree.of(None)[:MOST_FOUND]:
            named = read_counters(contained(self._root, path)).episode_index
            for index, count in zip(*np.unique(finite(named), return_counts=True), strict=True):
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
            self._notes.append(f"meta/episodes.jsonl is not here; {len(rows)} episodes were found by their files.")
        else:
            rows = list(read_json_lines(contained(self._root, path)))
        index, length = ([whole(row.get(name)) for row in rows] for name in ("episode_index", "length"))
        bad = [place for place, pair in enumerate(zip(index, length, strict=True)) if None in pair]
        if bad:
            what = f"A line of meta/episodes.jsonl has no whole episode_index and length: {str(rows[bad[0]])[:80]}."
            if len(bad) == len(rows):
                raise Damaged(what)
            self._notes.append(f"{what} {len(bad)} of {len(rows)} episodes are not listed for that.")
            lost = frozenset(bad)
            rows = [row for place, row in enumerate(rows) if place not in lost]
            index = [value for place, value in enumerate(index) if place not in lost]
            length = [value for place, value in enumerate(length) if place not in lost]
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

    @property
    def notes(self) -> list[str]:
        """What was odd, in plain sentences."""
        return [*self._notes, *self._files.notes]

    def entry(self, index: int) -> EpisodeEntry:
        """What is known of an episode that is in ``indices``."""
        place = self._place[index]
        with readable(self._root / "meta/episodes"):
            tasks = self._table.column("tasks")[place].as_py() if "tasks" in self._table.column_names else None
        videos = {key: part for key in self._keys if (part := self._files.part(key, place)) is not None}
        return EpisodeEntry(index, self._text(tasks), int(self.lengths[place]), self._files.part(None, place), videos)

    @property
    def video_keys(self) -> list[str]:
        """The features that may have videos, in the order of the columns of ``here``."""
        return self._keys

    def path_of(self, key: str | None, index: int) -> str | None:
        """Where an episode's parquet file or video was looked for, inside the dataset's folder."""
        part = self._files.part(key, self._place[index])
        return None if part is None else part.path.relative_to(self._root).as_posix()

    def here(self) -> NDArray[np.bool_]:
        """(n, 1 + views) whether an episode has its parquet file, and its video of each view; files are only listed."""
        return self._files.here()

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

"""The rows of one episode of a LeRobot dataset: their order, their numbers, and what the robot was to do at each.

All that reading would stumble over is found when the rows are read and kept in ``notes``; what cannot be read at all is
kept as the error that says why, for whoever asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, WamvizError
from wamviz.core.rollout import ActionSpace, Floats
from wamviz.datasets.containers.parquet import is_list, is_numeric, numbers, read_rows, readable, schema_of
from wamviz.datasets.files import contained
from wamviz.datasets.formats.lerobot import layout
from wamviz.datasets.formats.lerobot.features import Features
from wamviz.datasets.formats.lerobot.info import whole
from wamviz.datasets.formats.lerobot.layout import first_key
from wamviz.datasets.formats.lerobot.metadata import EpisodeEntry
from wamviz.datasets.formats.lerobot.rows import order_episode
from wamviz.datasets.protocol import clean_instruction
from wamviz.datasets.recording import EpisodeNumbers, UsableNumbers, use_numbers
from wamviz.datasets.rows import Reals, RowOrder, as_reals

# Columns of whole numbers that name a task: LeRobot's own, then GR00T's.
TASK_KEYS = ("task_index", "annotation.human.action.task_description", "annotation.human.task_description")
TEXT_KEYS = ("language_instruction", "task", "instruction", "observation.language_instruction")
JUNK = ("valid", "invalid", "none", "null", "nan", "unknown", "n/a")  # texts that annotation tools leave behind


class EpisodeRows:
    """The rows of one episode.

    Args:
        features: the dataset's columns.
        entry: the episode as the metadata has it.
        tasks: task_index -> text.

    Attributes:
        has_data: whether its parquet file is here and can be read.
        order: all of its rows.
        usable: their numbers, and which rows hold them.
        places: (n,) where the rows that are shown lie in the file.
        texts: what the robot was to do: one text, or one a shown row where it changes.
        state_names: one a dimension of the states, or ().
        problems: ``"actions"`` or ``"states"`` -> why it cannot be read.
        notes: what is odd, in plain sentences; ``absent_notes`` are those about files that are not here.
    """

    def __init__(self, features: Features, entry: EpisodeEntry, tasks: Mapping[int, str]) -> None:
        self._features, self.entry, self._tasks = features, entry, tasks
        self.notes: list[str] = []
        self.absent_notes: set[str] = set()
        self.problems: dict[str, WamvizError] = {}
        self.has_data = entry.data is not None and entry.data.path.is_file()
        self.order = self._read_order()
        self.usable = self._read_numbers()
        self.places = self.order.order[self.usable.keep]
        self.texts = self._read_texts()

    def _read_order(self) -> RowOrder:
        """Its rows in order; as many as the metadata say where the file is not here or cannot be read."""
        length = self.entry.length
        if self.has_data and self.entry.data is not None:
            try:
                contained(self._features.root, self.entry.data.path)
                order = order_episode(self.entry.data, self._features.fps)
                self.notes += order.notes
                return order
            except WamvizError as error:  # damaged rows must not hide the video; who wants them is told why
                self.notes.append(str(error))
                self.problems = dict.fromkeys(("actions", "states"), error)
                self.has_data = False
        else:
            where = "meta/episodes names no file for its rows" if self.entry.data is None else (
                f"'{relative(self._features.root, self.entry.data.path)}' is not here")  # fmt: skip
            self.notes.append(f"{where}, so there are no actions and no states.")
            self.absent_notes.add(self.notes[-1])
        return RowOrder(np.arange(length), np.arange(length))

    @property
    def path(self) -> Path:
        assert self.entry.data is not None  # only where there are rows
        return contained(self._features.root, self.entry.data.path)

    @cached_property
    def schema(self) -> pa.Schema:
        return schema_of(self.path)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        try:
            return tuple(self.schema.names) if self.has_data else ()
        except WamvizError:
            return ()  # order_episode has said so

    def reals(self, name: str) -> Reals | None:
        """A column at all ordered rows as (n, D), NaN at gaps; None where there is no such column of numbers."""
        if name not in self.columns or not is_numeric(self.schema.field(name).type):
            return None
        single = name in self._single
        table = self._single_table if single else read_rows(self.path, [name], self.order.order)
        return as_reals(numbers(table.column(name), name, gaps=True), f"Column '{name}'")

    @cached_property
    def _single(self) -> list[str]:
        """The columns of one number a row."""
        kinds = {name: self.schema.field(name).type for name in self.columns}
        return [name for name, kind in kinds.items() if is_numeric(kind) and not is_list(kind)]

    @cached_property
    def _single_table(self) -> pa.Table:
        return read_rows(self.path, self._single, self.order.order)

    def _read_numbers(self) -> UsableNumbers:
        """The actions and states, and which rows of the episode hold both."""
        found: dict[str, Reals | None] = {"actions": None, "states": None}
        names: dict[str, tuple[str, ...]] = {"actions": (), "states": ()}
        space: ActionSpace | None = None
        known_by = ""
        for part in found if self.has_data else ():
            try:
                found[part], names[part] = self._columns_of(part)
                if part == "actions" and found[part] is not None:
                    space, known_by = self._features.action_space
                    self._check_width(found[part], space)
            except WamvizError as error:
                found[part] = None
                self.problems[part] = error
                self.notes.append(str(error))
        if space is None:
            found["actions"] = None
        numbers_found = EpisodeNumbers(
            found["actions"], space if found["actions"] is not None else None, known_by, found["states"],
            names["states"], scalars=self._read_scalars(),
        )  # fmt: skip
        trusted = bool(self._features.manifest.get("action_space"))
        usable = use_numbers(numbers_found, len(self.order.order), True, trusted)
        if not len(usable.keep):
            usable = use_numbers(EpisodeNumbers(), len(self.order.order), True)
        self.notes += usable.notes
        self.state_names = names["states"] or self._features.names_of_part("states")
        self.problems |= {part: Damaged(why) for part, why in usable.problems.items()}
        return usable

    def _columns_of(self, part: str) -> tuple[Reals | None, tuple[str, ...]]:
        """The (n, D) of the actions or states: the dataset's columns for them side by side, and their names."""
        keys = self._features.keys(part)
        if not keys or not set(keys) & set(self.columns):
            return None, ()
        absent = [key for key in keys if key not in self.columns]
        if absent:
            raise Damaged(
                f"Episode {self.entry.index} has no column '{', '.join(absent)}', of which its {part} are made."
            )
        tables = []
        for key in keys:
            table = self.reals(key)
            if table is None:
                raise Damaged(f"Column '{key}' holds {self.schema.field(key).type}, not numbers.")
            tables.append(table)
        return self._features.override.select(part, np.concatenate(tables, axis=1), self._features.names_of_part(part))

    def _check_width(self, actions: Reals | None, space: ActionSpace | None) -> None:
        if actions is not None and space is not None and actions.shape[1] != space.dim:
            raise Damaged(
                f"An action of episode {self.entry.index} has {actions.shape[1]} numbers; the metadata says "
                f"{space.dim}.",
                "The metadata does not belong to this file.",
            )

    def _read_scalars(self) -> dict[str, Reals]:
        """Columns of one number a row that are no bookkeeping: rewards, progress, values."""
        out: dict[str, Reals] = {}
        used = {*layout.DEFAULT_FEATURES, *TASK_KEYS, layout.SNAPSHOT_KEY}
        for name in self._single if self.has_data else ():
            if name in used or name.startswith("annotation.") or name in self._features.keys("actions"):
                continue
            try:
                values = self.reals(name)
            except WamvizError:
                continue  # it says so itself where it is asked for
            if values is not None and np.isfinite(values).any():
                out[name] = values[:, 0]
        return out

    def _read_texts(self) -> tuple[str, ...]:
        """What the robot was to do at every row: as the rows say it, else as the list of episodes does."""
        listed = clean_instruction(self.entry.instruction or "")
        try:
            own = [clean_instruction(text) for text in self._row_texts()]
        except WamvizError as error:  # damaged rows must not hide the video
            self.notes.append(str(error))
            own = []
        has_text = self.entry.instruction is not None  # also an empty text is the list's own word
        if not any(own) or (has_text and {text.lower() for text in own} <= {"", *JUNK}):
            return (listed,)
        texts = [text or listed for text in own]
        return tuple(texts[:1]) if len(set(texts)) == 1 else tuple(texts)

    def _row_texts(self) -> list[str]:
        if not self.has_data or not len(self.places):
            return []
        unknown: list[str] = []
        for key in self._task_keys:
            if key not in self.columns:
                continue
            with readable(self.path):
                column = read_rows(self.path, [key], self.places).column(key).to_pylist()
            codes = [whole(code[0] if isinstance(code, list) and code else code) for code in column]
            texts = [self._tasks.get(code, "") if code is not None else "" for code in codes]
            lost = [code for code, text in zip(codes, texts, strict=True) if not text and code not in self._tasks]
            if lost and key in TASK_KEYS:
                which = "Its rows have" if len(lost) == len(codes) else f"{len(lost)} of {len(codes)} rows have"
                first = f"no {key}" if lost[0] is None else f"{key} {lost[0]}, which is not in the list of tasks"
                unknown = [f"{which} {first}."]
            if any(texts):
                self.notes += unknown
                return texts
        name = first_key(self.columns, TEXT_KEYS)
        if name is None or is_numeric(self.schema.field(name).type):
            self.notes += unknown
            return []
        with readable(self.path):
            column = read_rows(self.path, [name], self.places).column(name).to_pylist()
        return [_as_text(value) for value in column]

    @property
    def _task_keys(self) -> list[str]:
        """The columns that number a task: the usual ones, then whatever an annotator of GR00T called it."""
        own = [name for name in self.columns if name.startswith("annotation.") and "valid" not in name]
        return list(dict.fromkeys((*TASK_KEYS, *own)))

    def column(self, name: str) -> NDArray[Any] | None:
        """The (n, D) numbers of a column at the episode's rows, or None when it has no such column.

        Raises:
            Damaged: it holds something else than numbers, or gaps.
        """
        if name not in self.columns:
            return None
        if not is_numeric(self.schema.field(name).type):
            raise Damaged(f"Column '{name}' holds {self.schema.field(name).type}, not numbers.")
        return numbers(read_rows(self.path, [name], self.places).column(name), name)

    def part(self, name: str) -> Floats | None:
        """The finite ``actions`` or ``states``; the error that was met in reading them."""
        if name in self.problems:
            raise self.problems[name]
        return self.usable.actions if name == "actions" else self.usable.states

    def shown(self) -> RowOrder:
        """The rows that are shown, and the frames that the metadata list after the last: their video may be whole."""
        order, keep = self.order, self.usable.keep
        times = None if order.times is None else order.times[keep]
        rows = RowOrder(order.order[keep], order.frames[keep], order.first, times)
        later = self.entry.length - 1 - int(order.frames[-1]) if len(order.frames) else 0
        if later <= 0 or not len(keep):
            return rows
        frames = np.concatenate([rows.frames, rows.frames[-1] + 1 + np.arange(later)])
        return RowOrder(np.concatenate([rows.order, np.full(later, -1)]), frames, rows.first)


def _as_text(value: Any) -> str:
    """The text of a row, however its column keeps it: as text, as bytes, or first in a list."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""


def relative(root: Path, path: Path) -> str:
    """A file's name inside the dataset's folder."""
    return path.relative_to(root).as_posix()

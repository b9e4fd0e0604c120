"""The rows of an episode in a parquet file that it may share with others.

Rows are found by their ``episode_index`` where that agrees with the list of episodes, else counted; they are put into
the order of ``frame_index``. What the file says and the list does not is a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, WamvizError
from wamviz.datasets.containers.parquet import is_list, numbers, read_columns, readable, row_count, schema_of
from wamviz.datasets.formats.lerobot.files import FilePart
from wamviz.datasets.rows import Reals, RowOrder, order_rows

TICKS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}  # of Arrow's clocks, a second
COUNTERS = ("episode_index", "frame_index", "timestamp", "index")


@dataclass(frozen=True)
class RowCounters:
    """What the rows of a file call themselves: each (N,) or None where there is no such column, NaN at gaps."""

    count: int
    episode_index: Reals | None = None
    frame_index: Reals | None = None
    timestamp: Reals | None = None
    index: Reals | None = None

    def __post_init__(self) -> None:
        if any(values is not None and len(values) != self.count for values in map(self.column, COUNTERS)):
            raise Damaged("The columns of a file differ in length.")

    def column(self, name: str) -> Reals | None:
        """One of ``COUNTERS``."""
        values: Reals | None = getattr(self, name)
        return values

    def of(self, name: str, rows: NDArray[np.int64]) -> Reals | None:
        """A column at some rows."""
        values = self.column(name)
        return None if values is None else values[rows]


def read_counters(path: Path) -> RowCounters:
    """The counters of a file's rows; read once for all episodes in it."""
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> RowCounters:
    schema = schema_of(path)
    names = [name for name in COUNTERS if schema.names.count(name) == 1]
    table = read_columns(path, names) if names else None
    out: dict[str, Reals] = {}
    for name in names:
        assert table is not None
        try:
            values = numbers(_as_numbers(table.column(name)), name, gaps=True)
        except WamvizError:
            continue  # a counter that cannot be read is one that is not there
        if values.shape[1] == 1 or not is_list(schema.field(name).type):
            out[name] = values[:, 0].astype(np.float64)
    return RowCounters(table.num_rows if table is not None else row_count(path), **out)


def _as_numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A counter that was written as texts or as times of a clock, as numbers; seconds for times."""
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        return pc.divide(column.cast(pa.int64()).cast(pa.float64()), TICKS[kind.unit])
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_decimal(kind):
        with readable(Path("a counter")):
            return column.cast(pa.float64())
    return column


def order_episode(part: FilePart, fps: float) -> RowOrder:
    """The rows of an episode in the order in which they were recorded.

    Raises:
        Damaged: the file holds none of them, or nothing says which they are.
    """
    counters = read_counters(part.path)
    rows, notes = _rows_of(part, counters)
    length, index = int(part.lengths[part.place]), int(part.members[part.place])
    if not len(rows):
        raise Damaged(
            f"'{part.path.name}' holds no row of episode {index}.",
            "The file is cut short or belongs to another dataset; record or download it again.",
        )
    found = order_rows(
        len(rows), fps, counters.of("frame_index", rows), counters.of("timestamp", rows), counters.of("index", rows),
        expected=length,
    )  # fmt: skip
    notes += found.notes
    if len(found.order) != length:
        notes.append(f"'{part.path.name}' holds {len(rows)} rows, not {length} as the metadata say.")
    order = RowOrder(rows[found.order], found.frames, found.first, found.times, tuple(notes))
    return order.head(length) if len(order.order) > length else order


def _rows_of(part: FilePart, counters: RowCounters) -> tuple[NDArray[np.int64], list[str]]:
    """The places of an episode's rows in the file, and how they were found where that was not by their number."""
    index, count = int(part.members[part.place]), counters.count
    named = counters.episode_index
    if part.alone:
        own = np.flatnonzero(named == index) if named is not None else np.zeros(0, np.int64)
        return own if len(own) else np.arange(count), []  # whatever number the rows of its own file carry
    total = int(part.lengths.sum())
    counted = np.arange(part.before, part.before + int(part.lengths[part.place]))
    if named is None:
        return counted[counted < count], [] if count == total else [_miscounted(part, count, total)]
    if set(part.members.tolist()) <= set(np.unique(named[np.isfinite(named)]).tolist()):
        return np.flatnonzero(named == index), []
    if count == total:
        note = (f"The rows of '{part.path.name}' carry other episode numbers than the list of episodes; its {count} "
                "rows equal the lengths that share it, so they are counted.")  # fmt: skip
        return counted, [note]
    return np.flatnonzero(named == index), []


def _miscounted(part: FilePart, count: int, total: int) -> str:
    return (
        f"'{part.path.name}' holds {count} rows and its episodes {total}; its rows do not say whose they are, so these "
        "may be another episode's."
    )


def finite(values: Reals | None) -> Reals:
    """The numbers of a counter, gaps left out; none where there is no counter."""
    return np.zeros(0) if values is None else values[np.isfinite(values)]

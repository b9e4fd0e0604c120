"""Parquet files of strangers: columns as arrays of numbers, with limits and plain refusals.

Contract: the footer is judged before anything is decompressed; a column that is no table of numbers is refused by
name, and so are rows of unequal length and gaps. Axis letters: n rows, D numbers a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, Unsafe, WamvizError
from wamviz.core.media import file_size

MAX_BYTES = 2_000_000_000  # of the columns that are read, decompressed


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn whatever Arrow raises about ``path`` into one sentence."""
    try:
        yield
    except WamvizError:
        raise
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        MemoryError,
        OverflowError,
        pa.ArrowException,
    ) as error:
        if path.is_file():
            file_size(path)  # a pointer of Git LFS says so itself
        detail = (str(error) or type(error).__name__).splitlines()[0][:200]
        name = "/".join(path.parts[-3:])  # several files of a dataset have the same last name
        raise Damaged(f"'{name}' is damaged or cut short ({detail}).", "Record or download it again.") from error


def column_names(path: Path) -> list[str]:
    """The names of a file's columns."""
    return list(schema_of(path).names)


def schema_of(path: Path) -> pa.Schema:
    """The names and types of a file's columns."""
    with readable(path):
        return pq.read_schema(path)


def row_count(path: Path) -> int:
    """How many rows a file's footer tells."""
    with readable(path):
        return int(pq.read_metadata(path).num_rows)


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a type is numbers, truth values, or lists of them however deep."""
    while is_list(kind):
        kind = kind.value_type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def width_of(column: pa.ChunkedArray) -> int:
    """How many numbers the first row of a column holds; 1 where there is none."""
    return int(numbers(column.slice(0, 1), "a column").shape[1]) if len(column) else 1


def read_columns(path: Path, names: list[str]) -> pa.Table:
    """The columns ``names`` of all rows."""
    with readable(path), pq.ParquetFile(path) as file:
        return _read_groups(path, file, list(range(file.metadata.num_row_groups)), names)


def read_rows(path: Path, names: list[str], rows: NDArray[np.int64]) -> pa.Table:
    """The columns ``names`` of some rows, in the order of ``rows`` (their places in the file)."""
    if not len(rows):
        return read_columns(path, names).slice(0, 0)
    with readable(path), pq.ParquetFile(path) as file:
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        needed = np.unique(np.searchsorted(starts, rows, side="right") - 1)
        table = _read_groups(path, file, needed.tolist(), names)
        where = {int(group): place for group, place in zip(needed, np.cumsum([0, *(sizes[g] for g in needed[:-1])]),
                                                           strict=True)}  # fmt: skip
        groups = np.searchsorted(starts, rows, side="right") - 1
        places = rows - starts[groups] + np.array([where[int(group)] for group in groups])
        straight = len(places) < 2 or bool((np.diff(places) == 1).all())
        return table.slice(int(places[0]), len(places)) if straight else table.take(pa.array(places))


def _read_groups(path: Path, file: pq.ParquetFile, groups: list[int], names: list[str]) -> pa.Table:
    total = 0
    for group in groups:
        row_group = file.metadata.row_group(group)
        for place in range(row_group.num_columns):
            chunk = row_group.column(place)
            if chunk.path_in_schema.partition(".")[0] in names or chunk.path_in_schema in names:
                total += max(0, chunk.total_uncompressed_size)
    if total > MAX_BYTES:
        raise Unsafe(f"'{path.name}' holds {total / 1e9:.1f} GB of numbers.", f"{MAX_BYTES / 1e9:.0f} GB is the limit.")
    table = file.read_row_groups(groups, columns=names)
    table.validate(full=True)  # a flipped byte in a list's offsets must not be followed
    return table


def numbers(column: pa.ChunkedArray, name: str, gaps: bool = False) -> NDArray[Any]:
    """A column as (n, D) numbers of its own type.

    Args:
        gaps: make a row that is empty, or of another length than most, NaN, and an empty number in it too; else such
            a column is refused.

    Raises:
        Damaged: it holds texts, gaps, or rows of unequal length.
    """
    rows = len(column)
    with readable(Path(name)):
        array = column.combine_chunks()
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        if not rows:
            return np.zeros((0, 1))  # also of type null, as pandas writes an empty list of episodes
        kind = array.type
        while is_list(kind):
            kind = kind.value_type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
            raise Damaged(f"Column '{name}' holds {array.type}, not numbers.")
        flat = array
        problem = _gap(flat, name, rows)
        while problem is None and is_list(flat.type):
            flat = flat.flatten()
            problem = _gap(flat, name, rows)
        if problem is None:
            return flat.to_numpy(zero_copy_only=False).reshape(rows, -1)
        if not gaps:
            raise Damaged(problem)
        return _with_gaps(array.to_pylist())


def _gap(array: pa.Array, name: str, rows: int) -> str | None:
    """What an array lacks of a table, in words, or None."""
    if array.null_count:
        what = f"{array.null_count} of {rows} rows" if len(array) == rows else f"{array.null_count} numbers"
        return f"Column '{name}' has gaps: {what} are empty."
    if is_list(array.type) and not is_fixed(array.type):
        lengths = array.value_lengths().to_numpy(zero_copy_only=False)
        if len(lengths) and (lengths != lengths[0]).any():
            return f"The rows of '{name}' differ in length."
    return None


def _with_gaps(rows: list[Any]) -> NDArray[np.float64]:
    """(n, D) of rows of which some are empty or of another length than most: those are NaN."""
    tables = []
    for row in rows:
        try:
            tables.append(np.asarray(row, np.float64).reshape(-1))
        except (ValueError, TypeError):  # lists of unequal length within a row
            tables.append(np.zeros(0))
    present = [len(table) for table, row in zip(tables, rows, strict=True) if row is not None and len(table)]
    width = max(set(present), key=present.count) if present else 1
    out = np.full((len(rows), width), np.nan)
    for place, (table, row) in enumerate(zip(tables, rows, strict=True)):
        if row is not None and len(table) == width:
            out[place] = table
    return out


def is_list(kind: pa.DataType) -> bool:
    """Whether a type is a list of any sort."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or is_fixed(kind))


def is_fixed(kind: pa.DataType) -> bool:
    """Whether a type is a list of fixed size."""
    return bool(pa.types.is_fixed_size_list(kind))

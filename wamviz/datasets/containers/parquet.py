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

from wamviz.core.errors import WamvizError
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
        raise WamvizError(f"'{name}' is damaged or cut short ({detail}).", "Download it again.") from error


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
    while pa.types.is_list(kind) or pa.types.is_large_list(kind) or is_fixed(kind):
        kind = kind.value_type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def width_of(column: pa.ChunkedArray) -> int:
    """How many numbers the first row of a column holds; 1 where there is none."""
    return int(numbers(column.slice(0, 1), "a column").shape[1]) if len(column) else 1


def read_columns(path: Path, names: list[str], episode: int | None = None) -> pa.Table:
    """The columns ``names``; with ``episode``, of the rows with that ``episode_index`` only."""
    with readable(path):
        with pq.ParquetFile(path) as file:
            metadata = file.metadata
            total = 0
            for group in range(metadata.num_row_groups):
                row_group = metadata.row_group(group)
                for place in range(row_group.num_columns):
                    chunk = row_group.column(place)
                    if chunk.path_in_schema.partition(".")[0] in names or chunk.path_in_schema in names:
                        total += max(0, chunk.total_uncompressed_size)
        if total > MAX_BYTES:
            raise WamvizError(f"'{path.name}' holds {total / 1e9:.1f} GB of numbers.", "2 GB is the limit.")
        mine = None if episode is None else [("episode_index", "=", episode)]
        table = pq.read_table(path, columns=names, filters=mine)
        table.validate(full=True)  # a flipped byte in a list's offsets must not be followed
        return table


def numbers(column: pa.ChunkedArray, name: str) -> NDArray[Any]:
    """A column as (n, D) numbers of its own type.

    Raises:
        WamvizError: it holds texts, gaps, or rows of unequal length.
    """
    rows = len(column)
    with readable(Path(name)):
        array = column.combine_chunks()
        array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
        if not rows:
            return np.zeros((0, 1))  # also of type null, as pandas writes an empty list of episodes
        if array.null_count:
            raise WamvizError(f"Column '{name}' has gaps: {array.null_count} of {rows} rows are empty.")
        while pa.types.is_list(array.type) or pa.types.is_large_list(array.type) or is_fixed(array.type):
            if not is_fixed(array.type):
                lengths = array.value_lengths().to_numpy(zero_copy_only=False)
                if len(lengths) and (lengths != lengths[0]).any():
                    raise WamvizError(f"The rows of '{name}' differ in length.")
            array = array.flatten()
            if array.null_count:
                raise WamvizError(f"Column '{name}' has gaps: {array.null_count} numbers are empty.")
        if not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_boolean(array.type)):
            raise WamvizError(f"Column '{name}' holds {array.type}, not numbers.")
        values = array.to_numpy(zero_copy_only=False)
    return values.reshape(rows, -1)


def is_fixed(kind: pa.DataType) -> bool:
    """Whether a type is a list of fixed size."""
    return bool(pa.types.is_fixed_size_list(kind))

"""Tables of actions and states beside a video: csv, json, npz, npy and parquet, with columns chosen by name.

Numbers only, rows of one length, sizes judged before anything is unpacked; nothing is unpickled. A row that lacks a
number is a row with a gap, not the end of the table.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, NotFound, Unsafe, WamvizError, unknown_name
from wamviz.datasets.containers.npy import read_npy
from wamviz.datasets.containers.parquet import is_numeric, numbers, read_columns, schema_of
from wamviz.datasets.override import column_places
from wamviz.datasets.rows import Reals, RowOrder, as_reals, order_rows

SUFFIXES = (".csv", ".json", ".npz", ".npy", ".parquet")
EMPTY = ("", "nan", "null", "none", "na", "n/a", "-")  # cells that hold no number
MAX_BYTES = 200_000_000  # of the file, and of what it unpacks to


def read_table(
    path: Path, columns: Sequence[int | str] | None = None, names: Sequence[str] = ()
) -> tuple[Reals, tuple[str, ...]]:
    """(n, D) float64 and the names of the D numbers, () where nothing names them; NaN where a row has no number.

    Args:
        columns: which to take, in this order: names of columns in csv and parquet, of arrays in npz, of lists in json;
            or places and spans (``"8:16"``) of all numbers. None takes the one array of an npz or npy file, every
            column of a csv or parquet file.
        names: what the numbers of a file without names are called.

    Raises:
        NotFound: no such file or column.
        Damaged: of another kind, or no table of numbers.
        Unsafe: too large, or Python objects.
    """
    return _chosen(_parts(path), columns, names, f"'{path.name}'")


def _parts(path: Path) -> dict[str, Any]:
    """Column -> its values, whatever they are."""
    name = f"'{path.name}'"
    if not path.is_file():
        raise NotFound(f"There is no file {name}.")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise unknown_name("kind of table", suffix or path.name, SUFFIXES)
    if path.stat().st_size > MAX_BYTES:
        raise Unsafe(f"{name} has {path.stat().st_size / 1e6:.0f} MB.", f"{MAX_BYTES / 1e6:.0f} MB is the limit.")
    try:
        if suffix == ".parquet":
            return _from_parquet(path)
        if suffix in (".npz", ".npy"):
            return _from_numpy(path)
        return _from_csv(path) if suffix == ".csv" else _from_json(path)
    except WamvizError:
        raise
    except (ValueError, TypeError, OSError, EOFError, KeyError, IndexError, MemoryError, RecursionError,
            zipfile.BadZipFile, csv.Error) as error:  # fmt: skip
        detail = (str(error) or type(error).__name__).splitlines()[0][:160]
        raise Damaged(f"{name} could not be read as {suffix[1:]}: {detail}.") from error


def order_of_table(path: Path, count: int, rate: float) -> RowOrder:
    """The order of a table's ``count`` rows, by a ``frame_index`` or ``timestamp`` that it may have beside its numbers.

    Args:
        rate: rows a second, Hz; 0 where it is not known.
    """
    counters: dict[str, Reals] = {}
    for name in ("frame_index", "timestamp"):
        values = np.asarray(_parts(path).get(name, ()))
        if values.dtype.kind in "fiu" and values.shape in ((count,), (count, 1)):
            counters[name] = values.reshape(-1).astype(np.float64)
    found = order_rows(count, rate or 1.0, counters.get("frame_index"), counters.get("timestamp"))
    return found if rate else replace(found, notes=())


def columns_of(path: Path) -> dict[str, tuple[int, int] | None]:
    """Column -> (rows, numbers a row), None for one that holds no numbers; the key is "" where there are no names.

    Raises:
        WamvizError: as ``read_table``, where the file itself cannot be read.
    """
    out: dict[str, tuple[int, int] | None] = {}
    for key, values in _parts(path).items():
        table = np.asarray(values)
        out[key] = (len(table), table.size // len(table)) if _problem(table) is None else None
    return out


def _chosen(
    parts: Mapping[str, Any], columns: Sequence[int | str] | None, given: Sequence[str], name: str
) -> tuple[Reals, tuple[str, ...]]:
    """The columns side by side."""
    if columns is None:
        return _joined(parts, list(parts), name)
    if all(column in parts for column in columns):
        return _joined(parts, [str(column) for column in columns], name)
    numeric = [key for key, values in parts.items() if _problem(np.asarray(values)) is None]
    if len(parts) > 1 and not any(isinstance(column, int) or ":" in column for column in columns):
        raise unknown_name(f"column of {name}", next(str(c) for c in columns if c not in parts), parts)
    values, own = _joined(parts, numeric, name)
    known = own or (tuple(given) if len(given) == values.shape[1] else ())
    places = column_places(columns, known, values.shape[1])
    return values[:, places], tuple(known[place] for place in places) if known else ()


def _joined(parts: Mapping[str, Any], keys: Sequence[str], name: str) -> tuple[Reals, tuple[str, ...]]:
    numeric = [key for key, values in parts.items() if _problem(np.asarray(values)) is None]
    tables: list[NDArray[Any]] = []
    names: list[str] = []
    for key in keys:
        table = np.asarray(parts[key])
        if (problem := _problem(table)) is not None:
            hint = f"Columns of numbers: {', '.join(numeric[:20]) or 'none'}."
            raise (Unsafe if table.dtype.kind == "O" else Damaged)(f"'{key}' of {name} holds {problem}.", hint)
        table = table.reshape(len(table), -1)
        tables.append(table)
        names += [key] if table.shape[1] == 1 else [f"{key}{i}" for i in range(table.shape[1])]
    if not tables:
        raise Damaged(f"{name} has no columns.")
    if len({len(table) for table in tables}) > 1:
        lengths = ", ".join(f"{key} {len(table)}" for key, table in zip(keys, tables, strict=True))
        raise Damaged(f"The columns of {name} differ in length: {lengths}.", "Choose columns of one length.")
    values = as_reals(np.concatenate(tables, axis=1), name)
    return values, () if list(keys) == [""] else tuple(names)


def _problem(table: NDArray[Any]) -> str | None:
    """Why an array is no table of numbers, in words, or None when it is one."""
    if table.dtype.kind == "O":
        return "Python objects, which are not safe to open"
    if table.dtype.kind in "SU":
        return "texts, no numbers"
    if table.dtype.kind not in "fiub" or table.ndim not in (1, 2) or 0 in table.shape:
        return f"{table.dtype} of shape {table.shape}, no table of numbers"
    return None


def _from_parquet(path: Path) -> dict[str, Any]:
    schema = schema_of(path)
    names = [name for name in schema.names if is_numeric(schema.field(name).type)]
    table = read_columns(path, names)
    text = np.array(["text"])  # refused only when it is chosen
    return {name: numbers(table.column(name), name, gaps=True) if name in names else text for name in schema.names}


def _from_numpy(path: Path) -> dict[str, Any]:
    if path.suffix.lower() == ".npy":
        with path.open("rb") as file:
            return {"": read_npy(file, f"'{path.name}'", MAX_BYTES)}
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_BYTES:
            raise Unsafe(f"'{path.name}' unpacks to {size / 1e6:.0f} MB.", f"{MAX_BYTES / 1e6:.0f} MB is the limit.")
        return {entry.filename.removesuffix(".npy"): _member(archive, entry, path) for entry in archive.infolist()}


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> NDArray[Any]:
    with archive.open(entry) as file:
        try:
            return read_npy(file, f"'{entry.filename}' of '{path.name}'", MAX_BYTES)
        except Unsafe:
            return np.empty(1, object)  # a pickle is never opened; refused only when it is chosen


def _from_json(path: Path) -> dict[str, Any]:
    data = json.loads(_text(path))
    if isinstance(data, list) and data and all(isinstance(row, dict) for row in data):
        names = dict.fromkeys(name for row in data for name in row)  # one object a row
        return {name: _rows([row.get(name) for row in data]) for name in names}
    if isinstance(data, list):
        return {"": _rows(data)}
    if not isinstance(data, dict):
        raise Damaged(f"'{path.name}' must hold rows of numbers or an object of such lists.")
    out: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict) and value and all(isinstance(inner, list) for inner in value.values()):
            out |= {f"{key}.{name}": _rows(inner) for name, inner in value.items()}
        elif isinstance(value, dict) and value and all(_is_number(inner) for inner in value.values()):
            out[key] = _rows(list(value.values()))  # a column by row number, as pandas writes it
        elif isinstance(value, list):
            out[key] = _rows(value)
    if not out:
        raise Damaged(f"'{path.name}' must hold rows of numbers or an object of such lists.")
    return out


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rows(value: list[Any]) -> NDArray[Any]:
    if not value:
        return np.zeros((0, 1))
    lengths = [len(row) if isinstance(row, list) else -1 for row in value]
    usual = max(set(lengths), key=lengths.count)
    if usual > 0:  # a row that is missing, or of another length than most, is a gap
        value = [row if length == usual else [None] * usual for row, length in zip(value, lengths, strict=True)]
    try:
        return np.asarray(value, np.float64)  # None becomes NaN
    except (ValueError, TypeError, OverflowError):
        return np.array(["text"])  # refused only when it is chosen


def _text(path: Path) -> str:
    """A text file by its mark, else UTF-8; old letters in a comment do not hide the numbers."""
    data = path.read_bytes()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    return data.decode("utf-8-sig", "replace")


def _from_csv(path: Path) -> dict[str, Any]:
    text = _text(path)
    first = next((line for line in text.splitlines() if line.strip()), "")
    comma = max((",", ";", "\t"), key=first.count)
    lines = csv.reader(io.StringIO(text), delimiter=comma)
    rows = [row for row in lines if len(row) > 1 or any(map(str.strip, row))]  # a row of empty cells is a row
    if len(rows) < 2:
        raise Damaged(f"'{path.name}' has no rows.", "A header and one row are the least.")
    if all(map(_is_float, filter(str.strip, rows[0]))):  # no header: a row more, and no names
        width = len(rows[0])
        if sum(len(row) != width for row in rows) > len(rows) // 2:
            raise Damaged(f"The rows of '{path.name}' differ in length.", "Each needs one number a column.")
        return {"": np.array([[_float(cell, comma) for cell in (*row, *[""] * width)[:width]] for row in rows])}
    header = [cell.strip() for cell in rows[0]]
    if len(set(header)) != len(header):
        raise Damaged(f"Two columns of '{path.name}' have the same name.", "Columns are chosen by name.")
    columns: dict[str, Any] = {}
    for place, name in enumerate(header):
        try:
            values = np.array([_float(row[place] if place < len(row) else "", comma) for row in rows[1:]])
            columns[name] = values if np.isfinite(values).any() else np.array(["text"])
        except (ValueError, IndexError):
            columns[name] = np.array(["text"])  # refused only when it is chosen
    return columns


def _float(cell: str, comma: str) -> float:
    """A number, NaN for an empty cell; where columns are divided by semicolons, many write decimal commas."""
    if cell.strip().lower() in EMPTY:
        return float("nan")
    return float(cell.replace(",", ".") if comma == ";" else cell)


def _is_float(cell: str) -> bool:
    try:
        float(cell)
        return True
    except ValueError:
        return False

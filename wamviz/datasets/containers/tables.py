"""Tables of actions and states beside a video: csv, json, npz, npy and parquet, with columns chosen by name.

Contract: numbers only, finite, rows of one length, sizes judged before anything is unpacked; nothing is unpickled.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from wamviz.core.errors import WamvizError, unknown_name
from wamviz.core.rollout import Floats, check_floats
from wamviz.datasets.containers.parquet import is_numeric, numbers, read_columns, schema_of

SUFFIXES = (".csv", ".json", ".npz", ".npy", ".parquet")
MAX_BYTES = 200_000_000  # of the file, and of what it unpacks to
_HEADERS = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}


def read_table(path: Path, columns: Sequence[str] | None = None) -> tuple[Floats, tuple[str, ...]]:
    """(n, D) float32 and the names of the D numbers, () where the file has none.

    Args:
        columns: which to take, in this order: names of columns in csv and parquet, of arrays in npz, of lists in json.
            None takes the one array of an npz or npy file, every column of a csv or parquet file.

    Raises:
        WamvizError: missing, of another kind, too large, or no table of finite numbers.
    """
    return _chosen(_parts(path), columns, f"'{path.name}'")


def _parts(path: Path) -> dict[str, Any]:
    """Column -> its values, whatever they are."""
    name = f"'{path.name}'"
    if not path.is_file():
        raise WamvizError(f"There is no file {name}.")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise unknown_name("kind of table", suffix or path.name, SUFFIXES)
    if path.stat().st_size > MAX_BYTES:
        raise WamvizError(f"{name} has {path.stat().st_size / 1e6:.0f} MB.", f"{MAX_BYTES / 1e6:.0f} MB is the limit.")
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
        raise WamvizError(f"{name} could not be read as {suffix[1:]}: {detail}.") from error


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


def _chosen(parts: Mapping[str, Any], columns: Sequence[str] | None, name: str) -> tuple[Floats, tuple[str, ...]]:
    """The columns side by side."""
    numeric = [key for key, values in parts.items() if _problem(np.asarray(values)) is None]
    if columns is not None:
        for column in columns:
            if column not in parts:
                raise unknown_name(f"column of {name}", column, parts)
    keys = list(parts) if columns is None else list(columns)
    tables: list[NDArray[Any]] = []
    names: list[str] = []
    for key in keys:
        table = np.asarray(parts[key])
        if (problem := _problem(table)) is not None:
            hint = f"Columns of numbers: {', '.join(numeric[:20]) or 'none'}."
            raise WamvizError(f"'{key}' of {name} holds {problem}.", hint)
        table = table.reshape(len(table), -1)
        tables.append(table)
        names += [key] if table.shape[1] == 1 else [f"{key}{i}" for i in range(table.shape[1])]
    if not tables:
        raise WamvizError(f"{name} has no columns.")
    if len({len(table) for table in tables}) > 1:
        told = ", ".join(f"{key} {len(table)}" for key, table in zip(keys, tables, strict=True))
        raise WamvizError(f"The columns of {name} differ in length: {told}.", "Choose columns of one length.")
    values = check_floats(np.concatenate(tables, axis=1), name)
    return values, () if keys == [""] else tuple(names)


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
    return {name: numbers(table.column(name), name) if name in names else text for name in schema.names}


def _from_numpy(path: Path) -> dict[str, Any]:
    if path.suffix.lower() == ".npz":
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_BYTES:
            raise WamvizError(
                f"'{path.name}' unpacks to {size / 1e6:.0f} MB.", f"{MAX_BYTES / 1e6:.0f} MB is the limit."
            )
    # Mapped, so that a header that promises more than the file holds allocates nothing.
    loaded = np.load(path, allow_pickle=False, mmap_mode="r" if path.suffix.lower() == ".npy" else None)
    if isinstance(loaded, np.ndarray):
        return {"": np.array(loaded)}
    with loaded:
        return {key: _array(loaded, key) for key in loaded.files}


def _array(loaded: Any, key: str) -> NDArray[Any]:
    with loaded.zip.open(f"{key}.npy" if f"{key}.npy" in loaded.zip.namelist() else key) as member:
        if member.read(len(npy_format.MAGIC_PREFIX)) == npy_format.MAGIC_PREFIX:
            member.seek(0)
            header = _HEADERS.get(npy_format.read_magic(member))
            if header is not None and header(member)[2].hasobject:
                return np.empty(1, object)  # a pickle is never opened; refused only when it is chosen
    return np.asarray(loaded[key])


def _from_json(path: Path) -> dict[str, Any]:
    data = json.loads(_text(path))
    if isinstance(data, list) and data and all(isinstance(row, dict) for row in data):
        names = dict.fromkeys(name for row in data for name in row)  # one object a row
        return {name: _rows([row.get(name) for row in data]) for name in names}
    if isinstance(data, list):
        return {"": _rows(data)}
    if not isinstance(data, dict):
        raise WamvizError(f"'{path.name}' must hold rows of numbers or an object of such lists.")
    out: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict) and value and all(isinstance(inner, list) for inner in value.values()):
            out |= {f"{key}.{name}": _rows(inner) for name, inner in value.items()}
        elif isinstance(value, dict) and value and all(_is_number(inner) for inner in value.values()):
            out[key] = _rows(list(value.values()))  # a column by row number, as pandas writes it
        elif isinstance(value, list):
            out[key] = _rows(value)
    if not out:
        raise WamvizError(f"'{path.name}' must hold rows of numbers or an object of such lists.")
    return out


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rows(value: list[Any]) -> NDArray[Any]:
    try:
        return np.asarray(value, np.float64) if value else np.zeros((0, 1))
    except (ValueError, TypeError, OverflowError):
        return np.array(["text"])  # texts, gaps or rows of unequal length: refused only when it is chosen


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
    rows = [row for row in lines if any(map(str.strip, row))]
    if len(rows) < 2:
        raise WamvizError(f"'{path.name}' has no rows.", "A header and one row are the least.")
    if all(map(_is_float, filter(str.strip, rows[0]))):  # no header: a row more, and no names
        width = len(rows[0])
        if any(len(row) != width for row in rows):
            raise WamvizError(f"The rows of '{path.name}' differ in length.", "Each needs one number a column.")
        return {"": np.array([[_float(cell, comma) for cell in row] for row in rows])}
    header = [cell.strip() for cell in rows[0]]
    if len(set(header)) != len(header):
        raise WamvizError(f"Two columns of '{path.name}' have the same name.", "Columns are chosen by name.")
    columns: dict[str, Any] = {}
    for place, name in enumerate(header):
        try:
            columns[name] = np.array([_float(row[place], comma) for row in rows[1:]])
        except (ValueError, IndexError):
            columns[name] = np.array(["text"])  # refused only when it is chosen
    return columns


def _float(cell: str, comma: str) -> float:
    """A number; where columns are divided by semicolons, many write the decimal point as a comma."""
    return float(cell.replace(",", ".") if comma == ";" else cell)


def _is_float(cell: str) -> bool:
    try:
        float(cell)
        return True
    except ValueError:
        return False

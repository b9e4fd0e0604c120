"""Tables of actions and states beside a video: csv, json, npz, npy and parquet, with columns chosen by name.

Contract: numbers only, finite, rows of one length, sizes judged before anything is unpacked; nothing is unpickled.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.datasets.parquet import column_names, numbers, read_columns
from wamviz.errors import WamvizError, unknown_name
from wamviz.rollout import Floats, check_floats

SUFFIXES = (".csv", ".json", ".npz", ".npy", ".parquet")
MAX_BYTES = 200_000_000  # of the file, and of what it unpacks to


def read_table(path: Path, columns: Sequence[str] | None = None) -> tuple[Floats, tuple[str, ...]]:
    """(n, D) float32 and the names of the D numbers, () where the file has none.

    Args:
        columns: which to take, in this order: names of columns in csv and parquet, of arrays in npz, of lists in json.
            None takes the one array of an npz or npy file, every column of a csv or parquet file.

    Raises:
        WamvizError: missing, of another kind, too large, or no table of finite numbers.
    """
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
            parts = _from_parquet(path)
        elif suffix in (".npz", ".npy"):
            parts = _from_numpy(path)
        else:
            parts = _from_csv(path) if suffix == ".csv" else _from_json(path)
        return _chosen(parts, columns, name)
    except WamvizError:
        raise
    except (ValueError, TypeError, OSError, EOFError, KeyError, IndexError, MemoryError, RecursionError,
            zipfile.BadZipFile, csv.Error) as error:  # fmt: skip
        detail = (str(error) or type(error).__name__).splitlines()[0][:160]
        raise WamvizError(f"{name} could not be read as {suffix[1:]}: {detail}.") from error


def _chosen(parts: Mapping[str, Any], columns: Sequence[str] | None, name: str) -> tuple[Floats, tuple[str, ...]]:
    """The columns side by side."""
    if columns is not None:
        for column in columns:
            if column not in parts:
                raise unknown_name(f"column of {name}", column, parts)
    keys = list(parts) if columns is None else list(columns)
    tables: list[NDArray[Any]] = []
    names: list[str] = []
    for key in keys:
        table = np.asarray(parts[key])
        if table.dtype.kind not in "fiub" or table.ndim not in (1, 2) or 0 in table.shape:
            raise WamvizError(f"'{key}' of {name} holds {table.dtype} of shape {table.shape}, no table of numbers.")
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


def _from_parquet(path: Path) -> dict[str, Any]:
    names = column_names(path)
    table = read_columns(path, names)
    return {name: numbers(table.column(name), name) for name in names}


def _from_numpy(path: Path) -> dict[str, Any]:
    if path.suffix == ".npz":
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_BYTES:
            raise WamvizError(
                f"'{path.name}' unpacks to {size / 1e6:.0f} MB.", f"{MAX_BYTES / 1e6:.0f} MB is the limit."
            )
    # Mapped, so that a header that promises more than the file holds allocates nothing.
    loaded = np.load(path, allow_pickle=False, mmap_mode="r" if path.suffix == ".npy" else None)
    if isinstance(loaded, np.ndarray):
        return {"": np.array(loaded)}
    with loaded:
        return {key: loaded[key] for key in loaded.files}


def _from_json(path: Path) -> dict[str, Any]:
    data = json.loads(path.read_text(encoding="utf-8-sig"))
    if isinstance(data, list):
        return {"": _rows(data)}
    if not isinstance(data, dict):
        raise WamvizError(f"'{path.name}' must hold rows of numbers or an object of such lists.")
    return {key: _rows(value) for key, value in data.items() if isinstance(value, list)}


def _rows(value: list[Any]) -> NDArray[Any]:
    return np.asarray(value, np.float64) if value else np.zeros((0, 1))


def _from_csv(path: Path) -> dict[str, Any]:
    rows = [row for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))) if any(map(str.strip, row))]
    if len(rows) < 2:
        raise WamvizError(f"'{path.name}' has no rows.", "A header and one row are the least.")
    header = [cell.strip() for cell in rows[0]]
    if len(set(header)) != len(header):
        raise WamvizError(f"Two columns of '{path.name}' have the same name.", "Columns are chosen by name.")
    columns: dict[str, Any] = {}
    for place, name in enumerate(header):
        try:
            columns[name] = np.array([float(row[place]) for row in rows[1:]])
        except (ValueError, IndexError):
            columns[name] = np.array(["text"])  # refused only when it is chosen
    return columns

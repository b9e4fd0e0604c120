"""What ``meta/info.json`` and the list of tasks say, checked before it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from wamviz.core.errors import InvalidInput
from wamviz.datasets.containers.parquet import readable
from wamviz.datasets.files import contained, read_json_lines
from wamviz.datasets.formats.lerobot.layout import feature_info

TASK_COLUMNS = ("task", "__index_level_0__", "tasks", "instruction")
SUPPORTED = "LeRobot v2.0, v2.1 and v3.0 can be read."


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
            numbered = ((whole(index), text) for index, text in pairs)
            return {index: str(text) for index, text in numbered if index is not None and text is not None}
    if old.is_file():
        rows = read_json_lines(contained(root, old))
        numbered = ((whole(row.get("task_index")), row) for row in rows)
        return {index: str(row.get("task") or "") for index, row in numbered if index is not None}
    return {}


def version_of(root: Path, info: Mapping[str, Any], odd: list[str]) -> str:
    """``"2.0"``, ``"2.1"``, ``"3.0"``: what ``meta/info.json`` says, else what the folder looks like."""
    version = str(info.get("codebase_version") or "").strip().lower().removeprefix("v")
    looks = "3.0" if (root / "meta/episodes").is_dir() else "2.1" if (root / "meta/episodes.jsonl").exists() else ""
    if not version and looks:
        odd.append(f"meta/info.json does not say its version; it is read as v{looks}.")
        return looks
    if version.split(".")[0] not in ("2", "3"):
        raise InvalidInput(f"'{root.name}' is a LeRobot dataset of version '{version or 'unknown'}'.", SUPPORTED)
    if looks and looks[0] != version[0]:
        odd.append(f"meta/info.json says v{version}, and its list of episodes is of v{looks}, as which it is read.")
        return looks
    return version


def rate_of(info: Mapping[str, Any], odd: list[str]) -> float:
    """Frames a second: ``fps`` of ``meta/info.json``, else the one rate that all of its videos are said to have."""
    value = info.get("fps")
    with suppress(ValueError, TypeError):
        if isinstance(value, str):
            return positive(float(value), "fps")
    if value is None:
        blocks = [feature_info(feature) for feature in info["features"].values()]
        rates = {rate for block in blocks if isinstance(rate := block.get("video.fps"), int | float) and rate}
        if len(rates) == 1:
            rate = positive(rates.pop(), "video.fps")
            odd.append(f"meta/info.json does not say fps; its videos are said to have {rate:g} frames a second.")
            return rate
    try:
        return positive(value, "fps")
    except InvalidInput as error:
        raise error.with_text(hint='Say it in wamviz.json beside meta: {"layout": {"fps": 30}}.') from error


def whole(value: Any) -> int | None:
    """A whole number, also one that was written as 3.0 or as "3"; None for anything else."""
    if isinstance(value, str) and value.strip().removeprefix("-").isdecimal() and len(value) < 16:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def positive(value: Any, name: str) -> float:
    """A number above 0 from meta/info.json, or ``InvalidInput``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e6:
        raise InvalidInput(f"meta/info.json says {name} = {value!r}, which is no number above 0.")
    return float(value)


def read_template(info: Mapping[str, Any], name: str, default: str) -> str:
    """A path template from meta/info.json, or ``default`` where it names none."""
    value = info.get(name)
    if value is None:
        return default  # v3.0 without videos has null
    if not isinstance(value, str):
        raise InvalidInput(f"meta/info.json says {name} = {value!r}, which is no text.")
    return value

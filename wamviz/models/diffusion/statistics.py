"""Between a model's normalised actions and physical ones, where the user has the statistics that made them.

Contract: the file is LeRobot's ``stats.json`` (``{"action": {"min": [...], "max": [...], ...}}``), its inner part
alone, or a safetensors file of the same names (``action.min`` or ``min``). With centre ``c`` and half range ``h`` of
each number,

    physical = c + h * model        model = (physical - c) / h

where ``minmax`` has ``c = (max + min) / 2`` and ``h = (max - min) / 2``, ``quantiles`` the same with ``q99`` and
``q01``, and ``meanstd`` has ``c = mean`` and ``h = std``. A number that never changed (``h = 0``) is 0 to the model.
Units are those of the statistics; a file may name them (``"units": ["m", ...]``), else none is claimed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Floats

_NEEDED = {"minmax": ("min", "max"), "quantiles": ("q01", "q99"), "meanstd": ("mean", "std")}
_MOST = 50_000_000  # bytes of a file: LeRobot's own are a few thousand


@dataclass(frozen=True)
class Statistics:
    """How physical numbers were made into a model's.

    Attributes:
        centre, half: (A,) float32, see the module.
        units: one a number, or ().
    """

    centre: Floats
    half: Floats
    units: tuple[str, ...] = ()

    def physical(self, model: Floats) -> Floats:
        """(..., A) of the model's numbers to physical ones."""
        return (self.centre + self.half * model).astype(np.float32)

    def model(self, physical: Floats) -> Floats:
        """(..., A) of physical numbers to the model's."""
        still = self.half == 0
        return np.where(still, 0, (physical - self.centre) / np.where(still, 1, self.half)).astype(np.float32)


def read(file: str, normalised: str, width: int) -> Statistics:
    """The statistics in a file.

    Raises:
        WamvizError: no such file, not these names in it, or another number of actions.
    """
    path = Path(file).expanduser()
    tables = _tables(path)
    wanted = _NEEDED[normalised]
    missing = [name for name in wanted if name not in tables]
    if missing:
        have = [mode for mode, names in _NEEDED.items() if all(name in tables for name in names)]
        hint = f"It would do for --set normalised={have[0]}." if have else "It needs min and max, or mean and std."
        raise WamvizError(f"The statistics in '{path.name}' have no '{missing[0]}' of the actions.", hint)
    try:
        with np.errstate(over="ignore"):
            first, second = (np.asarray(tables[name], np.float32).reshape(-1) for name in wanted)
    except (TypeError, ValueError) as error:
        raise WamvizError(f"The statistics in '{path.name}' are no lists of numbers.") from error
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise WamvizError(f"The statistics in '{path.name}' hold a value that is not finite.")
    if not len(first) == len(second) == width:
        raise WamvizError(
            f"The statistics in '{path.name}' are of {len(first)} numbers; these actions have {width}.",
            "Another --set domain=... may fit.",
        )
    units = tables.get("units", ())
    named = tuple(map(str, units)) if isinstance(units, list) and len(units) == width else ()
    if normalised == "meanstd":
        return Statistics(first, second, named)
    centre, half = (first + second) / 2, (second - first) / 2
    return Statistics(centre.astype(np.float32), half.astype(np.float32), named)


def _tables(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise WamvizError(f"There is no file '{path}' of statistics.", "Name it with --set statistics=FILE.")
    if path.stat().st_size > _MOST:
        raise WamvizError(f"'{path.name}' is too large to be a file of statistics.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.numpy import load_file

            flat = load_file(path)
            return {name.rpartition(".")[2].rpartition("/")[2]: value for name, value in flat.items()}
        tables = json.loads(path.read_text("utf-8"))
    except Exception as error:  # safetensors raises its own
        raise WamvizError(f"'{path.name}' cannot be read as statistics: {type(error).__name__}.") from error
    if isinstance(tables, dict) and isinstance(tables.get("action"), dict):
        tables = tables["action"]
    if not isinstance(tables, dict):
        raise WamvizError(f"'{path.name}' holds no statistics of actions.", 'It needs {"action": {"min": [...], ...}}.')
    return tables

"""Distances between the paths that actions ask the hand to take, in centimetres."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput
from wamviz.metrics.trajectory import Path3D, commanded_path
from wamviz.runs.store import Run

CM = 100.0  # centimetres a metre


def path_of(run: Run, sample: int = 0) -> Path3D:
    """The path (K + 1, 3) in m that a run's actions ask for."""
    path = commanded_path(run.imagined[sample], run.state)
    if path is None:
        raise InvalidInput(f"The actions of run {run.id} do not say where the hand goes.")
    return path


def gap(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Mean distance in cm of two paths (M, 3) in m over the moments that both have, the start left out."""
    count = min(len(one), len(other))
    return CM * float(np.linalg.norm(one[1:count] - other[1:count], axis=1).mean())


def path_gap(one: Run, other: Run) -> float:
    """The same of the first samples of two runs."""
    return gap(path_of(one), path_of(other))


def walked(actions: NDArray[Any]) -> NDArray[np.float64]:
    """The path (K + 1, 3) in m of steps (K, 7), from where it starts."""
    return np.concatenate([np.zeros((1, 3)), np.cumsum(actions[:, :3].astype(np.float64), axis=0)])

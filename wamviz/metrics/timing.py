"""The same motion a little earlier or later: dynamic time warping.

Contract: arrays in, numbers out; nothing here knows rollouts. Axis letters: M and N moments, A dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput
from wamviz.metrics.registry import Metric, hold_still

Reals = NDArray[np.floating]


@dataclass(frozen=True)
class Warp:
    """The best alignment of two sequences.

    Attributes:
        cost: mean distance of the aligned moments, 0 where one sequence is the other at another pace.
        shift: mean absolute difference of the aligned moments' places in their sequences, in moments.
        path: (P, 2) int64, the aligned pairs, from (0, 0) to (M - 1, N - 1).
    """

    cost: float
    shift: float
    path: NDArray[np.int64]


def warp(a: Reals, b: Reals) -> Warp:
    """Align ``a`` (M, A) with ``b`` (N, A): the path of least summed distance (mean over dimensions).

    Steps (1, 0), (0, 1) and (1, 1) of weight 1 (Sakoe & Chiba 1978, IEEE TASSP 26(1), symmetric form without
    slope limits); the cost is divided by the path's length. Cells of one anti-diagonal depend only on those before it,
    so each is one numpy operation.

    Raises:
        WamvizError: an empty sequence, or different dimensions.

    >>> slow, quick = np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([[0.0], [1.0]])
    >>> warp(slow, quick).cost, warp(slow, quick).path.tolist()
    (0.0, [[0, 0], [1, 0], [2, 1], [3, 1]])
    """
    if a.ndim != 2 or b.ndim != 2 or not len(a) or not len(b) or a.shape[1] != b.shape[1]:
        raise InvalidInput(f"Sequences of shapes {a.shape} and {b.shape} cannot be aligned.")
    m, n = len(a), len(b)
    apart = np.abs(a[:, None].astype(np.float64) - b[None]).mean(-1)  # (M, N)
    total = np.full((m + 1, n + 1), np.inf)
    total[0, 0] = 0
    for diagonal in range(m + n - 1):
        i = np.arange(max(0, diagonal - n + 1), min(m, diagonal + 1))
        j = diagonal - i
        best = np.minimum(np.minimum(total[i, j + 1], total[i + 1, j]), total[i, j])
        total[i + 1, j + 1] = apart[i, j] + best
    path = [(m - 1, n - 1)]
    while path[-1] != (0, 0):
        x, y = path[-1]
        # The diagonal step wins a tie: of equally good alignments the shortest.
        choices = ((total[x, y], (x - 1, y - 1)), (total[x, y + 1], (x - 1, y)), (total[x + 1, y], (x, y - 1)))
        path.append(min(choices, key=lambda choice: choice[0])[1])
    pairs = np.array(path[::-1], np.int64)
    cost = float(apart[pairs[:, 0], pairs[:, 1]].mean())
    return Warp(cost, float(np.abs(pairs[:, 0] - pairs[:, 1]).mean()), pairs)


_WARP = "Sakoe and Chiba 1978, IEEE TASSP 26(1)"
METRICS = (
    Metric(
        "actions",
        "dtw",
        "Actions, DTW error",
        "The mean error that is left after dynamic time warping (DTW) has aligned both in time, early or late.",
        _WARP,
        judges="actions",
        unit="%",
        factor=100.0,
        digits=1,
        further=True,
        rank=1,
        baseline=hold_still("hold_dtw", "The same for a robot that stays where it is."),
    ),
    Metric(
        "actions",
        "timing_s",
        "Actions, early or late by",
        "How far that alignment shifts the actions on average, in seconds.",
        _WARP,
        judges="actions",
        unit="s",
        further=True,
        rank=1,
    ),
)

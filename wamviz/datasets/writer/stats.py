"""Statistics that LeRobot keeps an episode and a dataset: min, max, mean, std, count and five quantiles.

Contract: numpy in, plain lists out. Pictures are summarised by channel in 0..1 over some frames, shape (3, 1, 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
KEYS = ("min", "max", "mean", "std", "count", *QUANTILES)
MOST_FRAMES = 24  # pictures that enter the statistics of an episode

Stats = dict[str, list[Any]]


def column_stats(values: NDArray[Any]) -> Stats:
    """Statistics of (n, D) numbers, one entry a dimension."""
    rows = np.asarray(values, np.float64).reshape(len(values), -1)
    out = {"min": rows.min(0), "max": rows.max(0), "mean": rows.mean(0), "std": rows.std(0)}
    out.update(zip(QUANTILES, np.quantile(rows, list(QUANTILES.values()), axis=0), strict=True))
    stats: Stats = {name: value.tolist() for name, value in out.items()}
    stats["count"] = [len(rows)]
    return stats


def picture_stats(frames: NDArray[np.uint8]) -> Stats:
    """Statistics of (n, H, W, 3) frames by channel, in 0..1, over at most ``MOST_FRAMES`` evenly spread frames."""
    chosen = np.unique(np.linspace(0, len(frames) - 1, min(MOST_FRAMES, len(frames))).round().astype(int))
    pixels = frames[chosen].reshape(-1, 3)
    counts = np.stack([np.bincount(pixels[:, c], minlength=256) for c in range(3)])  # (3, 256): exact and small
    levels = np.arange(256) / 255
    mean = counts @ levels / len(pixels)
    variance = counts @ levels**2 / len(pixels) - mean**2
    below = np.cumsum(counts, axis=1)
    out = {"min": _first(below, 1), "max": _first(below, len(pixels)), "mean": mean}
    out["std"] = np.sqrt(np.clip(variance, 0, None))
    out.update({name: _first(below, max(1, q * len(pixels))) for name, q in QUANTILES.items()})
    stats: Stats = {name: np.asarray(value).reshape(3, 1, 1).tolist() for name, value in out.items()}
    stats["count"] = [len(chosen)]
    return stats


def _first(below: NDArray[np.int64], count: float) -> NDArray[np.float64]:
    """(3,) the lowest level, in 0..1, that at least ``count`` pixels do not exceed."""
    return (below >= count).argmax(axis=1) / 255


def pooled(episodes: Sequence[Mapping[str, Any]]) -> Stats:
    """Statistics of a dataset from those of its episodes; quantiles are means weighted by count, as in LeRobot."""
    counts = np.array([stats["count"][0] for stats in episodes], np.float64)
    share = counts / counts.sum()
    stacked = {name: np.stack([np.asarray(stats[name], np.float64) for stats in episodes]) for name in KEYS}
    mean = np.tensordot(share, stacked["mean"], axes=1)
    variance = np.tensordot(share, stacked["std"] ** 2 + (stacked["mean"] - mean) ** 2, axes=1)
    out = {"min": stacked["min"].min(0), "max": stacked["max"].max(0), "mean": mean, "std": np.sqrt(variance)}
    out.update({name: np.tensordot(share, stacked[name], axes=1) for name in QUANTILES})
    stats: Stats = {name: value.tolist() for name, value in out.items()}
    stats["count"] = [int(counts.sum())]
    return stats

"""Numbers collected over episodes, and how sure their means are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


class MetricAccumulator:
    """Lists of numbers by name, each under the episode that it belongs to; None where nothing was counted."""

    def __init__(self) -> None:
        self.rows: dict[str, list[float]] = {}
        self.episodes: dict[str, list[int]] = {}
        self.episode = 0

    def next_episode(self) -> None:
        """What is added from now on belongs to another episode."""
        self.episode += 1

    def add(self, **numbers: float | None) -> None:
        """Append each number that is known and finite."""
        for name, value in numbers.items():
            if value is not None and math.isfinite(value):
                self.rows.setdefault(name, []).append(float(value))
                self.episodes.setdefault(name, []).append(self.episode)

    def extend(self, other: MetricAccumulator) -> None:
        """Append another accumulator's numbers, its episodes after these."""
        for name, rows in other.rows.items():
            self.rows.setdefault(name, []).extend(rows)
            self.episodes.setdefault(name, []).extend(self.episode + e for e in other.episodes[name])
        self.episode += other.episode

    def mean(self, name: str) -> float | None:
        """The mean of one list, rounded to 5 decimals."""
        rows = self.rows.get(name)
        return round(float(np.mean(rows)), 5) if rows else None

    def quantile(self, name: str, q: float) -> float | None:
        """A quantile of one list."""
        rows = self.rows.get(name)
        return round(float(np.quantile(rows, q)), 4) if rows else None

    def interval(self, name: str) -> list[float] | None:
        """A 95 % confidence interval of the mean: frames of one episode are alike, so episodes are what is counted.

        The ratio estimator over clusters (Cochran, Sampling Techniques, 3rd ed. 1977, ch. 6), normal approximation.
        """
        rows = np.array(self.rows.get(name, []))
        where = np.array(self.episodes.get(name, []))
        count = len(set(where.tolist()))
        if count < 2:
            return None
        mean = rows.mean()
        off = np.array([(rows[where == e] - mean).sum() for e in sorted(set(where.tolist()))])  # (episodes,)
        half = 1.96 * math.sqrt(count / (count - 1) * np.square(off).sum()) / len(rows)
        return [round(float(mean - half), 5), round(float(mean + half), 5)]


def bootstrap(
    values: Sequence[float], weights: Sequence[float] | None = None, resamples: int = 2000
) -> list[float] | None:
    """A 95 % percentile bootstrap interval of a (weighted) mean, an episode a value; None below two episodes.

    Efron 1979, Annals of Statistics 7(1). Values without weight are left out; the same values give the same interval.

    >>> bootstrap([1.0, 1.0, 1.0])
    [1.0, 1.0]
    """
    known = np.asarray(values, np.float64)
    weigh = np.ones(len(known)) if weights is None else np.asarray(weights, np.float64)
    known, weigh = known[weigh > 0], weigh[weigh > 0]
    if len(known) < 2:
        return None
    picked = np.random.default_rng(0).integers(len(known), size=(resamples, len(known)))
    means = (known * weigh)[picked].sum(1) / weigh[picked].sum(1)  # (resamples,)
    return [round(float(end), 5) for end in np.quantile(means, [0.025, 0.975])]


def wilson(hits: int, count: int) -> list[float]:
    """The 95 % Wilson score interval of a rate, right also at 0 and 1 (Wilson 1927, JASA 22: 209-212).

    >>> wilson(0, 1)
    [0.0, 0.7935]
    """
    z2 = 1.96**2
    centre, spread = hits + z2 / 2, 1.96 * math.sqrt(hits * (count - hits) / count + z2 / 4)
    return [round(max(0.0, (centre - spread) / (count + z2)), 4), round(min(1.0, (centre + spread) / (count + z2)), 4)]

"""Means and how sure they are."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.runs.accumulator import MetricAccumulator, wilson


def test_the_interval_of_a_rate_is_wilsons():
    """At 0 of 1 nothing is certain; the interval mirrors; it narrows with the count (values: Wilson 1927)."""
    assert wilson(0, 1) == [0.0, 0.7935]
    assert wilson(1, 1) == [0.2065, 1.0]
    assert wilson(5, 10) == [0.2366, 0.7634]
    assert wilson(500, 1000)[1] - wilson(500, 1000)[0] < 0.07


def test_frames_of_one_episode_are_not_many_witnesses():
    """Saying everything ten times over makes nobody surer; unknown numbers are not counted."""
    rng = np.random.default_rng(0)
    once, often = MetricAccumulator(), MetricAccumulator()
    for value in rng.normal(3, 1, 50):
        for accumulator, times in ((once, 1), (often, 10)):
            accumulator.next_episode()
            for _ in range(times):
                accumulator.add(x=value, y=float("nan"), z=None)
    assert once.interval("x") == pytest.approx(often.interval("x"), abs=1e-4)
    assert once.mean("y") is None and once.interval("z") is None and once.quantile("y", 0.5) is None


def test_the_interval_covers_the_truth_as_often_as_it_says():
    """Over 400 repetitions with effects of whole episodes, about 95 % of the intervals hold the true mean."""
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        accumulator = MetricAccumulator()
        for effect in rng.normal(0, 1, 40):
            accumulator.next_episode()
            for value in rng.normal(effect, 0.2, int(rng.integers(1, 6))):
                accumulator.add(x=value)
        low, high = accumulator.interval("x")
        hits += low < 0 < high
    assert 0.90 < hits / 400 < 0.98


def test_parts_add_up():
    """Two halves, joined, say what the whole says."""
    values = np.random.default_rng(2).normal(0, 1, (20, 3))
    whole, first, second = MetricAccumulator(), MetricAccumulator(), MetricAccumulator()
    for index, rows in enumerate(values):
        for accumulator in (whole, first if index < 8 else second):
            accumulator.next_episode()
            for value in rows:
                accumulator.add(x=value)
    first.extend(second)
    assert first.rows == whole.rows and first.episodes == whole.episodes and first.interval("x") == whole.interval("x")


def test_one_episode_has_no_interval():
    """From a single witness nothing follows."""
    accumulator = MetricAccumulator()
    accumulator.add(x=1.0)
    accumulator.add(x=2.0)
    assert accumulator.interval("x") is None and accumulator.mean("x") == 1.5

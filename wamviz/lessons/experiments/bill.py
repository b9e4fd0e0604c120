"""What the video costs: seconds of each mode, measured here; training compute by C = 6 N T, from the article's table.

A training bill is arithmetic on public figures, a lower bound: no data work, no optimizer, no frozen encoders, no
attention beyond 6 N T. The latency is measured, with equal steps and after a warm-up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from wamviz.lessons.costs import ROWS, zflop
from wamviz.lessons.experiment import Choice, Experiment, Figure, Finding, Measure, Progress, Whole, mean_of, smaller
from wamviz.lessons.lab import HORIZON, Lab
from wamviz.runs.accumulator import bootstrap

MODES = ("act_only", "video", "joint", "imagine_then_act")


def work(values: Mapping[str, Any], lab: Lab) -> Iterator[Progress | Finding]:
    """Time every mode in turn, in another order each time."""
    repeats, steps, shown = values["repeats"], int(values["steps"]), None
    context = next(iter(lab.contexts(1)))
    seconds: dict[str, list[float]] = {mode: [] for mode in MODES}
    yield Progress(0, repeats + 1)
    for mode in MODES:
        shown = lab.imagine(context, mode, horizon=HORIZON, steps=steps)
    yield Progress(1, repeats + 1)
    for k in range(repeats):
        for mode in np.random.default_rng(k).permutation(MODES):
            run = lab.imagine(context, str(mode), seed=k, horizon=HORIZON, steps=steps)
            seconds[str(mode)].append(float(run.timings["total"]))
        yield Progress(k + 2, repeats + 1)
    bars = [Measure(name, zflop(size, tokens)) for name, size, tokens in ROWS]
    yours = Measure("yours", zflop(float(values["parameters"]), float(values["tokens"])))
    yield Finding(
        (
            Figure("seconds", "s", tuple(mean_of(mode, found) for mode, found in seconds.items())),
            Figure("zflop", "ZFLOP", (yours, *bars)),
        ),
        smaller(seconds["act_only"], seconds["joint"]),
        times_slower(seconds["act_only"], seconds["joint"]),
        shown,
        1,
    )


def times_slower(quick: list[float], slow: list[float]) -> str:
    """Which of the predictions the ratio lies in with its whole interval; "" where it lies across a border."""
    interval = bootstrap([b / a for a, b in zip(quick, slow, strict=True)])
    if interval is None:
        return ""
    for name, low, high in (("under2", 0.0, 2.0), ("two_to_four", 2.0, 4.0), ("over4", 4.0, np.inf)):
        if low <= interval[0] and interval[1] <= high:
            return name
    return ""


EXPERIMENT = Experiment(
    "bill",
    (Whole("repeats", 2, 20, 6), Choice("steps", ("4", "8", "16"), "8"), Whole("parameters", 1, 100, 14),
     Whole("tokens", 1, 2000, 107)),
    ("seconds", *MODES, "zflop", "yours", *(name for name, _, _ in ROWS)),
    ("under2", "two_to_four", "over4"),
    work,
    timed=True,
)  # fmt: skip

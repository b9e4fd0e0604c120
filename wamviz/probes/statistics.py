"""How sure the figures of a suite are. A context is what is counted: samples of one context are alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wamviz.probes.suite_run import CellDone
from wamviz.runs.accumulator import bootstrap

RESAMPLES = 4000


@dataclass(frozen=True)
class Share:
    """How often something holds.

    Attributes:
        mean: 0 .. 1, of the contexts' own shares; low, high: its 95 % interval, None for a single context.
        contexts, samples: how many were judged.
    """

    mean: float
    low: float | None
    high: float | None
    contexts: int
    samples: int

    def __str__(self) -> str:
        return share_words(self.mean, self.low, self.high)


def share_words(share: float, low: float | None, high: float | None) -> str:
    """A share with its interval, where it has one.

    >>> share_words(0.5, 0.25, 0.75), share_words(0.5, None, None)
    ('50% [25%, 75%]', '50%')
    """
    return f"{share:.0%}" + ("" if low is None or high is None else f" [{low:.0%}, {high:.0%}]")


def by_context(cells: Sequence[CellDone], judge: str) -> dict[str, float]:
    """The share of each probe's samples for which a judge says yes; probes that it cannot judge are left out."""
    said: dict[str, list[float]] = {}
    for cell in cells:
        if judge in cell.verdicts:
            said.setdefault(cell.probe, []).append(cell.verdicts[judge])
    return {probe: float(np.mean(values)) for probe, values in said.items()}


def share(cells: Sequence[CellDone], judge: str) -> Share | None:
    """How often a judge says yes, with a bootstrap over contexts (Efron 1979); None where it can judge nothing."""
    means = by_context(cells, judge)
    if not means:
        return None
    low, high = bootstrap(list(means.values()), resamples=RESAMPLES) or (None, None)
    count = sum(judge in cell.verdicts for cell in cells)
    return Share(float(np.mean(list(means.values()))), low, high, len(means), count)


def paired_difference(one: Mapping[str, float], other: Mapping[str, float]) -> Share | None:
    """How much more often the first holds than the second, on the contexts that both have; None below two of them.

    Paired by context: that a scene is hard is nobody's merit. An interval that holds 0 tells no difference.
    """
    both = [one[name] - other[name] for name in one if name in other]
    if len(both) < 2:
        return None
    low, high = bootstrap(both, resamples=RESAMPLES) or (None, None)
    return Share(float(np.mean(both)), low, high, len(both), len(both))


def contexts_needed(rate: float, difference: float, power: float = 0.8) -> int:
    """How many contexts tell a rate from one that differs by ``difference``, at 5 % two-sided.

    Two proportions, normal approximation (Fleiss, Statistical Methods for Rates and Proportions, 1981, ch. 3), for one
    sample a context and unpaired, so that it is rather too many.

    >>> contexts_needed(0.5, 0.1), contexts_needed(0.5, 0.3)
    (388, 39)
    """
    other = min(1.0, max(0.0, rate + difference))
    if other == rate:
        return 0
    middle = (rate + other) / 2
    z_error, z_power = 1.959964, {0.8: 0.841621, 0.9: 1.281552}[power]
    spread = z_error * math.sqrt(2 * middle * (1 - middle)) + z_power * math.sqrt(
        rate * (1 - rate) + other * (1 - other)
    )
    return math.ceil((spread / (other - rate)) ** 2)

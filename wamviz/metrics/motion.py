"""How a motion is made, whatever it leads to: smooth or jerky, within the robot's limits or beyond them."""

from __future__ import annotations

import numpy as np

from wamviz.core.rollout import Rollout
from wamviz.metrics.registry import Metric, Pair, Value, recorded
from wamviz.metrics.trajectory import Path3D, commanded_path, common_paths


def jerk(path: Path3D, rate: float) -> float | None:
    """Root mean square of the third derivative of a path (M, 3) in m, ``rate`` Hz: m/s³; None below 4 points.

    Jerk is what smooth reaching minimises (Flash & Hogan 1985, J. Neuroscience 5(7)). It depends on the rate at which a
    path is known: compare only paths of one rate.

    >>> jerk(np.linspace(0, 1, 9)[:, None] * [1.0, 2.0, 0.0], 5.0) < 1e-9
    True
    """
    if len(path) < 4:
        return None
    third = np.diff(path, n=3, axis=0) * rate**3  # (M - 3, 3) m/s³
    return float(np.sqrt(np.square(third).sum(axis=1).mean()))


def outside_limits(rollout: Rollout) -> float | None:
    """The share of actions with a number beyond their dimension's limits, 0 .. 1; None where no limits are known."""
    space, actions = rollout.action_space, rollout.actions
    if space is None or actions is None or space.low is None or space.high is None or not len(actions):
        return None
    low, high = np.asarray(space.low, np.float64), np.asarray(space.high, np.float64)
    slack = 1e-5 * np.maximum(1, high - low)  # limits are written in decimals, actions in float32
    return float(((actions < low - slack) | (actions > high + slack)).any(axis=1).mean())


def limit_violations(pair: Pair) -> Value | None:
    """The share of actions beyond the limits, beside the recorded actions' share."""
    if pair.imagined.action_space is None:
        return None
    return Value(outside_limits(pair.imagined), None if pair.other is None else outside_limits(pair.other))


def commanded_jerk(pair: Pair) -> Value | None:
    """Jerk in m/s³ of the commanded path, beside the recorded one's over the moments that both know."""
    space, other = pair.imagined.action_space, pair.other
    path = commanded_path(pair.imagined, pair.start)
    if space is None or path is None:
        return None
    theirs = None if other is None else commanded_path(other, pair.start)
    if other is None or theirs is None or other.action_space is None:
        return Value(jerk(path, space.rate))
    path, theirs, rate = common_paths(path, theirs, space.rate, other.action_space.rate)
    return Value(jerk(path, rate), None if theirs is None else jerk(theirs, rate))


METRICS = (
    Metric(
        "motion",
        "outside_limits",
        "Actions beyond the limits",
        "The share of actions with a number beyond what the robot can do; the control is the recorded actions.",
        "EVA, arXiv 2603.17808",
        takes="imagined",
        judges="actions",
        measure=limit_violations,
        unit="%",
        factor=100.0,
        digits=0,
        further=True,
        baseline=recorded("recorded_outside_limits", "The same share of the recorded actions."),
    ),
    Metric(
        "motion",
        "jerk",
        "Jerk of the hand's path",
        "How jerkily the stated path moves the hand: root mean square of its third derivative; the control is the "
        "recorded path.",
        "Flash and Hogan 1985, J. of Neuroscience 5(7)",
        takes="imagined",
        judges="actions",
        measure=commanded_jerk,
        unit="m/s³",
        further=True,
        baseline=recorded("recorded_jerk", "The same of the recorded path."),
    ),
)

"""How a motion is made, whatever it leads to: smooth or jerky, within the robot's limits or beyond them."""

from __future__ import annotations

import numpy as np

from wamviz.core.rollout import Rollout
from wamviz.metrics.trajectory import Path3D


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

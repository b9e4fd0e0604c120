"""Which rows of two rollouts belong together: matched by time, never by index.

Contract: rollouts of different rates and lengths meet on the coarser one's times, and a row without a partner is
dropped. Actions that are steps (``ee_delta``) are not sampled but summed: three steps of 1 cm at 15 Hz are one of 3 cm
at 5 Hz. Pure functions over arrays and rollouts; nothing here judges quality.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import Floats, Frames, Rollout
from wamviz.core.rotation import compose

Times = NDArray[np.float64]
Index = NDArray[np.intp]
SLACK = 1e-6  # seconds; frame rates such as 29.97 do not divide evenly


def match_times(a: NDArray[np.floating], b: NDArray[np.floating]) -> tuple[Index, Index]:
    """Indices (ia, ib) of the rows of ``a`` and ``b`` that belong together, both rising, each row used once at most.

    Every time of the coarser series takes the nearest one of the finer, at most half of the finer's step away.

    Args:
        a, b: (M,) rising times in seconds.

    >>> [index.tolist() for index in match_times(np.arange(4) / 5, np.arange(7) / 15)]
    [[0, 1, 2], [0, 3, 6]]
    """
    if len(a) == 0 or len(b) == 0:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    step_a, step_b = _step(a), _step(b)
    if step_a < step_b:
        ib, ia = match_times(b, a)
        return ia, ib
    finer = step_b if np.isfinite(step_b) else (step_a if np.isfinite(step_a) else 2 * SLACK)
    right = np.clip(np.searchsorted(b, a), 1, max(1, len(b) - 1))
    left = right - 1
    right = np.minimum(right, len(b) - 1)
    nearest = np.where(np.abs(b[right] - a) < np.abs(b[left] - a), right, left)  # a tie goes to the earlier one
    fits = np.abs(b[nearest] - a) <= finer / 2 + SLACK
    ia, ib = np.flatnonzero(fits), nearest[fits]
    once = np.concatenate([[True], np.diff(ib) > 0]) if len(ib) else np.zeros(0, bool)
    return ia[once], ib[once]


def _step(times: NDArray[np.floating]) -> float:
    """The time between two rows; infinite for a single one, which any series is finer than."""
    return float(times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else float("inf")


def common_frames(a: Rollout, b: Rollout) -> tuple[Frames, Frames, Times]:
    """The frames that two rollouts share: ``a``'s (M, H, W, 3), ``b``'s (M, H', W', 3) and their times (M,) in s.

    Empty when either has no video. Sizes are left as they are.
    """
    if a.frames is None or b.frames is None:
        raise InvalidInput("Frames can be matched only where both rollouts have video.")
    ia, ib = match_times(a.frame_times, b.frame_times)
    return a.frames[ia], b.frames[ib], a.frame_times[ia]


def action_mismatch(a: Rollout, b: Rollout) -> str | None:
    """Why the actions of two rollouts cannot be compared, in one sentence; None when they can."""
    for rollout in (a, b):
        if rollout.actions is None or not len(rollout.actions):
            return f"The {rollout.origin} rollout has no actions."
    first, second = a.action_space, b.action_space
    assert first is not None and second is not None
    if first.kind != second.kind:
        return f"The {a.origin} actions are of kind {first.kind}, the {b.origin} ones of kind {second.kind}."
    for what in ("names", "units"):
        ours, theirs = getattr(first, what), getattr(second, what)
        if ours != theirs:
            return f"The {a.origin} actions' {what} are {', '.join(ours)}; the {b.origin} ones' {', '.join(theirs)}."
    if first.gripper_index != second.gripper_index or (
        first.gripper_index is not None and first.gripper_closed != second.gripper_closed
    ):
        return f"The gripper of the {a.origin} actions is not that of the {b.origin} ones (index or polarity)."
    return None


def common_actions(a: Rollout, b: Rollout) -> tuple[Floats, Floats, Times]:
    """The actions that two rollouts share: (M, A), (M, A) and the times (M,) in s at which they end.

    Both are in ``a``'s unit and at the coarser of the two rates. Raises ``WamvizError`` with the reason when the
    action spaces differ.
    """
    why = action_mismatch(a, b)
    if why is not None:
        raise InvalidInput(why)
    assert a.action_space is not None and b.action_space is not None and a.actions is not None and b.actions is not None
    rate = min(a.action_space.rate, b.action_space.rate)
    (actions_a, times_a), (actions_b, times_b) = resample_actions(a, rate), resample_actions(b, rate)
    ia, ib = match_times(times_a, times_b)
    return actions_a[ia], actions_b[ib], times_a[ia]


def resample_actions(rollout: Rollout, rate: float) -> tuple[Floats, Times]:
    """``rollout``'s actions at ``rate`` Hz, which must not be above its own: (M, A) and their end times (M,) in s.

    Steps (``ee_delta``) are added up over each longer step, turns one after the other; what is absolute, a velocity or
    the gripper is taken as it stands at the end of the longer step. A last step that is not full is dropped.
    """
    space, actions = rollout.action_space, rollout.actions
    if space is None or actions is None:
        raise InvalidInput("This rollout has no actions.")
    ratio = space.rate / rate
    if abs(ratio - 1) < 1e-6:
        return actions, rollout.action_times
    if ratio < 1:
        raise InvalidInput(f"Actions at {space.rate:g} Hz cannot be made finer ({rate:g} Hz).")
    count = int(np.floor(len(actions) / ratio + 1e-6))
    ends = (np.arange(count) + 1) / rate
    last = np.clip(np.ceil(ends * space.rate - 1e-6).astype(int) - 1, 0, len(actions) - 1)  # in force as the step ends
    out = actions[last].copy()
    if space.kind == "ee_delta":
        edges = np.arange(count + 1) * ratio  # in steps of the finer rate
        pose = [i for i in range(min(6, space.dim)) if i != space.gripper_index]
        for row in range(count):
            first, stop = int(edges[row] + 1e-9), min(len(actions), int(np.ceil(edges[row + 1] - 1e-6)))
            k = np.arange(first, stop)
            share = np.minimum(k + 1, edges[row + 1]) - np.maximum(k, edges[row])  # of each finer step
            parts = actions[first:stop] * share[:, None]  # (k, A)
            out[row, pose] = parts[:, pose].sum(axis=0)
            if {3, 4, 5} <= set(pose) and all(space.units[i] == "rad" for i in (3, 4, 5)):
                out[row, 3:6] = compose(parts[:, 3:6])
    return out, ends

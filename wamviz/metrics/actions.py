"""How close two action sequences are, beside the control that the robot stays where it is.

Contract: errors a dimension in its own unit, and one number over all of them in fractions of each dimension's half
range, so that metres, radians and a gripper's 0..1 can be averaged. Times are those at which actions end. Nothing here
knows videos or worlds. Axis letters: M matched actions, A dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wamviz.core.rollout import ActionSpace, Floats, Rollout
from wamviz.metrics.align import Times, action_mismatch, common_actions
from wamviz.metrics.registry import Metric, hold_still
from wamviz.metrics.timing import warp

STEPS = ("ee_delta", "joint_velocity")  # kinds in which zero means "stay"
HELD = 0.1  # a hand further closed than this is taken as closed: round an orange it stays at 0.15
HYSTERESIS = (0.4, 0.6)  # closedness below which a hand counts as open, above which as closed


@dataclass(frozen=True)
class ActionMetrics:
    """Closeness of a rollout's actions to a reference's.

    Attributes:
        times: (M,) seconds, at which the matched actions end.
        names, units: the dimensions.
        mae_by_dim: (A,) mean absolute error in each dimension's unit.
        mae: mean over dimensions of the error divided by half the dimension's range; no unit, 0 is perfect.
        rmse_by_dim, rmse: root mean squares of the same errors, which single large ones dominate; ``rmse`` in
            fractions of the half ranges as well.
        dtw: mean error along the best alignment in time, in fractions of the half ranges (``timing.warp``): what is
            left when being early or late is forgiven. timing_s: how far that alignment shifts moments, in s.
        hold_mae_by_dim, hold_mae, hold_rmse_by_dim, hold_rmse, hold_dtw: the same for staying in place.
        error: (M, A) signed error, the rollout's action minus the reference's.
    """

    times: Times
    names: tuple[str, ...]
    units: tuple[str, ...]
    mae_by_dim: Floats
    mae: float
    hold_mae_by_dim: Floats
    hold_mae: float
    error: Floats
    rmse_by_dim: Floats
    rmse: float
    hold_rmse_by_dim: Floats
    hold_rmse: float
    dtw: float
    hold_dtw: float
    timing_s: float

    def by_unit(self) -> list[tuple[str, tuple[str, ...], dict[str, float]]]:
        """Errors over all dimensions of one unit, in that unit: ``[(unit, names, {"mae", "rmse", ...}), ...]``.

        A unit with a factor (``"0.05 m"``: 1 is 0.05 m) counts as its plain unit. Dimensions whose unit is not known
        are left out: numbers of which nothing is known cannot be averaged.
        """
        plain = [plain_unit(unit) for unit in self.units]
        found = []
        for unit in dict.fromkeys(unit for _, unit in plain if unit):
            rows = [i for i, (_, other) in enumerate(plain) if other == unit]
            factor = np.array([plain[i][0] for i in rows])
            errors = {
                name: float((getattr(self, f"{name}_by_dim")[rows] * factor).mean()) for name in ("mae", "hold_mae")
            }
            for name in ("rmse", "hold_rmse"):
                squares = np.square(getattr(self, f"{name}_by_dim")[rows] * factor)
                errors[name] = float(np.sqrt(squares.mean()))
            found.append((unit, tuple(self.names[i] for i in rows), errors))
        return found


def plain_unit(unit: str) -> tuple[float, str]:
    """A unit's factor and what it multiplies.

    >>> plain_unit("m"), plain_unit("0.05 m"), plain_unit("3 rad/s"), plain_unit("1"), plain_unit("")
    ((1.0, 'm'), (0.05, 'm'), (3.0, 'rad/s'), (1.0, '1'), (1.0, ''))
    """
    factor, space, rest = unit.partition(" ")
    try:
        return (float(factor), rest.strip()) if space else (1.0, unit)
    except ValueError:  # a unit of two words
        return 1.0, unit


def compare_actions(rollout: Rollout, reference: Rollout, gripper_now: float | None = None) -> ActionMetrics | None:
    """Compare by time; None when they cannot be compared (``align.action_mismatch`` says why) or share no time.

    Args:
        gripper_now: the gripper's value at the context, which staying in place keeps; None takes the hand as open.
    """
    if action_mismatch(rollout, reference) is not None:
        return None
    ours, theirs, times = common_actions(rollout, reference)
    if not len(times):
        return None
    space = reference.action_space if reference.action_space is not None else rollout.action_space
    assert space is not None
    staying = hold(space, theirs, gripper_now)
    error, still = ours - theirs, staying - theirs
    by_dim, hold_by_dim = np.abs(error).mean(axis=0), np.abs(still).mean(axis=0)
    scale = _scale(rollout, reference)
    aligned = warp(ours / scale, theirs / scale)
    return ActionMetrics(
        times=times,
        names=space.names,
        units=space.units,
        mae_by_dim=by_dim,
        mae=float((by_dim / scale).mean()),
        hold_mae_by_dim=hold_by_dim,
        hold_mae=float((hold_by_dim / scale).mean()),
        error=error,
        rmse_by_dim=np.sqrt(np.square(error).mean(axis=0)),
        rmse=float(np.sqrt(np.square(error / scale).mean())),
        hold_rmse_by_dim=np.sqrt(np.square(still).mean(axis=0)),
        hold_rmse=float(np.sqrt(np.square(still / scale).mean())),
        dtw=aligned.cost,
        hold_dtw=warp(staying / scale, theirs / scale).cost,
        timing_s=aligned.shift / min(space.rate, rollout.action_space.rate if rollout.action_space else space.rate),
    )


def hold(space: ActionSpace, like: Floats, gripper_now: float | None = None) -> Floats:
    """Actions (M, A) that keep the pose, as many as ``like`` has.

    Zero where zero means "stay"; for absolute kinds the first recorded action is held, which knows more than the
    context tells and so makes the control stronger, not weaker.
    """
    still = np.zeros_like(like) if space.kind in STEPS else np.repeat(like[:1], len(like), axis=0)
    if space.gripper_index is not None and (gripper_now is not None or space.kind in STEPS):
        still[:, space.gripper_index] = space.gripper_open if gripper_now is None else gripper_now
    return still


def gripper_from_state(space: ActionSpace | None, state: Floats | None) -> float | None:
    """The gripper command at the context as far as a tabletop-like state (x y z, turn, gripper, joints) tells.

    A hand that holds something is neither open nor closed but was told to close, so anything above ``HELD``
    counts as closed. None when the state says nothing.
    """
    if space is None or space.gripper_index is None or space.kind != "ee_delta" or state is None or len(state) != 14:
        return None
    return space.gripper_closed if float(state[6]) > HELD else space.gripper_open


def gripper_events(rollout: Rollout, gripper_now: float | None = None) -> list[tuple[float, str]]:
    """When the hand is told to close or to open: ``[(seconds, "close" | "open"), ...]``, in order.

    The time is the one at which the action that says so begins. A value between 0.4 and 0.6 of closing changes
    nothing, so that a hesitating model makes no flicker of events.

    Args:
        gripper_now: the gripper's value before the first action; None takes the hand as open.
    """
    space, actions = rollout.action_space, rollout.actions
    if space is None or actions is None or space.gripper_index is None:
        return []
    opened = space.gripper_open
    closedness = (actions[:, space.gripper_index] - opened) / (space.gripper_closed - opened)
    now = 0.0 if gripper_now is None else (gripper_now - opened) / (space.gripper_closed - opened)
    closed, events = now > 0.5, []
    for k, value in enumerate(closedness.tolist()):
        if closed and value < HYSTERESIS[0] or not closed and value > HYSTERESIS[1]:
            closed = not closed
            events.append((k / space.rate, "close" if closed else "open"))
    return events


def match_events(
    ours: list[tuple[float, str]], theirs: list[tuple[float, str]]
) -> tuple[list[tuple[float, float, str]], int, int]:
    """Pair the first close with the first close and so on: (pairs (ours s, theirs s, kind), missed, extra)."""
    pairs: list[tuple[float, float, str]] = []
    missed = extra = 0
    for kind in ("close", "open"):
        a, b = [t for t, k in ours if k == kind], [t for t, k in theirs if k == kind]
        pairs += [(x, y, kind) for x, y in zip(a, b, strict=False)]
        missed, extra = missed + max(0, len(b) - len(a)), extra + max(0, len(a) - len(b))
    return sorted(pairs), missed, extra


def _scale(rollout: Rollout, reference: Rollout) -> Floats:
    """Half the range of each dimension: the reference's limits, else the rollout's; 1 where neither knows any.

    The limits of steps hold for the rate at which they were given, and so does the scale.
    """
    a, b = rollout.action_space, reference.action_space
    assert a is not None and b is not None
    space = b if b.low is not None else a
    rate = min(a.rate, b.rate)
    scale = space.scale.copy()
    if space.kind == "ee_delta" and space.low is not None:
        longer = np.full(space.dim, space.rate / rate, np.float32)
        if space.gripper_index is not None:
            longer[space.gripper_index] = 1
        scale *= longer
    return scale


_OPEN_LOOP = "open-loop evaluation of NVIDIA Isaac GR00T"
_EVENTS = "wamviz.metrics.actions: a hand closes above 0.6 and opens below 0.4 of its range"
METRICS = (
    Metric(
        "actions",
        "mae",
        "Actions, mean error",
        "Mean absolute action error as a share of each dimension's half range, 0 is perfect.",
        _OPEN_LOOP,
        judges="actions",
        unit="%",
        factor=100.0,
        digits=1,
        brief="Action error",
        baseline=hold_still("hold_mae", "The same error for a robot that stays where it is: the control for actions."),
    ),
    Metric(
        "actions",
        "rmse",
        "Actions, root mean square",
        "Root mean square of the same error: single large errors weigh more.",
        _OPEN_LOOP,
        judges="actions",
        unit="%",
        factor=100.0,
        digits=1,
        further=True,
        baseline=hold_still("hold_rmse", "The same for a robot that stays where it is."),
    ),
    Metric(
        "actions",
        "by_unit",
        "",
        "The same errors in their own units, over all dimensions that share one, beside a robot that stays put.",
        _OPEN_LOOP,
        judges="actions",
    ),
    Metric(
        "gripper",
        "gripper_timing_s",
        "Closing and opening, time off",
        "Mean time in seconds between the imagined and the recorded closing or opening of the hand.",
        _EVENTS,
        judges="actions",
        unit="s",
    ),
    Metric(
        "gripper",
        "missed",
        "Closing and opening, missed",
        "How many of the recorded closings and openings the imagined actions lack.",
        _EVENTS,
        judges="actions",
        digits=0,
        further=True,
        baseline=hold_still("hold_missed", "The same for a hand that keeps what it does: it misses all of them."),
    ),
)

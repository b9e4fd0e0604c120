"""A drawn path as actions: corners in the world, and what the gripper does at them.

Contract: pure. Corners are where the hand is to go, in metres in the robot's base frame; the hand goes straight from
one to the next at a steady speed, keeps its turn, and waits where the gripper opens or closes. Actions are steps of the
tabletop's command (``ee_delta``); whether the arm can follow them is for the world to say (``DriveWorld.foresee``).

Axis letters: P corners, K actions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import ActionSpace, Floats

MOST_CORNERS = 60
SLOWEST, FASTEST = 0.005, 0.05  # m an action
HOLD = 3  # actions that fingers need to close
REST = 2  # actions in which the arm catches up with the command at the end


def check_corners(corners: Any) -> NDArray[np.float64]:
    """Corners (P, 4): x, y, z in m and the gripper from there on, 0 open .. 1 closed; or ``InvalidInput``."""
    try:
        array = np.asarray(corners, np.float64)
    except (TypeError, ValueError):
        array = np.zeros(0)
    if array.ndim != 2 or array.shape[1] != 4 or not np.isfinite(array).all():
        raise InvalidInput("A path is a list of corners: x, y and z in metres, and the gripper, 0 open .. 1 closed.")
    if not 1 <= len(array) <= MOST_CORNERS:
        raise InvalidInput(f"A path has 1 to {MOST_CORNERS} corners, not {len(array)}.", "Draw fewer, or clear it.")
    if not ((array[:, 3] >= 0) & (array[:, 3] <= 1)).all():
        raise InvalidInput("The gripper is a number from 0 (open) to 1 (closed).")
    return array


def path_actions(
    corners: Any, start: NDArray[Any], gripper: float, space: ActionSpace, speed: float = 0.03, rest: int = REST
) -> Floats:
    """The actions (K, 7) that lead the hand's command along a path.

    Args:
        corners: see ``check_corners``.
        start: (3,) m, where the command stands; gripper: what it holds.
        space: the actions' limits.
        speed: m an action, ``SLOWEST`` .. ``FASTEST``.
        rest: actions without motion at the end.

    >>> from wamviz.core.action_spaces import TABLETOP_ACTIONS
    >>> actions = path_actions([[0.5, 0.1, 0.2, 1.0]], np.array([0.5, 0.0, 0.2]), 0.0, TABLETOP_ACTIONS)
    >>> len(actions), actions[:, 1].sum().round(3), actions[0, 6], actions[-1, 6]
    (9, np.float32(0.1), np.float32(0.0), np.float32(1.0))
    """
    if not SLOWEST <= speed <= FASTEST:
        raise InvalidInput(f"The speed must be {100 * SLOWEST:g} .. {100 * FASTEST:g} cm an action.")
    rows: list[NDArray[np.float64]] = []
    at, stretch = np.asarray(start, np.float64), [np.asarray(start, np.float64)]
    for corner in check_corners(corners):
        stretch.append(corner[:3])
        if corner[3] == gripper:
            continue
        rows += [np.array([*step, 0, 0, 0, gripper]) for step in even_steps(np.stack(stretch), speed)]
        gripper, at = float(corner[3]), corner[:3]
        rows += [np.array([0, 0, 0, 0, 0, 0, gripper])] * HOLD
        stretch = [at]
    rows += [np.array([*step, 0, 0, 0, gripper]) for step in even_steps(np.stack(stretch), speed)]
    rows += [np.array([0, 0, 0, 0, 0, 0, gripper])] * rest
    return space.clip(np.stack(rows).astype(np.float32)) if rows else np.zeros((0, space.dim), np.float32)


def even_steps(corners: NDArray[np.float64], speed: float) -> NDArray[np.float64]:
    """The steps (K, 3) from one end of a polyline (P, 3) m to the other, each at most ``speed`` long."""
    lengths = np.concatenate([[0.0], np.linalg.norm(np.diff(corners, axis=0), axis=1).cumsum()])
    count = int(np.ceil(lengths[-1] / speed - 1e-9))
    if count == 0:
        return np.zeros((0, 3))
    along = np.linspace(0, lengths[-1], count + 1)
    points = np.stack([np.interp(along, lengths, corners[:, axis]) for axis in range(3)], 1)
    return np.diff(points, axis=0)


def away_from_path(places: NDArray[Any], corners: NDArray[Any]) -> NDArray[np.float64]:
    """How far places (N, 3) m are from the nearest point of a polyline (P, 3) m, P at least 1: (N,) m."""
    places, corners = np.asarray(places, np.float64), np.asarray(corners, np.float64)
    if len(corners) == 1:
        return np.asarray(np.linalg.norm(places - corners[0], axis=1))
    starts, ways = corners[:-1], np.diff(corners, axis=0)  # (P - 1, 3)
    offsets = places[:, None] - starts
    shares = np.clip((offsets * ways).sum(-1) / ((ways**2).sum(-1) + 1e-12), 0, 1)
    return np.asarray(np.linalg.norm(offsets - shares[..., None] * ways, axis=-1).min(1))

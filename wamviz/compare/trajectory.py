"""Where the hand goes: end-effector paths in metres, on the picture, and how far two of them lie apart.

Contract: a path is (M, 3) float64 in metres in the robot's base frame, one row a step of ``action_space.rate``, row 0
at the context. It is known from states (what happened) or by adding up steps (what was told); None otherwise, never a
guess. Nothing here knows videos.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wamviz.compare.align import match_times
from wamviz.rollout import Camera, Floats, Rollout

Path3D = NDArray[np.float64]
POSES = ("ee_delta", "ee_pose")  # kinds whose robots report the pose of the hand


def ee_path(rollout: Rollout, start: Floats | None = None) -> Path3D | None:
    """The hand's path (M, 3) in m: measured where states tell it, else as commanded; None when neither is known.

    Args:
        start: (>= 3,) the state at the context, where a commanded path of steps begins; without it such a path begins
            at the origin and is only a shape.
    """
    measured = measured_path(rollout)
    return measured if measured is not None else commanded_path(rollout, start)


def measured_path(rollout: Rollout) -> Path3D | None:
    """The hand's path (M, 3) in m out of ``states``, or None.

    The first three numbers of a state are taken for x, y, z only where ``meta["state_names"]`` says so or, failing
    names, where the actions speak of the hand's pose: other robots put joint angles there.
    """
    states, space = rollout.states, rollout.action_space
    if states is None or space is None or states.shape[1] < 3 or len(states) == 0:
        return None
    names = rollout.meta.get("state_names")
    if isinstance(names, list | tuple) and names:
        if [str(name).lower().split("_")[-1].split(".")[-1] for name in names[:3]] != ["x", "y", "z"]:
            return None
    elif space.kind not in POSES:
        return None
    return states[:, :3].astype(np.float64)


def commanded_path(rollout: Rollout, start: Floats | None = None) -> Path3D | None:
    """The path (K + 1, 3) in m that the actions ask for, or None when they do not speak of the hand's position.

    Args:
        start: as in ``ee_path``; without it, the first state's position where one is known.
    """
    actions, space = rollout.actions, rollout.action_space
    if actions is None or space is None or space.kind not in POSES or space.dim < 3 or space.units[:3] != ("m",) * 3:
        return None
    if start is None and rollout.states is not None and measured_path(rollout) is not None:
        start = rollout.states[0]
    first = np.zeros(3) if start is None else np.asarray(start, np.float64)[:3]
    if space.kind == "ee_delta":
        return np.concatenate([first[None], first + np.cumsum(actions[:, :3].astype(np.float64), axis=0)])
    if start is None and len(actions):
        first = actions[0, :3].astype(np.float64)
    return np.concatenate([first[None], actions[:, :3].astype(np.float64)])


def path_pixels(rollout: Rollout, camera: Camera, start: Floats | None = None) -> NDArray[np.float64] | None:
    """The hand's path in pixels (M, 2) of ``camera``'s image, x to the right and y down; None when unknown.

    Rows behind the camera are NaN, and so is everything when neither states nor ``start`` place the path.
    """
    path = ee_path(rollout, start)
    if path is None:
        return None
    placed = start is not None or measured_path(rollout) is not None
    if not placed and rollout.action_space is not None and rollout.action_space.kind == "ee_delta":
        return np.full((len(path), 2), np.nan)
    pixels, depth = camera.project(path)
    pixels[depth <= 1e-6] = np.nan
    return pixels


def ade_fde(a: Path3D, b: Path3D, rate_a: float, rate_b: float | None = None) -> tuple[float, float] | None:
    """Average and final distance in m of two paths matched by time, the common start left out.

    None when they share no later moment. "Final" is the last moment that both know.
    """
    times_a, times_b = np.arange(len(a)) / rate_a, np.arange(len(b)) / (rate_b or rate_a)
    ia, ib = match_times(times_a, times_b)
    later = ia > 0
    if not later.any():
        return None
    apart = np.linalg.norm(a[ia[later]] - b[ib[later]], axis=1)  # (M,)
    return float(apart.mean()), float(apart[-1])


def path_length(path: Path3D) -> float:
    """Metres along a path."""
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())

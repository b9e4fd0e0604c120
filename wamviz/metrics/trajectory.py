"""Where the hand goes: end-effector paths in metres, on the picture, and how far two of them lie apart.

Contract: a path is (M, 3) float64 in metres in the robot's base frame, one row a step of ``action_space.rate``, row 0
at the context. It is known from states (what happened) or by adding up steps (what was told); None otherwise, never a
guess. Nothing here knows videos.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wamviz.core.camera import TURNS, Camera, Tool
from wamviz.core.rollout import Floats, Rollout
from wamviz.core.rotation import orientation, rotation_matrix
from wamviz.metrics.align import match_times
from wamviz.metrics.registry import Metric, Pair, Value, hold_still

Path3D = NDArray[np.float64]
FARTHEST = 10.0  # m
METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001}  # a unit in m
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
    path = states[:, :3].astype(np.float64)
    return None if (np.abs(path) > FARTHEST).any() else path  # no arm reaches that far: they are mm


def _in_metres(units: tuple[str, ...]) -> NDArray[np.float64] | None:
    """What the first three numbers of an action are multiplied with to be m, (3,); None where that is not known."""
    known = [METRES.get(unit) for unit in units[:3]]
    return None if len(known) < 3 or None in known else np.array(known, np.float64)


def commanded_path(rollout: Rollout, start: Floats | None = None) -> Path3D | None:
    """The path (K + 1, 3) in m that the actions ask for, or None when they do not speak of the hand's position.

    Args:
        start: as in ``ee_path``; without it, the first state's position where one is known.
    """
    actions, space = rollout.actions, rollout.action_space
    scale = None if space is None or space.kind not in POSES else _in_metres(space.units)
    if actions is None or space is None or scale is None:
        return None
    moved = actions[:, :3].astype(np.float64) * scale
    if start is None and rollout.states is not None and measured_path(rollout) is not None:
        start = rollout.states[0]
    first = np.zeros(3) if start is None else np.asarray(start, np.float64)[:3]
    if space.kind == "ee_delta":
        return np.concatenate([first[None], first + np.cumsum(moved, axis=0)])
    if start is None and len(actions):
        first = moved[0]
    return np.concatenate([first[None], moved])


def tool_path(rollout: Rollout, tool: Tool | None, start: Floats | None = None) -> Path3D | None:
    """The path (M, 3) in m of a point on the hand: ``ee_path`` moved by the tool's offset, which turns with the hand.

    None where the hand's orientation is not known: an offset in an unknown direction would be a guess.

    Args:
        tool: None for the very point that states and actions speak of.
        start: the state at the context, position first and then the orientation, as in ``ee_path``.
    """
    path = ee_path(rollout, start)
    if path is None or tool is None:
        return path
    if measured_path(rollout) is not None and rollout.states is not None:
        turns = _stated_turns(rollout.states, tool)
    else:
        turns = _read_turns(rollout, tool, start)
    if turns is None or len(turns) != len(path):
        return None
    return path + turns @ np.asarray(tool.offset)


def _stated_turns(rows: Floats, tool: Tool) -> NDArray[np.float64] | None:
    """The orientations (M, 3, 3) that rows (M, D) state after x, y, z, or None."""
    count = TURNS[tool.turn]
    if rows.shape[1] < 3 + count:
        return None
    found = [orientation(row[3 : 3 + count], tool.turn) for row in rows]
    known = [one for one in found if one is not None]
    return np.stack(known) if known and len(known) == len(found) else None


def _read_turns(rollout: Rollout, tool: Tool, start: Floats | None) -> NDArray[np.float64] | None:
    """The orientations (K + 1, 3, 3) of a commanded path: stated by poses, added up by steps."""
    actions, space, count = rollout.actions, rollout.action_space, TURNS[tool.turn]
    if start is None and rollout.states is not None and measured_path(rollout) is not None:
        start = rollout.states[0]
    if actions is None or space is None:
        return None
    begun = None
    if start is not None and len(start) >= 3 + count:
        begun = _stated_turns(np.asarray(start, np.float32)[None], tool)
    if space.kind == "ee_pose":
        stated = _stated_turns(actions, tool) if space.gripper_index not in range(3, 3 + count) else None
        if stated is None or not len(stated) or (begun is None and start is not None):
            return None
        # Poses say where the hand is without a start: the path begins at the first, as in ``commanded_path``.
        return np.concatenate([stated[:1] if begun is None else begun, stated])
    if begun is None:
        return None
    steps = actions[:, 3:6] if space.dim >= 6 and space.units[3:6] == ("rad",) * 3 else np.zeros((len(actions), 3))
    turns = [begun[0]]
    for step in steps:
        turns.append(rotation_matrix(step) @ turns[-1])
    return np.stack(turns)


def path_pixels(rollout: Rollout, camera: Camera, start: Floats | None = None) -> NDArray[np.float64] | None:
    """The path of the hand (of ``camera.tool``, where that is known) in pixels (M, 2) of ``camera``'s image.

    x to the right and y down; None when unknown. Rows behind the camera are NaN, and so is everything when neither
    states nor ``start`` place the path.
    """
    path = tool_path(rollout, camera.tool, start)
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


def common_paths(a: Path3D, b: Path3D, rate_a: float, rate_b: float) -> tuple[Path3D, Path3D | None, float]:
    """Two paths over the moments that both know and the rate of those in Hz; the second is None where rates do not fit.

    Only where one rate is a multiple of the other do rows lie at equal times: matched otherwise, a smooth path would
    look jerky.
    """
    times = max(rate_a, rate_b) / min(rate_a, rate_b)
    if abs(times - round(times)) > 1e-6:
        return a, None, rate_a
    ia, ib = match_times(np.arange(len(a)) / rate_a, np.arange(len(b)) / rate_b)
    return a[ia], b[ib], min(rate_a, rate_b)


def path_length(path: Path3D) -> float:
    """Metres along a path."""
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


def _displacement(pair: Pair) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """(average, final) distance in m of the paths, and of a hand that does not move; like with like: commanded paths
    where both state them, else measured ones."""
    imagined, other = pair.imagined, pair.other
    if other is None or imagined.action_space is None or other.action_space is None:
        return None
    ours, theirs = commanded_path(imagined, pair.start), commanded_path(other, pair.start)
    if ours is None or theirs is None:
        ours, theirs = measured_path(imagined), measured_path(other)
    if ours is None or theirs is None:
        return None
    rates = imagined.action_space.rate, other.action_space.rate
    apart = ade_fde(ours, theirs, *rates)
    still = ade_fde(np.repeat(theirs[:1], len(ours), axis=0), theirs, *rates)
    return None if apart is None or still is None else (apart, still)


def average_displacement(pair: Pair) -> Value | None:
    """Average distance in m between the two paths of the hand."""
    found = _displacement(pair)
    return None if found is None else Value(found[0][0], found[1][0])


def final_displacement(pair: Pair) -> Value | None:
    """Distance in m between the two paths of the hand at the last shared moment."""
    found = _displacement(pair)
    return None if found is None else Value(found[0][1], found[1][1])


_DISPLACEMENT = "Pellegrini et al. 2009, ICCV; Alahi et al. 2016, CVPR"
METRICS = (
    Metric(
        "trajectory",
        "ade_m",
        "Path of the hand, on average",
        "Average distance in metres between the two commanded paths of the hand (average displacement error).",
        _DISPLACEMENT,
        judges="actions",
        measure=average_displacement,
        unit="cm",
        factor=100.0,
        digits=1,
        brief="Path error",
        baseline=hold_still(
            "hold_ade_m", "Average distance in metres between the recorded path and a hand that does not move."
        ),
    ),
    Metric(
        "trajectory",
        "fde_m",
        "Path of the hand, at the end",
        "Distance in metres between the two commanded paths at the last shared moment (final displacement error).",
        _DISPLACEMENT,
        judges="actions",
        measure=final_displacement,
        unit="cm",
        factor=100.0,
        digits=1,
        further=True,
        baseline=hold_still("hold_fde_m", "The same at the last shared moment."),
    ),
)

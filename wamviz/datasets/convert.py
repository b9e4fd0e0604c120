"""Exact conversions between kinds of actions: pure functions, each result labelled with what it assumes.

Contract: numpy in, ``Converted`` out. What cannot be computed from the numbers alone (joints to poses need the robot's
kinematics) is refused with the reason. Axis letters: K actions, A action dims, J joints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import WamvizError, unknown_name
from wamviz.core.rollout import ACTION_KINDS, ActionSpace, Floats, check_floats

_UNIT = re.compile(r"(\d+(?:\.\d+)?)\s+(\S.*)")
_ROTATIONS = {("drx", "dry", "drz"): "rotation vectors", ("droll", "dpitch", "dyaw"): "roll, pitch and yaw"}
NORMALISATIONS = ("min_max", "mean_std", "quantile")


@dataclass(frozen=True)
class Converted:
    """What came out of a conversion.

    Attributes:
        values: (K, A) float32 in ``space``.
        space: what the numbers mean now.
        label: how they came about, for the legend of a plot.
    """

    values: Floats
    space: ActionSpace
    label: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", check_floats(self.values, "Converted actions", self.space.dim))


def to_physical(actions: NDArray[Any], space: ActionSpace) -> Converted:
    """Multiply by the factors in the units: ``0.5`` of ``0.05 m`` becomes ``0.025 m``."""
    factors, units = zip(*map(_factor, space.units), strict=True)
    scale = np.asarray(factors, np.float64)
    low, high = (None if ends is None else tuple((np.array(ends) * scale).tolist()) for ends in (space.low, space.high))
    values = check_floats(actions, "Actions", space.dim) * scale
    changed = any(factor != 1 for factor in factors)
    label = "recorded, scaled to physical units" if changed else "recorded"
    return Converted(values.astype(np.float32), replace(space, units=units, low=low, high=high), label)


def convert(actions: NDArray[Any], space: ActionSpace, kind: str, start: NDArray[Any] | None = None) -> Converted:
    """Actions as another kind.

    Args:
        actions: (K, A) in ``space``.
        kind: ``ee_pose`` from ``ee_delta``, ``joint_position`` from ``joint_velocity``, or the kind they have.
        start: where the robot is before the first action: (6,) pose x, y, z (m) and the rotation that ``space``
            counts in (rad), or (J,) joints (rad).

    Raises:
        WamvizError: that conversion needs more than these numbers, or ``start`` is missing or misshapen.
    """
    if kind not in ACTION_KINDS:
        raise unknown_name("action kind", kind, ACTION_KINDS)
    if kind == space.kind:
        return to_physical(actions, space)
    if (space.kind, kind) == ("ee_delta", "ee_pose"):
        return _integrated_pose(actions, space, start)
    if (space.kind, kind) == ("joint_velocity", "joint_position"):
        return _integrated_joints(actions, space, start)
    reason = "what the numbers mean is not known"
    if {space.kind, kind} & {"joint_position", "joint_velocity"} and {space.kind, kind} & {"ee_pose", "ee_delta"}:
        reason = "that needs the robot's kinematics, which a recording does not hold"
    elif "unnamed" not in (space.kind, kind):
        reason = "a difference needs the measured state at every step, not only the commands"
    raise WamvizError(f"Actions of kind {space.kind} cannot be turned into {kind}: {reason}.")


def _integrated_pose(actions: NDArray[Any], space: ActionSpace, start: NDArray[Any] | None) -> Converted:
    spots = [_index(space, name) for name in ("dx", "dy", "dz")]
    turned = next((names for names in _ROTATIONS if all(name in space.names for name in names)), None)
    if turned is None:
        raise WamvizError("These deltas have no rotation by name (drx dry drz, or droll dpitch dyaw).",
                          "Name the dimensions with a layout.")  # fmt: skip
    turns = [_index(space, name) for name in turned]
    physical = to_physical(actions, space)
    _check_units(physical.space, spots, "m")
    _check_units(physical.space, turns, "rad")
    pose = _start(start, 6, "a pose of 6 numbers (x y z in m, rotation in rad)")
    values = physical.values.astype(np.float64)
    out = values.copy()
    out[:, spots] = pose[:3] + np.cumsum(values[:, spots], axis=0)
    if turned[0] == "drx":  # turns about the base's axes follow one another
        rotation = _rotation(pose[3:])
        for k, turn in enumerate(values[:, turns]):
            rotation = _rotation(turn) @ rotation
            out[k, turns] = _vector(rotation)
    else:
        out[:, turns] = pose[3:] + np.cumsum(values[:, turns], axis=0)
    renamed = {**dict(zip(spots, "xyz", strict=True)), **{i: n[1:] for i, n in zip(turns, turned, strict=True)}}
    names = tuple(renamed.get(i, name) for i, name in enumerate(space.names))
    label = f"deltas integrated ({_ROTATIONS[turned]}); assumes that every delta was reached"
    return Converted(
        out.astype(np.float32), replace(physical.space, names=names, kind="ee_pose", low=None, high=None), label
    )


def _integrated_joints(actions: NDArray[Any], space: ActionSpace, start: NDArray[Any] | None) -> Converted:
    joints = [i for i in range(space.dim) if i != space.gripper_index]
    physical = to_physical(actions, space)
    _check_units(physical.space, joints, "rad/s")
    first = _start(start, len(joints), f"{len(joints)} joint angles in rad")
    out = physical.values.astype(np.float64)
    out[:, joints] = first + np.cumsum(out[:, joints], axis=0) / space.rate
    units = tuple("rad" if i in joints else unit for i, unit in enumerate(physical.space.units))
    names = tuple(name.removesuffix("_velocity").removesuffix(".vel") for name in space.names)
    new = replace(physical.space, names=names, units=units, kind="joint_position", low=None, high=None)
    return Converted(out.astype(np.float32), new, "velocities integrated; assumes that every velocity was reached")


def unnormalise(values: NDArray[Any], stats: Mapping[str, Sequence[float]], method: str) -> Floats:
    """Normalised numbers (K, A) back in physical units with a dataset's statistics; the inverse of ``normalise``.

    Args:
        stats: ``min``/``max``, ``mean``/``std`` or ``q01``/``q99``, one number a dimension.
        method: ``min_max`` and ``quantile`` take -1 .. 1 to the two ends, ``mean_std`` takes 0 to the mean.
    """
    shift, scale = _affine(stats, method, np.shape(values)[-1])
    return (np.asarray(values, np.float64) * scale + shift).astype(np.float32)


def normalise(values: NDArray[Any], stats: Mapping[str, Sequence[float]], method: str) -> Floats:
    """Physical numbers (K, A) normalised with a dataset's statistics; a dimension that never varies becomes 0."""
    shift, scale = _affine(stats, method, np.shape(values)[-1])
    safe = np.where(scale == 0, 1, scale)
    return np.where(scale == 0, 0, (np.asarray(values, np.float64) - shift) / safe).astype(np.float32)


def _affine(stats: Mapping[str, Sequence[float]], method: str, dim: int) -> tuple[NDArray[Any], NDArray[Any]]:
    if method not in NORMALISATIONS:
        raise unknown_name("normalisation", method, NORMALISATIONS)
    keys = {"min_max": ("min", "max"), "mean_std": ("mean", "std"), "quantile": ("q01", "q99")}[method]
    for key in keys:
        if key not in stats:
            raise WamvizError(
                f"The dataset's statistics have no '{key}'.", f"They have: {', '.join(stats) or 'nothing'}."
            )
    a, b = (np.asarray(stats[key], np.float64).reshape(-1) for key in keys)
    if len(a) != dim or len(b) != dim or not np.isfinite([a, b]).all():
        raise WamvizError(f"The dataset's statistics do not hold {dim} finite numbers for '{keys[0]}' and '{keys[1]}'.")
    return (a, b) if method == "mean_std" else ((a + b) / 2, (b - a) / 2)


def _factor(unit: str) -> tuple[float, str]:
    match = _UNIT.fullmatch(unit)
    return (float(match[1]), match[2]) if match else (1.0, unit)


def _index(space: ActionSpace, name: str) -> int:
    if name not in space.names:
        raise WamvizError(f"These deltas have no dimension '{name}'.", f"They are: {', '.join(space.names)}.")
    return space.names.index(name)


def _check_units(space: ActionSpace, spots: Sequence[int], unit: str) -> None:
    odd = next((i for i in spots if space.units[i] != unit), None)
    if odd is not None:
        raise WamvizError(
            f"'{space.names[odd]}' is in '{space.units[odd] or 'no known unit'}', not in {unit}.",
            "Say the units with a layout.",
        )


def _start(start: NDArray[Any] | None, count: int, form: str) -> NDArray[np.float64]:
    if start is None:
        raise WamvizError("Integration needs to know where the robot begins.", f"Give {form}.")
    first = np.asarray(start, np.float64).reshape(-1)
    if len(first) != count or not np.isfinite(first).all():
        raise WamvizError(f"The start has {len(first)} numbers.", f"Give {form}.")
    return first


def _rotation(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) matrix of a rotation vector in rad."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _vector(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) rotation vector in rad of a matrix, angle 0 .. pi; by way of the quaternion, which is exact near pi too."""
    r = rotation
    four = np.array([
        [r[0, 0] - r[1, 1] - r[2, 2], 0, 0, 0],
        [r[1, 0] + r[0, 1], r[1, 1] - r[0, 0] - r[2, 2], 0, 0],
        [r[2, 0] + r[0, 2], r[2, 1] + r[1, 2], r[2, 2] - r[0, 0] - r[1, 1], 0],
        [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], np.trace(r)],
    ])  # fmt: skip
    _, vectors = np.linalg.eigh(four / 3)  # reads the lower triangle; the largest eigenvalue belongs to the rotation
    x, y, z, w = vectors[:, -1] * (1 if vectors[3, -1] >= 0 else -1)
    sine = float(np.linalg.norm([x, y, z]))
    return np.zeros(3) if sine < 1e-15 else np.array([x, y, z]) / sine * 2 * np.arctan2(sine, w)

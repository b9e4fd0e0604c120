"""Rotations: vectors (axis times angle, rad), matrices, angles about the vertical, and what robots report.

Pure functions over numpy arrays, in float64. Rotations are about the axes of the base frame, so a later one is
multiplied from the left. The embedded model's kinematics (``models.mini.kinematics``) has ``rotation_matrices`` and
``rotation_vectors`` of its own: batched, on the model's device and differentiable, which numpy is not; a test holds
them to the values of this module.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from wamviz.core.camera import TURNS
from wamviz.core.errors import unknown_name

Reals = NDArray[np.floating]


def rotation_matrix(vector: Reals) -> NDArray[np.float64]:
    """The matrix (3, 3) of a rotation vector (3,) rad: Rodrigues' formula."""
    vector = np.asarray(vector, np.float64)
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * skew + (1 - math.cos(angle)) * skew @ skew


def rotation_vector(rotation: Reals) -> NDArray[np.float64]:
    """The rotation vector (3,) rad of a matrix (3, 3), its angle in 0 .. pi; at pi the axis's sign is free."""
    rotation = np.asarray(rotation, np.float64)
    skew = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    sine = float(np.linalg.norm(skew)) / 2
    cosine = (float(np.trace(rotation)) - 1) / 2
    angle = math.atan2(sine, cosine)
    if sine > 1e-6:
        return skew * (angle / (2 * sine))
    if cosine > 0:
        return skew / 2
    # Half a turn: the axis is the column of R + 1 with the largest diagonal entry.
    column = (rotation + np.eye(3))[:, int(np.argmax(np.diag(rotation)))]
    return column * (angle / float(np.linalg.norm(column)))


def compose(vectors: Reals) -> NDArray[np.float64]:
    """The one rotation vector (3,) rad of the rotations (M, 3) rad made one after the other."""
    total = np.eye(3)
    for one in vectors:
        total = rotation_matrix(one) @ total
    return rotation_vector(total)


def orientation(numbers: Reals, turn: str) -> NDArray[np.float64] | None:
    """The matrix (3, 3) of an orientation as robots report it; None for a quaternion of no length.

    Args:
        numbers: (3,) rad or (4,) of any length but 0, as ``turn`` needs.
        turn: one of ``wamviz.core.camera.TURNS``.

    Raises:
        WamvizError: unknown ``turn``.
    """
    numbers = np.asarray(numbers, np.float64)
    if turn == "rotation_vector":
        return rotation_matrix(numbers)
    if turn == "euler_xyz":  # about the fixed axes of the base: x first, z last
        about = np.diag(numbers)
        return rotation_matrix(about[2]) @ rotation_matrix(about[1]) @ rotation_matrix(about[0])
    if turn not in TURNS:
        raise unknown_name("turn", turn, TURNS)
    x, y, z, w = numbers if turn == "quaternion_xyzw" else np.roll(numbers, -1)
    if np.linalg.norm(numbers) < 1e-6:
        return None
    axis, sine = np.array([x, y, z]), float(np.linalg.norm([x, y, z]))
    if sine < 1e-12:
        return np.eye(3)
    return rotation_matrix(axis / sine * 2 * math.atan2(sine, w))


def yaw_of(rotation: Reals) -> float:
    """Angle of a frame's x axis about the world's z, rad in -pi .. pi, from its matrix (3, 3)."""
    return math.atan2(rotation[1, 0], rotation[0, 0])


def wrap_angle(angle: float, period: float = 2 * math.pi) -> float:
    """``angle`` moved by whole periods into -period/2 .. period/2, rad."""
    return (angle + period / 2) % period - period / 2

"""Turns as rotation vectors (axis times angle, rad): enough to chain small steps, and to read what robots report.

Contract: pure functions over numpy arrays, in float64. Turns are about the axes of the base frame, so a later one
is multiplied from the left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.floating]


def matrix(vector: Reals) -> NDArray[np.float64]:
    """The (3, 3) matrix of a rotation vector (3,) (Rodrigues' formula)."""
    vector = np.asarray(vector, np.float64)
    angle = float(np.linalg.norm(vector))
    x, y, z = vector
    skew = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    # sin(t)/t and (1-cos(t))/t^2 through sinc, which stays exact near 0
    return np.eye(3) + np.sinc(angle / np.pi) * skew + 0.5 * np.sinc(angle / (2 * np.pi)) ** 2 * skew @ skew


def vector(rotation: Reals) -> NDArray[np.float64]:
    """The rotation vector (3,) of a (3, 3) matrix, its angle in 0 .. pi."""
    rotation = np.asarray(rotation, np.float64)
    skew = rotation - rotation.T
    twice = np.array([skew[2, 1], skew[0, 2], skew[1, 0]])
    sine, cosine = np.linalg.norm(twice) / 2, (np.trace(rotation) - 1) / 2
    angle = float(np.arctan2(sine, cosine))
    if sine > 1e-6:
        return twice / (2 * sine) * angle
    if cosine > 0:
        return twice / 2
    # Half a turn: the axis is the direction that the turn leaves alone.
    outer = (rotation + np.eye(3)) / 2
    axis = outer[:, int(np.argmax(np.diag(outer)))]
    return axis / np.linalg.norm(axis) * angle


def compose(vectors: Reals) -> NDArray[np.float64]:
    """The one turn (3,) that the turns (M, 3), made one after the other, come to."""
    total = np.eye(3)
    for one in vectors:
        total = matrix(one) @ total
    return vector(total)


def orientation(numbers: Reals, turn: str) -> NDArray[np.float64] | None:
    """The (3, 3) matrix of an orientation as robots report it; None for a quaternion of no length.

    Args:
        numbers: (3,) or (4,), as ``turn`` needs.
        turn: one of ``wamviz.core.camera.TURNS``.
    """
    numbers = np.asarray(numbers, np.float64)
    if turn == "rotation_vector":
        return matrix(numbers)
    if turn == "euler_xyz":  # about the fixed axes of the base: x first, z last
        about = np.diag(numbers)
        return matrix(about[2]) @ matrix(about[1]) @ matrix(about[0])
    x, y, z, w = numbers if turn == "quaternion_xyzw" else np.roll(numbers, -1)
    length = np.linalg.norm(numbers)
    if length < 1e-6:
        return None
    axis, sine, cosine = np.array([x, y, z]), np.linalg.norm([x, y, z]), w
    if sine < 1e-12:
        return np.eye(3)
    return matrix(axis / sine * 2 * np.arctan2(sine, cosine))

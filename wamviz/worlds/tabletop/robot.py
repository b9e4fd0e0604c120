"""Kinematics of the Panda: forward kinematics, Jacobian, damped-least-squares inverse kinematics, rotations.

Contract: pure functions over float64 arrays; metres, radians, the robot base frame. The tool frame is the point
between the finger tips (TCP), z out of the hand, turned by -45 degrees against the flange like the real hand.
Joint frames are Franka's published (modified) Denavit-Hartenberg parameters.

What it does not know: collisions, dynamics, gripper.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_A = (0.0, 0.0, 0.0, 0.0825, -0.0825, 0.0, 0.088)
_D = (0.333, 0.0, 0.316, 0.0, 0.384, 0.0, 0.0)
_ALPHA = (0.0, -math.pi / 2, math.pi / 2, math.pi / 2, -math.pi / 2, math.pi / 2, math.pi / 2)
_COS_ALPHA, _SIN_ALPHA = [math.cos(a) for a in _ALPHA], [math.sin(a) for a in _ALPHA]
_H = math.sqrt(0.5)
_TOOL = np.array([[_H, _H, 0, 0], [-_H, _H, 0, 0], [0, 0, 1, 0.107 + 0.1034], [0, 0, 0, 1.0]])

# A little inside the joints' hard stops.
JOINT_LOW = np.array([-2.85, -1.70, -2.85, -3.00, -2.85, 0.02, -2.85])
JOINT_HIGH = np.array([2.85, 1.70, 2.85, -0.12, 2.85, 3.70, 2.85])
REST = np.array([0.0, -0.35, 0.0, -2.4, 0.0, 2.05, 0.785])  # elbow up, hand down; the null space pulls here
DOWN = np.diag([1.0, -1.0, -1.0])  # the tool looking straight down, hand x along world x

_DAMPING = 0.03
_NULL_GAIN = 0.02
_MAX_STEP = 0.15  # rad an iteration


def forward(q: Vector) -> tuple[Matrix, Matrix]:
    """Pose of the TCP, (4, 4), and its geometric Jacobian, (6, 7) (linear rows first), at joint angles ``q`` (7,)."""
    pose = np.eye(4)
    axes, origins = np.empty((7, 3)), np.empty((7, 3))
    for i in range(7):
        c, s = math.cos(q[i]), math.sin(q[i])
        ca, sa = _COS_ALPHA[i], _SIN_ALPHA[i]
        pose = pose @ np.array(
            [[c, -s, 0, _A[i]], [s * ca, c * ca, -sa, -_D[i] * sa], [s * sa, c * sa, ca, _D[i] * ca], [0, 0, 0, 1]]
        )
        axes[i], origins[i] = pose[:3, 2], pose[:3, 3]
    pose = pose @ _TOOL
    jacobian = np.empty((6, 7))
    jacobian[:3] = np.cross(axes, pose[:3, 3] - origins).T
    jacobian[3:] = axes.T
    return pose, jacobian


def rotation_vector(rotation: Matrix) -> Vector:
    """Axis times angle, (3,) rad, of a rotation matrix (3, 3); the angle is in 0 .. pi."""
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


def rotation_matrix(vector: Vector) -> Matrix:
    """Rotation matrix (3, 3) of a rotation vector (3,) rad (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * skew + (1 - math.cos(angle)) * skew @ skew


def solve(q: Vector, position: Vector, rotation: Matrix, iterations: int) -> Vector:
    """Move joint angles ``q`` (7,) towards a TCP pose; the result stays within the joint limits.

    An unreachable pose is not an error: the result is as near as the damped steps came.

    Args:
        q: start, (7,) rad.
        position: (3,) m.
        rotation: (3, 3).
        iterations: damped-least-squares steps, at most 0.15 rad a joint each.
    """
    identity = np.eye(6) * _DAMPING**2
    for _ in range(iterations):
        pose, jacobian = forward(q)
        error = np.concatenate([position - pose[:3, 3], rotation_vector(rotation @ pose[:3, :3].T)])
        gram = jacobian @ jacobian.T + identity
        rest = _NULL_GAIN * (REST - q)
        # One solve for both: the task step, and the rest posture's part that the task would feel.
        step = rest + jacobian.T @ np.linalg.solve(gram, error - jacobian @ rest)
        q = np.clip(q + np.clip(step, -_MAX_STEP, _MAX_STEP), JOINT_LOW, JOINT_HIGH)
    return q


def yaw_of(rotation: Matrix) -> float:
    """Angle of the hand's x axis about the world's z, rad in -pi .. pi; 0 for ``DOWN``."""
    return math.atan2(rotation[1, 0], rotation[0, 0])


def wrap(angle: float, period: float = 2 * math.pi) -> float:
    """``angle`` moved by whole periods into -period/2 .. period/2."""
    return (angle + period / 2) % period - period / 2

"""Kinematics of the Panda: forward kinematics, Jacobian, damped-least-squares inverse kinematics.

Pure functions over float64 arrays; metres, radians, the robot base frame. The tool frame is the point
between the finger tips (TCP), z out of the hand, turned by -45 degrees against the flange like the real hand.
Joint frames are Franka's published (modified) Denavit-Hartenberg parameters.

What it does not know: collisions, dynamics, gripper.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from wamviz.core.rotation import rotation_vector

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

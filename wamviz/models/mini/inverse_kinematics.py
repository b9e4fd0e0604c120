"""Joints that take the Panda's hand where it is wanted, batched over arms.

Damped least squares, a step after the other, each from where the one before led. That is dozens of steps of sixty
operations on a few numbers, so it is NumPy's: calls of PyTorch take three times as long. Nothing is learnt through it.
Axis letter: N arms.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wamviz.models.mini.kinematics import REST, TOOL, constants

Numbers = NDArray[np.float64]

NULL_GAIN = 0.02  # of the elbow, a step of the controller
_MAX_STEP = 0.15  # rad, the most that a joint moves a step
_AHEAD, _BEHIND = np.array([1, 2, 0]), np.array([2, 0, 1])  # axes of a cross product
_DAMPING = 0.03**2 * np.eye(6)
_KNOWN = {name: value.numpy() for name, value in constants(torch.float64, torch.device("cpu")).items()}


def step_joints(joints: Numbers, position: Numbers, rotation: Numbers, null_gain: float) -> Numbers:
    """One step of joints (N, 7) rad towards tool poses: position (N, 3) m, rotation (N, 3, 3).

    The null space pulls to the same rest posture as the robot's own controller does, so that the elbow goes where its
    elbow goes.
    """
    links = _link_frames(joints)
    hand = links[:, 7] @ _KNOWN["hand"]
    tool = hand[:, :3, 3] + hand[:, :3, 2] * TOOL
    axes, arms = links[:, 1:, :3, 2], tool[:, None] - links[:, 1:, :3, 3]  # (N, 7, 3)
    linear = axes[..., _AHEAD] * arms[..., _BEHIND] - axes[..., _BEHIND] * arms[..., _AHEAD]
    across = np.concatenate([linear, axes], -1)  # (N, 7, 6), the Jacobian on its side
    jacobian = across.swapaxes(1, 2)
    turn = _rotation_vectors(rotation @ hand[:, :3, :3].swapaxes(1, 2))
    error = np.concatenate([position - tool, turn], -1)[..., None]
    pull = null_gain * (_KNOWN["rest"] - joints)[..., None]
    step = pull + across @ np.linalg.solve(jacobian @ across + _DAMPING, error - jacobian @ pull)
    step = np.minimum(np.maximum(step[..., 0], -_MAX_STEP), _MAX_STEP)  # a third of the time of ``clip``
    return np.minimum(np.maximum(joints + step, _KNOWN["low"]), _KNOWN["high"])


def solve_joints(
    joints: Tensor, position: Tensor, rotation: Tensor, iterations: int, null_gain: float = NULL_GAIN
) -> Tensor:
    """Joints (N, 7) rad after so many steps of ``step_joints`` towards positions (N, 3) m, rotations (N, 3, 3)."""
    q, goal, turned = (numbers(x) for x in (joints, position, rotation))
    for _ in range(iterations):
        q = step_joints(q, goal, turned, null_gain)
    return torch.from_numpy(q).to(joints)


def rest_joints(position: Tensor, rotation: Tensor) -> Tensor:
    """Joints (N, 7) of a tool pose when nothing is known of them: from the rest posture."""
    rest = torch.tensor(REST, dtype=position.dtype, device=position.device).expand(len(position), 7)
    return solve_joints(rest, position, rotation, iterations=60)


def numbers(x: Tensor) -> Numbers:
    """A tensor as NumPy's, in double precision."""
    return x.detach().double().cpu().numpy()


def _link_frames(joints: Numbers) -> Numbers:
    """``kinematics.link_frames`` of (N, 7): (N, 8, 4, 4)."""
    cos, sin = np.cos(joints)[..., None, None], np.sin(joints)[..., None, None]
    steps = cos * _KNOWN["in_cos"] + sin * _KNOWN["in_sin"] + _KNOWN["alone"]  # (N, 7, 4, 4)
    frames = np.empty((len(joints), 8, 4, 4))
    frames[:, 0] = _KNOWN["base"]
    for i in range(7):
        np.matmul(frames[:, i], steps[:, i], out=frames[:, i + 1])
    return frames


def _rotation_vectors(matrices: Numbers) -> Numbers:
    """``kinematics.rotation_vectors`` of (N, 3, 3): (N, 3) rad."""
    flat = matrices.reshape(-1, 9)
    skew = flat[:, _KNOWN["lower"]] - flat[:, _KNOWN["upper"]]  # twice the sine times the axis
    sine = np.sqrt((skew * skew).sum(-1)) / 2
    angle = np.arctan2(sine, (flat[:, ::4].sum(-1) - 1) / 2)
    return skew * np.where(sine > 1e-6, angle / (2 * np.maximum(sine, 1e-6)), 0.5)[:, None]

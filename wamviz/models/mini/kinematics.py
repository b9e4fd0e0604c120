"""Kinematics of the Panda, batched: joint angles to the frames of its parts.

Published (modified) Denavit-Hartenberg parameters of Franka; metres, radians, the robot's base frame. The tool frame
lies between the finger tips. Axis letters: N samples, K actions, L = 11 parts (links 0 to 7, hand, left and right
finger).
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

PARTS = (*(f"link{i}" for i in range(8)), "hand", "finger_left", "finger_right")
FINGER_TRAVEL = 0.04  # of each finger, m

_A = (0.0, 0.0, 0.0, 0.0825, -0.0825, 0.0, 0.088)
_D = (0.333, 0.0, 0.316, 0.0, 0.384, 0.0, 0.0)
_ALPHA = (0.0, -math.pi / 2, math.pi / 2, math.pi / 2, -math.pi / 2, math.pi / 2, math.pi / 2)
_FLANGE, TOOL, _KNUCKLE = 0.107, 0.1034, 0.0584  # m along the hand's axis
_H = math.sqrt(0.5)
_LOW = (-2.85, -1.70, -2.85, -3.00, -2.85, 0.02, -2.85)
_HIGH = (2.85, 1.70, 2.85, -0.12, 2.85, 3.70, 2.85)
REST = (0.0, -0.35, 0.0, -2.4, 0.0, 2.05, 0.785)  # where the null space pulls


@cache
def constants(dtype: torch.dtype, device: torch.device) -> dict[str, Tensor]:
    """The numbers above as tensors, made once: making them takes longer than the arithmetic with them."""
    with torch.inference_mode(False):  # they outlive whoever asks first, who may be drawing or training
        like = {"dtype": dtype, "device": device}
        alpha = torch.tensor(_ALPHA, **like)
        fixed = {
            name: torch.tensor(values, **like)
            for name, values in (("a", _A), ("low", _LOW), ("high", _HIGH), ("rest", REST))
        }
        ca, sa, d = alpha.cos(), alpha.sin(), torch.tensor(_D, **like)
        hand = torch.eye(4, **like)
        hand[:2, :2] = torch.tensor([[_H, _H], [-_H, _H]], **like)
        hand[2, 3] = _FLANGE
        zero, one = torch.zeros(7, **like), torch.ones(7, **like)
        # Each joint's step is cos * in_cos + sin * in_sin + alone, (7, 4, 4) each.
        in_cos = torch.stack([one, zero, zero, zero, zero, ca, zero, zero, zero, sa, *[zero] * 6], -1)
        in_sin = torch.stack([zero, -one, zero, zero, ca, zero, zero, zero, sa, *[zero] * 7], -1)
        alone = torch.stack([zero, zero, zero, fixed["a"], zero, zero, -sa, -d * sa, zero, zero, ca, d * ca,
                             zero, zero, zero, one], -1)  # fmt: skip
        steps = {"in_cos": in_cos, "in_sin": in_sin, "alone": alone}
        shaped = {name: value.unflatten(-1, (4, 4)) for name, value in steps.items()}
        turned = {"lower": torch.tensor([7, 2, 3], device=device), "upper": torch.tensor([5, 6, 1], device=device)}
        return {**fixed, **shaped, **turned, "hand": hand, "base": torch.eye(4, **like)}


def link_frames(joints: Tensor) -> Tensor:
    """Frames of links 0 to 7 at joint angles (N, 7): (N, 8, 4, 4)."""
    known = constants(joints.dtype, joints.device)
    cos, sin = joints.cos()[..., None, None], joints.sin()[..., None, None]
    steps = cos * known["in_cos"] + sin * known["in_sin"] + known["alone"]  # (N, 7, 4, 4)
    frames = [known["base"].expand(len(joints), 4, 4)]
    for step in steps.unbind(1):
        frames.append(frames[-1] @ step)
    return torch.stack(frames, 1)


def _fixed(like: Tensor, rotation: tuple[tuple[float, ...], ...], z: float) -> Tensor:
    matrix = torch.eye(4, dtype=like.dtype, device=like.device)
    matrix[:3, :3] = torch.tensor(rotation, dtype=like.dtype, device=like.device)
    matrix[2, 3] = z
    return matrix


def hand_frame(links: Tensor) -> Tensor:
    """Frame of the hand (N, 4, 4) from ``link_frames``."""
    return links[:, 7] @ constants(links.dtype, links.device)["hand"]


def part_frames(joints: Tensor, gripper: Tensor) -> Tensor:
    """Frames of all ``PARTS`` at joints (N, 7) and gripper (N,) 0 open .. 1 closed: (N, L, 4, 4)."""
    links = link_frames(joints)
    hand = hand_frame(links)
    opening = ((1 - gripper.clamp(0, 1)) * FINGER_TRAVEL)[:, None]
    left = hand @ _fixed(hand, ((1, 0, 0), (0, 1, 0), (0, 0, 1)), _KNUCKLE)
    right = hand @ _fixed(hand, ((-1, 0, 0), (0, -1, 0), (0, 0, 1)), _KNUCKLE)
    fingers = []
    for frame in (left, right):
        moved = frame.clone()
        moved[:, :3, 3] = frame[:, :3, 3] + frame[:, :3, 1] * opening
        fingers.append(moved)
    return torch.cat([links, torch.stack([hand, *fingers], 1)], 1)


def tool_pose(joints: Tensor) -> Tensor:
    """Pose of the point between the finger tips (N, 4, 4)."""
    hand = hand_frame(link_frames(joints))
    return hand @ _fixed(hand, ((1, 0, 0), (0, 1, 0), (0, 0, 1)), TOOL)


def rotation_matrices(vectors: Tensor) -> Tensor:
    """Rotation vectors (N, 3) rad to matrices (N, 3, 3)."""
    x, y, z = vectors.unbind(-1)
    o = torch.zeros_like(x)
    skew = torch.stack([o, -z, y, z, o, -x, -y, x, o], -1).unflatten(-1, (3, 3))
    return torch.linalg.matrix_exp(skew)


def rotation_vectors(matrices: Tensor) -> Tensor:
    """Rotation matrices (N, 3, 3) to rotation vectors (N, 3) rad, for turns below half a turn."""
    flat = matrices.flatten(1)
    known = constants(matrices.dtype, matrices.device)
    skew = flat[:, known["lower"]] - flat[:, known["upper"]]  # (N, 3) twice the sine times the axis
    sine = torch.linalg.vector_norm(skew, dim=-1) / 2
    angle = torch.atan2(sine, (flat[:, ::4].sum(-1) - 1) / 2)
    return skew * torch.where(sine > 1e-6, angle / (2 * sine.clamp_min(1e-6)), 0.5)[:, None]


def clamp_joints(joints: Tensor) -> Tensor:
    """Joints (..., 7) rad within their limits."""
    known = constants(joints.dtype, joints.device)
    return joints.clamp(known["low"], known["high"])

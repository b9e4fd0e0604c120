"""The arm's joints from where some of its points are seen: a picture of a known body is a measurement of its joints.

A hand alone tells little of how far away it is; the whole arm does, since its base is known and its links do not
stretch. Gauss-Newton steps on the distances in the picture, held together by a weak pull to where the arm was taken
to be. Axis letters: N pictures, Q points.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wamviz.models.mini.kinematics import clamp_joints, hand_frame, link_frames
from wamviz.models.mini.raster import project

MARKS = ("forearm", "wrist", "hand", "palm_left", "palm_right", "tool")
_PALM = ((0.0, 0.1, 0.03), (0.0, -0.1, 0.03), (0.0, 0.0, 0.1034))  # m, in the hand's frame: its two sides, the tool
_MOVED_BY = (5, 7, 7, 7, 7, 7)  # the joints up to this one move a mark
_STEPS, _FOLLOWING = 12, 4  # from a guess, and from the frame before
_PULL = 1.2e-2  # image widths a radian: how much a guess counts beside a point that is seen
_DOWN = 0.12  # image widths a radian: how much it counts that a hand looks straight down ..
_LEANS = 0.06  # rad: .. unless it leans more than this, which it may
_MOST = 0.3  # rad a step
_FAR = 0.005  # image widths from which on a point counts less: it may be hidden, or taken for another


def place_marks(joints: Tensor) -> Tensor:
    """Where the marks are, (N, Q, 3) m, at joints (N, 7)."""
    return _marks(link_frames(joints))


def _marks(links: Tensor) -> Tensor:
    hand = hand_frame(links)
    palm = torch.tensor(_PALM, dtype=links.dtype, device=links.device)  # (3, 3)
    sides = hand[:, None, :3, 3] + palm @ hand[:, :3, :3].mT
    return torch.cat([links[:, [5, 7], :3, 3], hand[:, None, :3, 3], sides], 1)


def solve_arm(seen: Tensor, sure: Tensor, camera: Tensor, guess: Tensor, steps: int = _STEPS) -> Tensor:
    """Joints (N, 7) rad whose marks are seen where they are seen.

    Args:
        seen: (N, Q, 2) image points in 0..1; sure: (N, Q) how much each counts, 0..1.
        camera: (N, 3, 4), see ``raster``; guess: (N, 7) rad.
    """
    axis_of = torch.arange(7, device=seen.device)
    moves = axis_of < torch.tensor(_MOVED_BY, device=seen.device)[:, None]  # (Q, 7)
    joints, pull = guess, _PULL**2 * torch.eye(7, dtype=guess.dtype, device=guess.device)
    for _ in range(steps):
        links = link_frames(joints)
        marks = _marks(links)
        axes, origins = links[:, 1:, :3, 2], links[:, 1:, :3, 3]  # (N, 7, 3)
        speed = torch.linalg.cross(axes[:, None], marks[:, :, None] - origins[:, None])  # (N, Q, 7, 3)
        speed = speed * moves[..., None]
        at, depth = project(marks, camera)
        rows = camera[:, None, :2, :3] - at[..., None] * camera[:, None, 2:, :3]  # (N, Q, 2, 3)
        slope = rows @ speed.mT / depth.clamp_min(0.05)[..., None, None]  # (N, Q, 2, 7) image widths a radian
        off = seen - at  # (N, Q, 2)
        weight = sure / (1 + (off.norm(dim=-1) / _FAR).square())  # one that is far off is doubted
        weighted = (slope * weight[..., None, None]).flatten(1, 2)  # (N, 2 Q, 7)
        lean = hand_frame(links)[:, :3, 2]  # (N, 3) where the hand looks, (0, 0, -1) straight down
        leaning = torch.linalg.cross(axes, lean[:, None].expand_as(axes))[..., :2]  # (N, 7, 2) by each joint
        doubted = (1 + (lean[:, :2] / _LEANS).square().sum(-1, keepdim=True)).square()  # (N, 1)
        level = sure.mean(1, keepdim=True) * _DOWN**2 / doubted
        weighted_lean = leaning * level[..., None]
        normal = weighted.mT @ slope.flatten(1, 2) + weighted_lean @ leaning.mT + pull
        towards = weighted.mT @ off.flatten(1, 2)[..., None] + (_PULL**2) * (guess - joints)[..., None]
        towards = towards - weighted_lean @ lean[:, :2, None]
        step = torch.linalg.solve(normal, towards)[..., 0].clamp(-_MOST, _MOST)
        joints = clamp_joints(joints + step)
    return joints


def track_arm(seen: Tensor, sure: Tensor, camera: Tensor, start: Tensor) -> Tensor:
    """Joints (T, 7) rad of a video's frames, each from the one before, the first from ``start`` (1, 7).

    Args:
        seen: (T, Q, 2), sure: (T, Q), see ``solve_arm``; camera: (1, 3, 4).
    """
    joints, path = start, []
    for at, weight in zip(seen.split(1), sure.split(1), strict=True):
        joints = solve_arm(at, weight, camera, joints, _FOLLOWING)
        path.append(joints)
    return torch.cat(path)


def certainty(spread: Tensor) -> Tensor:
    """How much marks (N, Q) count that may lie as widely as ``spread``, image widths."""
    return 1 / (1 + (spread / _FAR).square())

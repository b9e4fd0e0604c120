"""How the arm answers actions, as far as that is known without looking: its controller and its joints' lag.

An action moves a commanded pose; inverse kinematics turns that into targets of the joints; the joints follow their
targets with a lag that was fitted to recorded episodes. What stands in the way of the arm is not known here: the
denoiser adds that. Batched over samples. Axis letters: N samples, K actions, A action dims, T taps.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wamviz.models.mini.inverse_kinematics import Numbers, numbers, solve_joints, step_joints
from wamviz.models.mini.kinematics import rotation_matrices, rotation_vectors, tool_pose

TAPS = 4  # actions after which a joint has reached its target
_LOW, _HIGH = (0.25, -0.50, 0.012), (0.80, 0.50, 0.70)  # m, where the command may go
_MAX_TILT = 0.8  # rad between the hand and straight down
_PARTS = 3  # an action is gone in as many parts, a step of inverse kinematics each; the controller takes ten
_NULL_GAIN = 1 - 0.98 ** (10 / _PARTS)  # with which the elbow ends where the controller's steps leave it
DOWN = (1.0, -1.0, -1.0)  # the tool looking straight down


def command_joints(joints: Tensor, actions: Tensor, last_action: Tensor, lag: Tensor) -> tuple[Tensor, Tensor]:
    """The targets of the joints that actions lead to.

    Args:
        joints: (N, 7) rad, measured; actions: (N, K, A) physical; last_action: (N, A), NaN where it is not known and
            the arm is taken to rest.
        lag: (T, 7), see ``fit_lag``.

    Returns:
        what the last action still adds to the joints (N, 7) rad, and the targets (N, K, 7) rad without it.
    """
    tool = tool_pose(joints)
    position, rotation = tool[:, :3, 3], tool[:, :3, :3]
    # The joints are still on their way to where the last action's target is.
    last = last_action.nan_to_num()
    before = solve_joints(joints, position + last[:, :3], rotation_matrices(last[:, 3:6]) @ rotation, _PARTS, 0.0)
    behind = (1 - lag[0]) * (before - joints)  # (N, 7)
    target = joints + behind
    tool = tool_pose(target)
    position, rotation = tool[:, :3, 3], tool[:, :3, :3]
    parts = rotation_matrices(actions[..., 3:6].flatten(0, 1) / _PARTS).unflatten(0, actions.shape[:2])  # (N, K, 3, 3)
    at, turned, now, moves, turns = (numbers(x) for x in (position, rotation, target, actions[..., :3], parts))
    targets = []
    for k in range(actions.shape[1]):
        goal = np.clip(at + moves[:, k], _LOW, _HIGH)
        for part in range(1, _PARTS + 1):
            turned = turns[:, k] @ turned
            if part == _PARTS:
                turned = limit_tilt(turned)
            now = step_joints(now, at + (goal - at) * (part / _PARTS), turned, _NULL_GAIN)
        at = goal
        targets.append(now)
    return behind, torch.from_numpy(np.stack(targets, 1)).to(joints)


def answer_actions(joints: Tensor, actions: Tensor, last_action: Tensor, lag: Tensor) -> Tensor:
    """Where the joints are after each action, nothing being in their way: (N, K, 7) rad. See ``command_joints``."""
    behind, targets = command_joints(joints, actions, last_action, lag)
    steps = torch.cat([targets[:, :1] - (joints + behind)[:, None], targets.diff(dim=1)], 1)  # (N, K, 7)
    k = actions.shape[1]
    since = torch.arange(k, device=lag.device)[:, None] - torch.arange(k, device=lag.device)
    share = torch.cat([lag, torch.ones_like(lag[:1])])[since.clamp(0, TAPS)] * (since >= 0)[..., None]  # (K, K, 7)
    rest = torch.cat([lag[1:], torch.ones_like(lag[:1])])[torch.arange(k, device=lag.device).clamp_max(TAPS - 1)]
    caught_up = ((rest - lag[0]) / (1 - lag[0]).clamp_min(1e-3)).clamp(0, 1.5)  # (K, 7) of what was behind
    return joints[:, None] + caught_up * behind[:, None] + torch.einsum("kji,nji->nki", share, steps)


def hand_of(joints: Tensor) -> Tensor:
    """The hand's place and turn as a state says them, (..., 6) m and rad, at joints (..., 7)."""
    tool = tool_pose(joints.reshape(-1, 7))
    down = torch.tensor(DOWN, device=joints.device).diag()
    return torch.cat([tool[:, :3, 3], rotation_vectors(tool[:, :3, :3] @ down)], 1).view(*joints.shape[:-1], 6)


def limit_tilt(rotation: Numbers) -> Numbers:
    """Turn hands (N, 3, 3) back until they lean no more than the controller lets them."""
    axis = rotation[:, :, 2]
    if (axis[:, 2] <= -math.cos(_MAX_TILT)).all():
        return rotation
    tilt = np.arccos(np.clip(-axis[:, 2], -1, 1))
    lean = np.stack([-axis[:, 1], axis[:, 0], np.zeros_like(tilt)], -1)  # axis x down
    lean = lean / np.maximum(np.linalg.norm(lean, axis=-1, keepdims=True), 1e-6)
    back = torch.from_numpy(lean * np.maximum(tilt - _MAX_TILT, 0)[:, None])
    return numbers(rotation_matrices(back)) @ rotation


def fit_lag(joints: Tensor, after: Tensor, actions: Tensor) -> Tensor:
    """How joints follow their targets, (T, 7): the share of a step that is done after 1, 2, .. actions.

    Least squares over episodes' beginnings, where the arm rests: joints (N, 7) rad, those after each action (N, K, 7),
    and the actions (N, K, A). The worse half, where something was in the way, is left out the second time.
    """
    at_rest = torch.full_like(actions[:, 0], torch.nan)
    _, targets = command_joints(joints, actions, at_rest, torch.ones(TAPS, 7))
    steps = torch.cat([targets[:, :1] - joints[:, None], targets.diff(dim=1)], 1)  # (N, K, 7)
    taps = torch.stack([F.pad(steps, (0, 0, j, 0))[:, : steps.shape[1]] for j in range(TAPS)], -1)  # (N, K, 7, T)
    left = after - joints[:, None] - steps.cumsum(1) + taps.sum(-1)
    kept = torch.ones(len(joints), dtype=torch.bool)
    for _ in range(2):
        a, b = (x[kept].movedim(2, 0).flatten(1, 2) for x in (taps, left))  # (7, n K, T) and (7, n K)
        lag = torch.linalg.lstsq(a, b[..., None]).solution[..., 0].mT
        off = ((taps * lag.mT).sum(-1) - left).abs().mean((1, 2))
        kept = off <= off.median()
    return lag

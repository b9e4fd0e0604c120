"""How things stand to the hand and to each other: turns and distances that the words, or the fingers, go by."""

from __future__ import annotations

import math

import torch
from torch import Tensor

REACH = 0.15  # m, the scale of distances and of the hand's displacements
_TOASTER = 0.109  # m from the lever to the middle of the toaster, along how it is turned
# After what share of a whole turn a thing looks the same again: a cube after a quarter; 0 for what is round.
SYMMETRY = (1, 0, 1, 0, 4, 4, 4)
_ALIGNED = (math.pi, 0, 0, 0, 0, 0, 0)  # rad from how a thing is turned to the hand's yaw: the lever is faced

# An open hand over a grasp, m: how far its fingers are from the middle and how thick they are, the palm's half sizes
# across and along their axis, what it keeps clear of, and how high above the finger tips it is.
_FINGER, _FINGER_RADIUS = 0.055, 0.018
_PALM, _PALM_MARGIN, _PALM_HEIGHT = (0.036, 0.105), 0.008, 0.036
# Things as upright cylinders, m; the toaster as four of them along its length, from its middle towards the lever.
_RADIUS = (0.0, 0.028, 0.055, 0.077, 0.025, 0.025, 0.025)
_HEIGHT = (0.0, 0.066, 0.09, 0.055, 0.042, 0.042, 0.042)
_TOASTER_ALONG, _TOASTER_RADIUS, _TOASTER_HEIGHT = (-0.068, 0.0, 0.068, 0.119), (0.06, 0.06, 0.06, 0.02), 0.19
_GRASPED = (1, 4, 5, 6)  # with the hand around the middle: the ball and the cubes
_LOWEST = 0.02  # m, of the finger tips
_STEPS = 6  # grasps of what is round, over half a turn; a cube has two of them
_MAX_YAW = 2.4  # rad; the last joint reaches no further
_DETOUR = 0.001  # m of room that a turn of one rad is worth
_AROUND = 0.11  # m from the hand: between its fingers, or below them
_IN_LINE, _KEPT = 0.15, 0.008  # rad, and m of room that a hand which is in line already does not turn for
_LARGE = 0.2  # rad, a turn that is surely meant: above twice the error with which a cube's is seen


def turns_to(facing: Tensor, yaw: Tensor) -> Tensor:
    """How far a hand with a yaw (B, 1) rad must turn to be in line with things (B, O, 2), the short way: (B, O) rad.

    Nothing to what is round or whose turn is not known.
    """
    times = torch.tensor(SYMMETRY, dtype=facing.dtype, device=facing.device)
    offset = torch.tensor(_ALIGNED, dtype=facing.dtype, device=facing.device)
    apart = torch.atan2(facing[..., 1], facing[..., 0]) + offset - times * yaw
    apart = torch.remainder(apart + math.pi, 2 * math.pi) - math.pi
    return torch.where(_is_sure(facing, times), apart / times.clamp_min(1), 0.0)


def turns_to_grasp(short: Tensor, facing: Tensor, yaw: Tensor, hand: Tensor, places: Tensor, there: Tensor) -> Tensor:
    """How far a hand (B, 3) m with a yaw (B, 1) rad must turn to grasp things where it has most room: (B, O) rad.

    Of the grasps of a cube or a ball (at places (B, O, 3) m, where there, (B, O)) the one with the least of the hand
    in other things, then with the least turning. For all else, and for what the hand is around already, ``short``:
    what ``turns_to`` says.
    """
    times = torch.tensor(SYMMETRY, device=facing.device)
    index = torch.tensor(_GRASPED, device=facing.device)
    times = times[index]
    first = torch.where(times > 0, yaw + short[:, index], 0.0)  # (B, T) rad, of a grasp
    option = torch.arange(_STEPS, device=yaw.device) * (math.pi / _STEPS)
    turn = torch.remainder(first[..., None] + option - yaw[..., None] + math.pi / 2, math.pi) - math.pi / 2  # (B, T, K)
    turn = _within_reach(turn, yaw[..., None])
    crowded = _crowding(facing, yaw[..., None] + turn, places, there, index)
    cost = crowded + _DETOUR * turn.abs() - _KEPT * (turn.abs() < _IN_LINE)
    cost = cost.masked_fill((times[:, None] == 4) & (torch.arange(_STEPS, device=yaw.device) % 3 > 0), torch.inf)
    best = turn.gather(2, cost.argmin(2, keepdim=True))[..., 0]
    sure = (times == 0) | (facing[:, index].square().sum(-1) > 0.01)
    around = (places[:, index] - hand[:, None]).norm(dim=-1) < _AROUND
    return short.index_copy(1, index, torch.where(around, short[:, index], torch.where(sure, best, 0.0)))


def sure_turns(turns: Tensor) -> Tensor:
    """Those of turns to grasp things (B, O) rad that no error of what was seen explains, smoothly; else zeros."""
    matters = torch.tensor([index in (0, *_GRASPED) for index in range(turns.shape[-1])], device=turns.device)
    return turns * matters * torch.sigmoid((turns.abs() - _LARGE) / (0.2 * _LARGE))


def between_places(places: Tensor, facing: Tensor, there: Tensor) -> Tensor:
    """How far things (B, O, 3) m are from each other over the table: (B, O, O) of reaches, zeros to what is absent.

    People measure from the middle of the toaster, not from its lever.
    """
    middle = torch.cat([places[:, :1, :2] + _TOASTER * facing[:, :1], places[:, 1:, :2]], 1)
    return (torch.cdist(middle, middle) / REACH).clamp_max(6) * (there[:, None] & there[:, :, None])


def _is_sure(facing: Tensor, times: Tensor) -> Tensor:
    return (facing.square().sum(-1) > 0.01) & (times > 0)


def _within_reach(turn: Tensor, yaw: Tensor) -> Tensor:
    """The like of a turn for two like fingers that the last joint reaches with the least turning."""
    turns = turn[..., None] + torch.tensor([-math.pi, 0.0, math.pi], device=turn.device)
    there = yaw[..., None] + turns
    cost = (turns.abs() + 0.3 * there.abs()).masked_fill(there.abs() > _MAX_YAW, torch.inf)
    return turns.gather(-1, cost.argmin(-1, keepdim=True))[..., 0]


def _crowding(facing: Tensor, yaws: Tensor, places: Tensor, there: Tensor, index: Tensor) -> Tensor:
    """By how many metres open hands, turned by yaws (B, T, K) around things ``index`` (T,), would reach into others."""
    like = {"dtype": places.dtype, "device": places.device}
    along = _TOASTER - torch.tensor(_TOASTER_ALONG, **like)  # from the lever
    toaster = places[:, :1, :2] + along[:, None] * facing[:, :1]  # (B, 4, 2)
    middle = torch.cat([places[..., :2], toaster], 1)  # (B, N, 2)
    radius = torch.tensor([*_RADIUS, *_TOASTER_RADIUS], **like)
    height = torch.tensor([*_HEIGHT, *[_TOASTER_HEIGHT] * 4], **like)
    things, count = places.shape[1], middle.shape[1]
    other = torch.cat([there, there[:, :1].expand(-1, count - things)], 1)[:, None]  # (B, 1, N)
    other = other & (torch.arange(count, device=index.device) != index[:, None]) & (radius > 0)  # (B, T, N)
    grip = places[:, index, 2].clamp_min(_LOWEST)[..., None]  # (B, T, 1)
    across = torch.stack([yaws.cos(), yaws.sin()], -1)[..., None, :]  # (B, T, K, 1, 2)
    axis = torch.stack([yaws.sin(), -yaws.cos()], -1)[..., None, :]
    offset = (middle[:, None] - places[:, index, None, :2])[:, :, None]  # (B, T, 1, N, 2)
    local = torch.stack([(offset * across).sum(-1), (offset * axis).sum(-1)], -1)  # (B, T, K, N, 2)
    outside = (local.abs() - torch.tensor(_PALM, **like)).clamp_min(0).norm(dim=-1)
    depth = (radius + _PALM_MARGIN - outside).clamp_min(0) * (height > grip + _PALM_HEIGHT)[:, :, None]
    for side in (-_FINGER, _FINGER):
        apart = (local - torch.tensor([0.0, side], **like)).norm(dim=-1)
        depth = depth + (radius + _FINGER_RADIUS - apart).clamp_min(0) * (height > grip)[:, :, None]
    return (depth * other[:, :, None]).sum(-1)

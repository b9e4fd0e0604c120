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


def turns_to(facing: Tensor, yaw: Tensor) -> Tensor:
    """How far a hand with a yaw (B, 1) rad must turn to be in line with things (B, O, 2), the short way: (B, O) rad.

    Nothing to what is round or whose turn is not known.
    """
    times = torch.tensor(SYMMETRY, dtype=facing.dtype, device=facing.device)
    offset = torch.tensor(_ALIGNED, dtype=facing.dtype, device=facing.device)
    apart = torch.atan2(facing[..., 1], facing[..., 0]) + offset - times * yaw
    apart = torch.remainder(apart + math.pi, 2 * math.pi) - math.pi
    sure = (facing.square().sum(-1) > 0.01) & (times > 0)
    return torch.where(sure, apart / times.clamp_min(1), 0.0)


def between_places(places: Tensor, facing: Tensor, there: Tensor) -> Tensor:
    """How far things (B, O, 3) m are from each other over the table: (B, O, O) of reaches, zeros to what is absent.

    People measure from the middle of the toaster, not from its lever.
    """
    middle = torch.cat([places[:, :1, :2] + _TOASTER * facing[:, :1], places[:, 1:, :2]], 1)
    return (torch.cdist(middle, middle) / REACH).clamp_max(6) * (there[:, None] & there[:, :, None])

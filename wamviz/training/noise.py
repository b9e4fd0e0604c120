"""Which noise levels a training sample gets: the modes of a WAM as corners of one square.

Video noise and action noise are drawn independently or together; each mode of the finished model is a path through
this square, and the corners that sampling visits most get the most mass.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# mode: share of training samples; `act_only` has samples of its own, and `imagine_then_act` walks the edges that
# `video` and `inverse_dynamics` train.
MIX = {
    "joint": 0.38,
    "independent": 0.17,
    "forward_dynamics": 0.20,
    "inverse_dynamics": 0.17,
    "video": 0.08,
}


@dataclass(frozen=True)
class Levels:
    """Noise levels of a batch: (B,) each, 0 clean .. 1 pure noise."""

    video: Tensor
    action: Tensor


def draw_level(count: int, rng: torch.Generator) -> Tensor:
    """Logit-normal levels leaning towards noise, an eighth of them pure noise, where few-step sampling starts."""
    level = torch.sigmoid(0.8 + 1.4 * torch.randn(count, generator=rng, device=rng.device))
    return torch.where(torch.rand(count, generator=rng, device=rng.device) < 0.125, 1.0, level)


def draw_levels(count: int, rng: torch.Generator) -> Levels:
    """Draw the noise levels of ``count`` samples in the proportions of ``MIX``."""
    shares = torch.tensor(list(MIX.values()), device=rng.device)
    kind = torch.multinomial(shares, count, replacement=True, generator=rng)
    index = {name: number for number, name in enumerate(MIX)}
    video, action = draw_level(count, rng), draw_level(count, rng)
    action = torch.where(kind == index["joint"], video, action)
    video = torch.where(kind == index["inverse_dynamics"], 0.0, video)
    action = torch.where(kind == index["forward_dynamics"], 0.0, action)
    action = torch.where(kind == index["video"], 1.0, action)
    return Levels(video, action)


def mix(clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    """The flow-matching interpolation (1 - sigma) x0 + sigma noise (Lipman et al. 2023, arXiv 2210.02747)."""
    shape = (-1, *([1] * (clean.ndim - 1)))
    sigma = level.view(shape)
    return (1 - sigma) * clean + sigma * noise

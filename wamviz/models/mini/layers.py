"""The pieces of the denoiser: positions, attention, and one expert's share of a layer.

Axis letters as in ``transformer.py``.
"""

from __future__ import annotations

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@cache
def _frequencies(width: int, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # they outlive whoever asks first, who may be training
        found = torch.exp(torch.linspace(math.log(8.0), math.log(1 / 64.0), width // 2)) * 2 * math.pi
        return found.to(device)


def sincos(positions: Tensor, width: int) -> Tensor:
    """Sinusoidal features (N, width) of positions (N,), wavelengths 1/8 .. 64 of the unit."""
    angles = positions[:, None].float() * _frequencies(width, positions.device)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def attention_bias(visible: Tensor, queries: int, heads: int, dtype: torch.dtype) -> Tensor:
    """(B * E, queries, N) to add to scores: 0 where ``visible`` (B, 1 or queries, N), else hugely negative."""
    bias = torch.zeros(visible.shape, dtype=dtype, device=visible.device).masked_fill_(~visible, -1e4)
    b, _, n = visible.shape
    return bias[:, None].expand(b, heads, queries, n).reshape(b * heads, queries, n)


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Softmax attention over (B, E, N, head).

    Written out because torch's fused CPU kernel takes three times as long forwards and backwards at these lengths.
    """
    scores = torch.baddbmm(bias, q.flatten(0, 1) * q.shape[-1] ** -0.5, k.flatten(0, 1).transpose(1, 2))
    return torch.bmm(scores.softmax(-1), v.flatten(0, 1)).unflatten(0, q.shape[:2])


class TransformerExpert(nn.Module):
    """One expert's share of one layer: its projections, feed-forward and modulation offsets."""

    def __init__(self, width: int, attention: int, heads: int, ratio: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv = nn.Linear(width, 3 * attention, bias=False)
        self.query_norm = nn.Parameter(torch.ones(attention // heads))
        self.key_norm = nn.Parameter(torch.ones(attention // heads))
        self.out = nn.Linear(attention, width, bias=False)
        self.up = nn.Linear(width, ratio * width)
        self.down = nn.Linear(ratio * width, width)
        # adaLN-single (PixArt-alpha, arXiv 2310.00426): one shared modulation, a learned offset a layer.
        self.offset = nn.Parameter(torch.zeros(6, width))

    def project(self, x: Tensor, modulation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens (B, N, width) and modulation (B, 6 of 9, width) to queries, keys, values (B, E, N, head)."""
        shift, scale = (modulation + self.offset)[:, :2].unbind(1)
        qkv = self.qkv(self.norm1(x) * (1 + scale[:, None]) + shift[:, None])
        qkv = qkv.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (3, B, E, N, head)
        weight = torch.stack([self.query_norm, self.key_norm])[:, None, None, None].to(qkv.dtype)
        q, k = F.rms_norm(qkv[:2], qkv.shape[-1:], None, 1e-6) * weight  # both at once
        return q, k, qkv[2]

    def finish(self, x: Tensor, attended: Tensor, modulation: Tensor) -> Tensor:
        """Add the attention's result (B, E, N, head) and the feed-forward to the tokens."""
        _, _, gate1, shift, scale, gate2 = (modulation + self.offset)[:, :, None].unbind(1)  # (B, 1, width)
        x = x + (1 + gate1) * self.out(attended.transpose(1, 2).flatten(2))
        h = F.gelu(self.up(self.norm2(x) * (1 + scale) + shift), approximate="tanh")
        return x + (1 + gate2) * self.down(h)

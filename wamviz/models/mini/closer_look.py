"""A closer look at the arm's marks: the detector finds them to some pixels, this one to a fraction of one.

Around each mark a square of the picture is cut out at full resolution, and a small network says where in it the mark
lies. Axis letters: B pictures, Q marks, G cells of the heatmaps.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 48  # pixels of the square
SHARE = SIDE / 256  # of the picture's width


def cut_patch(image: Tensor, at: Tensor, share: float, size: int) -> Tensor:
    """Squares (B, 3, size, size) of pictures around image points (B, 2), ``share`` of the picture wide."""
    steps = ((torch.arange(size, device=image.device) + 0.5) / size - 0.5) * share
    x = (at[:, :1] + steps)[:, None, :].expand(-1, size, -1)
    y = (at[:, 1:] + steps)[:, :, None].expand(-1, -1, size)
    return F.grid_sample(image, torch.stack([x, y], -1) * 2 - 1, padding_mode="border", align_corners=False)


def share_of(heat: Tensor) -> Tensor:
    """Heatmaps (B, N, G, G) of logits to shares that sum to 1."""
    return heat.flatten(2).softmax(-1).unflatten(2, heat.shape[2:])


def mean_and_spread(share: Tensor) -> tuple[Tensor, Tensor]:
    """Where shares (B, N, G, G) lie, (B, N, 2) in 0..1 of the square, and how widely (B, N)."""
    cells = share.shape[-1]
    centres = (torch.arange(cells, device=share.device) + 0.5) / cells
    columns, rows = share.sum(2), share.sum(3)
    at = torch.stack([columns @ centres, rows @ centres], -1)
    square = torch.stack([columns @ centres.square(), rows @ centres.square()], -1) - at.square()
    return at, square.sum(-1).clamp_min(0).sqrt()


class ResidualBlock(nn.Module):
    """Two convolutions that add something; at first, nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(4, width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.silu(self.first(self.norm(x))))


class CloserLook(nn.Module):
    """A U-Net of two levels over the squares of all marks, with a heatmap for each mark.

    Args:
        marks: Q, how many there are.
        fine, coarse: channels at a half and a quarter of the square's resolution.
    """

    def __init__(self, marks: int, fine: int = 24, coarse: int = 64) -> None:
        super().__init__()
        self.enter = nn.Conv2d(12, fine, 3, padding=1)
        self.fine_in = ResidualBlock(fine)
        self.down = nn.Conv2d(fine, coarse, 2, 2)
        self.mark = nn.Parameter(torch.zeros(marks, coarse))
        self.coarse = nn.Sequential(ResidualBlock(coarse), ResidualBlock(coarse))
        self.up = nn.Conv2d(coarse, 4 * fine, 1)
        self.fine_out = ResidualBlock(fine)
        self.heat = nn.Conv2d(fine, marks, 1)

    def forward(self, image: Tensor, around: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Look at pictures (B, 3, S, S) around where marks were found (B, Q, 2) in 0..1.

        Returns:
            heatmaps (B, Q, G, G) of the squares; where the marks are (B, Q, 2) in 0..1; how widely each may lie (B, Q).
        """
        b, marks = around.shape[:2]
        patches = cut_patch(image.repeat_interleave(marks, 0), around.flatten(0, 1), SHARE, SIDE)
        fine = self.fine_in(self.enter(F.pixel_unshuffle(patches, 2).contiguous(memory_format=torch.channels_last)))
        coarse = self.coarse(self.down(fine) + self.mark.repeat(b, 1)[..., None, None])
        every = self.heat(self.fine_out(F.pixel_shuffle(self.up(coarse), 2) + fine)).float()  # (B * Q, Q, G, G)
        own = torch.arange(marks, device=image.device)
        heat = every.unflatten(0, (b, marks))[:, own, own]
        at, spread = mean_and_spread(share_of(heat))
        return heat, around + (at - 0.5) * SHARE, spread * SHARE

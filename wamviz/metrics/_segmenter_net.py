"""The network that names what each pixel of a tabletop picture shows. Imported only where it is used.

Contract: pictures in, a score a class and pixel out, on the CPU in float32: 16 frames of 128 x 128 take about 0.15 s on
one core. It is convolutional and knows one scale: pictures are 128 pixels wide, as in training. Letters: B frames,
N classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 128  # pixels of the pictures
WIDTHS = (24, 40, 56, 56)  # channels at 64, 32, 16 and 8 cells


class Block(nn.Module):
    """A 3 x 3 convolution, a normalisation over groups of channels, and a SiLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.GroupNorm(8, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        found: Tensor = functional.silu(self.norm(self.conv(x)))
        return found


class SegmenterNet(nn.Module):
    """A small U-Net over 2 x 2 patches, so that the finest convolutions run at half the resolution.

    Args:
        classes: N, how many there are.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        a, b, c, d = WIDTHS
        self.classes = classes
        self.enter = nn.Sequential(Block(12 + 2, a), Block(a, a))
        self.down = nn.ModuleList(
            [
                nn.Sequential(Block(a, b, 2), Block(b, b)),
                nn.Sequential(Block(b, c, 2), Block(c, c)),
                nn.Sequential(Block(c, d, 2), Block(d, d)),
            ]
        )
        self.up = nn.ModuleList([Block(d + c, c), Block(c + b, b), Block(b + a, a + 8)])
        self.leave = nn.Conv2d(a + 8, 4 * classes, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (B, 3, 128, 128) in -1 .. 1 to scores (B, N, 128, 128)."""
        cells = functional.pixel_unshuffle(pictures, 2)  # (B, 12, 64, 64)
        side = torch.linspace(-1, 1, cells.shape[-1], device=cells.device, dtype=cells.dtype)
        where = torch.stack(torch.meshgrid(side, side, indexing="ij"))[None].expand(len(cells), -1, -1, -1)
        x = self.enter(torch.cat([cells, where], 1))
        kept = []
        for down in self.down:
            kept.append(x)
            x = down(x)
        for up in self.up:
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = up(torch.cat([x, kept.pop()], 1))
        found: Tensor = functional.pixel_shuffle(self.leave(x), 2)
        return found

"""Drawing the hand where the actions take it: the last convolutions before the imagined latents leave the denoiser.

A transformer of this size has to learn from episodes alone which pixels an action moves, and answers with a ghost. But
where the hand will be is known: the state says where it is, the actions where it goes, and the camera that the model
was trained with where that lies in the picture. So every future frame is drawn with maps of the hand's place, now and
at the context, and with layers that are scaled by its pose (FiLM, arXiv 1709.07871). Conditioning pixels on a
projected path is that of RT-Trajectory (arXiv 2311.01977), here for what is imagined rather than for what is asked.

Axis letters: B batch, T future frames, C latent channels, h/w latent cells, F features.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POSE = 16  # numbers that say how the hand is: 7 at the context, 7 of its way since, 2 noise levels
WIDTHS = (0.05, 0.12, 0.3)  # of the maps, as shares of the picture's side
MAPS = 2 * (len(WIDTHS) + 2)


def hand_maps(at: Tensor, cells: int) -> Tensor:
    """Points (N, 2) in the picture, 0 .. 1 across and down, to (N, 5, cells, cells): nearness, and the way there."""
    centres = (torch.arange(cells, device=at.device) + 0.5) / cells
    across = (at[:, :1, None] - centres).expand(-1, cells, -1)  # (N, cells, cells)
    down = (at[:, 1:, None] - centres[:, None]).expand(-1, -1, cells)
    away = across.square() + down.square()
    near = [torch.exp(-away / (2 * width**2)) for width in WIDTHS]
    return torch.stack([*near, across.clamp(-1, 1), down.clamp(-1, 1)], 1)


class Painter(nn.Module):
    """Corrects predicted latents around the hand.

    Args:
        channels, cells: of the latent grid.
        camera: 12 numbers, the rows of a (3, 4) matrix from metres in the robot's frame to the picture (0 .. 1, after
            division by the third row), or None where no camera is known.
        features, blocks: size.
    """

    def __init__(
        self, channels: int, cells: int, camera: list[float] | None, features: int = 48, blocks: int = 2
    ) -> None:
        super().__init__()
        self.cells, self.camera = cells, camera
        self.stem = nn.Conv2d(2 * channels + MAPS, features, 3, padding=1)
        self.pose = nn.Sequential(nn.Linear(POSE, 128), nn.SiLU(), nn.Linear(128, 2 * blocks * features))
        self.first = nn.ModuleList(nn.Conv2d(features, features, 3, padding=1) for _ in range(blocks))
        self.second = nn.ModuleList(nn.Conv2d(features, features, 3, padding=2, dilation=2) for _ in range(blocks))
        self.out = nn.Conv2d(features, channels, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def project(self, points: Tensor) -> Tensor:
        """(..., 3) metres to (..., 2), 0 .. 1 across and down; far outside what the picture shows is cut at +-2."""
        assert self.camera is not None
        matrix = torch.tensor(self.camera, device=points.device).view(3, 4)
        seen = points @ matrix[:, :3].T + matrix[:, 3]
        return (seen[..., :2] / seen[..., 2:].clamp_min(0.1)).clamp(-2, 2)

    def forward(self, change: Tensor, latents: Tensor, hand: Tensor, start: Tensor, pose: Tensor) -> Tensor:
        """What to add to the predicted change.

        Args:
            change: (B, T, C, h, w) predicted, standardised; latents: (B, C, h, w) of the context.
            hand: (B, T, 3) m, where the hand will be; start: (B, 3) m, where it is; NaN where that is not known.
            pose: (B, T, 16), see ``POSE``.
        """
        b, t = change.shape[:2]
        ends = torch.stack([hand, start[:, None].expand_as(hand)], 2)  # (B, T, 2, 3)
        known = ~ends.isnan().any(-1).flatten()  # (B * T * 2)
        if self.camera is None:
            maps = change.new_zeros(b * t, MAPS, self.cells, self.cells)
        else:
            maps = hand_maps(self.project(ends.nan_to_num()).flatten(0, 2), self.cells) * known[:, None, None, None]
            maps = maps.to(change.dtype).unflatten(0, (b * t, 2)).flatten(1, 2)
        seen = latents[:, None].expand_as(change).to(change.dtype)
        x = torch.cat([torch.cat([change, seen], 2).flatten(0, 1), maps], 1)
        x = self.stem(x.contiguous(memory_format=torch.channels_last))
        films = self.pose(pose.to(change.dtype)).flatten(0, 1)[:, :, None, None].chunk(len(self.first), 1)
        for film, first, second in zip(films, self.first, self.second, strict=True):
            scale, shift = film.chunk(2, 1)
            x = x + second(F.gelu(first(F.gelu(x * (1 + scale) + shift))))
        out: Tensor = self.out(F.gelu(x)).unflatten(0, (b, t))
        return out

"""Finding what the words name: a small convolutional tower that reads the context frame with the sentence in mind.

A transformer that is trained from nothing on robot episodes alone takes hours to learn where things are; convolutions
whose features are scaled and shifted by the words (FiLM, arXiv 1709.07871) and read out by spatial soft-argmax
(Levine et al., arXiv 1504.00702) take minutes. The tower answers in two ways: ``tokens``, a set of points with their
features, join the context that both experts attend to; ``places`` says in metres where the named things are, and is
supervised with what the simulator knows.

Axis letters: B batch, C latent channels, h/w latent cells, F features, P points, L words, D state dims.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEADS = 4  # ways of reading the sentence
# Typical places on the tabletop and their spread, (x, y, z) in metres from the robot's base: what the tower's answer
# is scaled by, so that an answer of zeros is the middle of the table.
MIDDLE, SPREAD = (0.5, 0.0, 0.05), (0.1, 0.2, 0.08)


class Sight(nn.Module):
    """Context latents and words to points of interest.

    Args:
        channels, cells: of the latent grid.
        text_dim, state_dim: widths of the word features and of the robot's state.
        width: of the tokens that come out.
        features, blocks, points: size of the tower.
    """

    cells: Tensor

    def __init__(
        self,
        channels: int,
        cells: int,
        text_dim: int,
        state_dim: int,
        width: int,
        features: int = 96,
        blocks: int = 4,
        points: int = 16,
    ) -> None:
        super().__init__()
        self.read = nn.Linear(text_dim, HEADS)
        self.stem = nn.Conv2d(channels, features, 3, padding=1)
        self.position = nn.Parameter(torch.randn(1, features, cells, cells) * 0.1)
        self.norms = nn.ModuleList(nn.GroupNorm(8, features) for _ in range(blocks))
        self.films = nn.ModuleList(nn.Linear(HEADS * text_dim, 2 * features) for _ in range(blocks))
        self.first = nn.ModuleList(nn.Conv2d(features, features, 3, padding=1) for _ in range(blocks))
        self.second = nn.ModuleList(nn.Conv2d(features, features, 3, padding=1) for _ in range(blocks))
        self.heat = nn.Conv2d(features, points, 1)
        self.point = nn.Linear(features + 2, width)
        self.which = nn.Parameter(torch.randn(points, width) * 0.5)
        self.where = nn.Sequential(
            nn.Linear(2 * points + 2 * features + state_dim, 256), nn.GELU(), nn.Linear(256, 256), nn.GELU(),
            nn.Linear(256, 6),
        )  # fmt: skip

    def _trunk(self, latents: Tensor, said: Tensor | None = None) -> Tensor:
        """Features (B, F, h, w) of latents, steered by what was ``said`` (B, HEADS * text_dim) where that is given."""
        x = self.stem(latents) + self.position
        for norm, film, first, second in zip(self.norms, self.films, self.first, self.second, strict=True):
            seen = norm(x)
            if said is not None:
                scale, shift = film(said)[:, :, None, None].chunk(2, 1)
                seen = seen * (1 + scale) + shift
            x = x + second(F.gelu(first(F.gelu(seen))))
        return x

    def overview(self, latents: Tensor) -> Tensor:
        """What the convolutions see without any words: (B, C, h, w) to mean and spread of each feature, (B, 2 F)."""
        x = self._trunk(latents).float().flatten(2)
        return torch.cat([x.mean(2), x.std(2)], 1)

    def forward(self, latents: Tensor, state: Tensor, text: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Look.

        Args:
            latents: (B, C, h, w) of the context; state: (B, D) normalised, zeros where it is not known.
            text: (B, L, text_dim) word features; mask: (B, L), True at words.

        Returns:
            tokens (B, P, width), and places (B, 2, 3) in metres from the robot's base: the thing to be touched first,
            and the place to go afterwards (where there is none, the same again).
        """
        weights = self.read(text).masked_fill(~mask[..., None], -1e4).softmax(1)  # (B, L, HEADS)
        said = torch.einsum("blk,bld->bkd", weights, text).flatten(1)  # (B, HEADS * text_dim)
        x = self._trunk(latents, said)
        heat = self.heat(x).flatten(2).float().softmax(-1).to(x.dtype)  # (B, P, h * w)
        rows = torch.linspace(-1, 1, x.shape[-1], device=x.device, dtype=x.dtype)
        grid = torch.stack(torch.meshgrid(rows, rows, indexing="ij"), -1).flatten(0, 1)  # (h * w, 2)
        at = heat @ grid  # (B, P, 2)
        seen = heat @ x.flatten(2).transpose(1, 2)  # (B, P, F)
        tokens = self.point(torch.cat([seen, at], -1)) + self.which
        told = self.where(torch.cat([at.flatten(1), seen[:, :2].flatten(1), state], 1)).float().unflatten(1, (2, 3))
        middle, spread = (torch.tensor(c, device=x.device) for c in (MIDDLE, SPREAD))
        return tokens, told * spread + middle

"""The frame autoencoder of mini-WAM: 128x128 RGB <-> 16x16x8 latents, one frame at a time.

Two choices make it cheap and sharp on a CPU:

* A 4x space-to-depth stem, so that no convolution runs at full resolution.
* A *reference-conditioned* decoder: it sees the context frame and predicts, per pixel, a colour and a mask that says
  how much of it to use; everything else is copied from the context. (Compositing with the context frame:
  Finn, Goodfellow & Levine 2016, arXiv 1605.07157.) Static background therefore costs no latent capacity.

The posterior is a Gaussian of fixed width, so its KL term is half the squared latent (a "sigma-VAE" with constant
variance, Rybkin et al. 2021, arXiv 2006.13202). Axis letters: B batch, h/w latent cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """GroupNorm, SiLU and two 3x3 convolutions around a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = nn.GroupNorm(8, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)  # starts as the identity

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        return x + self.conv2(F.silu(self.norm2(h)))


@dataclass(frozen=True)
class Reference:
    """Context frames looked at once: what starts a rollout, and what every decoding of it copies from.

    Attributes:
        images: (B, 3, H, W) in -1..1.
        raw: (B, C, H/8, W/8), ``encode_raw`` of them.
    """

    images: Tensor
    raw: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def one(self, index: int) -> Reference:
        """One of them, with a batch axis of 1."""
        return Reference(self.images[index : index + 1], self.raw[index : index + 1])


class MiniVAE(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Frame autoencoder with a reference-conditioned decoder.

    Args:
        image_size: height and width in pixels, a multiple of 8.
        latent_channels: channels of the 8x smaller latent grid.
        width: channels at 1/4 resolution; twice that at 1/8.
        blocks: residual blocks at each resolution, on either side.
        posterior_std: fixed standard deviation of the posterior, in raw latent units.
        latents_mean, latents_std: per channel, measured on training frames; latents handed out are standardised.
    """

    @register_to_config
    def __init__(
        self,
        image_size: int = 128,
        latent_channels: int = 8,
        width: int = 80,
        blocks: int = 2,
        posterior_std: float = 0.15,
        latents_mean: list[float] | None = None,
        latents_std: list[float] | None = None,
    ) -> None:
        super().__init__()
        wide = 2 * width
        self.stem = nn.Conv2d(48, width, 3, padding=1)  # 3 colours x 4 x 4 pixels
        self.encode_quarter = nn.Sequential(*[ResidualBlock(width) for _ in range(blocks)])
        self.down = nn.Conv2d(4 * width, wide, 1)
        self.encode_eighth = nn.Sequential(*[ResidualBlock(wide) for _ in range(blocks)])
        self.to_latent = nn.Conv2d(wide, latent_channels, 3, padding=1)

        self.reference_stem = nn.Conv2d(48, width, 3, padding=1)
        self.from_latent = nn.Conv2d(3 * latent_channels, wide, 3, padding=1)
        self.decode_eighth = nn.Sequential(*[ResidualBlock(wide) for _ in range(blocks)])
        self.up = nn.Conv2d(wide, 4 * width, 1)
        self.decode_quarter = nn.Sequential(*[ResidualBlock(width) for _ in range(blocks)])
        self.to_pixels = nn.Conv2d(width, 64, 3, padding=1)  # (3 colours + 1 mask) x 4 x 4 pixels

    def _statistics(self, like: Tensor) -> tuple[Tensor, Tensor]:
        channels = self.config.latent_channels
        mean = torch.tensor(self.config.latents_mean or [0.0] * channels, dtype=like.dtype, device=like.device)
        std = torch.tensor(self.config.latents_std or [1.0] * channels, dtype=like.dtype, device=like.device)
        return mean[:, None, None], std[:, None, None]

    def encode_raw(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) in -1..1 to posterior means (B, C, H/8, W/8), not standardised."""
        h = self.encode_quarter(self.stem(F.pixel_unshuffle(images, 4)))  # (B, width, H/4, W/4)
        h = self.encode_eighth(self.down(F.pixel_unshuffle(h, 2)))  # (B, 2 width, H/8, W/8)
        return self.to_latent(h)

    def decode_raw(self, raw: Tensor, raw_reference: Tensor, reference: Tensor) -> Tensor:
        """Raw latents and the reference's latents and pixels to images (B, 3, H, W) in -1..1.

        An all-zero ``reference`` with all-zero ``raw_reference`` means that there is none. A reference of batch 1
        serves all latents and is looked at once.
        """
        raw_reference = raw_reference.expand_as(raw)
        h = self.from_latent(torch.cat([raw, raw_reference, raw - raw_reference], dim=1))
        h = F.pixel_shuffle(self.up(self.decode_eighth(h)), 2)  # (B, width, H/4, W/4)
        h = self.decode_quarter(h + self.reference_stem(F.pixel_unshuffle(reference, 4)))
        out = F.pixel_shuffle(self.to_pixels(h), 4)  # (B, 4, H, W)
        mask = torch.sigmoid(out[:, 3:] - 1.0)  # biased towards copying the context
        colour = out[:, :3]
        exists = (reference.abs().amax(dim=(1, 2, 3), keepdim=True) > 0).to(out.dtype)
        mask = mask * exists + (1 - exists)
        return mask * colour + (1 - mask) * reference

    def reference(self, images: Tensor) -> Reference:
        """Look at context images (B, 3, H, W) in -1..1 once, for ``standardise`` and any number of ``decode``."""
        return Reference(images, self.encode_raw(images))

    def standardise(self, raw: Tensor) -> Tensor:
        """Raw latents (B, C, h, w) to zero mean and unit spread a channel."""
        mean, std = self._statistics(raw)
        return (raw - mean) / std

    def encode(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) in -1..1 to standardised latents (B, C, H/8, W/8)."""
        return self.standardise(self.encode_raw(images))

    def decode(self, latents: Tensor, reference: Tensor | Reference | None = None) -> Tensor:
        """Standardised latents (B, C, h, w) to images (B, 3, H, W) in -1..1.

        ``reference`` (B or 1, 3, H, W) in -1..1 is the context frame from which unchanged pixels are copied; without it
        everything is drawn from the latents alone.
        """
        mean, std = self._statistics(latents)
        raw = latents * std + mean
        if reference is None:
            size = self.config.image_size
            reference = raw.new_zeros(len(raw), 3, size, size)
            return self.decode_raw(raw, torch.zeros_like(raw), reference).clamp(-1, 1)
        if not isinstance(reference, Reference):
            reference = self.reference(reference)
        return self.decode_raw(raw, reference.raw, reference.images).clamp(-1, 1)

    def forward(self, images: Tensor, reference: Tensor | None = None) -> Tensor:
        """Reconstruct images through the latent."""
        return self.decode(self.encode(images), reference)

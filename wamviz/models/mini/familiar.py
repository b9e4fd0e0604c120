"""How unlike the training frames a context frame is, so that a guess is called a guess.

Three statistics of a frame, each scaled so that 1.0 is the mark which 99.5 % of unseen tabletop frames stay under:

* ``surprise``: Mahalanobis distance of what sight's convolutions see, words left out, from training's (Lee et al.,
  arXiv 1807.03888): other cameras, other rooms, mirrored or darkened pictures.
* ``damage``: how badly the worst squares of the frame come back from their latents alone: things and textures that
  the autoencoder never met, noise.
* ``grain``: how badly the square in the middle of that order comes back: what lies over the whole frame and is too
  faint to make any square a bad one, such as the grain of a camera.

The score is the largest of them. ``benchmarks/unfamiliar.py`` measures what it tells apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from wamviz.models.mini.sight import Sight
from wamviz.models.mini.vae import MiniVAE

FILE = "familiar.safetensors"
QUANTILE = 0.995
SQUARE, WORST = 8, 4  # the frame is judged by its WORST squares of a SQUARE-th of its side


@dataclass(frozen=True)
class Familiar:
    """Training statistics of a checkpoint.

    Attributes:
        mean: (F,) of the features; precision: (F, F), the inverse of their covariance.
        marks: (3, 2), the median and the ``QUANTILE`` of each statistic on unseen tabletop frames.
    """

    mean: Tensor
    precision: Tensor
    marks: Tensor

    def __post_init__(self) -> None:
        f = len(self.mean)
        if self.precision.shape != (f, f) or self.marks.shape != (3, 2):
            raise ValueError(
                f"Statistics of shapes {self.precision.shape} and {self.marks.shape} do not fit {f} features."
            )

    def score(self, raw: Tensor) -> Tensor:
        """(B, 3) surprise, damage and grain of ``statistics`` rows (B, F + 2): 0 at the median, 1.0 at the mark."""
        away = raw[:, :-2] - self.mean
        surprise = torch.einsum("bi,ij,bj->b", away, self.precision, away).clamp_min(0).sqrt()
        every = torch.cat([surprise[:, None], raw[:, -2:]], 1)
        return (every - self.marks[:, 0]) / (self.marks[:, 1] - self.marks[:, 0])

    def save(self, folder: Path) -> None:
        """Write beside the pipeline, in float32: a rounded inverse is not an inverse."""
        save_file({k: v.float().contiguous() for k, v in vars(self).items()}, folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> Familiar | None:
        """What ``save`` wrote, or None for a checkpoint without it."""
        return cls(**load_file(folder / FILE)) if (folder / FILE).is_file() else None


@torch.inference_mode()
def statistics(vae: MiniVAE, sight: Sight, images: Tensor, latents: Tensor | None = None) -> Tensor:
    """(B, F + 2) float32: features of frames (B, 3, H, W) in -1..1; errors (log10) of their worst and middle squares.

    ``latents`` (B, C, h, w) are the frames', where they are known already.
    """
    latents = vae.encode(images) if latents is None else latents
    rebuilt = vae.decode(latents)
    seen = sight.overview(latents.to(sight.position.dtype)).float()
    own = latents.float().flatten(2)
    error = (rebuilt.float() - images.float()).square().mean(1, keepdim=True)  # (B, 1, H, W)
    squares = torch.nn.functional.avg_pool2d(error, images.shape[-1] // SQUARE).flatten(1)
    ends = torch.stack([squares.topk(WORST, 1).values.mean(1), squares.median(1).values], 1)
    return torch.cat([seen, own.mean(2), own.std(2), ends.clamp_min(1e-9).log10()], 1)


def fit(training: Tensor, unseen: Tensor) -> Familiar:
    """Statistics from rows of training frames (M, F + 2), marks from rows of frames that were not trained on."""
    features = training[:, :-2].double()
    covariance = features.T.cov() + 1e-3 * torch.diag(features.var(0)) + 1e-9 * torch.eye(features.shape[1])
    bare = Familiar(features.mean(0).float(), torch.linalg.inv(covariance).float(), torch.tensor([[0.0, 1.0]] * 3))
    values = bare.score(unseen)  # with these marks: the statistics themselves
    marks = torch.stack([values.quantile(0.5, 0), values.quantile(QUANTILE, 0)], 1)
    return Familiar(bare.mean, bare.precision, marks)

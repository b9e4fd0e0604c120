"""How unlike the training frames a context frame is, so that a guess is called a guess.

Two statistics of a frame, each scaled so that 1.0 is the mark which 99.5 % of unseen tabletop frames stay under:

* ``surprise``: Mahalanobis distance of what the detector's deepest convolutions see, from training's (Lee et al., arXiv
  1807.03888): other cameras, other rooms, other things, mirrored or darkened pictures.
* ``grain``: how much the picture changes from pixel to pixel where it should be smooth: what lies over the whole frame
  and is too faint to surprise, such as the noise of a camera.

The score is the larger of them. ``benchmarks/unfamiliar.py`` measures what it tells apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from wamviz.models.mini.detector import Detected

FILE = "familiar.safetensors"
QUANTILE = 0.995
_SQUARE = 8  # the frame is judged by its smoother squares of an eighth of its side
_SMOOTH = 0.2  # the quantile of the squares that is looked at


@dataclass(frozen=True)
class OODDetector:
    """Training statistics of a checkpoint.

    Attributes:
        mean: (F,) of the features; precision: (F, F), the inverse of their covariance.
        marks: (2, 2), the median and the ``QUANTILE`` of each statistic on unseen tabletop frames.
    """

    mean: Tensor
    precision: Tensor
    marks: Tensor

    def __post_init__(self) -> None:
        f = len(self.mean)
        if self.precision.shape != (f, f) or self.marks.shape != (2, 2):
            raise ValueError(
                f"Statistics of shapes {self.precision.shape} and {self.marks.shape} do not fit {f} features."
            )

    def score(self, rows: Tensor) -> Tensor:
        """(B, 2) surprise and grain of ``statistics`` rows (B, F + 1): 0 at the median, 1.0 at the mark."""
        away = rows[:, :-1] - self.mean
        surprise = torch.einsum("bi,ij,bj->b", away, self.precision, away).clamp_min(0).sqrt()
        every = torch.stack([surprise, rows[:, -1]], 1)
        return (every - self.marks[:, 0]) / (self.marks[:, 1] - self.marks[:, 0])

    def save(self, folder: Path) -> None:
        """Write beside the pipeline, in float32: a rounded inverse is not an inverse."""
        save_file({k: v.float().contiguous() for k, v in vars(self).items()}, folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> OODDetector | None:
        """What ``save`` wrote, or None for a checkpoint without it."""
        return cls(**load_file(folder / FILE)) if (folder / FILE).is_file() else None


def statistics(images: Tensor, found: Detected) -> Tensor:
    """(B, F + 1) float32: the detector's features of pictures (B, 3, S, S) in -1..1, and their grain (log10)."""
    grey = images.float().mean(1, keepdim=True)
    rough = (grey - F.avg_pool2d(grey, 3, 1, 1, count_include_pad=False)).square()
    squares = F.avg_pool2d(rough, images.shape[-1] // _SQUARE).flatten(1)  # (B, squares)
    grain = (squares.quantile(_SMOOTH, 1) + 1e-8).log10()
    return torch.cat([found.features.float(), grain[:, None]], 1)


def fit_detector(training: Tensor, unseen: Tensor) -> OODDetector:
    """Statistics from rows of training frames (M, F + 1), marks from rows of frames that were not trained on."""
    features = training[:, :-1].double()
    covariance = features.T.cov() + 1e-3 * torch.diag(features.var(0)) + 1e-9 * torch.eye(features.shape[1])
    bare = OODDetector(features.mean(0).float(), torch.linalg.inv(covariance).float(), torch.tensor([[0.0, 1.0]] * 2))
    values = bare.score(unseen)  # with these marks: the statistics themselves
    marks = torch.stack([values.quantile(0.5, 0), values.quantile(QUANTILE, 0)], 1)
    return OODDetector(bare.mean, bare.precision, marks)

"""LPIPS, the learned perceptual distance of two frames, where the user has brought its weights.

Contract: importing this costs no torch; torch is loaded with the weights, by the first number that is asked for. The
weights are one safetensors file that the environment variable ``WAMVIZ_LPIPS`` names; wamviz neither ships nor fetches
any. ``lpips_missing`` says in a sentence what is missing, and ``lpips`` raises with the same sentence.

The file holds torchvision's AlexNet (``features.N.weight``, ``features.N.bias``) and the five learned heads of version
0.1 (``linK.weight``); ``tools/convert_lpips.py`` makes it out of the published files.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput, WamvizError
from wamviz.core.rollout import Frames
from wamviz.metrics.perceptual_weights import SMALLEST, weights_for
from wamviz.metrics.registry import Metric, copy_last_frame

BATCH = 16  # frames at a time; 16 of 256 x 256 take some 200 MB


def lpips_missing(height: int = SMALLEST, width: int = SMALLEST) -> str | None:
    """Why LPIPS of frames of ``height`` x ``width`` pixels cannot be computed here, in plain words; None when it can.

    Looks at the file's header alone, so that nothing heavy is loaded for an answer.
    """
    try:
        weights_for(height, width)
    except WamvizError as error:
        return str(error)
    return None


def lpips(a: Frames, b: Frames) -> NDArray[np.float64]:
    """LPIPS (T,) of two videos (T, H, W, 3) uint8: 0 is identical, and there is no upper limit.

    Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", arXiv 1801.03924,
    formula 1 with AlexNet: unit-length features of five layers, their squared differences weighed by the learned
    heads, averaged over the picture and summed over the layers. Frames are judged at the size in which they come.

    Raises:
        WamvizError: no weights, a file that does not hold them, frames below 31 pixels a side, or two shapes.
    """
    if a.shape != b.shape or a.ndim != 4 or a.dtype != np.uint8 or b.dtype != np.uint8:
        raise InvalidInput(f"Two videos of one shape are needed, not {a.dtype} {a.shape} and {b.dtype} {b.shape}.")
    path = weights_for(*a.shape[1:3])
    stamp = path.stat()
    net = _loaded(path, stamp.st_mtime_ns, stamp.st_size)
    parts = [net.distance(a[k : k + BATCH], b[k : k + BATCH]) for k in range(0, len(a), BATCH)]
    return np.concatenate(parts) if parts else np.zeros(0)


@lru_cache(maxsize=1)
def _loaded(path: Path, changed: int, size: int) -> Any:
    """The network, kept while the file stays as it is."""
    from wamviz.metrics._perceptual_net import Lpips

    return Lpips.read(path)


METRICS = (
    Metric(
        "video",
        "lpips",
        "Video, LPIPS",
        "Distance as people see it, 0 is identical: the learned features of a network (AlexNet, version 0.1) compared.",
        "Zhang et al. 2018, arXiv 1801.03924",
        digits=3,
        lane="LPIPS",
        rank=1,
        baseline=copy_last_frame("copy_last_lpips", "LPIPS of a video in which nothing moves: the control for LPIPS."),
    ),
)

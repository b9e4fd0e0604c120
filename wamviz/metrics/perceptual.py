"""LPIPS, the learned perceptual distance of two frames, where the user has brought its weights.

Contract: importing this costs no torch; torch is loaded with the weights, by the first number that is asked for. The
weights are one safetensors file that the environment variable ``WAMVIZ_LPIPS`` names; wamviz neither ships nor fetches
any. ``lpips_missing`` says in a sentence what is missing, and ``lpips`` raises with the same sentence.

The file holds torchvision's AlexNet (``features.N.weight``, ``features.N.bias``) and the five learned heads of version
0.1 (``linK.weight``); ``tools/convert_lpips.py`` makes it out of the published files.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import WamvizError, unknown_name
from wamviz.core.rollout import Frames

VARIABLE = "WAMVIZ_LPIPS"
HOW = f"tools/convert_lpips.py makes the file out of the published weights; {VARIABLE}=FILE names it."
SMALLEST = 31  # pixels a side: below, AlexNet's second pooling has nothing left to pool
BATCH = 16  # frames at a time; 16 of 256 x 256 take some 200 MB
# Layer of torchvision's ``alexnet().features`` -> shape of its weights (outputs, inputs, side, side).
TRUNK = {0: (64, 3, 11, 11), 3: (192, 64, 5, 5), 6: (384, 192, 3, 3), 8: (256, 384, 3, 3), 10: (256, 256, 3, 3)}
SHAPES: dict[str, tuple[int, ...]] = {
    **{f"features.{n}.weight": shape for n, shape in TRUNK.items()},
    **{f"features.{n}.bias": shape[:1] for n, shape in TRUNK.items()},
    **{f"lin{k}.weight": (1, shape[0], 1, 1) for k, shape in enumerate(TRUNK.values())},
}


def weights_file() -> Path | None:
    """The file that ``WAMVIZ_LPIPS`` names, whether it is there or not; None where nothing is named."""
    named = os.environ.get(VARIABLE, "").strip()
    return Path(named).expanduser() if named else None


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
        raise WamvizError(f"Two videos of one shape are needed, not {a.dtype} {a.shape} and {b.dtype} {b.shape}.")
    path = weights_for(*a.shape[1:3])
    stamp = path.stat()
    net = _loaded(path, stamp.st_mtime_ns, stamp.st_size)
    parts = [net.distance(a[k : k + BATCH], b[k : k + BATCH]) for k in range(0, len(a), BATCH)]
    return np.concatenate(parts) if parts else np.zeros(0)


def weights_for(height: int = SMALLEST, width: int = SMALLEST) -> Path:
    """The file with the weights, for frames of that size; its header is looked at, nothing is loaded.

    Raises:
        WamvizError: no file is named, it is not there or holds something else, or the frames are too small.
    """
    path = weights_file()
    if path is None:
        raise WamvizError("LPIPS is not computed: its weights are not part of wamviz.", HOW)
    if not path.is_file():
        raise WamvizError(f"LPIPS is not computed: {VARIABLE} names '{path.name}', and there is no such file.", HOW)
    if min(height, width) < SMALLEST:
        raise WamvizError(
            f"LPIPS is not computed: it needs frames of at least {SMALLEST} x {SMALLEST} pixels, "
            f"these have {width} x {height}."
        )
    stamp = path.stat()
    wrong = _wrong(path, stamp.st_mtime_ns, stamp.st_size)
    if wrong:
        raise WamvizError(f"LPIPS is not computed: '{path.name}', which {VARIABLE} names, {wrong}", HOW)
    return path


@lru_cache(maxsize=4)
def _wrong(path: Path, changed: int, size: int) -> str:
    """What is wrong with a file of weights, as the end of a sentence; "" when its names and shapes fit."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            for name in names:
                if name not in SHAPES:
                    return f"holds more than LPIPS weights: {unknown_name('tensor', name, tuple(SHAPES))}"
            for name, shape in SHAPES.items():
                if name not in names:
                    return f"lacks the tensor '{name}'."
                found = tuple(file.get_slice(name).get_shape())
                if found != shape:
                    return f"holds '{name}' of shape {found}, not {shape}."
    except (SafetensorError, OSError) as error:
        return f"is no safetensors file ({str(error).splitlines()[0]})."
    return ""


@lru_cache(maxsize=1)
def _loaded(path: Path, changed: int, size: int) -> Any:
    """The network, kept while the file stays as it is."""
    from wamviz.metrics.perceptual_net import Lpips

    return Lpips.read(path)

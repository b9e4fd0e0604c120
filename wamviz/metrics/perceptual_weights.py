"""Where the weights of LPIPS are, and whether the file holds them.

Contract: the header of the file is looked at, nothing is loaded; what is wrong is a ``WamvizError`` in plain words.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from wamviz.core.errors import Damaged, InvalidInput, Unavailable, unknown_name

VARIABLE = "WAMVIZ_LPIPS"
HOW = f"tools/convert_lpips.py makes the file out of the published weights; {VARIABLE}=FILE names it."
SMALLEST = 31  # pixels a side: below, AlexNet's second pooling has nothing left to pool
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


def weights_for(height: int = SMALLEST, width: int = SMALLEST) -> Path:
    """The file with the weights, for frames of that size; its header is looked at, nothing is loaded.

    Raises:
        WamvizError: no file is named, it is not there or holds something else, or the frames are too small.
    """
    path = weights_file()
    if path is None:
        raise Unavailable("LPIPS is not computed: its weights are not part of wamviz.", HOW)
    if not path.is_file():
        raise Unavailable(f"LPIPS is not computed: {VARIABLE} names '{path.name}', and there is no such file.", HOW)
    if min(height, width) < SMALLEST:
        raise InvalidInput(
            f"LPIPS is not computed: it needs frames of at least {SMALLEST} x {SMALLEST} pixels, "
            f"these have {width} x {height}."
        )
    stamp = path.stat()
    wrong = _wrong(path, stamp.st_mtime_ns, stamp.st_size)
    if wrong:
        raise Damaged(f"LPIPS is not computed: '{path.name}', which {VARIABLE} names, {wrong}", HOW)
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

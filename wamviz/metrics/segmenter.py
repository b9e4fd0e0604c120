"""What each pixel of a tabletop picture shows, as an independent network sees it.

Contract: ``segment`` names the class of every pixel of frames of any size, at 128 x 128. The network was trained on
simulator frames alone (``wamviz.training.segmenter``) and knows no model: what it finds in an imagined frame is what
a viewer would take for an arm or an orange. ``segmenter_missing`` says in a sentence why it cannot run here, if so.
"""

from __future__ import annotations

import importlib.util
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import Unavailable
from wamviz.core.rollout import Frames, check_frames
from wamviz.metrics.picture import small

if TYPE_CHECKING:
    from wamviz.metrics._segmenter_net import SegmenterNet

BATCH = 16  # pictures at a time
Masks = NDArray[np.uint8]


def segmenter_folder() -> Path:
    """Where the segmenter's weights lie; ``WAMVIZ_SEGMENTER`` names another folder."""
    default = Path(__file__).resolve().parents[2] / "checkpoints" / "segmenter"
    return Path(os.environ.get("WAMVIZ_SEGMENTER", default))


def segmenter_missing() -> str | None:
    """None when the segmenter can run here, else why not and how to get it."""
    if importlib.util.find_spec("torch") is None:
        return "torch is not installed; run `pip install -r requirements.txt`."
    folder = segmenter_folder()
    missing = [name for name in ("config.json", "model.safetensors") if not (folder / name).is_file()]
    if missing:
        return f"{folder.name}/{missing[0]} is missing; restore it from the repository or train it anew."
    return None


def segment_classes() -> tuple[str, ...]:
    """The names of the classes in the order of their numbers; 0 is the background, 1 the arm."""
    return _classes(segmenter_folder())


def segment(frames: Frames) -> Masks:
    """The class of each pixel of (T, H, W, 3) uint8 frames, (T, 128, 128) uint8 into ``segment_classes()``.

    Raises:
        WamvizError: the weights or torch are missing.
    """
    import torch

    check_frames(frames)
    if (reason := segmenter_missing()) is not None:
        raise Unavailable("The segmenter cannot run here.", reason)
    net = _network(segmenter_folder())
    pixels = small(frames)
    found = []
    with torch.inference_mode():
        for start in range(0, len(pixels), BATCH):
            part = np.ascontiguousarray(pixels[start : start + BATCH])
            pictures = torch.from_numpy(part).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
            found.append(net(pictures).argmax(1).to(torch.uint8).numpy())
    return np.concatenate(found)


@lru_cache(maxsize=2)
def _classes(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(json.loads((folder / "config.json").read_text())["classes"])
    except (OSError, ValueError, KeyError) as error:
        raise Unavailable("The segmenter has no configuration.", segmenter_missing() or str(error)) from None


@lru_cache(maxsize=2)
def _network(folder: Path) -> SegmenterNet:
    from safetensors.torch import load_file

    from wamviz.metrics._segmenter_net import SegmenterNet

    net = SegmenterNet(len(_classes(folder)))
    net.load_state_dict({name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()})
    return net.eval().requires_grad_(False)

"""What the weights imagine on unseen episodes, as one picture: recorded above, imagined below, a pair an episode."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from wamviz.core.errors import WamvizError
from wamviz.models.mini.pipeline import MiniWAMPipeline
from wamviz.training.corpus import Shard, read_shard

MOST = 16  # actions after the context
GAP, TITLE = 4, 16  # px


def draw_strip(recorded: NDArray[np.uint8], imagined: NDArray[np.uint8], title: str) -> NDArray[np.uint8]:
    """Frames (N, H, W, 3) of both kinds, one above the other under a title: (rows, columns, 3)."""
    count, height, width = recorded.shape[:3]
    page = Image.new("RGB", (count * (width + GAP) - GAP, TITLE + 2 * (height + GAP)), "white")
    for row, frames in enumerate((recorded, imagined)):
        for column, frame in enumerate(frames):
            page.paste(Image.fromarray(frame), (column * (width + GAP), TITLE + row * (height + GAP)))
    ImageDraw.Draw(page).text((2, 2), title, fill="black")
    return np.asarray(page)


def write_sample_grid(pipeline: MiniWAMPipeline, shards: list[Path], out: Path, count: int = 6, seed: int = 0) -> Path:
    """Imagine from the first frame of ``count`` episodes with a task, none of them trained on, and draw the pairs."""
    pages: list[NDArray[np.uint8]] = []
    for path in shards:
        shard = read_shard(path)
        for number, text in enumerate(shard.own):
            if text and len(pages) < count:
                pages.append(_episode(pipeline, shard, number, seed))
    if not pages:
        raise WamvizError("None of the unseen episodes has a task.", "Hold more of them out.")
    wide = max(page.shape[1] for page in pages)
    filled = [np.pad(p, ((0, 0), (0, wide - p.shape[1]), (0, 0)), constant_values=255) for p in pages]
    Image.fromarray(np.concatenate(filled)).save(out, optimize=True)
    return out


def _episode(pipeline: MiniWAMPipeline, shard: Shard, number: int, seed: int) -> NDArray[np.uint8]:
    """The drawn frames of an episode's first actions, and the same moments imagined."""
    first, words = int(shard.starts[number]), shard.own[number][0][0]
    which = np.nonzero((shard.shown >= first) & (shard.shown <= first + MOST))[0]
    frames = shard.frames[which]
    observed = pipeline.observe(frames[0], shard.cameras[number], shard.states[first])
    *_, last = pipeline.stream(
        observed.situation, observed.camera, words, generators=pipeline.noises(seed, 1)
    )  # fmt: skip
    assert last.motion is not None and last.actions is not None and last.joints is not None
    poses, _ = pipeline.follow(observed.situation, last.motion, last.actions, last.joints)
    after = [int(step) - first - 1 for step in shard.shown[which][1:]]
    drawn = [pixels for _, pixels in pipeline.paint(pipeline.view(observed), poses, after)]
    imagined = np.concatenate([frames[:1], *drawn])
    halved = [torch.from_numpy(x).movedim(-1, 1).float() for x in (frames, imagined)]
    small = [torch.nn.functional.avg_pool2d(x, 2).round().byte().movedim(1, -1).numpy() for x in halved]
    return draw_strip(small[0], small[1], words)

"""What the weights imagine on unseen episodes, as one picture: recorded above, imagined below, a pair an episode."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from wamviz.models.mini.pipeline import MiniWAMPipeline
from wamviz.training.collect import Shard, read_shard

SHOWN = (0, 4, 8, 12, 16)  # frames after the context
GAP, TITLE = 4, 16  # px


def strip(recorded: NDArray[np.uint8], imagined: NDArray[np.uint8], title: str) -> NDArray[np.uint8]:
    """Frames (N, H, W, 3) of both kinds, one above the other under a title: (rows, columns, 3)."""
    count, height, width = recorded.shape[:3]
    page = Image.new("RGB", (count * (width + GAP) - GAP, TITLE + 2 * (height + GAP)), "white")
    for row, frames in enumerate((recorded, imagined)):
        for column, frame in enumerate(frames):
            page.paste(Image.fromarray(frame), (column * (width + GAP), TITLE + row * (height + GAP)))
    ImageDraw.Draw(page).text((2, 2), title, fill="black")
    return np.asarray(page)


def write_strips(pipeline: MiniWAMPipeline, shards: list[Path], out: Path, count: int = 6, seed: int = 0) -> Path:
    """Imagine from the first frame of ``count`` episodes with a task, none of them trained on, and draw the pairs."""
    pages: list[NDArray[np.uint8]] = []
    for path in shards:
        shard = read_shard(path)
        for number, instruction in enumerate(shard.instructions):
            if instruction and len(pages) < count:
                pages.append(_episode(pipeline, shard, number, seed))
    columns = [np.concatenate(pages[i::2]) for i in range(min(2, len(pages)))]
    tall = max(len(column) for column in columns)
    filled = [np.pad(c, ((0, tall - len(c)), (0, 4 * GAP), (0, 0)), constant_values=255) for c in columns]
    Image.fromarray(np.concatenate(filled, 1)).save(out, optimize=True)
    return out


def _episode(pipeline: MiniWAMPipeline, shard: Shard, number: int, seed: int) -> NDArray[np.uint8]:
    first, last = int(shard.starts[number]), int(shard.starts[number + 1]) - 1
    context = pipeline.reference(shard.frames[first][None])
    step = pipeline(context, shard.instructions[number], state=shard.states[first], steps=2, seed=seed)
    assert step.latents is not None
    imagined = np.concatenate([shard.frames[first][None], pipeline.decode(step.latents, context)[0]])  # (T + 1, ...)
    recorded = shard.frames[np.minimum(first + np.array(SHOWN), last)]
    return strip(recorded, imagined[list(SHOWN)], shard.instructions[number])

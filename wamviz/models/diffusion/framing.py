"""A context brought into a model's shape, and what was imagined brought back, so that it lies over the recording.

Contract: nothing of the context is cut off, because what a model never saw cannot be compared. ``aspect`` keeps the
context's shape and takes about as many pixels as the model's usual size; ``pad`` adds black borders, which are cut off
what comes back; ``stretch`` is undone. Sizes are pixels, (H, W); axis letters: T frames, H/W pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log

import numpy as np

from wamviz.core.media import resize
from wamviz.core.rollout import Frames


@dataclass(frozen=True)
class Framing:
    """How one context goes in and comes out.

    Attributes:
        context: (H, W) as it was recorded.
        model: (H, W) that the model works at.
        inner: (H, W) of the context within that; the rest, below and right, is border.
    """

    context: tuple[int, int]
    model: tuple[int, int]
    inner: tuple[int, int]

    @property
    def out(self) -> tuple[int, int]:
        """(H, W) of what comes back: the pixels of ``inner`` in the context's shape."""
        height = self.inner[0]
        return height, max(1, round(height * self.context[1] / self.context[0]))

    def fit(self, frame: Frames) -> Frames:
        """(..., H, W, 3) of the context's shape to the model's."""
        scaled = resize(frame, *self.inner)
        if self.inner == self.model:
            return np.ascontiguousarray(scaled)
        padded = np.zeros((*frame.shape[:-3], *self.model, 3), np.uint8)
        padded[..., : self.inner[0], : self.inner[1], :] = scaled
        return padded

    def unfit(self, frames: Frames) -> Frames:
        """(T, H, W, 3) as the model gave it, without borders and in the context's shape."""
        height, width = frames.shape[1:3]
        if (height, width) != self.model:  # a pipeline that chose its own size has taken the whole context into it
            return resize(frames, *Framing(self.context, (height, width), (height, width)).out)
        return resize(frames[:, : self.inner[0], : self.inner[1]], *self.out)

    @property
    def words(self) -> str:
        """What was done, for a note; "" where it does not matter."""
        seen = f"{self.context[0]} x {self.context[1]}"
        if self.inner != self.model:
            return (
                f"The context, {seen}, was fitted into {self.model[0]} x {self.model[1]} with black borders, which "
                "were cut off what came back."
            )
        change = (self.inner[1] / self.inner[0]) / (self.context[1] / self.context[0])
        if not 0.97 < change < 1.03:
            return (
                f"The context, {seen}, was stretched to {self.model[0]} x {self.model[1]}; what came back was "
                "unstretched."
            )
        return ""


def framing(context: tuple[int, int], size: tuple[int, int], multiple: int, fit: str) -> Framing:
    """How a context (H, W) is brought in; ``fit`` is ``aspect``, ``pad`` or ``stretch``."""
    if fit == "stretch":
        return Framing(context, size, size)
    if fit == "aspect":
        best = _nearest_shape(context, size, multiple)
        return Framing(context, best, best)
    scale = min(size[0] / context[0], size[1] / context[1])
    inner = (min(size[0], max(1, round(context[0] * scale))), min(size[1], max(1, round(context[1] * scale))))
    return Framing(context, size, inner)


def _nearest_shape(context: tuple[int, int], size: tuple[int, int], multiple: int) -> tuple[int, int]:
    """The (H, W) in whole blocks that is most like the context's shape, with about as many pixels as ``size``."""
    scale = (size[0] * size[1] / (context[0] * context[1])) ** 0.5 / multiple
    sides = [{max(1, floor(side * scale)), max(1, ceil(side * scale))} for side in context]  # in blocks
    shapes = [(h * multiple, w * multiple) for h in sides[0] for w in sides[1]]
    small = [(h, w) for h, w in shapes if h * w <= 1.15 * size[0] * size[1]] or [min(shapes)]
    return min(small, key=lambda one: (abs(log(one[1] / one[0] * context[0] / context[1])), -one[0] * one[1]))


def within(context: tuple[int, int], canvas: tuple[int, int], multiple: int) -> Framing:
    """How a context is brought below a canvas without being enlarged, in whole blocks of ``multiple`` pixels."""
    scale = min(1.0, canvas[0] / context[0], canvas[1] / context[1])
    height, width = (
        min(int(limit / multiple) * multiple, max(multiple, round(side * scale / multiple) * multiple))
        for side, limit in zip(context, canvas, strict=True)
    )
    return Framing(context, (height, width), (height, width))

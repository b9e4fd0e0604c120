"""Where on a returned picture that lies which was sent: measured on the picture that came, not taken from a table.

Servers bring what they are sent into a size of their model's: some stretch it, some shrink it and fill up with a mirror
image or with black, at the right and below or all around, and most send the result back with what was filled in. Axis
letters: T frames, H/W pixels.

Sources: cosmos-framework ``action/utils/transforms.py`` (``reflection_pad_to_target`` never enlarges, and fills at the
right and below; ``action_policy_server_robolab.py`` sends that back, ``action_policy_server_libero.py`` takes it off).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np

from wamviz.core.media import resize
from wamviz.core.rollout import Frames

Prior = Literal["whole", "filled"]
UNLIKE_DB = 18.0  # a video whose first frame is less like the context than that may have been cut wrongly
_CLEARLY = 0.8  # of the usual place's error: what lies below is taken for the place in its stead
_SIDE = 96  # pixels at which places are compared


@dataclass(frozen=True)
class Content:
    """A rectangle of a returned picture, in pixels, and how like the sent picture it is.

    Attributes:
        top, left, height, width: of the rectangle.
        psnr: dB, of the first returned frame's rectangle against what was sent, both at the same small size.
    """

    top: int
    left: int
    height: int
    width: int
    psnr: float = float("inf")

    def cut(self, frames: Frames) -> Frames:
        """The rectangle out of (T, H, W, 3)."""
        return frames[:, self.top : self.top + self.height, self.left : self.left + self.width]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of it, as notes."""
        if self.psnr >= UNLIKE_DB:
            return ()
        return (
            f"The first frame of the server's video is hardly like the context that was sent ({self.psnr:.0f} dB): "
            "what is compared with the recording may lie elsewhere on it.",
        )


def find_content(video: Frames, sent: Frames, prior: Prior = "filled") -> Content:
    """Where the picture (h, w, 3) that was sent lies on a video (T, H, W, 3) whose first frame shows it again.

    Args:
        prior: what the server is known to do with another shape than its own; another place is taken where the first
            frame says clearly that it is another.
    """
    places = _places(video.shape[1:3], sent.shape[:2], prior)
    errors = [_error(Content(*place).cut(video[:1])[0], sent) for place in places]
    best = int(np.argmin(errors))
    chosen = best if errors[best] < _CLEARLY * errors[0] else 0
    psnr = 10 * log(255**2 / errors[chosen], 10) if errors[chosen] else float("inf")
    return Content(*places[chosen], psnr)


def _places(came: tuple[int, ...], sent: tuple[int, ...], prior: Prior) -> list[tuple[int, int, int, int]]:
    """Every (top, left, height, width) that servers are known to use, the likeliest first."""
    whole = (0, 0, came[0], came[1])
    fits = min(came[0] / sent[0], came[1] / sent[1])
    found = [whole] if prior == "whole" or abs(log(came[1] / came[0] * sent[0] / sent[1])) < 0.01 else []
    for scale in (min(fits, 1.0), fits):
        height, width = (min(most, max(1, int(side * scale + 0.5))) for side, most in zip(sent, came, strict=True))
        found.append((0, 0, height, width))
    found += [((came[0] - height) // 2, (came[1] - width) // 2, height, width) for _, _, height, width in found]
    return list(dict.fromkeys([*found, whole]))


def _error(part: Frames, sent: Frames) -> float:
    """The mean squared difference of two pictures at one small size."""
    shape = max(1, min(_SIDE, part.shape[0], sent.shape[0])), max(1, min(_SIDE, part.shape[1], sent.shape[1]))
    small, wanted = (resize(one, *shape).astype(np.float32) for one in (part, sent))
    return float(((small - wanted) ** 2).mean())

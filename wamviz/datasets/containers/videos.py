"""Video files that hold one episode's view each, by frame number whatever rate their headers claim.

Contract: opening a clip reads its header (and the times of its frames, where they do not follow at one rate); frames
are decoded from the nearest key frame before the first one asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import WamvizError
from wamviz.core.media import count_frames, frame_times, read_video_span, video_info
from wamviz.core.rollout import Frames
from wamviz.datasets.files import contained

SUFFIXES = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v", ".gif")


@dataclass(frozen=True)
class Clip:
    """One view of an episode.

    Attributes:
        path: the video, inside its dataset's folder.
        frames: how many it holds.
        fps: the rate that its header says; the average where there is none.
        width, height: pixels.
        codec: of the stream, e.g. ``"h264"``.
        times: (frames,) seconds at which each is shown, where they do not follow at one rate.
    """

    path: Path
    frames: int
    fps: float
    width: int
    height: int
    codec: str
    times: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.frames < 1 or not self.fps > 0:
            raise WamvizError(f"'{self.path.name}' holds {self.frames} frames at {self.fps:g} a second.")

    @property
    def view(self) -> Callable[[int, int], Frames]:
        """What decodes frames ``start`` .. ``stop`` - 1 as (n, H, W, 3) uint8."""
        return self._decode

    def _decode(self, start: int, stop: int) -> Frames:
        times = None if self.times is None else self.times[start:stop]
        return read_video_span(self.path, start / self.fps, stop - start, self.fps, times)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is odd about it, in plain sentences."""
        if self.times is None:
            return ()
        return (f"'{self.path.name}' has no constant frame rate; it is played at {self.fps:.3g} a second on average.",)


def open_clip(root: Path, path: Path) -> Clip:
    """The clip at ``path``, or ``WamvizError`` when it is missing, no video, or leads out of ``root``."""
    contained(root, path)
    info = video_info(path)
    times = np.zeros(0) if info.steady else frame_times(path)
    if len(times) > 1:
        fps = float((len(times) - 1) / (times[-1] - times[0]))
        return Clip(path, len(times), fps, info.width, info.height, info.codec, times)
    return Clip(path, count_frames(path), info.fps, info.width, info.height, info.codec)

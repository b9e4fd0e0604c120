"""Where an episode's frames lie in a video of a LeRobot dataset, judged by the video's own header.

Contract: frame k of an episode is shown at ``begins + k / rate``. LeRobot says the rate of the dataset; files of one
episode are known to have others (a header of 25 for 30, or no constant rate at all), and then frames are counted, not
timed. Opening reads a header, and that only once for a file that many episodes share.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import WamvizError
from wamviz.core.media import VideoInfo, frame_times, read_video_span, video_info
from wamviz.core.rollout import Frames
from wamviz.datasets.files import contained


@dataclass(frozen=True)
class Span:
    """An episode's part of a video.

    Attributes:
        path: the file.
        begins: second at which frame 0 is shown.
        rate: frames a second by which to seek.
        frames: how many there are from there on, or 0 when the header does not say.
        times: (frames,) when each is shown, for a video without a constant rate.
        notes: what is odd, in plain sentences.
    """

    path: Path
    begins: float
    rate: float
    frames: int = 0
    times: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise WamvizError(f"'{self.path.name}' has a frame rate of {self.rate}.")

    def read(self, start: int, stop: int) -> Frames:
        """Frames ``start`` .. ``stop`` - 1 of the episode, (n, H, W, 3) uint8."""
        times = None if self.times is None else self.times[start:stop]
        return read_video_span(self.path, self.begins + start / self.rate, stop - start, self.rate, times)


def span_of(root: Path, path: Path, begins: float, length: int, fps: float, alone: bool) -> Span:
    """Where the ``length`` frames of an episode lie.

    Args:
        begins: second at which the metadata let it begin.
        fps: of the dataset.
        alone: whether the file holds this episode only.
    """
    try:
        info = _header(contained(root, path), path.stat().st_mtime_ns)
        times = _times(path, path.stat().st_mtime_ns) if alone and not info.steady else None
    except (WamvizError, OSError):
        return Span(path, begins, fps)  # what is wrong is told by whoever decodes
    if times is not None and len(times) > 1:
        told = "the file has no constant frame rate; its frames are counted, not timed."
        return _counted(Span(path, begins, fps, len(times), times, (told,)), length)
    if not info.frames:
        return Span(path, begins, fps)
    if alone and abs(info.frames - length) <= 1 and abs(info.fps / fps - 1) > 0.01:
        told = f"the file's header says {info.fps:.4g} frames a second; they are played at {fps:g}."
        return _counted(Span(path, begins, info.fps, info.frames, None, (told,)), length)
    here = int((info.frames / info.fps - begins) * fps + 0.5)
    if abs(info.fps / fps - 1) < 0.05:  # a header may leave out how long the last frame lasts: then count
        here = max(here, info.frames - round(begins * fps))
    return _counted(Span(path, begins, fps, max(0, here)), length)


def _counted(span: Span, length: int) -> Span:
    """The span with at most ``length`` frames, and a sentence where it has fewer."""
    if 0 < span.frames < length:
        few = f"the file holds {span.frames} of {length} frames; only those are shown."
        return Span(span.path, span.begins, span.rate, span.frames, span.times, (*span.notes, few))
    return Span(span.path, span.begins, span.rate, min(span.frames, length), span.times, span.notes)


@lru_cache(maxsize=256)
def _header(path: Path, changed: int) -> VideoInfo:
    return video_info(path)


@lru_cache(maxsize=64)
def _times(path: Path, changed: int) -> NDArray[np.float64]:
    return frame_times(path)

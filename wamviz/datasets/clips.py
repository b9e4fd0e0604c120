"""Video files that hold one episode's view each, by frame number whatever rate their headers claim.

Contract: opening a clip reads its header; frames are decoded from the nearest key frame before the first one asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wamviz.datasets.files import contained
from wamviz.errors import WamvizError
from wamviz.media import count_frames, read_video_span, video_info
from wamviz.rollout import Frames

SUFFIXES = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v")


@dataclass(frozen=True)
class Clip:
    """One view of an episode.

    Attributes:
        path: the video, inside its dataset's folder.
        frames: how many it holds.
        fps: the rate that its header says.
        width, height: pixels.
        codec: of the stream, e.g. ``"h264"``.
    """

    path: Path
    frames: int
    fps: float
    width: int
    height: int
    codec: str

    def __post_init__(self) -> None:
        if self.frames < 1 or not self.fps > 0:
            raise WamvizError(f"'{self.path.name}' holds {self.frames} frames at {self.fps:g} a second.")

    @property
    def view(self) -> Callable[[int, int], Frames]:
        """What decodes frames ``start`` .. ``stop`` - 1 as (n, H, W, 3) uint8."""
        return lambda start, stop: read_video_span(self.path, start / self.fps, stop - start, self.fps)


def open_clip(root: Path, path: Path) -> Clip:
    """The clip at ``path``, or ``WamvizError`` when it is missing, no video, or leads out of ``root``."""
    contained(root, path)
    info = video_info(path)
    return Clip(path, count_frames(path), info.fps, info.width, info.height, info.codec)

"""Video files by frame number, whatever rate their headers claim.

Opening a file reads when each of its frames is shown; the same times are what a frame is sought by. So what is checked
and what is read cannot differ: a frame that the file lacks is missing when it is opened, not when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import WamvizError
from wamviz.core.media import frame_times, read_video_span, video_info
from wamviz.core.rollout import Frames
from wamviz.datasets.files import contained, inside

DISTANCES = (
    "it holds distances of more than 8 bits: black is 0 and white the largest value of each frame (in the file's own "
    "unit, mostly mm)."
)
SUFFIXES = (".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v", ".gif")


@dataclass(frozen=True)
class VideoFile:
    """One video.

    Attributes:
        path: the file, inside its dataset's folder.
        times: (T,) seconds at which each frame is shown, by the file's own clock.
        fps: the rate that its header says; the average where frames do not follow at one rate.
        width, height: pixels.
        codec: of the stream, e.g. ``"h264"``.
        steady: whether the frames follow at one rate.
        deep: whether it holds distances, in one channel of more than 8 bits.
    """

    path: Path
    times: NDArray[np.float64]
    fps: float
    width: int
    height: int
    codec: str
    steady: bool = True
    deep: bool = False

    def __post_init__(self) -> None:
        if not len(self.times) or not self.fps > 0:
            raise WamvizError(f"'{self.path.name}' holds {len(self.times)} frames at {self.fps:g} a second.")

    def __len__(self) -> int:
        return len(self.times)

    def read(self, frames: NDArray[np.int64]) -> Frames:
        """Some frames by their numbers, 0 .. T - 1, in any order, as (n, H, W, 3) uint8."""
        wanted, back = np.unique(frames, return_inverse=True)
        times = self.times[wanted]
        pictures = read_video_span(self.path, float(times[0]), len(times), self.fps, times)
        return pictures if len(wanted) == len(frames) and (back[1:] > back[:-1]).all() else pictures[back]

    @property
    def view(self) -> Callable[[int, int], Frames]:
        """What decodes frames ``start`` .. ``stop`` - 1 as (n, H, W, 3) uint8."""
        return lambda start, stop: self.read(np.arange(start, stop))

    @property
    def notes(self) -> tuple[str, ...]:
        """What is odd about it, in plain sentences."""
        name = f"'{self.path.name}'"
        uneven = f"{name} has no constant frame rate; it is played at {self.fps:.3g} a second on average."
        return (*([] if self.steady else [uneven]), *([f"{name}: {DISTANCES}"] if self.deep else []))


def open_video(root: Path, path: Path) -> VideoFile:
    """The video at ``path``; read once for all who share it.

    Raises:
        WamvizError: missing, no video, cut short before its first frame, or leading out of ``root``.
    """
    contained(root, path)
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        changed = 0
    return _open(path, changed)


def open_videos(root: Path, listed: Mapping[str, str]) -> tuple[dict[str, VideoFile], list[str]]:
    """View -> video for those of ``listed`` (paths in ``root`` by view) that can be read, a sentence for each other.

    Raises:
        Unsafe: a path leads out of ``root``.
    """
    videos: dict[str, VideoFile] = {}
    missing = []
    for view, relative in listed.items():
        path = inside(root, relative)
        if not path.is_file():
            missing.append(f"Camera '{view}': '{relative}' is not here.")
            continue
        contained(root, path)
        try:
            videos[view] = open_video(root, path)
        except WamvizError as error:  # one damaged view must not hide the others
            missing.append(f"Camera '{view}': {error}")
    return videos, missing


@lru_cache(maxsize=512)  # some 50 kB for a file of an hour
def _open(path: Path, changed: int) -> VideoFile:
    info, times = video_info(path), frame_times(path)
    if not len(times):
        raise WamvizError(f"'{path.name}' holds no frame that can be shown, or it is cut short.")
    average = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else info.fps
    steps = np.diff(times)
    steady = info.steady and (len(steps) < 2 or float(np.abs(steps - steps.mean()).max()) < 0.1 * float(steps.mean()))
    fps = info.fps if steady else float(average)
    return VideoFile(path, times, fps, info.width, info.height, info.codec, steady, info.deep)

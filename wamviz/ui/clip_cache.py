"""Pictures of recorded episodes for the browser: a small first frame, and a clip that every browser can play.

Contract: made when the browser asks for them, kept in a folder of this process within a budget, and never larger than
what a page can show: a long recording is shown in parts, and frame k of a part is frame ``start + k`` of the recording.
An episode that breaks off gives what can be read. It knows no page.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wamviz.core.errors import NotFound, WamvizError
from wamviz.core.media import resize, write_mp4
from wamviz.core.rollout import Frames
from wamviz.datasets import Episode
from wamviz.ui.library import Library, Opened
from wamviz.ui.pictures import jpeg

log = logging.getLogger(__name__)
LONGEST_SIDE = 640  # pixels of a clip: what the stage shows on a laptop
MOST_FRAMES = 1500  # of a clip; a longer episode is shown in parts
HELD = 400_000_000  # bytes of scaled frames while a clip is made
SPAN = 150_000_000  # bytes of frames that are decoded at once
BUDGET = 1_000_000_000  # bytes of clips on disk
THUMBNAILS = 4_000
SMALL = 96  # pixels


@dataclass(frozen=True)
class ClipShape:
    """A clip before it is made.

    Attributes:
        frames: how many it will have.
        width, height: pixels.
        start: the episode's frame with which it begins.
        span: the number of frames of every part but the last.
    """

    frames: int
    width: int
    height: int
    start: int = 0
    span: int = MOST_FRAMES


def clip_shape(episode: Episode, first: Frames, frame: int = 0) -> ClipShape:
    """What the clip of the part that shows ``frame`` will be, from any frame (H, W, 3) of the episode."""
    height, width = first.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    height, width = max(2, round(height * scale)), max(2, round(width * scale))
    span = min(MOST_FRAMES, max(1, HELD // (height * width * 3)))
    start = min(max(0, frame), episode.frame_count - 1) // span * span
    return ClipShape(min(episode.frame_count - start, span), width, height, start, span)


class ClipCache:
    """Makes and keeps them.

    Args:
        library: the datasets that may be shown.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self._folder = Path(tempfile.mkdtemp(prefix="wamviz-clips-"))
        weakref.finalize(self, shutil.rmtree, self._folder, True)
        self._lock = threading.Lock()
        self._making: dict[str, threading.Lock] = {}
        self._small: OrderedDict[tuple[str, int, int], bytes] = OrderedDict()

    def thumbnail(self, key: str, index: int, view: int = 0) -> bytes:
        """A square JPEG of an episode's first frame."""
        name = (key, index, view)
        with self._lock:
            if name in self._small:
                self._small.move_to_end(name)
                return self._small[name]
        episode, camera = _view(self.library.by_key(key), index, view)
        picture = jpeg(episode.frames(camera, stop=1)[0], SMALL)
        with self._lock:
            self._small[name] = picture
            while len(self._small) > THUMBNAILS:
                self._small.popitem(last=False)
        return picture

    def clip(self, key: str, index: int, view: int = 0, start: int = 0) -> Path:
        """An H.264 file with every frame of one view of the part of an episode that shows frame ``start``."""
        opened = self.library.by_key(key)  # checked also for a clip that is there: its dataset may be forgotten
        path = self._folder / f"{key}-{index}-{view}-{start}.mp4"
        with self._lock:
            making = self._making.setdefault(path.name, threading.Lock())
        with making:  # two browsers that ask at once wait for one clip
            if not path.is_file():
                episode, camera = _view(opened, index, view)
                write_mp4(path, _scaled(episode, camera, start), episode.fps, crf=20, keyframe_every=8)
                self._make_room(path)
        return path

    def _make_room(self, newest: Path) -> None:
        files = sorted(self._folder.glob("*.mp4"), key=lambda path: path.stat().st_mtime)
        size = sum(path.stat().st_size for path in files)
        for path in files:
            if size <= BUDGET or path == newest:
                break
            size -= path.stat().st_size
            path.unlink(missing_ok=True)


def _view(opened: Opened, index: int, view: int) -> tuple[Episode, str]:
    episode = opened.dataset.episode(index)
    if not 0 <= view < len(episode.cameras):
        raise NotFound(f"Episode {index} has no view {view}.", f"It has {len(episode.cameras)}.")
    return episode, episode.cameras[view]


def _scaled(episode: Episode, camera: str, start: int = 0) -> Frames:
    """(T, H, W, 3) of the clip; decoded piece by piece, so that a long recording does not fill the memory."""
    if not 0 <= start < episode.frame_count:
        raise NotFound(f"Episode {episode.index} has no frame {start}.")
    first = episode.frames(camera, start, start + 1)
    shape = clip_shape(episode, first[0], start)
    pieces: list[Frames] = []
    try:
        for piece in _pieces(episode, camera, shape.start, shape.start + shape.frames, max(8, SPAN // first.nbytes)):
            small = piece.shape[1:3] != (shape.height, shape.width)
            pieces.append(resize(piece, shape.height, shape.width) if small else piece)
    except WamvizError as error:
        if not pieces:
            raise
        log.warning("Episode %d of '%s' breaks off: %s", episode.index, episode.dataset_title, error)
    return np.concatenate(pieces)


def _pieces(episode: Episode, camera: str, start: int, stop: int, span: int) -> Iterator[Frames]:
    """Frames ``start`` .. ``stop`` - 1 in pieces; where a piece breaks off, in ever smaller ones up to there."""
    while start < stop:
        end = min(stop, start + span)
        try:
            yield episode.frames(camera, start, end)
        except WamvizError:
            if end - start == 1:
                raise
            span = max(1, (end - start) // 4)
            continue
        start = end

"""A folder of videos and nothing beside them: episodes without actions.

The videos are views of one episode where all are equally long and are called like cameras; else each is an episode.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path

from wamviz.core.errors import WamvizError
from wamviz.datasets.containers.tables import SUFFIXES as TABLES
from wamviz.datasets.containers.videos import SUFFIXES, VideoFile, open_video
from wamviz.datasets.files import entries
from wamviz.datasets.format import DatasetFormat
from wamviz.datasets.indexed import IndexedDataset
from wamviz.datasets.override import SIDECAR, ActionSpaceOverride
from wamviz.datasets.recording import Recording, view_of

_VIEW = re.compile(r"(?i)(wrist|exterior|image|cam|left|right|front|top|side|hand|head|view)")


class VideoFolder(IndexedDataset):
    """A folder of video files."""

    format = "videos"

    def __init__(self, root: Path, name: str, override: ActionSpaceOverride) -> None:
        super().__init__(root, name, override)
        self._files = video_files(root)
        self._views = self._one_episode()
        self.indices = (0,) if self._views else tuple(range(len(self._files)))

    def _one_episode(self) -> dict[str, VideoFile]:
        """View -> video, if the videos are views of one episode; else nothing."""
        if not 1 < len(self._files) <= 8 or not all(_VIEW.search(path.stem) for path in self._files):
            return {}
        try:
            videos = {path.stem: open_video(self.root, path) for path in self._files}
        except WamvizError:
            return {}  # each is an episode then, and the damaged one says so itself
        alike = {(len(video), video.fps) for video in videos.values()}
        order = sorted(videos, key=lambda view: ("wrist" in view or "hand" in view, view))
        return {view: videos[view] for view in order} if len(alike) == 1 else {}

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return (" + ".join(self._views),) if self._views else tuple(path.name for path in self._files)

    def _read(self, index: int) -> Recording:
        videos = self._views or {"exterior": open_video(self.root, self._files[index])}
        first = next(iter(videos.values()))
        reason = "views of one episode: equally long, and called like cameras"
        return Recording(
            len(first),
            self.override.fps or first.fps,
            {name: view_of(video) for name, video in videos.items()},
            facts={"understood_as": reason} if self._views else {},
            missing=tuple(note for video in videos.values() for note in video.notes),
        )

    @property
    def missing(self) -> tuple[str, ...]:
        tables = [path.name for path in entries(self.root) if path.suffix.lower() in TABLES and path.is_file()]
        if not tables:
            return super().missing
        some = ", ".join(tables[:3])
        note = f"{some} may hold actions; say in {SIDECAR} which video they belong to and their rate."
        return (*super().missing, note)


def video_files(folder: Path) -> list[Path]:
    """The video files right in a folder, by name."""
    return [path for path in entries(folder) if path.suffix.lower() in SUFFIXES and path.is_file()]


FORMAT = DatasetFormat("videos", "*.mp4", lambda path: path.is_dir() and bool(video_files(path)), VideoFolder, -20)

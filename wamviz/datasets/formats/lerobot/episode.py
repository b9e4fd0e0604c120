"""One episode of a LeRobot dataset: its rows, its views, and what its files have that the metadata did not say.

Opening reads the rows' numbers and when the frames of its videos are shown, so that ``missing`` tells all that reading
would stumble over; frames are decoded when they are asked for. Where files and metadata disagree, what the files hold
is shown and the difference is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ActionSpace, Camera, Floats, Frames, WorldState
from wamviz.datasets.containers.parquet import read_rows, readable
from wamviz.datasets.containers.pictures import (
    decode_pictures,
    depth_note,
    picture_values,
    rows_with_pictures,
    stack_pictures,
)
from wamviz.datasets.containers.videos import DISTANCES, VideoFile, open_video
from wamviz.datasets.files import contained
from wamviz.datasets.formats.lerobot import layout
from wamviz.datasets.formats.lerobot.episode_rows import EpisodeRows, relative
from wamviz.datasets.formats.lerobot.features import Features
from wamviz.datasets.formats.lerobot.layout import first_key
from wamviz.datasets.formats.lerobot.metadata import EpisodeEntry
from wamviz.datasets.formats.lerobot.videos import Ordinals, locate_frames
from wamviz.datasets.protocol import Episode
from wamviz.datasets.recording import task_notes
from wamviz.datasets.rows import hold_pictures

SUCCESS_KEYS = ("next.success", "success", "is_episode_successful", "episode_success")
ENOUGH = 0.9  # of an episode's frames that a view must have: a shorter one is left out


class LeRobotEpisode(Episode):
    """One episode; made by ``LeRobotDataset.episode``.

    Args:
        features: the dataset's columns.
        entry: the episode as the metadata has it.
        facts: what ``meta/wamviz.json`` says of it.
        title, name: how the dataset is called by people and in SOURCE strings.
        tasks: task_index -> text.
    """

    def __init__(
        self,
        features: Features,
        entry: EpisodeEntry,
        facts: Mapping[str, Any],
        title: str,
        name: str,
        tasks: Mapping[int, str],
    ) -> None:
        self._features, self._entry = features, entry
        self.dataset_title, self.index, self.source = title, entry.index, f"{name}#{entry.index}"
        every = facts.get("frame_every", 1)  # rows that show the same frame, in an export of a run with rarer frames
        self._every = every if isinstance(every, int) and 0 < every <= max(1, entry.length) else 1
        self.fps = features.fps / self._every
        apart = ("cameras", "episode_index", "rows_without_action")
        self.facts = {name: value for name, value in facts.items() if name not in apart}
        self._closing_rows = facts.get("rows_without_action")
        cameras = facts.get("cameras", {})
        self._cameras: Mapping[str, Any] = cameras if isinstance(cameras, Mapping) else {}
        self._rows = EpisodeRows(features, entry, tasks)
        self.absent_notes = set(self._rows.absent_notes)  # those of ``missing`` about files that are not here
        notes = list(self._rows.notes)
        self._videos: dict[str, tuple[VideoFile, Ordinals]] = {}
        self._held: dict[str, NDArray[np.int64]] = {}  # of a view in the rows: where the picture of each row lies
        count = len(self._rows.places)
        self.cameras = self._find_views(count, notes)
        in_rows = [] if self._videos and len(self.cameras) == len(self._videos) else [count]
        self._frame_rows = min([*in_rows, *(len(ordinals) for _, ordinals in self._videos.values())])
        self.state_names = self._rows.state_names
        self.instruction = self._rows.texts[0] if self._rows.texts else ""
        self.missing = tuple(dict.fromkeys((*notes, *task_notes(self._rows.texts))))
        self.calibrate(features.override)

    # --- what is here -----------------------------------------------------------------------------------------------

    def _find_views(self, count: int, notes: list[str]) -> tuple[str, ...]:
        """The views that are here; where each video's frames lie goes into ``_videos``."""
        rows, views = self._rows.shown(), []
        unreadable: dict[str, str] = {}
        for name, feature in self._features.cameras.items():
            part = self._entry.videos.get(feature)
            if part is not None and part.path.is_file():
                try:
                    video = open_video(self._features.root, part.path)
                    ordinals, odd = locate_frames(video, part, rows, self._features.fps)
                except WamvizError as error:
                    notes.append(f"Camera '{name}': {error}")
                    unreadable[name] = notes[-1]
                    continue
                notes += [f"Camera '{name}': {note}" for note in (*odd, *([DISTANCES] if video.deep else []))]
                if len(ordinals):
                    self._videos[name] = (video, ordinals)
                    views.append(name)
            elif feature in self._rows.columns:
                views.append(name)
            else:
                notes.append(self._absent(name, feature))
                unreadable[name] = notes[-1]
                self.absent_notes.add(notes[-1])
        self.unreadable_views = unreadable
        longest = max((len(ordinals) for _, ordinals in self._videos.values()), default=0)
        if not self._videos or len(views) > len(self._videos):
            longest = count
        for name, (_, ordinals) in list(self._videos.items()):
            if len(ordinals) < ENOUGH * longest:
                notes.append(f"Camera '{name}' has {len(ordinals)} of {count} frames; it is left out.")
                del self._videos[name]
                views.remove(name)
        return tuple(name for name in views if name in self._videos or self._check_pictures(name, notes))

    def _check_pictures(self, name: str, notes: list[str]) -> bool:
        """Whether the rows hold pictures of a view that can be shown, by decoding the first."""
        feature = self._features.cameras[name]
        called = self._called(feature)
        try:
            present = rows_with_pictures(self._rows.path, feature, self._rows.places, self._features.root)
            held, gaps = hold_pictures(present)
            self._held[name] = self._rows.places[held]
            column = read_rows(self._rows.path, [feature], self._held[name][:1]).column(feature)
            first = picture_values(column.to_pylist()[0], self._features.root, feature, column.type)
            notes += [f"Camera '{name}': {note}" for note in (depth_note(first, called), gaps) if note]
            stack_pictures([first], called)
            return True
        except WamvizError as error:
            notes.append(f"Camera '{name}': {error}")
            return False

    def _called(self, feature: str) -> str:
        """A view's column, called depth where the metadata say that it is."""
        deep = layout.is_depth(self._features.of(feature)) and "depth" not in feature
        return f"{feature} (depth)" if deep else feature

    def _absent(self, name: str, feature: str) -> str:
        part = self._entry.videos.get(feature)
        if part is not None:
            return f"Camera '{name}' is declared, but '{relative(self._features.root, part.path)}' is not here."
        if self._features.of(feature).get("dtype") == "image":
            return f"Camera '{name}' is declared, but the rows have no column '{feature}'."
        return f"Camera '{name}' is declared, but meta/episodes names no file for it."

    # --- instruction ------------------------------------------------------------------------------------------------

    @property
    def texts(self) -> tuple[str, ...]:
        """What the robot was to do, each once."""
        return tuple(dict.fromkeys(self._rows.texts))

    def instruction_at(self, frame: int) -> str:
        texts = self._rows.texts
        return texts[min(frame * self._every, len(texts) - 1)] if len(texts) > 1 else self.instruction

    # --- numbers ----------------------------------------------------------------------------------------------------

    @property
    def _closing(self) -> int:
        """How many rows at the end only hold frames after the last action: said of the episode, else of all (1)."""
        row, rows = self._closing_rows, len(self._rows.places)
        if isinstance(row, int) and not isinstance(row, bool):
            return min(max(row, 0), rows - 1)
        return int(bool(self._features.manifest.get("closing_row")) and rows > 1)

    @property
    def length(self) -> int:
        acting = len(self._rows.places) - self._closing
        return acting if self._rows.usable.actions is None else min(acting, len(self._rows.usable.actions))

    @property
    def frame_count(self) -> int:
        return (self._frame_rows - 1) // self._every + 1

    @property
    def action_space(self) -> ActionSpace | None:
        return self._rows.usable.space

    @property
    def known_by(self) -> str:
        """The sentence that says how the meaning of the actions is known."""
        return self._rows.usable.known_by

    @property
    def actions(self) -> Floats | None:
        values = self._rows.part("actions")
        return None if values is None else values[: self.length]

    @property
    def states(self) -> Floats | None:
        return self._rows.part("states")

    @property
    def scalars(self) -> Mapping[str, Floats]:
        return self._rows.usable.scalars

    @property
    def success(self) -> bool | None:
        if "success" in self.facts:
            return None if self.facts["success"] is None else bool(self.facts["success"])
        key = first_key(self._rows.columns, SUCCESS_KEYS)
        values = None if key is None else self._rows.reals(key)
        if values is None or not np.isfinite(values).any():  # some recordings only say it in the last row
            return None
        return bool(np.nanmax(values) > 0)

    def world_state(self, frame: int) -> WorldState | None:
        self._check_frame(frame)
        snapshots = self._snapshots
        world, seed = self._features.manifest.get("world"), self.facts.get("seed")
        if snapshots is None or world is None or seed is None or frame >= len(snapshots):
            return None
        return WorldState(str(world), int(seed), snapshots[frame].copy())

    @cached_property
    def _snapshots(self) -> NDArray[np.float64] | None:
        values = self._rows.column(layout.SNAPSHOT_KEY)
        return None if values is None else values.astype(np.float64)

    # --- views ------------------------------------------------------------------------------------------------------

    def camera_model(self, camera: str, frame: int = 0) -> Camera | None:
        self._check_frame(frame)
        if camera in self.calibration:
            return self.calibration[camera]
        model = self._cameras.get(self._known(camera))
        if model is None:
            return None
        poses = self._rows.column(layout.pose_key(camera))
        pose = model["world_from_camera"] if poses is None else poses[min(frame, len(poses) - 1)].reshape(4, 4)
        return Camera(**{**model, "world_from_camera": pose})

    def camera_moves(self, camera: str) -> bool:
        return layout.pose_key(camera) in self._rows.columns and camera not in self.calibration

    def view_size(self, camera: str) -> tuple[int, int]:
        if camera in self._videos:
            video, _ = self._videos[camera]
            return video.width, video.height
        return super().view_size(camera)

    def video_of(self, camera: str) -> VideoFile | None:
        """The file in which a view lies, or None for one that is kept as pictures in the rows."""
        return self._videos[camera][0] if camera in self._videos else None

    def _decode(self, camera: str, start: int, stop: int) -> Frames:
        rows = np.arange(start, stop) * self._every
        if camera in self._videos:
            video, ordinals = self._videos[camera]
            contained(self._features.root, video.path)
            return video.read(ordinals[rows])
        feature = self._features.cameras[camera]
        with readable(self._rows.path):
            column = read_rows(self._rows.path, [feature], self._held[camera][rows]).column(feature)
            return decode_pictures(column, self._features.root, self._called(feature))

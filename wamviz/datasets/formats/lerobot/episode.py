"""One episode of a LeRobot dataset: its rows, its views, and what its files have that the metadata did not say.

Contract: made by ``LeRobotDataset.episode``; opening looks at headers (of the videos, and of a v2 episode's own rows),
rows are read once when a number is asked for, frames are decoded when they are asked for. Where files and metadata
disagree about a length, what the files hold is shown and the difference is said in ``missing``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ActionSpace, Camera, Floats, Frames, WorldState, check_floats
from wamviz.datasets.action_semantics import ActionSpaceOverride
from wamviz.datasets.containers.parquet import is_numeric, numbers, read_columns, readable, row_count, schema_of
from wamviz.datasets.containers.pictures import decode_pictures
from wamviz.datasets.files import contained
from wamviz.datasets.formats.lerobot import layout
from wamviz.datasets.formats.lerobot.layout import first_key
from wamviz.datasets.formats.lerobot.metadata import Listing
from wamviz.datasets.formats.lerobot.videos import Span, span_of
from wamviz.datasets.protocol import Episode

SUCCESS_KEYS = ("next.success", "success", "is_episode_successful", "episode_success")
# Columns of whole numbers that name a task: LeRobot's own, then GR00T's.
TASK_KEYS = ("task_index", "annotation.human.action.task_description", "annotation.human.task_description")
TEXT_KEYS = ("language_instruction", "task", "instruction", "observation.language_instruction")
ENOUGH = 0.9  # of an episode's frames that a view must have: a shorter one is left out


class Recorded(Protocol):
    """What an episode asks of the dataset that it belongs to."""

    root: Path
    name: str
    title: str
    override: ActionSpaceOverride
    fps: float
    manifest: dict[str, Any]

    @property
    def camera_features(self) -> dict[str, str]:
        """View -> feature."""

    @property
    def tasks(self) -> dict[int, str]:
        """task_index -> text."""

    def keys(self, part: str) -> tuple[str, ...]:
        """The columns that hold the ``actions`` or the ``states``."""

    def names_of_part(self, part: str) -> tuple[str, ...]:
        """What the dataset calls the numbers of the ``actions`` or ``states``."""

    def first_row(self, index: int) -> int:
        """Which row of its file an episode begins at."""

    def action_space(self) -> ActionSpace | None:
        """What the actions mean."""


class LeRobotEpisode(Episode):
    """One episode; made by ``LeRobotDataset.episode``."""

    def __init__(self, dataset: Recorded, listing: Listing, facts: Mapping[str, Any]) -> None:
        self._dataset, self.listing = dataset, listing
        self.dataset_title, self.index = dataset.title, listing.index
        every = facts.get("frame_every", 1)  # rows that show the same frame, in an export of a run with rarer frames
        self._every = every if isinstance(every, int) and 0 < every <= max(1, listing.length) else 1
        self.fps = dataset.fps / self._every
        self.source = f"{dataset.name}#{listing.index}"
        kept_apart = ("cameras", "episode_index", "rows_without_action")
        self.facts = {name: value for name, value in facts.items() if name not in kept_apart}
        self._told_closing = facts.get("rows_without_action")
        cameras = facts.get("cameras", {})
        self._cameras: Mapping[str, Any] = cameras if isinstance(cameras, Mapping) else {}
        self._has_data = listing.data.is_file()
        lacking: list[str] = []
        self._row_count = self._rows_here(lacking)
        self._spans = self._views(lacking)
        self.cameras = tuple(self._spans)
        self._frame_count = min([listing.length, *(s.frames for s in self._spans.values() if s and s.frames)])
        if not self._has_data:
            lacking.append(f"'{listing.data.name}' is not here, so there are no actions and no states.")
        self.state_names = dataset.names_of_part("states")
        try:
            self.instruction = self._told() if listing.instruction is None else listing.instruction
        except WamvizError as error:  # damaged rows must not hide the video
            self.instruction = ""
            lacking.append(str(error))
        self.missing = tuple(dict.fromkeys(lacking))
        self.calibrate(dataset.override)

    # --- what is here -----------------------------------------------------------------------------------------------

    def _rows_here(self, lacking: list[str]) -> int:
        """How many rows there are; of files that several episodes share, what the metadata say."""
        length = self.listing.length
        if not self._has_data or not self.listing.alone:
            return length
        try:
            found = row_count(contained(self._dataset.root, self.listing.data))
        except WamvizError:
            return length  # told when the rows are asked for
        if 0 < found < length:
            lacking.append(f"'{self.listing.data.name}' holds {found} rows, not {length} as the metadata say.")
        return min(length, found) if found else length

    def _views(self, lacking: list[str]) -> dict[str, Span | None]:
        """View -> where it lies in a video, None for one that is kept as pictures in the rows."""
        views: dict[str, Span | None] = {}
        length = self.listing.length
        for name, feature in self._dataset.camera_features.items():
            video = self.listing.videos.get(feature)
            if video is not None and video[0].is_file():
                views[name] = span_of(self._dataset.root, *video, length, self._dataset.fps, self.listing.alone)
            elif self._in_rows(feature):
                views[name] = None
            else:
                lacking.append(f"Camera '{name}' is declared, but its files are not here.")
        longest = max((span.frames or length for span in views.values() if span), default=length)
        for name, span in list(views.items()):
            if span is None:
                continue
            if span.frames and span.frames < ENOUGH * longest:
                lacking.append(f"Camera '{name}' has {span.frames} of {length} frames; it is left out.")
                del views[name]
            else:
                lacking += [f"Camera '{name}': {note}" for note in span.notes]
        return views

    def _in_rows(self, feature: str) -> bool:
        try:
            return feature in self._columns
        except WamvizError:
            return False  # told when the rows are asked for

    @cached_property
    def _schema(self) -> pa.Schema:
        return schema_of(contained(self._dataset.root, self.listing.data))

    @property
    def _columns(self) -> list[str]:
        return list(self._schema.names) if self._has_data else []

    @cached_property
    def _table(self) -> pa.Table:
        """The rows of this episode, as far as they are numbers."""
        return self._rows([name for name in self._columns if is_numeric(self._schema.field(name).type)])

    def _rows(self, names: list[str]) -> pa.Table:
        """Some columns of this episode's rows."""
        path = contained(self._dataset.root, self.listing.data)
        named = "episode_index" in self._columns
        table = read_columns(path, names, self.index if named else None)
        if self.listing.alone and named and not table.num_rows:
            table = read_columns(path, names)  # the file is this episode's, whatever number its rows still carry
        elif not self.listing.alone and not named:
            table = table.slice(self._dataset.first_row(self.index))
        if table.num_rows < max(1, self._row_count):
            raise WamvizError(
                f"'{path.name}' holds {table.num_rows} rows of episode {self.index}, not {self.listing.length}.",
                "The file is cut short or belongs to another dataset; download it again.",
            )
        return table.slice(0, self._row_count)

    def column(self, name: str) -> NDArray[Any] | None:
        """The (n, D) numbers of a column, or None when the episode has no such column.

        Raises:
            WamvizError: it holds something else than numbers.
        """
        if name not in self._columns:
            return None
        if name in self._table.column_names:
            return numbers(self._table.column(name), name)
        raise WamvizError(f"Column '{name}' holds {self._schema.field(name).type}, not numbers.")

    def _told(self) -> str:
        """The instruction by way of the rows, where the list of episodes has none."""
        if not self._has_data:
            return ""
        key = first_key(self._columns, TASK_KEYS)
        if key is not None:
            column = self.column(key)
            known = None if column is None else self._dataset.tasks.get(int(column[0, 0]))
            if known is not None:
                return known
        key = next((k for k in TEXT_KEYS if k in self._columns and k not in self._table.column_names), None)
        if key is None:
            return ""
        with readable(self.listing.data):
            text = self._rows([key]).column(key)[0].as_py()
        return text.strip() if isinstance(text, str) else ""

    # --- numbers ----------------------------------------------------------------------------------------------------

    @property
    def _closing(self) -> int:
        """How many rows at the end only hold frames after the last action: told of the episode, else of all (1)."""
        told = self._told_closing
        if isinstance(told, int) and not isinstance(told, bool):
            return min(max(told, 0), self.listing.length - 1)
        return int(bool(self._dataset.manifest.get("closing_row")) and self.listing.length > 1)

    @property
    def length(self) -> int:
        return self._row_count - self._closing

    @property
    def frame_count(self) -> int:
        return (self._frame_count - 1) // self._every + 1

    @property
    def action_space(self) -> ActionSpace | None:
        return self._dataset.action_space() if self._has_data else None

    @cached_property
    def actions(self) -> Floats | None:
        values, space = self._vector("actions"), self.action_space
        if values is None or space is None:
            return None
        if values.shape[1] != space.dim:
            raise WamvizError(
                f"An action of episode {self.index} has {values.shape[1]} numbers; the metadata says {space.dim}.",
                "The metadata does not belong to this file.",
            )
        return values[: self.length]

    @cached_property
    def states(self) -> Floats | None:
        return self._vector("states")

    def _vector(self, part: str) -> Floats | None:
        """The (n, D) float32 of the actions or states: the dataset's columns for them, side by side."""
        keys = self._dataset.keys(part)
        parts = [values for key in keys if (values := self.column(key)) is not None]
        if not parts:
            return None
        if len(parts) < len(keys):
            absent = ", ".join(key for key in keys if key not in self._columns)
            raise WamvizError(f"Episode {self.index} has no column '{absent}', of which its {part} are made.")
        return check_floats(np.concatenate(parts, axis=1), f"The {part} of episode {self.index}")

    @property
    def success(self) -> bool | None:
        if "success" in self.facts:
            return None if self.facts["success"] is None else bool(self.facts["success"])
        key = first_key(self._columns, SUCCESS_KEYS)
        if key is None or key not in self._table.column_names:
            return None
        known = self._table.column(key).drop_null()  # some recordings only say it in the last row
        return bool(np.asarray(numbers(known, key)).any()) if len(known) else None

    def world_state(self, frame: int) -> WorldState | None:
        self._check_frame(frame)
        snapshots = self._snapshots
        world, seed = self._dataset.manifest.get("world"), self.facts.get("seed")
        if snapshots is None or world is None or seed is None:
            return None
        return WorldState(str(world), int(seed), snapshots[frame].copy())

    @cached_property
    def _snapshots(self) -> NDArray[np.float64] | None:
        values = self.column(layout.SNAPSHOT_KEY)
        return None if values is None else values.astype(np.float64)

    # --- views ------------------------------------------------------------------------------------------------------

    def camera_model(self, camera: str, frame: int = 0) -> Camera | None:
        self._check_frame(frame)
        if camera in self.calibration:
            return self.calibration[camera]
        model = self._cameras.get(self._known(camera))
        if model is None:
            return None
        poses = self.column(layout.pose_key(camera))
        pose = model["world_from_camera"] if poses is None else poses[frame].reshape(4, 4)
        return Camera(**{**model, "world_from_camera": pose})

    def camera_moves(self, camera: str) -> bool:
        return layout.pose_key(camera) in self._columns and camera not in self.calibration

    def _decode(self, camera: str, start: int, stop: int) -> Frames:
        span = self._spans[camera]
        first, count = start * self._every, (stop - start - 1) * self._every + 1  # rows
        if span is not None:
            contained(self._dataset.root, span.path)
            return span.read(first, first + count)[:: self._every]
        feature = self._dataset.camera_features[camera]
        rows = self._rows([feature]).column(feature).slice(first, count)
        with readable(self.listing.data):
            return decode_pictures(rows, self._dataset.root, feature)[:: self._every]

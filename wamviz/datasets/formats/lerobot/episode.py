"""One episode of a LeRobot dataset: its rows, its views, and what its files have that the metadata did not say.

Opening reads the rows' numbers and when the frames of its videos are shown, so that ``missing`` tells all that reading
would stumble over; frames are decoded when they are asked for. Where files and metadata disagree, what the files hold
is shown and the difference is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from wamviz.core.errors import Damaged, WamvizError
from wamviz.core.rollout import ActionSpace, Camera, Floats, Frames, WorldState
from wamviz.datasets.containers.parquet import is_list, is_numeric, numbers, read_rows, readable, schema_of
from wamviz.datasets.containers.pictures import decode_pictures, depth_note, picture_values, stack_pictures
from wamviz.datasets.containers.videos import VideoFile, open_video
from wamviz.datasets.files import contained
from wamviz.datasets.formats.lerobot import layout
from wamviz.datasets.formats.lerobot.features import Features
from wamviz.datasets.formats.lerobot.layout import first_key
from wamviz.datasets.formats.lerobot.metadata import EpisodeEntry
from wamviz.datasets.formats.lerobot.rows import order_episode
from wamviz.datasets.formats.lerobot.videos import Ordinals, locate_frames
from wamviz.datasets.protocol import Episode, clean_instruction
from wamviz.datasets.recording import EpisodeNumbers, UsableNumbers, as_reals, task_notes, use_numbers
from wamviz.datasets.rows import Reals, RowOrder

SUCCESS_KEYS = ("next.success", "success", "is_episode_successful", "episode_success")
# Columns of whole numbers that name a task: LeRobot's own, then GR00T's.
TASK_KEYS = ("task_index", "annotation.human.action.task_description", "annotation.human.task_description")
TEXT_KEYS = ("language_instruction", "task", "instruction", "observation.language_instruction")
JUNK = ("valid", "invalid", "none", "null", "nan", "unknown", "n/a")  # texts that annotation tools leave behind
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
        self._features, self._entry, self._tasks = features, entry, tasks
        self.dataset_title, self.index, self.source = title, entry.index, f"{name}#{entry.index}"
        every = facts.get("frame_every", 1)  # rows that show the same frame, in an export of a run with rarer frames
        self._every = every if isinstance(every, int) and 0 < every <= max(1, entry.length) else 1
        self.fps = features.fps / self._every
        apart = ("cameras", "episode_index", "rows_without_action")
        self.facts = {name: value for name, value in facts.items() if name not in apart}
        self._closing_rows = facts.get("rows_without_action")
        cameras = facts.get("cameras", {})
        self._cameras: Mapping[str, Any] = cameras if isinstance(cameras, Mapping) else {}
        notes: list[str] = []
        self._has_data = entry.data is not None and entry.data.path.is_file()
        self._order = self._read_order(notes)
        self._usable = self._read_numbers(notes)
        keep = self._usable.keep
        self._rows = self._order.order[keep]  # (n,) places in the file
        self._videos: dict[str, tuple[VideoFile, Ordinals]] = {}
        self.cameras = self._find_views(keep, notes)
        self._frame_rows = min([len(keep), *(len(ordinals) for _, ordinals in self._videos.values())])
        self._texts = self._read_texts(notes)
        self.instruction = self._texts[0] if self._texts else ""
        self.missing = tuple(dict.fromkeys((*notes, *task_notes(self._texts))))
        self.calibrate(features.override)

    # --- what is here -----------------------------------------------------------------------------------------------

    def _read_order(self, notes: list[str]) -> RowOrder:
        """Its rows in order; as many as the metadata say where the file is not here or cannot be read."""
        length = self._entry.length
        if self._has_data and self._entry.data is not None:
            try:
                contained(self._features.root, self._entry.data.path)
                order = order_episode(self._entry.data, self._features.fps)
                notes += order.notes
                return order
            except WamvizError as error:  # damaged rows must not hide the video
                notes.append(str(error))
                self._has_data = False
        else:
            where = "meta/episodes names no file for its rows" if self._entry.data is None else (
                f"'{self._relative(self._entry.data.path)}' is not here")  # fmt: skip
            notes.append(f"{where}, so there are no actions and no states.")
        return RowOrder(np.arange(length), np.arange(length))

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._features.root).as_posix()

    @property
    def _data(self) -> Path:
        assert self._entry.data is not None  # only where there are rows
        return contained(self._features.root, self._entry.data.path)

    @cached_property
    def _schema(self) -> pa.Schema:
        return schema_of(self._data)

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        try:
            return tuple(self._schema.names) if self._has_data else ()
        except WamvizError:
            return ()  # order_episode has said so

    def _reals(self, name: str) -> Reals | None:
        """A column at all ordered rows as (n, D), NaN at gaps; None where there is no such column of numbers."""
        if name not in self._columns or not is_numeric(self._schema.field(name).type):
            return None
        single = name in self._single
        table = self._single_table if single else read_rows(self._data, [name], self._order.order)
        return as_reals(numbers(table.column(name), name, gaps=True), f"Column '{name}'")

    @cached_property
    def _single(self) -> list[str]:
        """The columns of one number a row."""
        kinds = {name: self._schema.field(name).type for name in self._columns}
        return [name for name, kind in kinds.items() if is_numeric(kind) and not is_list(kind)]

    @cached_property
    def _single_table(self) -> pa.Table:
        return read_rows(self._data, self._single, self._order.order)

    def _read_numbers(self, notes: list[str]) -> UsableNumbers:
        """The actions and states, and which rows of the episode hold both."""
        found: dict[str, Reals | None] = {"actions": None, "states": None}
        names: dict[str, tuple[str, ...]] = {"actions": (), "states": ()}
        problems = {}
        space: ActionSpace | None = None
        known_by = ""
        for part in found if self._has_data else ():
            try:
                found[part], names[part] = self._part(part)
                if part == "actions" and found[part] is not None:
                    space, known_by = self._features.action_space
                    self._check_width(found[part], space)
            except WamvizError as error:
                found[part] = None
                problems[part] = str(error)
                notes.append(str(error))
        if space is None:
            found["actions"] = None
        numbers_found = EpisodeNumbers(
            found["actions"], space if found["actions"] is not None else None, known_by, found["states"],
            names["states"], scalars=self._read_scalars(),
        )  # fmt: skip
        trusted = bool(self._features.manifest.get("action_space"))
        usable = use_numbers(numbers_found, len(self._order.order), True, trusted)
        if not len(usable.keep):
            usable = use_numbers(EpisodeNumbers(), len(self._order.order), True)
        notes += usable.notes
        self.state_names = names["states"] or self._features.names_of_part("states")
        self._problems = problems | dict(usable.problems)
        return usable

    def _part(self, part: str) -> tuple[Reals | None, tuple[str, ...]]:
        """The (n, D) of the actions or states: the dataset's columns for them side by side, and their names."""
        keys = self._features.keys(part)
        if not keys or not set(keys) & set(self._columns):
            return None, ()
        absent = [key for key in keys if key not in self._columns]
        if absent:
            raise Damaged(f"Episode {self.index} has no column '{', '.join(absent)}', of which its {part} are made.")
        tables = []
        for key in keys:
            table = self._reals(key)
            if table is None:
                raise Damaged(f"Column '{key}' holds {self._schema.field(key).type}, not numbers.")
            tables.append(table)
        return self._features.override.select(part, np.concatenate(tables, axis=1), self._features.names_of_part(part))

    def _check_width(self, actions: Reals | None, space: ActionSpace | None) -> None:
        if actions is not None and space is not None and actions.shape[1] != space.dim:
            raise Damaged(
                f"An action of episode {self.index} has {actions.shape[1]} numbers; the metadata says {space.dim}.",
                "The metadata does not belong to this file.",
            )

    def _read_scalars(self) -> dict[str, Reals]:
        """Columns of one number a row that are no bookkeeping: rewards, progress, values."""
        out: dict[str, Reals] = {}
        used = {*layout.DEFAULT_FEATURES, *TASK_KEYS, layout.SNAPSHOT_KEY}
        for name in self._single if self._has_data else ():
            if name in used or name.startswith("annotation.") or name in self._features.keys("actions"):
                continue
            try:
                values = self._reals(name)
            except WamvizError:
                continue  # it says so itself where it is asked for
            if values is not None and np.isfinite(values).any():
                out[name] = values[:, 0]
        return out

    def _find_views(self, keep: NDArray[np.int64], notes: list[str]) -> tuple[str, ...]:
        """The views that are here; where each video's frames lie goes into ``_videos``."""
        rows, views = _kept(self._order, keep), []
        for name, feature in self._features.cameras.items():
            part = self._entry.videos.get(feature)
            if part is not None and part.path.is_file():
                try:
                    video = open_video(self._features.root, part.path)
                    ordinals, odd = locate_frames(video, part, rows, self._features.fps)
                except WamvizError as error:
                    notes.append(f"Camera '{name}': {error}")
                    continue
                notes += [f"Camera '{name}': {note}" for note in odd]
                if len(ordinals):
                    self._videos[name] = (video, ordinals)
                    views.append(name)
            elif feature in self._columns:
                views.append(name)
            else:
                notes.append(self._absent(name, feature))
        longest = max((len(ordinals) for _, ordinals in self._videos.values()), default=0)
        if not self._videos or len(views) > len(self._videos):
            longest = len(keep)
        for name, (_, ordinals) in list(self._videos.items()):
            if len(ordinals) < ENOUGH * longest:
                notes.append(f"Camera '{name}' has {len(ordinals)} of {len(keep)} frames; it is left out.")
                del self._videos[name]
                views.remove(name)
        return tuple(name for name in views if name in self._videos or self._check_pictures(name, notes))

    def _check_pictures(self, name: str, notes: list[str]) -> bool:
        """Whether the rows hold pictures of a view that can be shown, by decoding the first."""
        feature = self._features.cameras[name]
        try:
            column = read_rows(self._data, [feature], self._order.order[:1]).column(feature)
            first = picture_values(column.to_pylist()[0], self._features.root, feature, column.type)
            note = depth_note(first)
            notes += [f"Camera '{name}': {note}"] if note else []
            stack_pictures([first], feature)
            return True
        except WamvizError as error:
            notes.append(f"Camera '{name}': {error}")
            return False

    def _absent(self, name: str, feature: str) -> str:
        part = self._entry.videos.get(feature)
        if part is not None:
            return f"Camera '{name}' is declared, but '{self._relative(part.path)}' is not here."
        if self._features.of(feature).get("dtype") == "image":
            return f"Camera '{name}' is declared, but the rows have no column '{feature}'."
        return f"Camera '{name}' is declared, but meta/episodes names no file for it."

    # --- instruction ------------------------------------------------------------------------------------------------

    def _read_texts(self, notes: list[str]) -> tuple[str, ...]:
        """What the robot was to do at every row: as the rows say it, else as the list of episodes does."""
        listed = clean_instruction(self._entry.instruction or "")
        try:
            own = [clean_instruction(text) for text in self._row_texts()]
        except WamvizError as error:  # damaged rows must not hide the video
            notes.append(str(error))
            own = []
        if not any(own) or (listed and {text.lower() for text in own} <= {"", *JUNK}):
            return (listed,) if listed else (next(filter(None, own), ""),)
        texts = [text or listed for text in own]
        return tuple(texts[:1]) if len(set(texts)) == 1 else tuple(texts)

    def _row_texts(self) -> list[str]:
        if not self._has_data or not len(self._rows):
            return []
        for key in TASK_KEYS:
            values = self._reals(key)
            if values is None:
                continue
            codes = values[self._usable.keep, 0]
            texts = [self._tasks.get(int(code), "") if np.isfinite(code) else "" for code in codes]
            if any(texts):
                return texts
        key = first_key(self._columns, TEXT_KEYS)
        if key is None or is_numeric(self._schema.field(key).type):
            return []
        with readable(self._data):
            column = read_rows(self._data, [key], self._rows).column(key).to_pylist()
        return [text if isinstance(text, str) else "" for text in column]

    @property
    def texts(self) -> tuple[str, ...]:
        """What the robot was to do, each once."""
        return tuple(dict.fromkeys(self._texts))

    def instruction_at(self, frame: int) -> str:
        row = frame * self._every
        return self._texts[row] if len(self._texts) > 1 else self.instruction

    # --- numbers ----------------------------------------------------------------------------------------------------

    @property
    def _closing(self) -> int:
        """How many rows at the end only hold frames after the last action: said of the episode, else of all (1)."""
        said, rows = self._closing_rows, len(self._rows)
        if isinstance(said, int) and not isinstance(said, bool):
            return min(max(said, 0), rows - 1)
        return int(bool(self._features.manifest.get("closing_row")) and rows > 1)

    @property
    def length(self) -> int:
        acting = len(self._rows) - self._closing
        return acting if self._usable.actions is None else min(acting, len(self._usable.actions))

    @property
    def frame_count(self) -> int:
        return (self._frame_rows - 1) // self._every + 1

    @property
    def action_space(self) -> ActionSpace | None:
        return self._usable.space

    @property
    def known_by(self) -> str:
        """The sentence that says how the meaning of the actions is known."""
        return self._usable.known_by

    @property
    def actions(self) -> Floats | None:
        values = self._readable("actions")
        return None if values is None else values[: self.length]

    @property
    def states(self) -> Floats | None:
        return self._readable("states")

    def _readable(self, part: str) -> Floats | None:
        if part in self._problems:
            raise Damaged(self._problems[part])
        return self._usable.part(part)

    @property
    def scalars(self) -> Mapping[str, Floats]:
        return self._usable.scalars

    def column(self, name: str) -> NDArray[Any] | None:
        """The (n, D) numbers of a column at the episode's rows, or None when it has no such column.

        Raises:
            Damaged: it holds something else than numbers, or gaps.
        """
        if name not in self._columns:
            return None
        if not is_numeric(self._schema.field(name).type):
            raise Damaged(f"Column '{name}' holds {self._schema.field(name).type}, not numbers.")
        return numbers(read_rows(self._data, [name], self._rows).column(name), name)

    @property
    def success(self) -> bool | None:
        if "success" in self.facts:
            return None if self.facts["success"] is None else bool(self.facts["success"])
        key = first_key(self._columns, SUCCESS_KEYS)
        values = None if key is None else self._reals(key)
        if values is None or not np.isfinite(values).any():  # some recordings only say it in the last row
            return None
        return bool(np.nanmax(values) > 0)

    def world_state(self, frame: int) -> WorldState | None:
        self._check_frame(frame)
        snapshots = self._snapshots
        world, seed = self._features.manifest.get("world"), self.facts.get("seed")
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
        with readable(self._data):
            column = read_rows(self._data, [feature], self._rows[rows]).column(feature)
            return decode_pictures(column, self._features.root, feature)


def _kept(order: RowOrder, keep: Sequence[int] | NDArray[np.int64]) -> RowOrder:
    """The rows that are left of an order; their frames keep their numbers."""
    times = None if order.times is None else order.times[keep]
    return RowOrder(order.order[keep], order.frames[keep], order.first, times)

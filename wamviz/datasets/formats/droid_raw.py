"""DROID as it was recorded: a folder a trajectory with ``trajectory.h5`` and ``recordings/MP4/SERIAL.mp4``.

The rows go at 15 Hz. The videos hold a frame a row, or one fewer, whatever rate their headers say (droid#54); which
camera is which is known by its serial number from ``metadata_*.json`` or from the file's ``camera_type`` (0 is on the
wrist). ``SERIAL-stereo.mp4`` holds left and right side by side. Source: droid-dataset/droid, ``droid/postprocessing``.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wamviz.core.action_spaces import DROID_JOINTS, DROID_POSE, DROID_VELOCITY
from wamviz.core.errors import Damaged, NotFound, WamvizError, unknown_name
from wamviz.core.rollout import ActionSpace, Frames
from wamviz.datasets.action_semantics import BY_OVERRIDE, infer_action_space
from wamviz.datasets.containers.hdf5 import array_at, names_in, open_hdf5, read_facts, table_at
from wamviz.datasets.containers.videos import VideoFile, open_video
from wamviz.datasets.files import contained, entries, read_json
from wamviz.datasets.format import DatasetFormat
from wamviz.datasets.indexed import IndexedDataset
from wamviz.datasets.override import ActionSpaceOverride
from wamviz.datasets.recording import EpisodeNumbers, Recording, View
from wamviz.datasets.rows import Reals

if TYPE_CHECKING:
    import h5py

TRAJECTORY = "trajectory.h5"
RATE = 15.0  # Hz
DEPTH = 5  # folders between the dataset and a trajectory: LAB/success/DATE/TIME
MOST_FOLDERS, MOST_RECOGNIZED = 200_000, 2_000  # looked at when a dataset is opened, and before
# What DROID keeps of an action, in the order in which it is taken; each goes with the gripper's position.
SPACES: dict[str, ActionSpace] = {
    "joint_velocity": DROID_VELOCITY,
    "joint_position": DROID_JOINTS,
    "cartesian_position": DROID_POSE,
}
GRIPPER = "gripper_position"
STATE_NAMES = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")
KNOWN_BY = "DROID's layout at 15 Hz: {key} and the gripper, 0 open, 1 closed."
ROLES = (("exterior_1", "ext1"), ("exterior_2", "ext2"), ("wrist", "wrist"))  # a view, and what metadata call it
_SERIAL = re.compile(r"(?P<serial>\w+?)(?P<stereo>-stereo)?\.mp4")


class DroidRawDataset(IndexedDataset):
    """A folder with trajectories of DROID somewhere below it, or one trajectory."""

    format = "DROID raw"
    robot = "Franka Panda (DROID)"

    def __init__(self, root: Path, name: str, override: ActionSpaceOverride) -> None:
        super().__init__(root, name, override)
        self._folders = trajectories(root)
        self.indices = tuple(range(len(self._folders)))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return tuple(folder.relative_to(self.root).as_posix() for folder in self._folders)

    @cached_property
    def _annotations(self) -> dict[str, Any]:
        """Sentences by trajectory, from the list that DROID publishes beside its data; empty where it is not here."""
        for path in entries(self.root):
            if path.name.startswith("aggregated-annotations") and path.suffix == ".json":
                return read_json(contained(self.root, path))
        return {}

    def _read(self, index: int) -> Recording:
        folder, missing = self._folders[index], list[str]()
        metadata = self._metadata(folder, missing)
        with open_hdf5(self.root, folder / TRAJECTORY) as file:
            facts = read_facts(file, "")
            numbers = self._numbers(file, missing)
            types = {serial: _first(file, f"observation/camera_type/{serial}")
                     for serial in names_in(file, "observation/camera_type")}  # fmt: skip
        rows = max((len(part) for part in (numbers.actions, numbers.states) if part is not None), default=0)
        videos = self._videos(folder, metadata, types, missing)
        views, counts = {}, []
        for view, (video, stereo) in videos.items():
            view_, count = _view(video, stereo, rows or len(video))
            views[view] = view_
            counts.append(count)
            if rows and not rows - 1 <= len(video) < 1.5 * rows:
                missing.append(f"Camera '{view}': '{video.path.name}' holds {len(video)} frames for {rows} rows.")
        if not views and not rows:
            raise Damaged(f"'{folder.name}' has neither rows nor videos.", " ".join(missing))
        parts = folder.relative_to(self.root).parts
        success = metadata.get("success", facts.get("success"))
        if success is None:
            success = True if "success" in parts else False if "failure" in parts else None
        return Recording(
            min(counts) if counts else rows,
            self.override.fps or RATE,
            views,
            _with_success(numbers, bool(success) if isinstance(success, bool | int | np.bool_) else None),
            self._instruction(metadata, facts),
            facts={key: metadata[key] for key in ("uuid", "lab") if isinstance(metadata.get(key), str)},
            missing=tuple(missing),
        )

    def _metadata(self, folder: Path, missing: list[str]) -> dict[str, Any]:
        for path in entries(folder):
            if path.name.startswith("metadata") and path.suffix == ".json":
                try:
                    return read_json(contained(self.root, path), limit=5_000_000)
                except WamvizError as error:
                    missing.append(str(error))
        return {}

    def _instruction(self, metadata: dict[str, Any], facts: dict[str, Any]) -> str:
        spoken = self._annotations.get(str(metadata.get("uuid")), {})
        texts = [spoken.get(f"language_instruction{i}") for i in (1, 2, 3)] if isinstance(spoken, dict) else []
        texts += [metadata.get("current_task"), facts.get("current_task")]
        return next((text for text in texts if isinstance(text, str) and text.strip()), "")

    def _numbers(self, file: h5py.File, missing: list[str]) -> EpisodeNumbers:
        """The actions with the gripper, and the measured pose of the hand."""
        held = names_in(file, "action")
        key = self.override.actions or next((key for key in SPACES if key in held), None)
        if key is not None and key not in held:
            raise unknown_name("column for the actions", key, held)
        actions, space, known_by = None, None, ""
        try:
            if key is not None:
                actions, space, known_by = self._actions(file, key, GRIPPER in held, missing)
        except Damaged as error:
            missing.append(str(error))
        if key is None:
            missing.append(f"'action' of '{TRAJECTORY}' holds none of {', '.join(SPACES)}.")
        state = "observation/robot_state"
        seen = names_in(file, state)
        states: Reals | None = None
        names: tuple[str, ...] = ()
        try:
            if self.override.states:
                states = table_at(file, f"{state}/{self.override.states}")
            elif "cartesian_position" in seen:
                parts = [table_at(file, f"{state}/{name}") for name in ("cartesian_position", GRIPPER) if name in seen]
                states = np.concatenate(parts, axis=1)
                names = STATE_NAMES[: states.shape[1]] if states.shape[1] in (6, 7) else ()
        except (Damaged, ValueError) as error:
            missing.append(str(error))
            states, names = None, ()
        if states is not None:
            states, names = self.override.select("states", states, names)
        return EpisodeNumbers(actions, space, known_by, states, names)

    def _actions(self, file: h5py.File, key: str, gripper: bool, missing: list[str]) -> tuple[Reals, ActionSpace, str]:
        values = table_at(file, f"action/{key}")
        if gripper:
            closing = table_at(file, f"action/{GRIPPER}")
            if len(closing) != len(values):  # what one of them lacks is a gap of the other's rows
                missing.append(f"'{key}' has {len(values)} rows, the gripper has {len(closing)}.")
                gap = np.full((max(len(values), len(closing)), values.shape[1] + 1), np.nan)
                gap[: len(values), :-1], gap[: len(closing), -1:] = values, closing
                values, closing = gap[:, :-1], gap[:, -1:]
            values = np.concatenate([values, closing], axis=1)
        space = SPACES.get(key)
        if space is not None and values.shape[1] == space.dim and self.override.columns is None:
            known_by = BY_OVERRIDE if self.override.corrects_space else KNOWN_BY.format(key=key.replace("_", " "))
            return values, self.override.applied(space), known_by
        values, names = self.override.select("actions", values)
        rate = self.override.rate or RATE
        return values, *infer_action_space(values.shape[1], rate, names, key=key, override=self.override)

    def _videos(
        self, folder: Path, metadata: dict[str, Any], types: dict[str, float | None], missing: list[str]
    ) -> dict[str, tuple[VideoFile, bool]]:
        """View -> its video and whether that is of both eyes; the wrist last."""
        place = folder / "recordings/MP4"
        found: dict[str, tuple[Path, bool]] = {}
        for path in entries(place) if place.is_dir() else ():
            match = _SERIAL.fullmatch(path.name)
            if match and (match["serial"] not in found or not match["stereo"]):
                found[match["serial"]] = (path, bool(match["stereo"]))
        if not found:
            svo = (folder / "recordings/SVO").is_dir()
            missing.append(
                f"No video was found in '{place.relative_to(self.root).as_posix()}'."
                + (" Its SVO files are converted by droid's scripts/convert/svo_to_mp4.py." if svo else "")
            )
        names = _roles(list(found), metadata, types)
        videos: dict[str, tuple[VideoFile, bool]] = {}
        for serial in sorted(found, key=lambda serial: (names[serial] == "wrist", names[serial])):
            path, stereo = found[serial]
            try:
                videos[names[serial]] = (open_video(self.root, path), stereo)
            except WamvizError as error:  # one damaged view must not hide the others
                missing.append(f"Camera '{names[serial]}': {error}")
        return videos


def _roles(serials: list[str], metadata: dict[str, Any], types: dict[str, float | None]) -> dict[str, str]:
    """Serial number -> view: by the metadata, else by the type that the file gives a camera, else itself."""
    by_serial = {str(metadata.get(f"{short}_cam_serial")): view for view, short in ROLES}
    outside = [serial for serial in sorted(serials) if types.get(serial) not in (None, 0)]
    names = {}
    for serial in serials:
        if serial in by_serial:
            names[serial] = by_serial[serial]
        elif types.get(serial) == 0:
            names[serial] = "wrist"
        elif serial in outside:
            names[serial] = f"exterior_{outside.index(serial) + 1}"
        else:
            names[serial] = serial
    return names if len(set(names.values())) == len(names) else {serial: serial for serial in serials}


def _view(video: VideoFile, stereo: bool, rows: int) -> tuple[View, int]:
    """A view and how many frames it has for the rows; of a video at a higher rate, those nearest to the rows."""
    every = len(video) / rows
    ordinals = np.arange(len(video)) if every < 1.5 else np.minimum(np.rint(np.arange(rows) * every), len(video) - 1)
    ordinals = ordinals.astype(np.int64)[:rows]

    def decode(start: int, stop: int) -> Frames:
        frames = video.read(ordinals[start:stop])
        return np.ascontiguousarray(frames[:, :, : frames.shape[2] // 2]) if stereo else frames

    return View(decode, video.width // 2 if stereo else video.width, video.height, video.codec), len(ordinals)


def _first(file: h5py.File, name: str) -> float | None:
    try:
        node = array_at(file, name)
        return float(np.asarray(node[0] if node.ndim else node[()]).reshape(-1)[0])
    except (WamvizError, ValueError, IndexError, TypeError):
        return None


def _with_success(numbers: EpisodeNumbers, success: bool | None) -> EpisodeNumbers:
    return EpisodeNumbers(
        numbers.actions, numbers.space, numbers.known_by, numbers.states, numbers.state_names, success
    )


def trajectories(root: Path, most: int = MOST_FOLDERS, first: bool = False) -> list[Path]:
    """The folders below ``root`` (or itself) that hold a trajectory, by name.

    Args:
        most: files and folders that are looked at.
        first: whether one is enough.
    """
    if not root.is_dir():
        return []
    found, level, looked = [], [root], 0
    for _ in range(DEPTH + 1):
        below = []
        for folder in level:
            if (folder / TRAJECTORY).is_file():
                found.append(folder)
                if first:
                    return found
                continue
            for child in entries(folder):
                looked += 1
                if looked > most:
                    return sorted(found)
                if child.is_dir() and not child.is_symlink():
                    below.append(child)
        level = below
    return sorted(found)


def _open(root: Path, name: str, override: ActionSpaceOverride) -> DroidRawDataset:
    dataset = DroidRawDataset(root, name, override)
    if not dataset.indices:
        raise NotFound(f"'{root.name}' holds no {TRAJECTORY}.")
    return dataset


FORMAT = DatasetFormat(
    "DROID raw",
    f"{TRAJECTORY} and recordings/MP4",
    lambda path: bool(trajectories(path, MOST_RECOGNIZED, first=True)),
    _open,
    -5,  # it looks into folders below
)

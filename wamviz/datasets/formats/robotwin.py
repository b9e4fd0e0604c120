"""RoboTwin 2.0: ``data/episodeN.hdf5`` beside ``instructions/episodeN.json``.

A file holds ``observation/CAMERA/rgb`` (JPEGs as strings of one length), ``joint_action`` and ``endpose``. Its JPEGs
were made by handing RGB to OpenCV, which takes it for BGR: red and blue are swapped in all but those that are marked
with the comment ``XPL-RGB1``, and are swapped back (RoboTwin-Platform/RoboTwin#438, #473, #500). Source: RoboTwin,
``envs/utils/pkl2hdf5.py`` and ``data/decode_image_bit.py``.
"""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wamviz.core.camera import Camera
from wamviz.core.errors import Damaged, NotFound, WamvizError
from wamviz.core.rollout import ActionSpace, Frames
from wamviz.datasets.action_semantics import BY_OVERRIDE
from wamviz.datasets.containers.hdf5 import (
    SUFFIXES,
    array_at,
    names_in,
    open_hdf5,
    table_at,
    top_names,
)
from wamviz.datasets.containers.hdf5_pictures import PictureArray, decode_view, packed_rows, pictures_in
from wamviz.datasets.containers.pictures import stack_pictures, unpack_picture
from wamviz.datasets.files import contained, entries, read_json
from wamviz.datasets.format import DatasetFormat
from wamviz.datasets.indexed import IndexedDataset
from wamviz.datasets.override import ActionSpaceOverride
from wamviz.datasets.recording import EpisodeNumbers, Recording, View
from wamviz.datasets.rows import Reals

if TYPE_CHECKING:
    import h5py

RATE = 250 / 15  # Hz, of RoboTwin's default configuration: every 15th step of physics at 250 Hz is saved
MARK = b"XPL-RGB1"
MOST_ASKED = 8  # files that are looked into to know the format
PARTS = ("left_arm", "left_gripper", "right_arm", "right_gripper")
_EPISODE = re.compile(r"episode_?(\d{1,9})")


class RoboTwinDataset(IndexedDataset):
    """A folder with ``data/episodeN.hdf5``, such a ``data`` folder itself, or one file."""

    format = "RoboTwin (HDF5)"
    robot = "two arms (RoboTwin)"

    def __init__(self, root: Path, name: str, override: ActionSpaceOverride) -> None:
        super().__init__(root, name, override)
        self._folder = root.parent if root.is_file() else root
        self._files = robotwin_files(root)
        self.indices = tuple(range(len(self._files)))
        if root.is_dir() and root.name == "data":
            self.title = root.resolve().parent.name

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return tuple(path.stem for path in self._files)

    @property
    def missing(self) -> tuple[str, ...]:
        known = self.override.rate or self.override.fps
        note = f"The rate is not in these files; {RATE:g} Hz is taken. Say it with a layout in wamviz.json."
        return super().missing if known else (*super().missing, note)

    def _read(self, index: int) -> Recording:
        path = self._files[index]
        rate = self.override.rate or RATE
        with open_hdf5(self._folder, path) as file:
            arrays, missing = pictures_in(file, "observation")
            arrays = {name.removesuffix(".rgb"): array for name, array in arrays.items()}
            numbers = self._numbers(file, rate, missing)
            cameras = {name: model for name in arrays if (model := _calibration(file, name)) is not None}
        if not arrays:
            raise Damaged(f"'{path.name}' holds no pictures in 'observation'.", " ".join(missing))
        count = min(array.frames for array in arrays.values())
        if numbers.actions is not None and len(numbers.actions) != count:
            missing.append(f"The file holds {count} pictures and {len(numbers.actions)} actions.")
        missing += [f"Camera '{name}': {array.note}" for name, array in arrays.items() if array.note]
        views = {name: self._view(path, array) for name, array in arrays.items()}
        order = sorted(views, key=lambda name: ("head" not in name, "depth" in name, name))
        return Recording(
            count, self.override.fps or rate, {name: views[name] for name in order}, numbers,
            self._instruction(path, missing), cameras=cameras, missing=tuple(missing),
        )  # fmt: skip

    def _numbers(self, file: h5py.File, rate: float, missing: list[str]) -> EpisodeNumbers:
        held = names_in(file, "joint_action")
        try:
            parts = {name: table_at(file, f"joint_action/{name}") for name in PARTS if name in held}
            names = tuple(
                f"{name}{i}" if values.shape[1] > 1 else name for name, values in parts.items()
                for i in range(values.shape[1])
            )  # fmt: skip
            if "vector" in held:
                values = table_at(file, "joint_action/vector")
            elif parts:
                values = np.concatenate(list(parts.values()), axis=1)
            else:
                raise Damaged("'joint_action' holds neither 'vector' nor 'left_arm'.")
        except WamvizError as error:
            missing.append(str(error))
            return EpisodeNumbers()
        names = names if len(names) == values.shape[1] else tuple(f"joint{i}" for i in range(values.shape[1]))
        values, names = self.override.select("actions", values, names)
        units = tuple("1" if "gripper" in name else "rad" for name in names)
        space = ActionSpace(names, units, "joint_position", rate)
        why = "RoboTwin's layout: joints of both arms, each with its gripper; 1 is open."
        if self.override.corrects_space:
            space, why = self.override.applied(space), BY_OVERRIDE
        poses, pose_names = _end_poses(file, missing)
        if poses is not None:
            poses, pose_names = self.override.select("states", poses, pose_names)
        return EpisodeNumbers(values, space, why, poses, pose_names)

    def _view(self, path: Path, array: PictureArray) -> View:
        def decode(start: int, stop: int) -> Frames:
            with open_hdf5(self._folder, path) as file:
                if not array.packed:
                    return decode_view(file, array, start, stop)
                rows = packed_rows(file, array, start, stop)
            return stack_pictures([_right_colours(data) for data in rows], array.name)

        return View(decode)

    def _instruction(self, path: Path, missing: list[str]) -> str:
        """The first of the sentences that RoboTwin made for an episode."""
        file = path.parent.parent / "instructions" / f"{path.stem}.json"
        inside = self._folder.resolve() in file.resolve().parents
        if not inside or not file.is_file():
            return ""
        try:
            texts = read_json(contained(self._folder, file), limit=5_000_000)
        except WamvizError as error:
            missing.append(str(error))
            return ""
        listed: Any = next((texts[key] for key in ("seen", "unseen", "instructions") if texts.get(key)), [])
        first = listed[0] if isinstance(listed, list) and listed else listed
        return first if isinstance(first, str) else ""


def _right_colours(data: bytes) -> np.ndarray:
    """One picture with red and blue in their places; a mark in the header says that they are already."""
    picture = unpack_picture(data)
    head = data[: max(0, data.find(b"\xff\xda"))]
    swapped = picture.ndim == 3 and data.startswith(b"\xff\xd8") and MARK not in head
    return picture[..., ::-1] if swapped else picture


def _end_poses(file: h5py.File, missing: list[str]) -> tuple[Reals | None, tuple[str, ...]]:
    """(T, 16) poses of both hands, where the file keeps them: x y z, a quaternion w x y z, and the gripper of each."""
    held = names_in(file, "endpose")
    parts, names = [], []
    for side in ("left", "right"):
        for key, inner in (
            (f"{side}_endpose", ("x", "y", "z", "qw", "qx", "qy", "qz")),
            (f"{side}_gripper", ("gripper",)),
        ):
            if key not in held:
                return None, ()
            try:
                parts.append(table_at(file, f"endpose/{key}"))
            except WamvizError as error:
                missing.append(str(error))
                return None, ()
            names += [f"{side}_{name}" for name in inner]
    states = np.concatenate(parts, axis=1)
    return states, tuple(names) if len(names) == states.shape[1] else ()


def _calibration(file: h5py.File, camera: str) -> Camera | None:
    """A camera that stands still, from its intrinsics and its world-to-camera matrix; None where they are not kept."""
    group = f"observation/{camera}"
    held = names_in(file, group)
    if not {"intrinsic_cv", "extrinsic_cv"} <= set(held):
        return None
    try:
        inner = np.asarray(array_at(file, f"{group}/intrinsic_cv")[()], np.float64)
        outer = np.asarray(array_at(file, f"{group}/extrinsic_cv")[()], np.float64)
        inner = inner[0] if inner.ndim == 3 else inner
        moving = outer.ndim == 3 and np.abs(outer - outer[0]).max() > 1e-6
        outer = outer[0] if outer.ndim == 3 else outer
        if moving or inner.shape != (3, 3) or outer.shape[-1] != 4 or not np.isfinite(outer).all():
            return None
        pose = np.linalg.inv(np.vstack([outer[:3], [0, 0, 0, 1]]))
        # The principal point of SAPIEN's cameras is the middle of the picture.
        return Camera(camera, round(2 * inner[0, 2]), round(2 * inner[1, 2]), inner, pose)
    except (WamvizError, ValueError, IndexError, np.linalg.LinAlgError):
        return None


def robotwin_files(root: Path) -> list[Path]:
    """The episodes of a RoboTwin folder by their numbers; nothing for another kind of folder."""
    if root.is_file():
        return [root] if _is_robotwin(root) else []
    for folder in (root / "data", root):
        found = [
            (int(match[1]), path) for path in (entries(folder) if folder.is_dir() else ())
            if path.suffix in SUFFIXES and (match := _EPISODE.fullmatch(path.stem))
        ]  # fmt: skip
        if any(_is_robotwin(path) for _, path in sorted(found)[:MOST_ASKED]):  # the first may be damaged
            return [path for _, path in sorted(found)]
    return []


def _is_robotwin(path: Path) -> bool:
    return {"joint_action", "observation"} <= top_names(path)


def _open(root: Path, name: str, override: ActionSpaceOverride) -> RoboTwinDataset:
    dataset = RoboTwinDataset(root, name, override)
    if not dataset.indices:
        raise NotFound(f"'{root.name}' holds no episode of RoboTwin.")
    return dataset


FORMAT = DatasetFormat(
    "RoboTwin", "data/episodeN.hdf5 with joint_action and observation", lambda path: bool(robotwin_files(path)), _open
)

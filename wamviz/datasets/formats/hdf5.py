"""Demonstrations kept in HDF5: robomimic's and LIBERO's ``data/demo_N``, and ALOHA's one file an episode.

LIBERO's pictures are stored upside down, as OpenGL draws them, and are turned upright. What a robosuite file's
``env_args`` say of its actions is what its environment was set to, which later tools (``robomimic``'s conversion to
absolute actions) leave as it was: the values are asked as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from wamviz.core.action_spaces import ALOHA_JOINTS, OSC_POSE
from wamviz.core.errors import Damaged, NotFound, Unsafe, WamvizError
from wamviz.core.rollout import ActionSpace, Frames
from wamviz.datasets.action_semantics import BY_OVERRIDE, infer_action_space
from wamviz.datasets.containers.hdf5 import (
    SUFFIXES,
    find_instruction,
    is_hdf5,
    load_h5py,
    names_in,
    open_hdf5,
    read_facts,
    step_texts,
    table_at,
)
from wamviz.datasets.containers.hdf5_pictures import PictureArray, decode_view, pictures_in
from wamviz.datasets.files import entries
from wamviz.datasets.format import DatasetFormat
from wamviz.datasets.indexed import IndexedDataset
from wamviz.datasets.override import ActionSpaceOverride
from wamviz.datasets.recording import EpisodeNumbers, Recording, View
from wamviz.datasets.rows import Reals

if TYPE_CHECKING:
    import h5py

ACTIONS = ("actions", "action")
OBSERVED = ("obs", "observations", "observation")
SCALARS = ("rewards", "reward", "dones", "success")
LIBERO_VIEWS = ("agentview_rgb", "eye_in_hand_rgb")
_XYZ, _QUATERNION, _FINGERS = ("x", "y", "z"), ("qx", "qy", "qz", "qw"), ("finger_left", "finger_right")
# Columns that make up a state, and what their numbers are called.
STATES = (
    (("ee_pos", _XYZ), ("ee_ori", ("rx", "ry", "rz")), ("gripper_states", _FINGERS)),
    (("robot0_eef_pos", _XYZ), ("robot0_eef_quat", _QUATERNION), ("robot0_gripper_qpos", _FINGERS)),
)
POSE_NAMES = ("x", "y", "z", "rx", "ry", "rz", "gripper")
ROBOSUITE_RATE, ALOHA_RATE = 20.0, 50.0  # Hz
_NUMBERED = re.compile(r"\w+_\d{1,9}")
T = TypeVar("T")


class Hdf5Dataset(IndexedDataset):
    """An HDF5 file, or a folder of such files."""

    format = "HDF5 (robomimic, LIBERO or ALOHA)"

    def __init__(self, root: Path, name: str, override: ActionSpaceOverride) -> None:
        super().__init__(root, name, override)
        load_h5py()
        self._folder = root.parent if root.is_file() else root
        files = [root] if root.is_file() else [path for path in entries(root) if path.suffix in SUFFIXES]
        self._where: list[tuple[Path, str]] = []
        self._problems: list[str] = []
        for path in files:
            try:
                with open_hdf5(self._folder, path) as file:
                    self._where += [(path, group) for group in episode_groups(file)]
            except WamvizError as error:
                if len(files) == 1:
                    raise
                self._problems.append(str(error))
        self.indices = tuple(range(len(self._where)))
        if not self.indices:
            raise NotFound(
                f"'{self.title}' holds no episode in a form that is known here.",
                "robomimic and LIBERO keep data/demo_0/actions, ALOHA keeps action and observations.",
            )

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"{path.stem}/{group}".rstrip("/") for path, group in self._where)

    @property
    def missing(self) -> tuple[str, ...]:
        return (*super().missing, *self._problems)

    def _read(self, index: int) -> Recording:
        path, group = self._where[index]
        prefix = f"{group}/" if group else ""
        missing: list[str] = []
        with open_hdf5(self._folder, path) as file:
            facts, held = read_facts(file, group), names_in(file, group)
            observed = next((f"{prefix}{name}" for name in OBSERVED if name in held), "")
            key = self.override.actions or next((key for key in ACTIONS if key in held), ACTIONS[0])
            arrays, unknown = pictures_in(file, observed or group)
            actions = _attempt(lambda: table_at(file, prefix + key), missing)
            if actions is None and not arrays:
                raise Damaged(" ".join([*missing, *unknown]))
            states, names = _attempt(lambda: self._states(file, observed), missing) or (None, ())
            scalars = _scalars(file, prefix, held)
            count = min(array.frames for array in arrays.values()) if actions is None else len(actions)
            texts = step_texts(file, group, count)
        views = {name: self._view(path, array, name in LIBERO_VIEWS) for name, array in arrays.items()}
        missing += [f"Camera '{name}': {array.note}" for name, array in arrays.items() if array.note]
        missing += unknown
        if not arrays and not unknown:
            missing.append(f"No pictures were found in '{observed or group or '/'}' of '{path.name}'.")
        success = facts["success"] if isinstance(facts.get("success"), bool) else None
        if any(name in scalars and np.nanmax(scalars[name]) > 0 for name in ("rewards", "reward", "success")):
            success = True
        if states is not None and len(states) < count:
            states, names = None, ()
        frames = min([count + 1, *(array.frames for array in arrays.values())]) if arrays else count
        missing += [
            f"Camera '{name}' has {array.frames} pictures for {count} actions; only {frames} are shown."
            for name, array in arrays.items()
            if array.frames not in (count, count + 1)
        ]
        rate, numbers = self._numbers(actions, key, states, names, facts, arrays, group.startswith("data/"), missing)
        numbers = replace(numbers, success=success, scalars=scalars)
        turned = any(name in LIBERO_VIEWS for name in arrays)  # stored as they were drawn, from below upwards
        upright = {"turned_upright": True, "orientation": dict.fromkeys(arrays, "upright")} if turned else {}
        texts = (*texts, *texts[-1:])[:frames] if len(set(texts)) > 1 else ()
        return Recording(
            frames, self.override.fps or rate, views, numbers, find_instruction(facts), texts,
            facts=upright, missing=tuple(missing),
        )  # fmt: skip

    def _view(self, path: Path, array: PictureArray, flipped: bool) -> View:
        def decode(start: int, stop: int) -> Frames:
            with open_hdf5(self._folder, path) as file:
                frames = decode_view(file, array, start, stop)
            return np.ascontiguousarray(frames[:, ::-1]) if flipped else frames

        return View(decode)

    def _states(self, file: h5py.File, group: str) -> tuple[Reals | None, tuple[str, ...]]:
        """(T, D) states and the names of their numbers: hand and fingers where they are kept."""
        if not group:
            return None, ()
        if self.override.states:
            return self.override.select("states", table_at(file, f"{group}/{self.override.states}"))
        here = names_in(file, group)
        if "qpos" in here:
            values = table_at(file, f"{group}/qpos")
            names = ALOHA_JOINTS.names if values.shape[1] == len(ALOHA_JOINTS.names) else ()
            return self.override.select("states", values, names)
        for columns in STATES:
            if all(key in here for key, _ in columns):
                parts = [table_at(file, f"{group}/{key}") for key, _ in columns]
                names = tuple(name for _, names in columns for name in names)
                values = np.concatenate(parts, axis=1)
                return self.override.select("states", values, names if len(names) == values.shape[1] else ())
        return None, ()

    def _numbers(
        self,
        actions: Reals | None,
        key: str,
        states: Reals | None,
        names: tuple[str, ...],
        facts: Mapping[str, Any],
        arrays: Mapping[str, Any],
        robosuite: bool,
        missing: list[str],
    ) -> tuple[float, EpisodeNumbers]:
        """The rate in Hz, and the numbers with what they mean."""
        known = bool(self.override.rate or self.override.fps)
        if robosuite:
            kwargs, rate, limits = _robosuite_settings(facts)
            libero = any(view in LIBERO_VIEWS for view in arrays) or "bddl_file_name" in facts
            known |= limits or libero
            rate = self.override.rate or rate
        else:
            kwargs, libero, rate = {}, False, self.override.rate or ALOHA_RATE
            known |= actions is not None and actions.shape[1] == len(ALOHA_JOINTS.names)
        if not known:
            missing.append(f"The rate is not in this file; {rate:g} Hz is taken. Say it with a layout in wamviz.json.")
        if actions is None:
            return rate, EpisodeNumbers(states=states, state_names=names)
        aloha = ALOHA_JOINTS.names if not robosuite and actions.shape[1] == len(ALOHA_JOINTS.names) else ()
        actions, own = self.override.select("actions", actions, aloha)
        dim = actions.shape[1]
        found = None
        if robosuite and self.override.columns is None:
            found = _osc_pose(dim, rate, key, _controller(kwargs.get("controller_configs")), libero)
        if found is not None:
            space, why = found
            space, why = (self.override.applied(space), BY_OVERRIDE) if self.override.corrects_space else (space, why)
        else:
            robot = "" if robosuite else "aloha"
            space, why = infer_action_space(dim, rate, own, robot=robot, override=self.override)
        return rate, EpisodeNumbers(actions, space, why, states, names)


def episode_groups(file: h5py.File) -> list[str]:
    """The groups that hold an episode each (``data/demo_N``, ``traj_N``), in the order of N; ``""`` is all of it."""
    for above in ("data", ""):
        inner = [name for name in names_in(file, above) if _NUMBERED.fullmatch(name)]
        if above == "" and inner:  # at the top anything may lie; below "data" a broken episode says so itself
            inner = [name for name in inner if set(ACTIONS) & set(names_in(file, name))]
        if inner and (above == "" or above in file):
            ordered = sorted(inner, key=lambda name: int(name.rpartition("_")[2]))
            return [f"{above}/{name}" if above else name for name in ordered]
    here = set(names_in(file, ""))
    pictured = here & set(OBSERVED) or pictures_in(file, "")[0]
    return [""] if here & set(ACTIONS) and pictured else []


def _scalars(file: h5py.File, prefix: str, held: list[str]) -> dict[str, Reals]:
    """The columns of one number a step that an episode keeps beside its actions."""
    found = {name: _attempt(partial(table_at, file, prefix + name), []) for name in SCALARS if name in held}
    return {name: values[:, 0] for name, values in found.items() if values is not None and values.shape[1] == 1}


def _robosuite_settings(facts: Mapping[str, Any]) -> tuple[Mapping[str, Any], float, bool]:
    """What the environment was set to, its rate in Hz, and whether the file says that."""
    env = facts.get("env_args")
    kwargs = env.get("env_kwargs") if isinstance(env, Mapping) else None
    kwargs = kwargs if isinstance(kwargs, Mapping) else {}
    rate = kwargs.get("control_freq")
    good = isinstance(rate, int | float) and 0 < rate < 1e4
    return kwargs, float(rate) if good and rate is not None else ROBOSUITE_RATE, good


def _osc_pose(
    dim: int, rate: float, key: str, controller: Mapping[str, Any], libero: bool
) -> tuple[ActionSpace, str] | None:
    """What actions of robosuite's OSC_POSE mean as the file declares them; None for another controller."""
    if dim != OSC_POSE.dim or not (controller.get("type") == "OSC_POSE" or (libero and not controller)):
        return None
    absolute = controller.get("control_delta", True) is False or controller.get("input_type", "delta") != "delta"
    if absolute or key.endswith("_abs"):
        units = ("m",) * 3 + ("rad",) * 3 + ("1",)
        where = f"the name '{key}'" if key.endswith("_abs") else "the file's own controller settings"
        space = replace(OSC_POSE, names=POSE_NAMES, units=units, kind="ee_pose", rate=rate, low=None, high=None)
        return space, f"Poses of the hand by robosuite's OSC_POSE, from {where}; gripper -1 open, 1 closed."
    space = replace(OSC_POSE, rate=rate, units=_units(controller.get("output_max")))
    where = "the file's own controller settings" if controller else "LIBERO's usual controller settings"
    return space, f"Deltas of the hand by robosuite's OSC_POSE, from {where}; gripper -1 open, 1 closed."


def _attempt(read: Callable[[], T], problems: list[str]) -> T | None:
    """What ``read`` returns, or None and its complaint: damaged numbers do not hide the pictures."""
    try:
        return read()
    except Unsafe:
        raise
    except WamvizError as error:
        problems.append(str(error))
        return None


def _controller(value: Any) -> Mapping[str, Any]:
    """The arm's controller settings; robosuite 1.5 keeps them by body part."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, Mapping):
        return {}
    parts = value.get("body_parts")
    arm = parts.get("right") if isinstance(parts, Mapping) else None
    return arm if isinstance(arm, Mapping) else value


def _units(output_max: Any) -> tuple[str, ...]:
    """Units of an OSC_POSE action: 1 is the controller's largest step."""
    if isinstance(output_max, list) and len(output_max) == 6 and all(isinstance(v, int | float) for v in output_max):
        steps = [f"{value:g} {'m' if i < 3 else 'rad'}" for i, value in enumerate(output_max)]
        return (*steps, "1")
    return OSC_POSE.units


def _is_hdf5(path: Path) -> bool:
    if path.is_file():
        return is_hdf5(path)
    return path.is_dir() and any(entry.suffix in SUFFIXES for entry in entries(path))


FORMAT = DatasetFormat("HDF5", "*.hdf5 of robomimic, LIBERO or ALOHA", _is_hdf5, Hdf5Dataset, -10)

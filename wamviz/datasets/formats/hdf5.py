"""Read demonstrations kept in HDF5: robomimic's and LIBERO's ``data/demo_N``, and ALOHA's one file an episode.

Contract: opening reads group names; an episode reads its attributes, its numbers and the frames that are asked for.
What such files look like inside is known to ``hdf5_nodes``. LIBERO's pictures are stored upside down, as OpenGL draws
them, and are turned upright.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from wamviz.core.action_spaces import ALOHA_JOINTS, OSC_POSE
from wamviz.core.errors import Unsafe, WamvizError
from wamviz.core.rollout import ActionSpace, Floats, Frames
from wamviz.datasets.action_semantics import ActionSpaceOverride, infer_action_space
from wamviz.datasets.containers.hdf5 import (
    ACTIONS,
    View,
    decode_view,
    episode_groups,
    facts_of,
    instruction_of,
    load_h5py,
    names_in,
    seen_in,
    table_at,
    views_in,
)
from wamviz.datasets.files import contained, entries
from wamviz.datasets.indexed import ListedDataset
from wamviz.datasets.protocol import Numbers, RecordedEpisode, Recording

if TYPE_CHECKING:
    import h5py

SUFFIXES = (".hdf5", ".h5")
MAGIC = b"\x89HDF\r\n\x1a\n"
LIBERO_VIEWS = ("agentview_rgb", "eye_in_hand_rgb")
# Columns that make up a state, and what their numbers are called.
STATES = (
    (("ee_pos", "xyz"), ("ee_ori", ("rx", "ry", "rz")), ("gripper_states", ("finger_left", "finger_right"))),
    (("robot0_eef_pos", "xyz"), ("robot0_eef_quat", ("qx", "qy", "qz", "qw")),
     ("robot0_gripper_qpos", ("finger_left", "finger_right"))),
)  # fmt: skip
T = TypeVar("T")
ROBOSUITE_RATE, ALOHA_RATE = 20.0, 50.0  # Hz


class Hdf5Dataset(ListedDataset):
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
                with self._file(path) as file:
                    self._where += [(path, group) for group in episode_groups(file)]
            except WamvizError as error:
                if len(files) == 1:
                    raise
                self._problems.append(str(error))
        self.indices = tuple(range(len(self._where)))
        if not self.indices:
            raise WamvizError(
                f"'{self.title}' holds no episode in a form that is known here.",
                "robomimic and LIBERO keep data/demo_0/actions, ALOHA keeps action and observations.",
            )

    @cached_property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"{path.stem}/{group}".rstrip("/") for path, group in self._where)

    @property
    def missing(self) -> tuple[str, ...]:
        return (*super().missing, *self._problems)

    @contextmanager
    def _file(self, path: Path) -> Iterator[h5py.File]:
        contained(self._folder, path)
        try:
            with load_h5py().File(path, "r", locking=False) as file:
                yield file
        except WamvizError:
            raise
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, MemoryError) as error:
            detail = (str(error) or type(error).__name__).splitlines()[0][:160]
            raise WamvizError(f"'{path.name}' is damaged or no HDF5 file ({detail}).", "Download it again.") from error

    def _open(self, index: int) -> RecordedEpisode:
        path, group = self._where[index]
        prefix = f"{group}/" if group else ""
        with self._file(path) as file:
            facts = facts_of(file, group)
            held, obs = names_in(file, group), seen_in(file, group)
            key = self.override.actions or next((key for key in ACTIONS if key in held), ACTIONS[0])
            views = views_in(file, obs)
            problems: list[str] = []
            actions = _tried(lambda: table_at(file, prefix + key), problems)
            if actions is None and not views:
                raise WamvizError(problems[0])
            states, names = _tried(lambda: self._states(file, obs), problems) or (None, ())
            ends = [
                _tried(partial(table_at, file, prefix + name), []) for name in ("rewards", "success") if name in held
            ]
        dim = 1 if actions is None else actions.shape[1]
        space, rate, self.meaning = self._space(dim, facts, views, group.startswith("data/"))
        count = min(view.frames for view in views.values()) if actions is None else len(actions)
        frames = min([count + 1, *(view.frames for view in views.values())]) if views else count
        missing = [*problems] if views else ["The pictures were left out of this file; only numbers are here."]
        missing += [
            f"Camera '{name}' has {view.frames} pictures for {count} actions; only {frames} are shown."
            for name, view in views.items() if view.frames not in (count, count + 1)
        ]  # fmt: skip
        if not self._rate_known:
            missing.append(f"The rate is not in this file; {rate:g} Hz is taken. Say it with a layout in wamviz.json.")
        flipped = any(view in LIBERO_VIEWS for view in views)
        success = facts["success"] if isinstance(facts.get("success"), bool) else None
        if any(values is not None and values.max() > 0 for values in ends):
            success = True
        numbers = Numbers(actions, states if states is not None and len(states) >= count else None, success)
        return RecordedEpisode(
            Recording(
                self.title, index, instruction_of(facts), self.override.fps or rate, self.source(index), frames,
                {key: self._view(path, view, flipped) for key, view in views.items()}, lambda: numbers,
                None if actions is None else space,
                {"label": self.labels[index], **(_turned(views) if flipped else {})}, names, tuple(missing),
            )
        )  # fmt: skip

    def _view(self, path: Path, view: View, flipped: bool) -> Callable[[int, int], Frames]:
        def decode(start: int, stop: int) -> Frames:
            with self._file(path) as file:
                frames = decode_view(file, view, start, stop)
            return np.ascontiguousarray(frames[:, ::-1]) if flipped else frames

        return decode

    def _states(self, file: h5py.File, group: str) -> tuple[Floats | None, tuple[str, ...]]:
        """(T, D) states and the names of their numbers: hand and fingers where they are kept."""
        if not group:
            return None, ()
        if self.override.states:
            return table_at(file, f"{group}/{self.override.states}"), ()
        here = names_in(file, group)
        if "qpos" in here:
            values = table_at(file, f"{group}/qpos")
            return values, ALOHA_JOINTS.names if values.shape[1] == len(ALOHA_JOINTS.names) else ()
        for columns in STATES:
            if all(key in here for key, _ in columns):
                parts = [table_at(file, f"{group}/{key}") for key, _ in columns]
                names = tuple(name for _, names in columns for name in names)
                values = np.concatenate(parts, axis=1)
                return values, names if len(names) == values.shape[1] else ()
        return None, ()

    def _space(
        self, dim: int, facts: Mapping[str, Any], views: Mapping[str, Any], robosuite: bool
    ) -> tuple[ActionSpace, float, str]:
        """What the actions mean, the rate, and how that is known."""
        self._rate_known = bool(self.override.rate or self.override.fps)
        if not robosuite:
            names = ALOHA_JOINTS.names if dim == len(ALOHA_JOINTS.names) else ()
            self._rate_known |= bool(names)
            rate = self.override.rate or ALOHA_RATE
            return (*_swap(infer_action_space(dim, rate, names, robot="aloha", override=self.override), rate),)
        env = facts.get("env_args")
        kwargs = env.get("env_kwargs") if isinstance(env, Mapping) else None
        kwargs = kwargs if isinstance(kwargs, Mapping) else {}
        told = kwargs.get("control_freq")
        rate = self.override.rate or (
            float(told) if isinstance(told, int | float) and 0 < told < 1e4 else ROBOSUITE_RATE
        )
        controller = _controller(kwargs.get("controller_configs"))
        libero = any(view in LIBERO_VIEWS for view in views) or "bddl_file_name" in facts
        self._rate_known |= isinstance(told, int | float) or libero
        if dim == OSC_POSE.dim and (controller.get("type") == "OSC_POSE" or (libero and not controller)):
            if controller.get("control_delta", True) is False or controller.get("input_type", "delta") != "delta":
                space, why = infer_action_space(dim, rate, override=self.override)
                return space, rate, why
            space = replace(OSC_POSE, rate=rate, units=_units(controller.get("output_max")))
            if self.override.corrects_space:
                return self.override.applied(space), rate, "Told by a person's layout."
            where = "the file's own controller settings" if controller else "LIBERO's usual controller settings"
            return space, rate, f"Deltas of the hand by robosuite's OSC_POSE, from {where}; gripper -1 open, 1 closed."
        space, why = infer_action_space(dim, rate, override=self.override)
        return space, rate, why

    def _camera(self, camera: str) -> dict[str, Any]:
        for index in self.available[:5]:
            try:
                episode = self.episode(index)
            except WamvizError:
                continue
            if camera in episode.cameras:
                return {"shape": list(episode.frames(camera, 0, 1).shape[1:]), "codec": "pictures"}
        return {"shape": None, "codec": None}


def _tried(read: Callable[[], T], problems: list[str]) -> T | None:
    """What ``read`` returns, or None and its complaint: damaged numbers do not hide the pictures."""
    try:
        return read()
    except Unsafe:
        raise
    except WamvizError as error:
        problems.append(str(error))
        return None


def _swap(found: tuple[ActionSpace, str], rate: float) -> tuple[ActionSpace, float, str]:
    return found[0], rate, found[1]


def _turned(views: Iterable[str]) -> dict[str, Any]:
    """What is said of LIBERO's pictures, which are stored as they were drawn, from below upwards."""
    return {"turned_upright": True, "orientation": dict.fromkeys(views, "upright")}


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

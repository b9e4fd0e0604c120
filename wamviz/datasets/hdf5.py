"""Read demonstrations kept in HDF5: robomimic's and LIBERO's ``data/demo_N``, and ALOHA's one file an episode.

Contract: opening reads group names; an episode reads its attributes, its numbers and the frames that are asked for.
Links to other files, virtual and external data are refused, sizes are judged before anything is read. h5py is imported
here only. LIBERO's pictures are stored upside down, as OpenGL draws them, and are turned upright.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wamviz.datasets.base import Numbers, RecordedEpisode, Recording
from wamviz.datasets.files import contained, entries
from wamviz.datasets.listed import ListedDataset
from wamviz.datasets.meaning import ALOHA_NAMES, OSC_POSE, Layout, understand
from wamviz.errors import WamvizError
from wamviz.media import read_image
from wamviz.rollout import ActionSpace, Floats, Frames, check_floats

if TYPE_CHECKING:
    import h5py

SUFFIXES = (".hdf5", ".h5")
MAGIC = b"\x89HDF\r\n\x1a\n"
MAX_NUMBERS = 500_000_000  # bytes of one array of numbers
MAX_FRAMES = 1_500_000_000  # bytes of pictures that one call may hold
LIBERO_VIEWS = ("agentview_rgb", "eye_in_hand_rgb")
# Columns that make up a state, and what their numbers are called.
STATES = (
    (("ee_pos", "xyz"), ("ee_ori", ("rx", "ry", "rz")), ("gripper_states", ("finger_left", "finger_right"))),
    (("robot0_eef_pos", "xyz"), ("robot0_eef_quat", ("qx", "qy", "qz", "qw")),
     ("robot0_gripper_qpos", ("finger_left", "finger_right"))),
)  # fmt: skip
ROBOSUITE_RATE, ALOHA_RATE = 20.0, 50.0  # Hz


class Hdf5Dataset(ListedDataset):
    """An HDF5 file, or a folder of such files."""

    format = "HDF5 (robomimic, LIBERO or ALOHA)"

    def __init__(self, root: Path, name: str, told: Layout) -> None:
        super().__init__(root, name, told)
        _h5py()
        self._folder = root.parent if root.is_file() else root
        files = [root] if root.is_file() else [path for path in entries(root) if path.suffix in SUFFIXES]
        self._where: list[tuple[Path, str]] = []
        self._problems: list[str] = []
        for path in files:
            try:
                with self._file(path) as file:
                    self._where += [(path, group) for group in _episodes(file)]
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
            with _h5py().File(path, "r", locking=False) as file:
                yield file
        except WamvizError:
            raise
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, MemoryError) as error:
            detail = (str(error) or type(error).__name__).splitlines()[0][:160]
            raise WamvizError(f"'{path.name}' is damaged or no HDF5 file ({detail}).", "Download it again.") from error

    def _open(self, index: int) -> RecordedEpisode:
        path, group = self._where[index]
        with self._file(path) as file:
            facts = _attributes(file, "data") if group else {}
            prefix = f"{group}/" if group else ""
            actions = _table(file, f"{prefix}{self.told.actions or ('actions' if group else 'action')}")
            seen = f"{prefix}obs" if group else "observations/images"
            kept = {key: _shape(file, f"{seen}/{key}") for key in _names(file, seen)}
            views = {key: shape for key, shape in kept.items() if _is_view(shape)}
            states, names = self._states(file, f"{prefix}obs" if group else "observations")
            rewards = _table(file, f"{prefix}rewards") if f"{prefix}rewards" in file else None
        space, rate, self.meaning = self._space(actions.shape[1], facts, views, bool(group))
        count = len(actions)
        for key, shape in views.items():
            if shape[0] != count:
                raise WamvizError(
                    f"Camera '{key}' has {shape[0]} pictures for {count} actions.", "The file is damaged."
                )
        flipped = any(view in LIBERO_VIEWS for view in views)
        missing = [] if views else ["The pictures were left out of this file; only numbers are here."]
        success = True if rewards is not None and len(rewards) and rewards.max() > 0 else None
        numbers = Numbers(actions, states if states is not None and len(states) == count else None, success)
        ordered = sorted(views, key=lambda key: ("hand" in key or "wrist" in key, key))  # the view of the scene first
        instruction = _instruction(facts, path) if group else ""
        return RecordedEpisode(
            Recording(
                self.title, index, instruction, self.told.fps or rate, self.source(index), count,
                {key: self._view(path, f"{seen}/{key}", flipped) for key in ordered}, lambda: numbers, space,
                {"label": self.labels[index], **({"turned_upright": True} if flipped else {})}, names, tuple(missing),
            )
        )  # fmt: skip

    def _view(self, path: Path, name: str, flipped: bool) -> Any:
        def decode(start: int, stop: int) -> Frames:
            with self._file(path) as file:
                node = _dataset(file, name)
                if int(np.prod(node.shape[1:])) * (stop - start) > MAX_FRAMES:
                    raise WamvizError(f"{stop - start} frames of '{path.name}' do not fit in memory.")
                values: NDArray[Any] = node[start:stop]
            if values.ndim == 2:  # compressed pictures, padded with zeros to one length
                values = np.stack([read_image(row.tobytes()) for row in values])
            return np.ascontiguousarray(values[:, ::-1] if flipped else values)

        return decode

    def _states(self, file: h5py.File, group: str) -> tuple[Floats | None, tuple[str, ...]]:
        """(T, D) states and the names of their numbers: hand and fingers where they are kept."""
        if self.told.states:
            return _table(file, f"{group}/{self.told.states}"), ()
        here = _names(file, group)
        if "qpos" in here:
            values = _table(file, f"{group}/qpos")
            return values, ALOHA_NAMES if values.shape[1] == len(ALOHA_NAMES) else ()
        for columns in STATES:
            if all(key in here for key, _ in columns):
                parts = [_table(file, f"{group}/{key}") for key, _ in columns]
                names = tuple(name for _, names in columns for name in names)
                values = np.concatenate(parts, axis=1)
                return values, names if len(names) == values.shape[1] else ()
        return None, ()

    def _space(
        self, dim: int, facts: Mapping[str, Any], views: Mapping[str, Any], robosuite: bool
    ) -> tuple[ActionSpace, float, str]:
        """What the actions mean, the rate, and how that is known."""
        if not robosuite:
            names = ALOHA_NAMES if dim == len(ALOHA_NAMES) else ()
            rate = self.told.rate or ALOHA_RATE
            return (*_swap(understand(dim, rate, names, robot="aloha", layout=self.told), rate),)
        env = facts.get("env_args")
        kwargs = env.get("env_kwargs") if isinstance(env, Mapping) else None
        kwargs = kwargs if isinstance(kwargs, Mapping) else {}
        told = kwargs.get("control_freq")
        rate = self.told.rate or (float(told) if isinstance(told, int | float) and 0 < told < 1e4 else ROBOSUITE_RATE)
        controller = _controller(kwargs.get("controller_configs"))
        libero = any(view in LIBERO_VIEWS for view in views) or "bddl_file_name" in facts
        if dim == OSC_POSE.dim and (controller.get("type") == "OSC_POSE" or (libero and not controller)):
            if controller.get("control_delta", True) is False or controller.get("input_type", "delta") != "delta":
                space, why = understand(dim, rate, layout=self.told)
                return space, rate, why
            space = replace(OSC_POSE, rate=rate, units=_units(controller.get("output_max")))
            if self.told.corrects:
                return self.told.applied(space), rate, "Told by a person's layout."
            where = "the file's own controller settings" if controller else "LIBERO's usual controller settings"
            return space, rate, f"Deltas of the hand by robosuite's OSC_POSE, from {where}; gripper -1 open, 1 closed."
        space, why = understand(dim, rate, layout=self.told)
        return space, rate, why

    def _camera(self, camera: str) -> dict[str, Any]:
        for index in self.available[:5]:
            episode = self.episode(index)
            if camera in episode.cameras:
                return {"shape": list(episode.frames(camera, 0, 1).shape[1:]), "codec": "pictures"}
        return {"shape": None, "codec": None}


def _swap(found: tuple[ActionSpace, str], rate: float) -> tuple[ActionSpace, float, str]:
    return found[0], rate, found[1]


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise WamvizError("Reading HDF5 needs h5py.", "python -m pip install h5py") from error
    return h5py


def _episodes(file: h5py.File) -> list[str]:
    """The groups that hold an episode each: ``data/demo_N`` in the order of N, or ``""`` for the whole file."""
    if "data" in file and (groups := [name for name in _names(file, "data") if re.fullmatch(r"\w+_\d{1,9}", name)]):
        return [f"data/{name}" for name in sorted(groups, key=lambda name: int(name.rpartition("_")[2]))]
    return [""] if "action" in file and "observations" in file else []


def _node(file: h5py.File, name: str) -> Any:
    """What lies under a name, refused where a link leads out of the file."""
    h5py, here = _h5py(), file
    for part in filter(None, name.split("/")):
        if not isinstance(here, h5py.Group) or part not in here:
            raise WamvizError(f"'{Path(file.filename).name}' has no '{name}'.", "It is not a whole file of this kind.")
        if isinstance(here.get(part, getlink=True), h5py.ExternalLink):
            raise WamvizError(f"'{name}' is a link into another file.", "It is not safe to open.")
        here = here[part]
    return here


def _dataset(file: h5py.File, name: str) -> Any:
    node = _node(file, name)
    if not isinstance(node, _h5py().Dataset):
        raise WamvizError(f"'{name}' of '{Path(file.filename).name}' is no array.")
    if node.external or node.is_virtual:
        raise WamvizError(f"'{name}' keeps its numbers in another file.", "It is not safe to open.")
    return node


def _names(file: h5py.File, group: str) -> list[str]:
    try:
        node = _node(file, group)
    except WamvizError as error:
        if "not safe" in error.hint:
            raise
        return []  # e.g. no pictures at all
    return sorted(node) if isinstance(node, _h5py().Group) else []


def _shape(file: h5py.File, name: str) -> tuple[int, ...]:
    """The shape of an array of bytes; () for anything else, because only bytes can be pictures."""
    node = _node(file, name)
    return tuple(node.shape) if isinstance(node, _h5py().Dataset) and node.dtype == np.uint8 else ()


def _is_view(shape: tuple[int, ...]) -> bool:
    return (len(shape) == 4 and shape[3] == 3 and 0 not in shape) or (len(shape) == 2 and shape[1] > 100)


def _table(file: h5py.File, name: str) -> Floats:
    """(n, D) float32 of an array of numbers."""
    node = _dataset(file, name)
    if node.dtype.kind not in "fiub" or node.ndim not in (1, 2):
        raise WamvizError(f"'{name}' holds {node.dtype} of shape {node.shape}, no table of numbers.")
    if node.size * max(4, node.dtype.itemsize) > MAX_NUMBERS:
        raise WamvizError(f"'{name}' has shape {node.shape}, which does not fit in memory.")
    if node.size == 0:
        raise WamvizError(f"'{name}' is empty.", "The episode holds no step.")
    values = np.asarray(node[()])
    return check_floats(values.reshape(len(values), -1), f"'{name}'")


def _attributes(file: h5py.File, group: str) -> dict[str, Any]:
    """Attributes of a group; those that hold JSON are parsed."""
    out: dict[str, Any] = {}
    for name, value in _node(file, group).attrs.items():
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if isinstance(text, str) and text[:1] in "{[" and len(text) < 10_000_000:
            try:
                text = json.loads(text)
            except (ValueError, RecursionError):
                pass  # then it is a text
        out[name] = text
    return out


def _instruction(facts: Mapping[str, Any], path: Path) -> str:
    """LIBERO's instruction: said in ``problem_info``; "" elsewhere."""
    problem = facts.get("problem_info")
    told = problem.get("language_instruction") if isinstance(problem, Mapping) else None
    if isinstance(told, list):
        told = " ".join(map(str, told))
    return str(told).strip().strip('"') if told else ""


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

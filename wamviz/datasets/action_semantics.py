"""What the numbers of an action mean: known robots' layouts, what names say, and a person's correction.

Contract: ``infer_action_space`` returns an ``ActionSpace`` and the sentence that says how it is known. What is not
known stays ``unnamed`` with empty units: nothing is guessed. A unit may carry a factor: ``"0.05 m"`` means that 1 is
0.05 m. A gripper is marked only where the value of "closed" is known as well. An ``ActionSpaceOverride`` from a person
wins over everything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from wamviz.core.action_spaces import ALOHA_JOINTS
from wamviz.core.camera import Camera, tool_from_json
from wamviz.core.errors import WamvizError, unknown_name
from wamviz.core.rollout import ACTION_KINDS, ActionSpace
from wamviz.datasets.calibration import cameras_from_json, episode_cameras
from wamviz.datasets.files import read_json

SIDECAR = "wamviz.json"  # beside a dataset's own files: {"layout": {...}} and, for a pair, what belongs together
_SO_ARM = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
_G1_JOINT = re.compile(r"k?(Left|Right)?(Shoulder|Elbow|Wrist|Waist|Hip|Knee|Ankle)\w*")
_G1_HAND = re.compile(r"k?(Left|Right)Hand\w+")
_DELTA = re.compile(r"d(x|y|z|rx|ry|rz|roll|pitch|yaw)|delta_(x|y|z|rx|ry|rz|roll|pitch|yaw)")


@dataclass(frozen=True)
class ActionSpaceOverride:
    """A person's correction of what a dataset's numbers mean; None keeps what the reader found.

    Attributes:
        names, units, kind, rate, gripper_index, gripper_closed, low, high: see ``ActionSpace``.
        actions, states: the column (or key) to take, e.g. ``"action.cartesian_position"``.
        fps: frames a second, where the files do not say it or say it wrongly.
        cameras, episode_cameras, tool: calibration as JSON objects, see ``datasets.calibration``.
    """

    names: tuple[str, ...] | None = None
    units: tuple[str, ...] | None = None
    kind: str | None = None
    rate: float | None = None
    gripper_index: int | None = None
    gripper_closed: float | None = None
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    actions: str | None = None
    states: str | None = None
    fps: float | None = None
    cameras: Mapping[str, Any] | None = None
    episode_cameras: Mapping[str, Any] | None = None
    tool: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for name, kind in (("names", str), ("units", str), ("low", int | float), ("high", int | float)):
            value = getattr(self, name)
            if value is None:
                continue
            if not isinstance(value, list | tuple) or not all(isinstance(item, kind) for item in value):
                raise WamvizError(f"The layout's '{name}' must be a list of {'texts' if kind is str else 'numbers'}.")
            object.__setattr__(self, name, tuple(value))
        for name in ("rate", "fps", "gripper_closed", "gripper_index"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise WamvizError(f"The layout's '{name}' must be a number, not {value!r}.")
        for name in ("rate", "fps"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1e6:
                raise WamvizError(f"The layout's '{name}' must be above 0 Hz, not {value}.")
        if self.gripper_index is not None and self.gripper_index != int(self.gripper_index):
            raise WamvizError(f"The layout's 'gripper_index' must be a whole number, not {self.gripper_index}.")
        if self.kind is not None and self.kind not in ACTION_KINDS:
            raise unknown_name("action kind", str(self.kind), ACTION_KINDS)
        for name in ("actions", "states"):
            if not isinstance(getattr(self, name), str | None):
                raise WamvizError(f"The layout's '{name}' must be the name of a column.")
        self.calibration(0)  # what does not fit is told now, not when a frame is shown

    @property
    def corrects_space(self) -> bool:
        """Whether it says anything about the action space."""
        return any(getattr(self, name) is not None for name in _SPACE_FIELDS)

    def calibration(self, episode: int) -> dict[str, Camera]:
        """The cameras of an episode that a person has calibrated, by name: those told of it alone before those of all.

        Raises:
            WamvizError: they are told in a way that cannot be understood.
        """
        tool = None if self.tool is None else tool_from_json(self.tool)
        known = {} if self.cameras is None else cameras_from_json(self.cameras, tool)
        own = {} if self.episode_cameras is None else episode_cameras(self.episode_cameras, tool)
        return known | own.get(episode, {})

    def applied(self, space: ActionSpace) -> ActionSpace:
        """``space`` with this layout's word in place of its own; ``WamvizError`` when their sizes differ."""
        for name in ("names", "units", "low", "high"):
            value = getattr(self, name)
            if value is not None and len(value) != space.dim:
                raise WamvizError(
                    f"The layout has {len(value)} {name}, the actions have {space.dim} dimensions.",
                    f"They are: {', '.join(space.names)}.",
                )
        told = {name: getattr(self, name) for name in _SPACE_FIELDS if getattr(self, name) is not None}
        return replace(space, **told)


_SPACE_FIELDS = ("names", "units", "kind", "rate", "gripper_index", "gripper_closed", "low", "high")


def override_from_json(value: object, where: str) -> ActionSpaceOverride:
    """An ``ActionSpaceOverride`` from a JSON object, or ``WamvizError`` naming the odd key."""
    allowed = [field.name for field in fields(ActionSpaceOverride)]
    if not isinstance(value, Mapping):
        raise WamvizError(f"The layout in {where} must be a JSON object.", f"Its keys: {', '.join(allowed)}.")
    for name in value:
        if name not in allowed:
            raise unknown_name(f"key of the layout in {where}", str(name), allowed)
    return ActionSpaceOverride(**value)


def read_override(folder: Path) -> ActionSpaceOverride:
    """The correction that a person has put beside the dataset, in ``wamviz.json``; an empty one when there is none."""
    path = folder / SIDECAR
    told = read_json(path, limit=5_000_000).get("layout") if path.is_file() else None
    return ActionSpaceOverride() if told is None else override_from_json(told, SIDECAR)


def unnamed_space(dim: int, rate: float, names: Sequence[str] = ()) -> ActionSpace:
    """Numbers of which nothing but, at best, their names is known."""
    kept = tuple(names) if len(names) == dim else tuple(f"a{i}" for i in range(dim))
    return ActionSpace(kept, ("",) * dim, "unnamed", rate)


def infer_action_space(
    dim: int,
    rate: float,
    names: Sequence[str] = (),
    *,
    robot: str = "",
    key: str = "action",
    override: ActionSpaceOverride | None = None,
) -> tuple[ActionSpace, str]:
    """What (K, dim) actions mean, and how that is known.

    Args:
        dim: numbers an action, above 0.
        rate: actions a second, Hz.
        names: what the dataset calls its dimensions; ignored when their count is another one.
        robot: the dataset's robot type.
        key: the column; ``action.joint_velocity`` says more than ``action``.
        override: a person's correction.
    """
    if dim < 1:
        raise WamvizError(f"The actions in '{key}' have {dim} dimensions.", "An action needs at least one number.")
    known = tuple(str(name) for name in names) if len(names) == dim else ()
    space, why = (
        _by_robot(dim, rate, known, robot)
        or _by_names(rate, known, key)
        or (
            unnamed_space(dim, rate, known),
            "The file does not say what these numbers mean; tell it with a 'layout' in wamviz.json.",
        )
    )
    if override is not None and override.corrects_space:
        return override.applied(space), "Told by a person's layout."
    return space, why


def _by_robot(dim: int, rate: float, names: tuple[str, ...], robot: str) -> tuple[ActionSpace, str] | None:
    bare = tuple(name.removeprefix("main_").removesuffix(".pos") for name in names)
    if bare == _SO_ARM:
        why = "SO-100/SO-101 joints by name; whether degrees or -100..100 is not recorded. Gripper: 0 is closed."
        return ActionSpace(names, ("",) * 6, "joint_position", rate, gripper_index=5, gripper_closed=0.0), why
    if bare == ALOHA_JOINTS.names:
        units = tuple("1" if name.endswith("gripper") else "rad" for name in names)
        return ActionSpace(names, units, "joint_position", rate), "ALOHA's two arms by name; two grippers, 1 is open."
    if names and all(_G1_JOINT.fullmatch(name) or _G1_HAND.fullmatch(name) for name in names) and "G1" in robot.upper():
        units = tuple("1" if _G1_HAND.fullmatch(name) else "rad" for name in names)
        return ActionSpace(names, units, "joint_position", rate), f"Joints of {robot} by name; hands in 0 .. 1."
    return None


def _by_names(rate: float, names: tuple[str, ...], key: str) -> tuple[ActionSpace, str] | None:
    last = key.rpartition(".")[2]
    kinds = {"joint_velocity": "joint_velocity", "joint_position": "joint_position", "cartesian_position": "ee_pose"}
    if last in kinds and names:
        return _named(names, kinds[last], rate), f"The kind is said by the column's name '{key}'; units are not."
    pose = [name for name in names if "gripper" not in name.lower()]
    if not pose:
        return None
    for kind, holds in (
        ("joint_position", all(name.endswith(".pos") for name in pose)),
        ("joint_velocity", all(name.endswith(".vel") for name in pose)),
        ("ee_delta", all(_DELTA.fullmatch(name) for name in pose)),
    ):
        if holds:
            return _named(
                names, kind, rate
            ), f"The kind is said by the dimensions' names ({pose[0]} ...); units are not."
    return None


def _named(names: tuple[str, ...], kind: str, rate: float) -> ActionSpace:
    return ActionSpace(names, ("",) * len(names), kind, rate)


def modality_names(modality: Mapping[str, Any], part: str, dim: int) -> tuple[str, ...]:
    """Names from GR00T's ``modality.json``: its ``part`` (``action`` or ``state``) maps groups to slices; else ().

    >>> modality_names({"action": {"arm": {"start": 0, "end": 2}, "gripper": {"start": 2, "end": 3}}}, "action", 3)
    ('arm0', 'arm1', 'gripper')
    """
    groups = modality.get(part)
    names: list[str | None] = [None] * dim
    for group, span in groups.items() if isinstance(groups, Mapping) else ():
        start, end = (span.get("start"), span.get("end")) if isinstance(span, Mapping) else (None, None)
        if not isinstance(start, int) or not isinstance(end, int) or not 0 <= start < end <= dim:
            return ()  # slices of other columns or of another dataset: rather no name than a wrong one
        for i in range(start, end):
            if names[i] is not None:
                return ()
            names[i] = str(group) if end - start == 1 else f"{group}{i - start}"
    return () if None in names else tuple(name for name in names if name is not None)

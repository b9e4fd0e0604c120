"""What the numbers of an action mean: known robots' layouts, what names say, and a person's correction.

Contract: ``infer_action_space`` returns an ``ActionSpace`` and the sentence that says how it is known. What is not
known stays ``unnamed`` with empty units: nothing is guessed. A unit may carry a factor: ``"0.05 m"`` means that 1 is
0.05 m. A gripper is marked only where the value of "closed" is known as well. An ``ActionSpaceOverride`` from a person
wins over everything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.action_spaces import ALOHA_JOINTS
from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import ActionSpace
from wamviz.datasets.override import ActionSpaceOverride

BY_OVERRIDE = "Told by a person's layout."
_SO_ARM = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
_G1_JOINT = re.compile(r"k?(Left|Right)?(Shoulder|Elbow|Wrist|Waist|Hip|Knee|Ankle)\w*")
_G1_HAND = re.compile(r"k?(Left|Right)Hand\w+")
_DELTA = re.compile(r"d(x|y|z|rx|ry|rz|roll|pitch|yaw)|delta_(x|y|z|rx|ry|rz|roll|pitch|yaw)")


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
        raise InvalidInput(f"The actions in '{key}' have {dim} dimensions.", "An action needs at least one number.")
    known = tuple(str(name) for name in names) if len(names) == dim else ()
    space, why = (
        _by_robot(dim, rate, known, robot)
        or _by_names(rate, known, key)
        or (
            unnamed_space(dim, rate, known),
            "The file does not say what these numbers mean; say it with a 'layout' in wamviz.json.",
        )
    )
    if override is not None and override.corrects_space:
        return override.applied(space), BY_OVERRIDE
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


# --- what the values themselves say -----------------------------------------------------------------------------------

_POSE_NAMES = ("x", "y", "z", "rx", "ry", "rz")
# The largest value that a unit is believed for, by kind: beyond, it is another unit (mm, degrees) or another quantity.
_CREDIBLE = {
    "ee_delta": {"m": 0.5, "rad": np.pi},  # a step
    "ee_pose": {"m": 10.0, "rad": 4 * np.pi},
    "joint_position": {"m": 10.0, "rad": 4 * np.pi},
    "joint_velocity": {"rad/s": 60.0, "m/s": 20.0},
}
FEW = 0.01  # of the rows: more than these are no glitch of a recording
_UNIT = re.compile(r"(?:(?P<factor>[\d.eE+-]+) )?(?P<unit>m|rad|rad/s|m/s)")


def check_by_values(
    space: ActionSpace,
    known_by: str,
    actions: NDArray[Any],
    states: NDArray[Any] | None = None,
    state_names: Sequence[str] = (),
) -> tuple[ActionSpace, str, tuple[str, ...]]:
    """The action space as far as the values bear it out, how it is known, and what contradicts it.

    Files say what their tools were set to, and were changed since: actions made absolute under settings that still say
    deltas, millimetres called metres, degrees called radians. A person's own word is kept, and doubted aloud.

    Args:
        actions: (K, A), NaN where there is no number.
        states: (M, D) at the same rate, or None.
        state_names: of their numbers; the first three are compared where they are x, y, z.
    """
    single = _single_rows(space, actions)
    kept = np.delete(actions, single, axis=0)
    doubt, absolute = _doubts(space, kept), _is_absolute(space, actions, states, state_names)
    if not doubt and not absolute:
        return space, known_by, _outlier_notes(space, actions, single)
    why = doubt[0] if doubt else "the first three numbers of an action are where the hand is, not how far it moves"
    if known_by == BY_OVERRIDE:
        return space, known_by, (f"The layout is doubtful: {why}.",)
    if absolute:
        units = tuple("m" if i < 3 else "rad" if i < 6 else "1" for i in range(space.dim))
        names = tuple(_POSE_NAMES[i] if i < 6 else space.names[i] for i in range(space.dim))
        known = replace(space, names=names, units=units, kind="ee_pose", low=None, high=None)
        note = f"The file declares steps of the hand, but {why}: they are read as its poses, in m and rad."
        return known, f"Poses of the hand, by their values: {why}.", (note,)
    note = f"What the file declares of its actions is not believed: {why}."
    if space.kind == "ee_delta":
        return unnamed_space(space.dim, space.rate), f"Not known: {why}.", (note,)
    wrong = _dims_in_doubt(space, kept)
    units = tuple("" if i in wrong else unit for i, unit in enumerate(space.units))
    return replace(space, units=units, low=None, high=None), f"{known_by} The units are not known: {why}.", (note,)


def _doubts(space: ActionSpace, actions: NDArray[Any]) -> list[str]:
    """Why the values cannot be what the space says, or nothing."""
    out = []
    for i in sorted(_dims_in_doubt(space, actions)):
        low, high = float(np.nanmin(actions[:, i])), float(np.nanmax(actions[:, i]))
        reason = space.units[i]
        if space.low is not None and space.high is not None:
            reason = f"{reason or 'numbers'} from {space.low[i]:g} to {space.high[i]:g}"
        out.append(f"'{space.names[i]}' is said to be {reason}, and its values go from {low:.4g} to {high:.4g}")
    return out


def _dims_in_doubt(space: ActionSpace, actions: NDArray[Any]) -> set[int]:
    return {int(i) for i in np.flatnonzero(_beyond(space, actions).any(axis=0))}


def _beyond(space: ActionSpace, actions: NDArray[Any]) -> NDArray[np.bool_]:
    """(K, A) which values cannot be what the space says of them."""
    out = np.zeros(actions.shape, bool)
    credible = _CREDIBLE.get(space.kind, {})
    for i in range(space.dim):
        if i == space.gripper_index:
            continue
        values = np.where(np.isfinite(actions[:, i]), actions[:, i], 0.0 if space.low is None else space.low[i])
        if space.low is not None and space.high is not None:
            margin = 0.1 * (space.high[i] - space.low[i])  # recorded commands overshoot a little before they are cut
            out[:, i] |= (values < space.low[i] - margin) | (values > space.high[i] + margin)
        match = _UNIT.fullmatch(space.units[i])
        if match and match["unit"] in credible:
            out[:, i] |= np.abs(values) * float(match["factor"] or 1) > credible[match["unit"]]
    return out


def _single_rows(space: ActionSpace, actions: NDArray[Any]) -> NDArray[np.int64]:
    """Rows that alone hold values that cannot be: a glitch of the recording, and no other unit; else none."""
    rows = np.flatnonzero(_beyond(space, actions).any(axis=1))
    return rows if len(rows) <= max(1, FEW * len(actions)) and len(actions) >= 10 else rows[:0]


def _outlier_notes(space: ActionSpace, actions: NDArray[Any], rows: NDArray[np.int64]) -> tuple[str, ...]:
    """A sentence about rows that were not counted as evidence."""
    if not len(rows):
        return ()
    i = int(np.flatnonzero(_beyond(space, actions)[rows[0]])[0])
    more = f"; so are {len(rows) - 1} more rows" if len(rows) > 1 else ""
    value = f"'{space.names[i]}' is {actions[rows[0], i]:.4g}"
    return (f"Row {rows[0]} of the actions is far outside of what they are said to be ({value}){more}.",)


def _is_absolute(
    space: ActionSpace, actions: NDArray[Any], states: NDArray[Any] | None, state_names: Sequence[str]
) -> bool:
    """Whether actions that are said to be steps follow the position of the hand instead."""
    last = [str(name).lower().split("_")[-1].split(".")[-1] for name in state_names[:3]]
    if space.kind != "ee_delta" or states is None or last != ["x", "y", "z"] or space.dim < 6:
        return False
    count = min(len(actions), len(states))
    apart = np.linalg.norm(actions[:count, :3] - states[:count, :3], axis=1)
    size = np.linalg.norm(states[:count, :3], axis=1)
    good = np.isfinite(apart) & np.isfinite(size)
    if good.sum() < 3:
        return False
    return bool(np.median(size[good]) > 0.1 and np.median(apart[good]) < 0.2 * np.median(size[good]))

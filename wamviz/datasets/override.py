"""A person's correction of what a dataset's numbers mean, from the form of the page or from ``wamviz.json`` beside it.

What it says wins over everything that a file says or a reader infers; what it leaves open stays as it was found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from wamviz.core.camera import Camera, tool_from_json
from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.core.rollout import ACTION_KINDS, ActionSpace
from wamviz.datasets.calibration import cameras_from_json, episode_cameras
from wamviz.datasets.files import read_json

SIDECAR = "wamviz.json"  # beside a dataset's own files: {"layout": {...}} and, for a pair, what belongs together
PARTS = ("actions", "states")
_SPAN = re.compile(r"(\d{1,6}):(\d{1,6})")


@dataclass(frozen=True)
class ActionSpaceOverride:
    """What a person says about a dataset; None keeps what the reader found.

    Attributes:
        names, units, kind, rate, gripper_index, gripper_closed, low, high: see ``ActionSpace``.
        actions, states: the column (or key) to take, e.g. ``"action.cartesian_position"``.
        columns: of these, which numbers: ``{"actions": [8, 9, "10:15", "gripper"]}``, by place, span or name. The other
            arm of a robot with two is chosen so. Names, units and limits may be of all numbers or of the chosen ones.
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
    columns: Mapping[str, Sequence[int | str]] | None = None
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
                raise InvalidInput(f"The layout's '{name}' must be a list of {'texts' if kind is str else 'numbers'}.")
            object.__setattr__(self, name, tuple(value))
        for name in ("rate", "fps", "gripper_closed", "gripper_index"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise InvalidInput(f"The layout's '{name}' must be a number, not {value!r}.")
        for name in ("rate", "fps"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1e6:
                raise InvalidInput(f"The layout's '{name}' must be above 0 Hz, not {value}.")
        if self.gripper_index is not None and self.gripper_index != int(self.gripper_index):
            raise InvalidInput(f"The layout's 'gripper_index' must be a whole number, not {self.gripper_index}.")
        if self.kind is not None and self.kind not in ACTION_KINDS:
            raise unknown_name("action kind", str(self.kind), ACTION_KINDS)
        for name in PARTS:
            if not isinstance(getattr(self, name), str | None):
                raise InvalidInput(f"The layout's '{name}' must be the name of a column.")
        if self.columns is not None:
            object.__setattr__(self, "columns", check_columns(self.columns))
        self.calibration(0)  # what does not fit is said now, not when a frame is shown

    @property
    def corrects_space(self) -> bool:
        """Whether it says anything about the action space."""
        return any(getattr(self, name) is not None for name in _SPACE_FIELDS)

    def calibration(self, episode: int) -> dict[str, Camera]:
        """The cameras of an episode that a person has calibrated, by name: its own before those of all episodes.

        Raises:
            InvalidInput: they are written in a way that cannot be understood.
        """
        tool = None if self.tool is None else tool_from_json(self.tool)
        known = {} if self.cameras is None else cameras_from_json(self.cameras, tool)
        own = {} if self.episode_cameras is None else episode_cameras(self.episode_cameras, tool)
        return known | own.get(episode, {})

    def select(
        self, part: str, values: NDArray[Any], names: Sequence[str] = ()
    ) -> tuple[NDArray[Any], tuple[str, ...]]:
        """The chosen numbers of (n, D) ``actions`` or ``states`` and their names; all of them where none are chosen.

        Raises:
            NotFound: there is no such name or place.
        """
        kept = tuple(names) if len(names) == values.shape[1] else ()
        wanted = (self.columns or {}).get(part)
        if wanted is None:
            return values, kept
        known = kept or (self.names or () if part == "actions" else ())
        places = column_places(wanted, known if len(known) == values.shape[1] else (), values.shape[1])
        return values[:, places], tuple(kept[place] for place in places) if kept else ()

    def applied(self, space: ActionSpace) -> ActionSpace:
        """``space`` with this correction in place of its own word; ``InvalidInput`` when their sizes differ."""
        changes = {name: getattr(self, name) for name in _SPACE_FIELDS if getattr(self, name) is not None}
        for name in ("names", "units", "low", "high"):
            value = changes.get(name)
            if value is None or len(value) == space.dim:
                continue
            wanted = (self.columns or {}).get("actions")
            known = self.names if self.names is not None and len(self.names) == len(value) else ()
            if wanted is not None and len(value) > space.dim:
                changes[name] = tuple(value[place] for place in column_places(wanted, known, len(value)))
                continue
            raise InvalidInput(
                f"The layout has {len(value)} {name}, the actions have {space.dim} dimensions.",
                f"They are: {', '.join(space.names)}.",
            )
        return replace(space, **changes)


_SPACE_FIELDS = ("names", "units", "kind", "rate", "gripper_index", "gripper_closed", "low", "high")


def check_columns(value: object) -> dict[str, tuple[int | str, ...]]:
    """The columns that are chosen for ``actions`` and ``states``, or ``InvalidInput``."""
    good = isinstance(value, Mapping) and set(value) <= set(PARTS)
    if not isinstance(value, Mapping) or not good or not all(_is_choice(chosen) for chosen in value.values()):
        raise InvalidInput(
            f"'columns' in {SIDECAR} must list names or numbers of columns for 'actions' and 'states'.",
            'For example {"actions": ["x", "y", "z"]} or {"actions": ["8:16"]}.',
        )
    return {str(part): tuple(chosen) for part, chosen in value.items()}


def _is_choice(value: object) -> bool:
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(item, str) or (isinstance(item, int) and not isinstance(item, bool)) for item in value)


def column_places(wanted: Sequence[int | str], names: Sequence[str], width: int) -> list[int]:
    """Which of ``width`` columns are meant by names, places and spans (``"8:16"``), in their order.

    >>> column_places(["1:3", 0, "grip"], ["x", "y", "z", "grip"], 4)
    [1, 2, 0, 3]
    """
    places: list[int] = []
    for item in wanted:
        if isinstance(item, str) and item in names:
            places.append(list(names).index(item))
            continue
        span = _SPAN.fullmatch(item) if isinstance(item, str) else None
        if span is not None:
            places += range(int(span[1]), int(span[2]))
        elif isinstance(item, int):
            places.append(item)
        elif item.isdecimal() and len(item) < 7:
            places.append(int(item))
        else:
            raise unknown_name("column", item, names or [f"0 .. {width - 1}"])
    out = [place for place in places if not 0 <= place < width]
    if out or not places:
        raise InvalidInput(f"There is no column {out[0] if out else wanted[0]}.", f"Columns are 0 .. {width - 1}.")
    return places


def override_from_json(value: object, where: str) -> ActionSpaceOverride:
    """An ``ActionSpaceOverride`` from a JSON object, or ``InvalidInput`` naming the odd key."""
    allowed = [field.name for field in fields(ActionSpaceOverride)]
    if not isinstance(value, Mapping):
        raise InvalidInput(f"The layout in {where} must be a JSON object.", f"Its keys: {', '.join(allowed)}.")
    for name in value:
        if name not in allowed:
            raise unknown_name(f"key of the layout in {where}", str(name), allowed)
    return ActionSpaceOverride(**value)


def read_override(folder: Path) -> ActionSpaceOverride:
    """The correction that a person has put beside the dataset, in ``wamviz.json``; an empty one when there is none."""
    path = folder / SIDECAR
    layout = read_json(path, limit=5_000_000).get("layout") if path.is_file() else None
    return ActionSpaceOverride() if layout is None else override_from_json(layout, SIDECAR)


__all__ = [
    "PARTS", "SIDECAR", "ActionSpaceOverride", "check_columns", "column_places", "override_from_json", "read_override",
]  # fmt: skip

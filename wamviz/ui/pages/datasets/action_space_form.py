"""A person's word on what the numbers of an action mean: from the form's fields to an ``ActionSpaceOverride``.

Contract: pure functions. What is left as it was is no change, what is left empty says nothing, and a list that does not
fit the dimensions is refused with their number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.core.plain import dumps
from wamviz.core.rollout import ActionSpace
from wamviz.datasets import ActionSpaceOverride


def fields(space: ActionSpace | None) -> dict[str, Any]:
    """What the form holds for an action space: kind, names, units, rate, gripper's name and closed value."""
    if space is None:
        return {"kind": "unnamed", "names": "", "units": "", "hz": None, "gripper": "", "closed": 1.0}
    return {
        "kind": space.kind,
        "names": _joined(space.names),
        "units": _joined(space.units),
        "hz": space.rate,
        "gripper": "" if space.gripper_index is None else space.names[space.gripper_index],
        "closed": space.gripper_closed,
    }


def changes(
    space: ActionSpace | None, kind: str, names: str, units: str, rate: float | None, gripper: str, closed: float | None
) -> dict[str, Any]:
    """The fields of a ``ActionSpaceOverride`` that a filled form changes about ``space``.

    Args:
        kind: one of ``ACTION_KINDS``.
        names, units: one a dimension, separated by commas; a ``?`` is a unit that is not known.
        rate: actions a second, Hz; None keeps it.
        gripper: the name of the dimension that is the gripper, or "".
        closed: the gripper's value when it is closed; None is 1.

    >>> space = ActionSpace(("a0", "a1"), ("", ""), "unnamed", 5.0)
    >>> changes(space, "unnamed", "vx, grip", "m/s, ?", 5.0, "grip", 0.0)
    {'names': ['vx', 'grip'], 'units': ['m/s', ''], 'gripper_index': 1, 'gripper_closed': 0.0}
    """
    if space is None:
        raise InvalidInput("There are no actions whose meaning could be corrected.")
    changed: dict[str, Any] = {}
    if kind and kind != space.kind:
        changed["kind"] = kind
    called = _list(names, "names", space.names)
    if called != list(space.names):
        changed["names"] = called
    own_units = ["" if unit == "?" else unit for unit in _list(units, "units", space.units)]
    if own_units != list(space.units):
        changed["units"] = own_units
    if rate and rate != space.rate:
        changed["rate"] = float(rate)
    if gripper.strip():
        if gripper.strip() not in called:
            raise unknown_name("dimension for the gripper", gripper.strip(), called)
        where, value = called.index(gripper.strip()), 1.0 if closed is None else float(closed)
        if (where, value) != (space.gripper_index, space.gripper_closed):
            changed |= {"gripper_index": where, "gripper_closed": value}
    if not changed:
        raise InvalidInput("Nothing was changed.", "Write what these numbers mean, then press Apply.")
    return changed


def sidecar(layout: ActionSpaceOverride) -> str:
    """What to write into ``wamviz.json`` beside the dataset, so that the correction stays."""
    facts = {field.name: getattr(layout, field.name) for field in dataclasses.fields(layout)}
    return dumps({"layout": {name: value for name, value in facts.items() if value is not None}}, ensure_ascii=False)


def _joined(words: Sequence[str]) -> str:
    return ", ".join(word or "?" for word in words)


def _list(text: str, what: str, before: Sequence[str]) -> list[str]:
    """The words of a list, one a dimension; those from before where nothing (else) was written."""
    if not text.strip() or text == _joined(before):  # a name may hold a comma itself
        return list(before)
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != len(before):
        raise InvalidInput(
            f"{len(parts)} {what} were written; an action has {len(before)} numbers.", "Separate them with commas."
        )
    return parts

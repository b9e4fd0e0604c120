"""Whether an imagined video shows what its actions did in the simulator, in words.

Contract: read from the run's own metrics (``picture``, see ``wamviz.metrics.picture``); nothing is computed anew. What
was not measured is said to be not measured. The limits are stated here once, and stand on the page with the numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from wamviz.runs.store import Run

ARM = 0.75  # overlap of the arm from which it counts as being where physics has it
SHARP = 0.6  # of the executed video's sharpness, from which what moves counts as sharp


class Agreement(NamedTuple):
    """How a video and physics agree: ``kind`` of status (``good``, ``warm``, ``idle``), the sentence, the numbers."""

    kind: str
    sentence: str
    detail: str = ""


def agreement(run: Run) -> Agreement:
    """The judgement of the first sample beside its execution."""
    first = run.imagined[0]
    if run.executed is None:
        return Agreement("idle", "The actions were not executed, so there is nothing to agree with.")
    if first.frames is None:
        return Agreement("idle", "This mode imagined no video that could agree with it.")
    found = run.metrics.get("picture") or {}
    if found.get("sharpness") is None and found.get("arm_iou") is None:
        return Agreement("idle", "Whether the imagined video agrees with it was not measured.")
    parts = [part for part in (_things(found), _arm(found), _sharp(found)) if part is not None]
    words = "; ".join(text for _, text in parts)
    held = [ok for ok, _ in parts]
    if found.get("arm_iou") is None:  # without the segmenter, places are unknown
        return Agreement("idle", "Whether the imagined video shows the same was measured in part:", f"{words}.")
    if all(held):
        return Agreement("good", "The imagined video agrees with the simulator:", f"{words}.")
    if any(held):
        return Agreement("warm", "The imagined video agrees with the simulator in part:", f"{words}.")
    return Agreement("warm", "The imagined video does not agree with the simulator:", f"{words}.")


def _things(found: Mapping[str, Any]) -> tuple[bool, str] | None:
    """The things that physics moved; None where nothing was moved or nobody can tell."""
    share, count = found.get("objects_moved"), int(found.get("objects") or 0)
    if share is None or not count:
        return None
    shown = round(share * count)
    what = "the moved object is" if count == 1 else f"{shown} of {count} moved objects are"
    where = "where the simulator has it" if count == 1 else "where the simulator has them"
    return shown == count, f"{what} {'not ' if count == 1 and not shown else ''}shown {where}"


def _arm(found: Mapping[str, Any]) -> tuple[bool, str] | None:
    overlap, still = found.get("arm_iou"), found.get("copy_arm_iou")
    if overlap is None:
        return None
    baseline = "" if still is None else f" ({still:.0%} if nothing moved)"
    return overlap >= ARM, f"the arm overlaps the simulator's by {overlap:.0%}{baseline}"


def _sharp(found: Mapping[str, Any]) -> tuple[bool, str] | None:
    value = found.get("sharpness")
    return None if value is None else (value >= SHARP, f"what moves is {value:.0%} as sharp as there")

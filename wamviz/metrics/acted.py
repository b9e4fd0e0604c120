"""The picture of an imagined rollout beside the executed one, as the page and ``rollout.json`` tell it.

Contract: an executed rollout may carry, under ``meta["seen"]``, what the simulator says its pixels show
(``pack_simulator_masks``); without it, closeness and sharpness are still known, the arm and the objects are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wamviz.core.rollout import Frames, Rollout
from wamviz.metrics.align import match_times
from wamviz.metrics.masks import pack_masks, unpack_masks
from wamviz.metrics.picture import SIDE, Picture, Seen, compare_picture, picture_by_frame
from wamviz.metrics.segmenter import segment, segment_classes, segmenter_missing

SEEN = "seen"  # in the meta of an executed rollout


def pack_simulator_masks(masks: NDArray[np.uint8], classes: Sequence[str], moved: Sequence[str]) -> dict[str, Any]:
    """What ``meta["seen"]`` holds.

    Args:
        masks: (T, 128, 128) uint8 into ``classes``, a mask a frame, the context's first.
        moved: the classes whose object physics moved by more than 3 cm.
    """
    return {"classes": list(classes), "moved": list(moved), "masks": pack_masks(masks)}


class ExecutedComparison(NamedTuple):
    """An imagined rollout beside its execution: its values, some frame by frame, and those frames' times (M,) in s."""

    picture: Picture
    by_frame: dict[str, list[float | None]]
    times: NDArray[np.float64]


def compare_executed(imagined: Rollout, executed: Rollout) -> ExecutedComparison | None:
    """How ``imagined`` looks beside what its actions really did; None where they share no frame after the context."""
    if imagined.frames is None or executed.frames is None:
        return None
    ours, theirs = match_times(imagined.frame_times, executed.frame_times)
    later = executed.frame_times[theirs] > 1e-9
    ours, theirs = ours[later], theirs[later]
    if not len(ours):
        return None
    frames = imagined.frames[ours]
    pair = frames, executed.frames[theirs], executed.frames[0], seen_beside(frames, executed, theirs)
    return ExecutedComparison(compare_picture(*pair), picture_by_frame(*pair), executed.frame_times[theirs])


def seen_beside(frames: Frames, executed: Rollout, rows: NDArray[np.intp]) -> Seen | None:
    """The simulator's masks beside the segmenter's, or None where one of the two cannot tell."""
    record = executed.meta.get(SEEN)
    if not isinstance(record, dict) or executed.frames is None or segmenter_missing() is not None:
        return None
    classes, masks = segment_classes(), unpack_masks(record.get("masks") or {})
    if masks is None or masks.shape != (len(executed.frames), SIDE, SIDE) or record.get("classes") != list(classes):
        return None
    moved = tuple(classes.index(name) for name in record.get("moved") or () if name in classes)
    return Seen(masks[0], masks[rows], segment(frames), moved)

"""How an imagined picture looks beside physics of the same actions: what moves, how sharp, the arm, the objects.

Contract: pure functions over arrays. *Executed* frames are what physics makes of the actions, from the very state of
the context; *imagined* ones belong to the same moments. Both are brought to 128 x 128 by area average, and the context
itself is never counted. Pixels that matter are those that move in the executed video. A blur scores well on PSNR and
badly on ``sharpness``; a copy of the context is sharp and scores nothing on ``objects_moved``: only a good drawing
does well on all of them. A value is None where it does not apply.

Axis letters: T frames without the context, H/W pixels. Masks hold a class a pixel: 0 background, 1 arm, then objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput
from wamviz.core.media import resize
from wamviz.core.rollout import Frames, check_frames
from wamviz.metrics.registry import STILL, Metric, copy_last_frame
from wamviz.metrics.video import psnr

SIDE = 128  # pixels at which pictures are compared
MOVING = 15  # a pixel moves when some colour of it differs from the context's by more than this, of 255
ARM = 1  # the arm's number in masks
MOVED = 0.03  # m that physics moves an object by before it counts as moved
NEAR = 4.0  # pixels between where an object is shown and where physics has it
PSNR_CAP = 60.0  # dB, of two pictures that are the same

Masks = NDArray[np.uint8]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Picture:
    """What a viewer sees of one imagined stretch beside its execution; None where a value does not apply.

    Attributes:
        psnr, copy_psnr: dB over whole frames, their mean; of the imagined and of a copy of the context.
        moving_psnr, copy_moving_psnr: dB over the moving pixels of all frames together.
        sharpness, copy_sharpness: gradient energy over the moving pixels, of executed's; 1 is as sharp as real.
        arm_iou, copy_arm_iou: overlap of the arm's masks, 0 .. 1, mean over frames.
        objects_moved, copy_objects_moved: share of the objects that physics moved which the last frame shows in place.
        objects: how many objects physics moved and shows at the end.
        moving_share: share of pixels that move, 0 .. 1.
    """

    psnr: float
    copy_psnr: float
    moving_psnr: float | None = None
    copy_moving_psnr: float | None = None
    sharpness: float | None = None
    copy_sharpness: float | None = None
    arm_iou: float | None = None
    copy_arm_iou: float | None = None
    objects_moved: float | None = None
    copy_objects_moved: float | None = None
    objects: int = 0
    moving_share: float = 0.0

    def __post_init__(self) -> None:
        for name in ("arm_iou", "copy_arm_iou", "objects_moved", "copy_objects_moved", "moving_share"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise ValueError(f"{name} is a share, not {value}.")

    def to_json(self) -> dict[str, float | int | None]:
        """A JSON-ready dict, rounded to what anybody reads."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: round(value, 5) if isinstance(value, float) else value for name, value in named.items()}


@dataclass(frozen=True)
class Seen:
    """Classes by pixel at (T, 128, 128), and which of them are objects that physics moved.

    Attributes:
        context: (128, 128) the simulator's, of the context.
        executed: (T, 128, 128) the simulator's.
        imagined: (T, 128, 128) the segmenter's.
        moved: numbers of the classes whose object physics moved by more than 3 cm from the context to the last frame.
    """

    context: Masks
    executed: Masks
    imagined: Masks
    moved: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.executed.shape != self.imagined.shape or self.executed.shape[1:] != self.context.shape:
            raise InvalidInput(
                f"Masks of one shape are needed, not {self.executed.shape}, {self.imagined.shape} and "
                f"{self.context.shape}."
            )


def compare_picture(imagined: Frames, executed: Frames, context: Frames, seen: Seen | None = None) -> Picture:
    """Every value of one stretch.

    Args:
        imagined, executed: (T, H, W, 3) uint8 of the same moments, the context left out; any sizes.
        context: (H, W, 3) uint8, the executed video's frame 0.
        seen: what their pixels show, or None where nobody can tell; ``arm_iou`` and ``objects_moved`` need it.

    Raises:
        WamvizError: no frames, or not as many of one as of the other.
    """
    check_frames(imagined, "The imagined frames")
    check_frames(executed, "The executed frames")
    if len(imagined) != len(executed):
        raise InvalidInput(f"{len(imagined)} imagined frames cannot be compared with {len(executed)} executed ones.")
    ours, theirs, start = (small(frames) for frames in (imagined, executed, check_frames(context, ndim=3)[None]))
    still = np.repeat(start, len(theirs), axis=0)
    moving = moving_pixels(theirs, start[0])
    arm = copy_arm = objects = copy_objects = None
    count = 0
    if seen is not None:
        still_masks = np.repeat(seen.context[None], len(seen.executed), axis=0)
        arm, copy_arm = (arm_iou(masks, seen.executed) for masks in (seen.imagined, still_masks))
        last = seen.executed[-1]
        count = sum(centroid(last, number) is not None for number in seen.moved)
        objects, copy_objects = (objects_shown(masks, last, seen.moved) for masks in (seen.imagined[-1], seen.context))
    return Picture(
        psnr=float(psnr(ours, theirs).mean()),
        copy_psnr=float(psnr(still, theirs).mean()),
        moving_psnr=masked_psnr(ours, theirs, moving),
        copy_moving_psnr=masked_psnr(still, theirs, moving),
        sharpness=sharpness(ours, theirs, moving),
        copy_sharpness=sharpness(still, theirs, moving),
        arm_iou=arm,
        copy_arm_iou=copy_arm,
        objects_moved=objects,
        copy_objects_moved=copy_objects,
        objects=count,
        moving_share=float(moving.mean()),
    )


def picture_by_frame(
    imagined: Frames, executed: Frames, context: Frames, seen: Seen | None = None
) -> dict[str, list[float | None]]:
    """``sharpness`` and ``arm_iou`` frame by frame, T values each, and the same of a copy of the context.

    The arguments of ``compare_picture``; the arm is left out where nobody can tell where it is.
    """
    ours, theirs, start = (small(frames) for frames in (imagined, executed, context[None]))
    moving = moving_pixels(theirs, start[0])
    rows = [slice(k, k + 1) for k in range(len(theirs))]
    found = {
        "sharpness": [sharpness(ours[k], theirs[k], moving[k]) for k in rows],
        "copy_sharpness": [sharpness(start, theirs[k], moving[k]) for k in rows],
    }
    if seen is not None:
        found["arm_iou"] = [arm_iou(seen.imagined[k], seen.executed[k]) for k in rows]
        found["copy_arm_iou"] = [arm_iou(seen.context[None], seen.executed[k]) for k in rows]
    return found


def small(frames: Frames) -> Frames:
    """(T, H, W, 3) brought to 128 x 128 by area average; frames of that size as they are."""
    return frames if frames.shape[1:3] == (SIDE, SIDE) else resize(frames, SIDE, SIDE)


def moving_pixels(executed: Frames, context: Frames) -> Flags:
    """(T, H, W): where ``executed`` differs from ``context`` by more than 15 of 255 in a colour, grown by one pixel."""
    differs = (np.abs(executed.astype(np.int16) - context) > MOVING).any(-1)
    padded = np.pad(differs, ((0, 0), (1, 1), (1, 1)))
    height, width = differs.shape[1:]
    shifts = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    grown: Flags = np.logical_or.reduce(shifts)
    return grown


def masked_psnr(frames: Frames, truth: Frames, where: Flags) -> float | None:
    """PSNR in dB over the pixels ``where`` (T, H, W), all together, at most 60; None where there are none."""
    if not where.any():
        return None
    error = float(np.square(frames[where].astype(np.float32) - truth[where]).mean(dtype=np.float64))
    return float(10 * np.log10(255.0**2 / max(error, 255.0**2 / 10 ** (PSNR_CAP / 10))))


def sharpness(frames: Frames, truth: Frames, where: Flags) -> float | None:
    """Gradient energy of ``frames`` over the pixels ``where``, of ``truth``'s; None where truth has none.

    The energy is the sum of squared forward differences, right and down, of the mean colour: a blur has less of it.
    """
    real = gradient_energy(truth, where)
    return gradient_energy(frames, where) / real if real > 0 else None


def gradient_energy(frames: Frames, where: Flags) -> float:
    """Summed squared forward differences of the mean colour of (T, H, W, 3) over the pixels ``where`` (T, H, W)."""
    grey = frames.astype(np.float32).mean(-1)  # (T, H, W)
    right = np.square(np.diff(grey, axis=2)) * where[:, :, :-1]
    down = np.square(np.diff(grey, axis=1)) * where[:, :-1]
    return float(right.sum(dtype=np.float64) + down.sum(dtype=np.float64))


def arm_iou(masks: Masks, truth: Masks) -> float | None:
    """Intersection over union of the arm in (T, H, W) masks, mean over the frames that show one; else None."""
    ours, theirs = masks == ARM, truth == ARM
    union = (ours | theirs).sum((1, 2))
    shown = union > 0
    if not shown.any():
        return None
    return float(((ours & theirs).sum((1, 2))[shown] / union[shown]).mean())


def objects_shown(mask: Masks, truth: Masks, moved: Sequence[int]) -> float | None:
    """The share of the classes ``moved`` whose centroid in ``mask`` (H, W) lies within 4 pixels of ``truth``'s.

    An object that ``mask`` lacks is not shown; one that ``truth`` lacks (hidden, out of view) is not asked for. None
    where nothing is asked for.
    """
    targets = [(number, place) for number in moved if (place := centroid(truth, number)) is not None]
    if not targets:
        return None
    found = [(centroid(mask, number), place) for number, place in targets]
    return sum(one is not None and float(np.linalg.norm(one - place)) <= NEAR for one, place in found) / len(found)


def centroid(mask: Masks, number: int) -> NDArray[np.float64] | None:
    """The mean (row, column) of a class's pixels, (2,); None where there are none."""
    rows, columns = np.nonzero(mask == number)
    return np.array([rows.mean(), columns.mean()]) if len(rows) else None


_PICTURE = "wamviz.metrics.picture"
METRICS = (
    Metric(
        "picture",
        "sharpness",
        "Sharpness of what moves, of executed",
        "How much edge the imagined video has where things move, of what physics shows there: 1 is as sharp as real, a "
        "grey fog near 0; a copy of the context is sharp in the wrong place.",
        _PICTURE,
        target=1.0,
        lane="Sharpness, of executed",
        takes="executed",
        baseline=copy_last_frame("copy_sharpness", "The same of a copy of the context."),
    ),
    Metric(
        "picture",
        "executed_moving_psnr",
        "Imagined against executed, PSNR of what moves",
        "PSNR between imagined and executed over the pixels that move in the executed video; a blur does well on it.",
        STILL,
        unit="dB",
        higher=True,
        takes="executed",
        baseline=copy_last_frame("copy_moving_psnr", "The same of a copy of the context."),
    ),
    Metric(
        "picture",
        "arm_iou",
        "Arm where physics has it, overlap",
        "Overlap of the imagined and the executed arm, 1 is the same outline; an independent network finds the "
        "imagined one, the simulator knows the executed one.",
        "Everingham et al. 2010, IJCV 88(2), on intersection over union; the masks are wamviz.metrics.segmenter's",
        higher=True,
        lane="Arm, overlap with executed",
        takes="executed",
        baseline=copy_last_frame("copy_arm_iou", "The same of a copy of the context."),
    ),
    Metric(
        "picture",
        "objects_moved",
        "Moved things shown in place",
        "Of the things that physics moved by more than 3 cm, the share that the last imagined frame shows within 4 "
        "pixels of where physics has them (at 128 x 128).",
        _PICTURE,
        unit="%",
        factor=100.0,
        digits=0,
        higher=True,
        takes="executed",
        baseline=copy_last_frame("copy_objects_moved", "The same of a copy of the context."),
    ),
)

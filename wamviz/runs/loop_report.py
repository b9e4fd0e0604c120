"""Where a closed loop went wrong: what was imagined at each look beside what came of it.

Contract: pure functions of a kept run. The task's progress is the world's own measure; where things are in the imagined
picture, an independent network says (``metrics.segmenter``), and in the executed one the simulator. A value is None
where nobody can tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wamviz.metrics.acted import SEEN, seen_beside
from wamviz.metrics.picture import ARM, NEAR, SIDE, arm_iou, centroid
from wamviz.runs.store import Run

STALLED = 0.05  # of progress: less is none


@dataclass(frozen=True)
class Stretch:
    """What came of one look.

    Attributes:
        look: from 1; start, stop: actions taken before it, and when the model looked again.
        before, after: progress of the task then, 0 .. 1.
        which: the thing that is farthest from where it was imagined, at the end of the stretch; gap: by how many pixels
            of 128, infinite where the imagined picture does not show it.
        arm: overlap of the imagined and the executed arm then, 0 .. 1.
    """

    look: int
    start: int
    stop: int
    before: float | None = None
    after: float | None = None
    which: str = ""
    gap: float | None = None
    arm: float | None = None


def stretches(run: Run) -> list[Stretch]:
    """One for each look of a closed loop; none for any other run."""
    executed, imagined = run.executed, run.imagined[0]
    looked = None if executed is None else executed.meta.get("looked_at")
    if executed is None or executed.actions is None or not isinstance(looked, list) or not looked:
        return []
    ends = [*looked[1:], len(executed.actions)]
    so_far = executed.meta.get("progress_by_action")
    progress = [0.0, *so_far] if isinstance(so_far, list) and len(so_far) == len(executed.actions) else None
    rows = np.array(ends, np.intp)
    seen = None
    if imagined.frames is not None and executed.frames is not None and len(imagined.frames) == len(executed.frames):
        seen = seen_beside(imagined.frames[rows], executed, rows)
    found = []
    for k, (start, stop) in enumerate(zip(looked, ends, strict=True)):
        which, gap, arm = "", None, None
        if seen is not None:
            which, gap = farthest(seen.imagined[k], seen.executed[k], executed.meta[SEEN]["classes"])
            arm = arm_iou(seen.imagined[k : k + 1], seen.executed[k : k + 1])
        before, after = (None, None) if progress is None else (progress[start], progress[stop])
        found.append(Stretch(k + 1, start, stop, before, after, which, gap, arm))
    return found


def farthest(imagined: np.ndarray, executed: np.ndarray, classes: list[str]) -> tuple[str, float | None]:
    """The thing whose middle in one mask (128, 128) is farthest from that in another, and by how many pixels.

    Things at the border, or of which the executed mask shows a speck alone, are left out: their middles say little.
    """
    gaps: dict[str, float] = {}
    for number, name in enumerate(classes):
        if number <= ARM or name == "toaster" or (executed == number).sum() < 30:
            continue
        place, shown = centroid(executed, number), centroid(imagined, number)
        if place is None or (np.minimum(place, SIDE - place) < 4).any():
            continue
        gaps[name] = np.inf if shown is None else float(np.linalg.norm(place - shown))
    which = max(gaps, key=lambda name: gaps[name], default="")
    return which, gaps.get(which)


def what_went_wrong(run: Run, found: list[Stretch], rate: float = 5.0) -> str:
    """How it ended, and where the imagined and the executed parted, in words."""
    executed = run.executed
    if executed is None or not found:
        return ""
    at = f"{found[-1].stop / rate:.1f} s"
    looks = f"{len(found)} look{'s' if len(found) > 1 else ''}"
    if executed.success:
        words = f"Done after {at} and {looks}."
    elif executed.success is None:
        words = f"Nobody can tell whether it was done; {at}, {looks}."
    else:
        best = max(found, key=lambda one: one.after or 0.0)
        words = f"Not done in {at} and {looks}."
        if best.after is not None:
            words += f" It came {100 * best.after:.0f} % of the way by look {best.look} ({best.stop / rate:.1f} s)"
            lost = best.after - (found[-1].after or 0.0)
            words += f" and lost {100 * lost:.0f} % of it again." if lost > STALLED else " and no farther."
    parted = next((one for one in found if one.gap is not None and one.gap > NEAR), None)
    if parted is not None and parted.gap is not None:
        thing = parted.which.replace("_", " ")
        far = f"{parted.gap:.0f} pixels of 128 from where it was imagined" if np.isfinite(parted.gap) else (
            "in plain view, and the imagined picture lacks it")  # fmt: skip
        words += f" Imagined and executed part at look {parted.look}: after it the {thing} is {far}."
    elif any(one.gap is not None for one in found):
        words += f" Things stay within {NEAR:.0f} pixels of 128 of where they were imagined, look for look."
    return words

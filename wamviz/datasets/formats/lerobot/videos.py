"""Which frames of a video are an episode's, judged by what the file itself holds.

A frame belongs to its row by number where the file holds as many frames as the episodes that share it have rows: then
neither a header's rate nor a start that was written down wrongly matters. Otherwise it is found by its time, at
``start + timestamp``, as LeRobot itself does, and only where starts and file agree.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import Damaged
from wamviz.datasets.containers.videos import VideoFile
from wamviz.datasets.formats.lerobot.files import FilePart
from wamviz.datasets.rows import RowOrder

Ordinals = NDArray[np.int64]
ALIKE = 0.1  # by which the durations of rows and video may differ


def locate_frames(video: VideoFile, part: FilePart, rows: RowOrder, fps: float) -> tuple[Ordinals, tuple[str, ...]]:
    """The frame of the file for each of an episode's rows, (m,) with m <= n where the file ends early, and what is odd.

    Args:
        rows: of the episode, in order.
        fps: rows a second, Hz.

    Raises:
        Damaged: the starts in the list of episodes and the file contradict each other.
    """
    length = int(part.lengths[part.place])
    if 0 < rows.first < length - int(rows.frames[-1]):  # its first frames have no row
        rows = replace(rows, frames=rows.frames + rows.first, first=0, times=None)
    if part.alone:
        return _of_own_file(video, rows, fps)
    count, total = len(video), int(part.lengths.sum())
    if count == total:
        own = rows.frames if rows.frames[-1] < length else np.arange(len(rows.frames))
        return part.before + own, _counted_notes(video, part)
    if np.isfinite(part.begins).all() and _starts_agree(video, part, fps):
        return _by_time(video, float(part.begins[part.place]), rows, fps)
    whose = f"'{video.path.name}' holds {count} frames, the {len(part.members)} episodes that share it {total} rows"
    begins = float(part.begins[part.place])
    if not np.isfinite(begins):
        raise Damaged(f"{whose}, and the list of episodes does not say where this one begins.")
    note = f"{whose}, and the starts in the list of episodes do not fit either: its frames may be another episode's."
    try:
        ordinals, notes = _by_time(video, begins, rows, fps)
    except Damaged as error:
        cut = "It is cut short, or belongs to another dataset; record or download it again."
        raise Damaged(f"{whose}, and the list of episodes lets this one begin at second {begins:.2f}.", cut) from error
    return ordinals, (note, *notes)


def _of_own_file(video: VideoFile, rows: RowOrder, fps: float) -> tuple[Ordinals, tuple[str, ...]]:
    count, n, top = len(video), len(rows.frames), int(rows.frames[-1]) + 1
    notes = []
    if abs(count - top) <= 1 or count == n:
        own = rows.frames if abs(count - top) <= 1 else np.arange(n)
        if not video.steady:
            notes.append("the file has no constant frame rate; its frames are counted, not timed.")
        elif abs(video.fps / fps - 1) > 0.01:
            notes.append(f"the file's header says {video.fps:.4g} frames a second; they are played at {fps:g}.")
        return _cut(own, count, n, notes)
    lasting = float(rows.times[-1]) if rows.times is not None else (top - 1) / fps
    shown = float(video.times[-1] - video.times[0])
    if n > 1 and abs(shown - lasting) <= ALIKE * lasting + 1 / fps and not 0.9 < count / top < 1.1:
        notes.append(f"the file holds {count} frames for {n} rows in the same time; each row has the one then shown.")
        ordinals, more = _by_time(video, 0.0, rows, fps)
        return ordinals, (*notes, *more)
    if count > top:
        notes.append(f"the file holds {count} frames for {n} rows; the rest is left out.")
    return _cut(rows.frames, count, n, notes)


def _cut(own: Ordinals, count: int, n: int, notes: list[str]) -> tuple[Ordinals, tuple[str, ...]]:
    """The rows whose frames the file holds, and a sentence where those are not all."""
    kept = own[own < count]
    if len(kept) < n:
        notes.append(f"the file holds {len(kept)} of {n} frames; only those are shown.")
    return kept, tuple(notes)


def _counted_notes(video: VideoFile, part: FilePart) -> tuple[str, ...]:
    begins = float(part.begins[part.place])
    found = float(video.times[part.before] - video.times[0])
    period = 1 / video.fps
    if not np.isfinite(begins):
        return ()
    if abs(begins - found) <= 1.5 * period:
        return ()
    return (
        f"the list of episodes lets it begin at second {begins:.2f} of '{video.path.name}'; the file's {len(video)} "
        f"frames equal the lengths that share it, so they are counted: it begins at second {found:.2f}.",
    )


def _starts_agree(video: VideoFile, part: FilePart, fps: float) -> bool:
    """Whether every episode that shares the file has its time in it, one after the other."""
    order = np.argsort(part.begins, kind="stable")
    begins, lasting = part.begins[order], part.lengths[order] / fps
    end = video.times[-1] - video.times[0] + 1.5 / min(fps, video.fps)
    slack = 0.5 / fps
    apart = (begins[:-1] + lasting[:-1] <= begins[1:] + slack).all()
    return bool(apart and begins[0] >= 0 and begins[-1] + lasting[-1] <= end + slack)


def _by_time(video: VideoFile, begins: float, rows: RowOrder, fps: float) -> tuple[Ordinals, tuple[str, ...]]:
    """The frame that is shown at each row's time: the nearest, or the one before it in a video of a lower rate."""
    clock = video.times - video.times[0]
    wanted = begins + (rows.times if rows.times is not None else rows.frames / fps)
    period = max(1 / fps, 1 / video.fps)
    if wanted[0] > clock[-1] + period / 2:
        raise Damaged(f"'{video.path.name}' ends at second {clock[-1]:.2f}, before the episode begins.")
    here = wanted <= clock[-1] + period / 2 + (period if video.fps < 0.9 * fps else 0)
    slower = video.fps < 0.9 * fps
    after = np.searchsorted(clock, wanted[here] + (1e-6 if slower else 0), side="right" if slower else "left")
    if slower:
        found = np.clip(after - 1, 0, len(clock) - 1)
    else:
        after = np.clip(after, 1, len(clock) - 1) if len(clock) > 1 else np.zeros_like(after)
        earlier = np.maximum(after - 1, 0)
        found = np.where(wanted[here] - clock[earlier] <= clock[after] - wanted[here], earlier, after)
    far = np.abs(clock[found] - wanted[here]) > 0.75 * period
    notes = []
    if far.any():
        notes.append(f"{int(far.sum())} of {len(wanted)} rows have no frame at their time; the nearest is shown.")
    if not here.all():
        notes.append(f"the file holds {int(here.sum())} of {len(wanted)} frames; only those are shown.")
    return found.astype(np.int64), tuple(notes)

"""Which rows of a recording are shown, and in what order.

Files are written by many tools: rows come shuffled, count from where another file stopped, leave frames out, or hold a
value that is no number. What was recorded is put into the order in which it happened, one bad value costs its row, and
whatever was done is a sentence in ``notes``. Axis letters: n rows, D numbers a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import Damaged

Rows = NDArray[np.int64]
Reals = NDArray[np.float64]
MOST_BAD = 0.5  # of a column's rows: beyond, the column is unreadable and not some of its rows
PAUSE = 2.5  # periods between two rows that are a pause; clocks of real hardware jitter by 1.5


def as_reals(values: Any, what: str) -> Reals:
    """(n, D) float64 of a table of numbers, NaN where a value is absent or not finite in float32.

    Raises:
        Damaged: it is no table of numbers.
    """
    if isinstance(values, list) and any(isinstance(row, list) for row in values):
        lengths = [len(row) if isinstance(row, list) else -1 for row in values]
        usual = max(set(lengths) - {-1}, key=lengths.count)
        values = [row if length == usual else [None] * usual for row, length in zip(values, lengths, strict=True)]
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            table = np.asarray(values, np.float64)
            table = np.where(np.isfinite(table.astype(np.float32)), table, np.nan)
    except (ValueError, TypeError, OverflowError) as error:
        raise Damaged(f"{what} is no table of numbers.") from error
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or 0 in table.shape:
        raise Damaged(f"{what} has shape {np.shape(values)}, which is no table of numbers.")
    return table


@dataclass(frozen=True)
class RowOrder:
    """Rows in the order in which they were recorded.

    Attributes:
        order: (n,) positions in the file.
        frames: (n,) number of the frame that each row shows, from 0 and rising; it jumps where rows were left out.
        first: what the file calls the first of them.
        times: (n,) seconds since the first row, or None where the file does not say.
        notes: what is odd, in plain sentences.
    """

    order: Rows
    frames: Rows
    first: int = 0
    times: Reals | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.order) != len(self.frames) or (self.times is not None and len(self.times) != len(self.order)):
            raise ValueError("Every row needs its frame, and its time where times are known.")

    def head(self, count: int) -> RowOrder:
        """The first ``count`` rows."""
        times = None if self.times is None else self.times[:count]
        return RowOrder(self.order[:count], self.frames[:count], self.first, times, self.notes)


def order_rows(
    count: int,
    fps: float,
    frame_index: Reals | None = None,
    timestamp: Reals | None = None,
    index: Reals | None = None,
    expected: int | None = None,
) -> RowOrder:
    """The order of ``count`` rows by the first of the three columns that numbers each row once.

    Args:
        fps: rows a second, Hz.
        expected: how many there should be; of rows that are written twice, one is left out.
        frame_index, timestamp, index: (count,) what the rows call their frame, their second and their place in the
            whole dataset; None where there is no such column, NaN where it has a gap.
    """
    once = _written_once([frame_index, timestamp, index], count, expected)
    if len(once) < count:
        kept = [None if keys is None else keys[once] for keys in (frame_index, timestamp, index)]
        found = order_rows(len(once), fps, kept[0], kept[1], kept[2])
        again = count - len(once)
        note = f"{again} row{'s are' if again > 1 else ' is'} written twice; one of each is left out."
        return replace(found, order=once[found.order], notes=(note, *found.notes))
    notes: list[str] = []
    order: Rows = np.arange(count)
    named = (("frame_index", frame_index), ("timestamp", timestamp), ("index", index))
    usable = [(name, keys) for name, keys in named if keys is not None and _numbers_each_once(keys)]
    for name, keys in named[:2]:
        if keys is not None and not _numbers_each_once(keys):
            notes.append(_restart(name, keys, usable[0][0] if usable else ""))
    if usable:
        name, keys = usable[0]
        order = np.argsort(keys, kind="stable")
        if (np.diff(keys) < 0).any():
            notes.append(f"Its rows lie in another order than {name} says; they are shown in the order of {name}.")
    frames, first = np.arange(count), 0
    if frame_index is not None and _numbers_each_once(frame_index):
        numbers = frame_index[order].astype(np.int64)
        first = int(numbers[0]) if count else 0
        frames = numbers - first
        notes += _gaps(numbers)
    times = None
    if timestamp is not None and np.isfinite(timestamp).all() and count:
        times = timestamp[order] - timestamp[order][0]
        late = np.diff(times)
        lasting = float(frames[-1]) / fps
        if count > 2 and not lasting / 3 < times[-1] < 3 * lasting + 1 and (late >= 0).all():
            notes.append(f"Its timestamps span {times[-1]:.4g} s where {count} rows at {fps:g} a second last "
                         f"{lasting:.4g} s; frames are counted.")  # fmt: skip
            return RowOrder(order, frames, first, None, tuple(notes))
        if (late < 0).any() and usable and usable[0][0] == "frame_index":
            notes.append(f"Its timestamps go back at row {int(np.argmax(late < 0)) + 1}; frame_index is followed.")
            times = None
        elif (frames == np.arange(count)).all() and (late > PAUSE / fps).any():
            place = int(np.argmax(late))
            notes.append(f"There is a pause of {late[place]:.2g} s between rows {place} and {place + 1}.")
    return RowOrder(order, frames, first, times, tuple(notes))


def _written_once(counters: Sequence[Reals | None], count: int, expected: int | None) -> Rows:
    """The rows that repeat no earlier one: in all counters, and either right after it or beyond the number expected.

    Of one counter that starts again nobody can say whether the rows are the same or another take.
    """
    present = [keys for keys in counters if keys is not None and np.isfinite(keys).all()]
    if not present or not count:
        return np.arange(count)
    table = np.stack(present, axis=1)
    _, first = np.unique(table, axis=0, return_index=True)
    once = np.sort(first)
    gone = np.setdiff1d(np.arange(count), once)
    close = len(gone) > 0 and bool((table[gone] == table[gone - 1]).all()) and len(present) > 1
    return once if close or (expected is not None and count > expected and len(once) >= expected) else np.arange(count)


def _numbers_each_once(keys: Reals) -> bool:
    return bool(np.isfinite(keys).all()) and len(np.unique(keys)) == len(keys)


def _restart(name: str, keys: Reals, instead: str) -> str:
    follow = f"{instead} is followed" if instead else "the rows stay in the order of the file"
    if not np.isfinite(keys).all():
        return f"{name} has {int((~np.isfinite(keys)).sum())} gaps; {follow}."
    back = np.flatnonzero(np.diff(keys) < 0)
    if len(back):
        return f"{name} restarts at row {int(back[0]) + 1}; {follow}."
    return f"{name} numbers several rows alike; {follow}."


def _gaps(numbers: Rows) -> list[str]:
    """A sentence about frames that have no row."""
    jumps = np.flatnonzero(np.diff(numbers) > 1)
    if not len(jumps):
        return []
    absent = int((np.diff(numbers) - 1).sum())
    spans = [f"{numbers[j] + 1}" + (f" to {numbers[j + 1] - 1}" if numbers[j + 1] - numbers[j] > 2 else "")
             for j in jumps[:4]]  # fmt: skip
    return [f"{absent} frames have no row ({', '.join(spans)}{' ...' if len(jumps) > 4 else ''})."]


@dataclass(frozen=True)
class UsableRows:
    """What is left of an episode's rows.

    Attributes:
        keep: (m,) positions of the rows that stay.
        counts: column -> how many of them it has: fewer than m where its last values are no numbers.
        unreadable: column -> the sentence that says why nothing of it can be used.
        notes: what was left out, in plain sentences.
    """

    keep: Rows
    counts: Mapping[str, int]
    unreadable: Mapping[str, str]
    notes: tuple[str, ...] = ()


def usable_rows(columns: Mapping[str, Reals | None]) -> UsableRows:
    """The rows of which every column holds numbers.

    A column whose *last* rows hold none only becomes shorter: the frames of these rows are still shown. Any other such
    row is left out of the whole episode, so that frames, actions and states still belong together.

    Args:
        columns: what it is called in sentences (``"the actions"``) -> (n, D) numbers, NaN where there is none; None
            for a column that does not exist.
    """
    present = {name: values for name, values in columns.items() if values is not None}
    count = max((len(values) for values in present.values()), default=0)
    stay = np.ones(count, bool)
    ends: dict[str, int] = {}
    unreadable: dict[str, str] = {}
    notes: list[str] = []
    for name, values in present.items():
        good = np.asarray(np.isfinite(values).all(axis=1))  # (n,)
        if len(good) and (~good).mean() > MOST_BAD:
            empty = np.flatnonzero(~np.isfinite(values).any(axis=0))
            dead = (
                f" Number {empty[0]} never holds one; leave it out with the layout's 'columns'."
                if 0 < len(empty) < values.shape[1]
                else ""
            )
            unreadable[name] = (
                f"{(~good).sum()} of {len(good)} rows of {name} hold a value that is no finite number.{dead}"
            )
            continue
        end = int(np.flatnonzero(good)[-1]) + 1 if good.any() else 0
        ends[name] = end
        bad = np.flatnonzero(~good[:end])
        stay[bad] = False
        for rows, what in ((bad, "left out"), (np.arange(end, len(good)), f"shown without {name}")):
            if len(rows):
                notes.append(f"{_rows(rows)} of {name} {'holds' if len(rows) == 1 else 'hold'} a value that is no "
                             f"number; {'it is' if len(rows) == 1 else 'they are'} {what}.")  # fmt: skip
    keep = np.flatnonzero(stay)
    counts = {name: int((keep < end).sum()) for name, end in ends.items()}
    return UsableRows(keep, counts, unreadable, tuple(notes))


def _rows(rows: Sequence[int] | Rows) -> str:
    if len(rows) == 1:
        return f"Row {rows[0]}"
    return f"Rows {', '.join(str(row) for row in rows[:5])}{' ...' if len(rows) > 5 else ''}"


def hold_pictures(present: NDArray[np.bool_]) -> tuple[Rows, str]:
    """The row whose picture is shown at each row, (n,): its own, else the last before it, else the first; and a note.

    A row without a picture costs its own picture; nobody can see the rest of the view where none is there at all.
    """
    rows = np.arange(len(present))
    absent = np.flatnonzero(~present)
    if not len(absent) or not present.any():
        return rows, ""
    last = np.maximum.accumulate(np.where(present, rows, -1))
    note = f"{_rows(absent)} {'holds' if len(absent) == 1 else 'hold'} no picture; a neighbour's is shown."
    return np.where(last < 0, int(np.argmax(present)), last), note


def hold_gaps(values: Reals) -> tuple[Reals, int]:
    """(n, D) numbers with the value before it in place of one that is none, and how many rows that touched.

    For columns that go at another rate than the frames, where leaving a row out would shift all that follow.
    """
    good = np.isfinite(values).all(axis=1)
    if good.all() or not good.any():
        return values, 0
    last = np.maximum.accumulate(np.where(good, np.arange(len(values)), -1))
    return values[np.where(last < 0, int(np.argmax(good)), last)], int((~good).sum())

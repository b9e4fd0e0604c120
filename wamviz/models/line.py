"""Waiting for a device: first come, first served, one at a time, with the place in the line and the time it may take.

Contract: a ticket is a context manager; ``wait`` returns None when it is its turn and else, after a beat, how many are
in front. Leaving gives the place up, whether or not it was reached, so that a closed generator never holds the line.
Times come from what the same work took before; nothing is guessed where there is none.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

BEAT_S = 0.25  # how soon somebody who waits hears of Cancel


@dataclass(frozen=True)
class Wait:
    """Where somebody stands.

    Attributes:
        ahead: how many are served before, the one who is being served included.
        seconds: how long that may take, or None where it is not known.
    """

    ahead: int
    seconds: float | None

    @property
    def words(self) -> str:
        """For people.

        >>> Wait(1, None).words, Wait(3, 41.6).words
        ('waiting for the device, 1 in front', 'waiting for the device, 3 in front, about 42 s')
        """
        time_left = "" if self.seconds is None else f", about {max(1, round(self.seconds))} s"
        return f"waiting for the device, {self.ahead} in front{time_left}"


class Line:
    """One line a device.

    Args:
        clock: seconds, for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.changed = threading.Condition()
        self.standing: defaultdict[str, deque[Ticket]] = defaultdict(deque)
        self.took: dict[str, float] = {}  # seconds that this kind of work took last

    def ticket(self, device: str, work: str) -> Ticket:
        """A place at the end of a device's line, for ``work`` (what takes about the same time every time)."""
        return Ticket(self, device, work)


class Ticket:
    """A place in the line from ``__enter__`` to ``__exit__``."""

    def __init__(self, line: Line, device: str, work: str) -> None:
        self._line, self._device, self._work = line, device, work
        self._began: float | None = None

    def __enter__(self) -> Ticket:
        with self._line.changed:
            self._line.standing[self._device].append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        line = self._line
        with line.changed:
            line.standing[self._device].remove(self)
            if self._began is not None and kind is None:  # what was stopped says nothing of how long it takes
                line.took[self._work] = line.clock() - self._began
            line.changed.notify_all()

    def wait(self, beat: float = BEAT_S) -> Wait | None:
        """None when it is this ticket's turn; else where it stands, after at most ``beat`` seconds."""
        line = self._line
        queue = line.standing[self._device]
        with line.changed:
            line.changed.wait_for(lambda: queue[0] is self, 0 if queue[0] is self else beat)
            if queue[0] is self:
                self._began = self._began or line.clock()
                return None
            ahead = [queue[k] for k in range(queue.index(self))]
            left = [ticket.left() for ticket in ahead]
            known = [seconds for seconds in left if seconds is not None]
            return Wait(len(ahead), sum(known) if len(known) == len(left) else None)

    def left(self) -> float | None:
        """Seconds until this one is done once it is its turn; None where its work was never done before."""
        whole = self._line.took.get(self._work)
        if whole is None or self._began is None:
            return whole
        return max(0.0, whole - (self._line.clock() - self._began))


LINE = Line()

"""The queue of a device: first come, first served, one at a time, with the position in it and the time it may take.

Contract: a turn is a context manager; ``wait`` returns None when it has come and else, after a beat, how many are in
front. Leaving gives it up, whether or not it had come, so that a closed generator never holds the queue.
Times come from what the same work took before; nothing is guessed where there is none.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

BEAT_S = 0.25  # how soon a waiting turn notices Cancel


@dataclass(frozen=True)
class QueuePosition:
    """The position of one turn.

    Attributes:
        ahead: how many are served before it, the one being served included.
        seconds: how long that may take, or None where it is not known.
    """

    ahead: int
    seconds: float | None

    @property
    def words(self) -> str:
        """The status line that is shown.

        >>> QueuePosition(1, None).words, QueuePosition(3, 41.6).words
        ('waiting for the device, 1 in front', 'waiting for the device, 3 in front, about 42 s')
        """
        time_left = "" if self.seconds is None else f", about {max(1, round(self.seconds))} s"
        return f"waiting for the device, {self.ahead} in front{time_left}"


class DeviceQueue:
    """One queue a device.

    Args:
        clock: seconds, for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.changed = threading.Condition()
        self.waiting: defaultdict[str, deque[QueueTurn]] = defaultdict(deque)
        self.durations: dict[str, float] = {}  # seconds that this kind of work took last

    def join(self, device: str, work: str) -> QueueTurn:
        """A turn at the end of a device's queue, for ``work`` (what takes about the same time every time)."""
        return QueueTurn(self, device, work)


class QueueTurn:
    """A place in the queue from ``__enter__`` to ``__exit__``."""

    def __init__(self, queue: DeviceQueue, device: str, work: str) -> None:
        self._queue, self._device, self._work = queue, device, work
        self._began: float | None = None

    def __enter__(self) -> QueueTurn:
        with self._queue.changed:
            self._queue.waiting[self._device].append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        queue = self._queue
        with queue.changed:
            queue.waiting[self._device].remove(self)
            if self._began is not None and kind is None:  # what was stopped says nothing of how long it takes
                queue.durations[self._work] = queue.clock() - self._began
            queue.changed.notify_all()

    def wait(self, beat: float = BEAT_S) -> QueuePosition | None:
        """None when it is its turn; else its position, after at most ``beat`` seconds."""
        queue = self._queue
        turns = queue.waiting[self._device]
        with queue.changed:
            queue.changed.wait_for(lambda: turns[0] is self, 0 if turns[0] is self else beat)
            if turns[0] is self:
                self._began = self._began or queue.clock()
                return None
            ahead = [turns[k] for k in range(turns.index(self))]
            left = [turn.estimate_left() for turn in ahead]
            known = [seconds for seconds in left if seconds is not None]
            return QueuePosition(len(ahead), sum(known) if len(known) == len(left) else None)

    def estimate_left(self) -> float | None:
        """Seconds until its work is done, from when its turn comes; None where its work was never done before."""
        whole = self._queue.durations.get(self._work)
        if whole is None or self._began is None:
            return whole
        return max(0.0, whole - (self._queue.clock() - self._began))


DEVICE_QUEUE = DeviceQueue()

"""Training data that grows: shards that appear while a stage trains are read in a thread and joined to what is there.

A stage asks for ``latest(data)`` once a step. What it gets never changes under its hands, and an index into it stays
right in everything that comes later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")
AT_ONCE = 16  # shards that are read before they are joined to the rest


class Growing(Generic[T]):
    """What was recorded so far; a context, in which it grows.

    Args:
        first: shards that are there, to begin with; then: paths of those that may appear, ``first`` among them or not.
        load: reads shards; join: puts the second load after the first one.
        every: seconds between two looks.
    """

    def __init__(
        self,
        first: Sequence[Path],
        then: Sequence[Path],
        load: Callable[[list[Path]], T],
        join: Callable[[T, T], T],
        every: float = 5.0,
    ) -> None:
        self._load, self._join, self._every = load, join, every
        self._latest = load(list(first))
        self._shards = len(first)
        self._missing = [path for path in then if path not in set(first)]
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._grow, name="growing", daemon=True)

    def __enter__(self) -> Growing[T]:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def latest(self) -> T:
        """All that was read so far; raises what reading failed with."""
        if self._error is not None:
            raise self._error
        return self._latest

    @property
    def shards(self) -> int:
        """How many shards were read so far."""
        return self._shards

    def expect(self, paths: Sequence[Path]) -> None:
        """Look for these as well from now on."""
        with self._lock:
            self._missing += paths

    def read_new(self) -> int:
        """Read the shards that have appeared, ``AT_ONCE`` at most, and return how many those are."""
        with self._lock:
            there = [path for path in self._missing if path.exists()][:AT_ONCE]
        if there:
            self._latest = self._join(self._latest, self._load(there))
            self._shards += len(there)
            with self._lock:
                self._missing = [path for path in self._missing if path not in set(there)]
        return len(there)

    def _grow(self) -> None:
        try:
            while not self._stop.is_set():
                if not self.read_new():
                    self._stop.wait(self._every)
        except BaseException as error:  # noqa: BLE001 - told at the next ``latest``; here nobody would hear it
            self._error = error


def latest(data: T | Growing[T]) -> T:
    """Data as it is now: itself, unless it grows."""
    return data.latest if isinstance(data, Growing) else data

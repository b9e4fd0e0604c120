"""Jobs done by other processes while this one trains.

The processes answer no Ctrl-C, and they end with their parent, however it ends: each holds the reading end of a pipe
whose only writing end is the parent's. A job that fails stops the others, and the parent says so at its next ``check``.
Jobs must be safe to cut off at any moment.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import Any

from wamviz.core.errors import WamvizError
from wamviz.core.signals import ignore_sigint

Job = tuple[Callable[[Any], object], Any]  # a function that a new process can import, and its argument


def _begin(alive: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = "1"  # the processes are the threads
    os.environ["LP_NUM_THREADS"] = "0"  # of the software renderer as well
    threading.Thread(target=_end_with, args=(alive,), daemon=True).start()


def _end_with(alive: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        alive.recv_bytes()  # nothing is ever sent
    os._exit(0)


class Background:
    """``workers`` processes that do jobs in the order of their adding; a context that ends them.

    A job goes to a process only once that is free, so that an urgent one never waits for more than those in hand.
    """

    def __init__(self, workers: int) -> None:
        spawn = multiprocessing.get_context("spawn")  # a forked graphics context is not usable
        self.workers = workers
        alive, self._keep = spawn.Pipe(duplex=False)
        self._alive = alive
        self._pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_begin, initargs=(alive,))
        self._lock = threading.RLock()
        self._waiting: deque[Job] = deque()
        self._running, self._closed = 0, False
        self._error: BaseException | None = None

    def __enter__(self) -> Background:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, jobs: Iterable[Job], urgent: bool = False) -> None:
        """Do these as well: after the others, or before all that have not begun."""
        with self._lock:
            if urgent:
                self._waiting.extendleft(reversed(list(jobs)))
            else:
                self._waiting.extend(jobs)
        with ignore_sigint():  # processes start here and inherit this
            self._fill()

    def check(self) -> None:
        """Raise what a job failed with."""
        if isinstance(self._error, BrokenProcessPool):
            raise WamvizError(
                "A recording process died; perhaps the memory is full.",
                "Run the same command with fewer --workers: finished episodes are kept.",
            ) from self._error
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """End the processes now, whatever they are doing, and wait until they are gone."""
        with self._lock:
            self._closed = True
            self._waiting.clear()
        self._keep.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._alive.close()

    def _fill(self) -> None:
        """Hand out jobs while processes are free; never under the lock, because the pool has locks of its own."""
        while True:
            with self._lock:
                if self._closed or not self._waiting or self._running >= self.workers:
                    return
                work, argument = self._waiting.popleft()
                self._running += 1
            try:
                job = self._pool.submit(work, argument)
            except RuntimeError as error:  # the pool broke, or closes
                self._fail(error)
                return
            job.add_done_callback(self._finish)

    def _finish(self, job: Future[object]) -> None:
        with self._lock:
            self._running -= 1
        if job.cancelled():
            return
        error = job.exception()
        if error is not None:
            self._fail(error)
        else:
            self._fill()

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self._waiting.clear()
            if not self._closed:
                self._error = self._error or error

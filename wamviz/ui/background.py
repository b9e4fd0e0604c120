"""Work that outlives the page that started it: reloads, closed tabs and second clicks leave it alone.

Contract: a ``Job`` runs a stream of named parts in a thread of its own and remembers the newest value of each; any
number of watchers see all of it, whenever they come. A ``JobBoard`` hands out ids that cannot be guessed, starts a job
once, and forgets finished ones after a while. It knows no page and no model.
"""

from __future__ import annotations

import contextvars
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from wamviz.core.errors import Busy
from wamviz.ui.jobs import Switch

log = logging.getLogger(__name__)
Parts = dict[str, Any]
Start = Callable[[Switch], Iterator[Parts]]
KEEP_S = 3600.0  # a finished job can be returned to for so long
START_S = 60.0  # a page that has not started its job by then was closed
MOST_RUNNING = 16


class Job:
    """One piece of work and what it has shown so far.

    Args:
        job_id: its name in addresses.
    """

    def __init__(self, job_id: str) -> None:
        self.id, self.switch = job_id, Switch()
        self.question: Mapping[str, Any] = {}  # what the form held, so that another page can show it again
        self.opened = time.monotonic()
        self.ended: float | None = None  # time.monotonic() of its end
        self._changed = threading.Condition()
        self._parts: dict[str, tuple[int, Any]] = {}  # name -> (count of its update, value)
        self._count = 0
        self._started = False

    @property
    def running(self) -> bool:
        """Whether it is under way, or about to be."""
        return self.ended is None

    def start(self, stream: Start, question: Mapping[str, Any] | None = None) -> None:
        """Run ``stream`` in a thread; a job that was started before goes on as it is."""
        with self._changed:
            if self._started:
                return
            self._started, self.question = True, dict(question or {})
        context = contextvars.copy_context()  # a borrowed GPU belongs to the request that asked
        threading.Thread(target=context.run, args=(self._run, stream), name=f"wamviz-{self.id}", daemon=True).start()

    def watch(self, beat: float | None = None) -> Iterator[Parts]:
        """What it has shown so far, then every change (several at once where they come fast), until it has ended.

        Args:
            beat: seconds after which nothing is yielded where nothing has changed, so that a watcher can leave.
        """
        seen = 0
        while True:
            with self._changed:
                while self._count <= seen and self.running:
                    if not self._changed.wait(beat):
                        break
                news = {name: value for name, (count, value) in self._parts.items() if count > seen}
                seen, over = self._count, not self.running
            if news or (beat is not None and not over):
                yield news
            if over:
                return

    def show(self, parts: Parts) -> None:
        """Show something beside what the stream shows; after its last word nothing more."""
        with self._changed:
            if self.running:
                self._add(parts)

    def abandon(self) -> None:
        """End a job if nobody has started it."""
        with self._changed:
            if not self._started:
                self._started = True
                self._end()

    def _run(self, stream: Start) -> None:
        try:
            for parts in stream(self.switch):
                with self._changed:
                    self._add(parts)
        except Exception:  # streams put their own mistakes into words; this one could not
            log.exception("Job %s ended in an error", self.id)
        finally:
            with self._changed:
                self._end()

    def _add(self, parts: Parts) -> None:
        self._count += 1
        self._parts.update((name, (self._count, value)) for name, value in parts.items())
        self._changed.notify_all()

    def _end(self) -> None:
        self.ended = time.monotonic()
        self._changed.notify_all()


class JobBoard:
    """All jobs of one server.

    Args:
        most: how many may be under way.
    """

    def __init__(self, most: int = MOST_RUNNING) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def open(self) -> Job:
        """A new job, not yet started.

        Raises:
            Busy: too many are under way.
        """
        with self._lock:
            now = time.monotonic()
            for job in self._jobs.values():
                if now - job.opened > START_S:
                    job.abandon()
            self._jobs = {
                name: job for name, job in self._jobs.items() if job.ended is None or now - job.ended < KEEP_S
            }
            if sum(job.running for job in self._jobs.values()) >= self._most:
                raise Busy(f"{self._most} runs are under way on this server.", "Try again in a minute.")
            job = Job(secrets.token_hex(16))
            self._jobs[job.id] = job
            return job

    def get(self, job_id: str | None) -> Job | None:
        """The job of that id, or None: it is unknown, or was forgotten."""
        with self._lock:
            return self._jobs.get(job_id or "")

    def running(self, job_id: str | None) -> Job | None:
        """The job of that id if it is under way."""
        job = self.get(job_id)
        return job if job is not None and job.running else None

    def cancel(self, job_id: str | None, parts: Parts) -> None:
        """Ask a job to stop, and show ``parts`` until it has; nothing when there is nothing to stop."""
        job = self.running(job_id)
        if job is not None:
            job.switch.turn_off()
            job.show(parts)

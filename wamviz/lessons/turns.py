"""Whose experiment runs next: a few at a time, one a learner, and whoever had least before whoever had more.

Contract: a turn is a context manager; ``wait`` returns None when it may run and else, after a beat, how many are in
front. Several learners may share one turn (they ask the same): it comes as soon as it would for any of them. A turn
``alone`` measures seconds: it runs when nothing else does, and nobody starts before it who comes after it. The
device's own queue (``models.queue``) then serves those that run question by question.
"""

from __future__ import annotations

import threading
from collections import Counter
from types import TracebackType

AT_ONCE = 5  # experiments that run side by side; their questions to the model take turns anyway
BEAT_S = 0.25  # how soon whoever waits notices that they want to stop


class Turns:
    """The places where experiments run.

    Args:
        at_once: how many may run at a time.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._changed = threading.Condition()
        self._waiting: list[Turn] = []  # in the order in which they came
        self._running: list[Turn] = []
        self._had: Counter[str] = Counter()  # turns that each learner had

    def join(self, learner: str, alone: bool = False) -> Turn:
        """A turn for ``learner``."""
        return Turn(self, learner, alone)

    def _order(self) -> list[Turn]:
        """Those who wait, the next one first; those whose learners all run something already come last."""
        busy = {learner for turn in self._running for learner in turn.learners}

        def rank(turn: Turn) -> tuple[bool, int]:
            return turn.learners <= busy, min(self._had[learner] for learner in turn.learners)

        return sorted(self._waiting, key=rank)  # of equals, whoever came first

    def _may_run(self, turn: Turn) -> bool:
        """Whether its time has come; ``turn`` is the first of those who wait."""
        busy = {learner for other in self._running for learner in other.learners}
        if turn.learners <= busy or any(other.alone for other in self._running):
            return False
        return not self._running if turn.alone else len(self._running) < self._at_once


class Turn:
    """A place among those who wait and run, from ``__enter__`` to ``__exit__``."""

    def __init__(self, turns: Turns, learner: str, alone: bool) -> None:
        self.learners, self.alone, self._turns = {learner}, alone, turns

    def share(self, learner: str) -> None:
        """Another learner waits for the same; nothing changes once it runs."""
        with self._turns._changed:
            if self not in self._turns._running:
                self.learners.add(learner)
                self._turns._changed.notify_all()

    def __enter__(self) -> Turn:
        with self._turns._changed:
            self._turns._waiting.append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        turns = self._turns
        with turns._changed:
            for places in (turns._waiting, turns._running):
                if self in places:
                    places.remove(self)
            turns._changed.notify_all()

    def wait(self, beat: float = BEAT_S) -> int | None:
        """None when it may run; else how many come before it, after at most ``beat`` seconds."""
        turns = self._turns
        with turns._changed:
            turns._changed.wait_for(self._comes, 0 if self._comes() else beat)
            if self in turns._running:
                return None
            if not self._comes():
                return turns._order().index(self) + len(turns._running)
            turns._waiting.remove(self)
            turns._running.append(self)
            turns._had.update(self.learners)
            return None

    def _comes(self) -> bool:
        turns = self._turns
        return self in turns._running or (turns._order()[0] is self and turns._may_run(self))

"""Where the lessons' experiments run: fairly in turn, and in a class each only once.

Contract: ``ask`` yields what an experiment yields, and before it how many are in front. On a shared bench the same
experiment with the same controls and weights is computed once: whoever asks meanwhile waits for that one and sees how
far it is, whoever asks later has what was found. It stops when the last one who waits for it stops; what failed is
computed anew.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, NamedTuple

from wamviz.core.errors import Canceled
from wamviz.lessons import Experiment, Finding, Lab, Progress
from wamviz.lessons.turns import BEAT_S, Turn, Turns
from wamviz.models import registry
from wamviz.ui.background import Job, Parts
from wamviz.ui.jobs import Switch

KEPT = 60  # findings, each with a run of some megabytes
Key = tuple[Any, ...]
MakeLab = Callable[[Switch], Lab]
Finish = Callable[[Finding], Finding]


class Waiting(NamedTuple):
    """How many come before."""

    ahead: int


class Shared(NamedTuple):
    """It was, or is being, computed for somebody else."""


@dataclass
class _Work:
    """One computation and how many wait for it."""

    key: Key
    turn: Turn
    job: Job
    watchers: int = 0


class Bench:
    """The experiments that run now, and on a ``shared`` one what was found before."""

    def __init__(self, shared: bool = False) -> None:
        self._shared, self._turns, self._lock = shared, Turns(), threading.Lock()
        self._works: OrderedDict[Key, _Work] = OrderedDict()
        self.computed = self.answered = 0  # experiments that were begun; questions that one of those answered

    def ask(
        self,
        learner: str,
        experiment: Experiment,
        values: Mapping[str, Any],
        make_lab: MakeLab,
        switch: Switch,
        finish: Finish = lambda finding: finding,
    ) -> Iterator[Waiting | Shared | Progress | Finding]:
        """What ``experiment`` yields with these values.

        Args:
            learner: who asks; one runs one experiment at a time.
            make_lab: the lab to work in, which stops when the switch that it is given is off.
            switch: of the one who asks.
            finish: what is done with a finding once, before anybody has it.

        Raises:
            Canceled: ``switch`` is off.
            Exception: whatever the experiment raised.
        """
        work, mine = self._join(learner, experiment, experiment.read(values), make_lab, finish)
        try:
            if not mine:
                yield Shared()
            for parts in work.job.watch(BEAT_S):
                if switch.off:
                    raise Canceled("Stopped.")
                event = parts.get("event")
                if isinstance(event, Exception):
                    raise event
                if event is not None:
                    yield event
        finally:
            self._leave(work)

    def _join(
        self, learner: str, experiment: Experiment, values: Mapping[str, Any], make_lab: MakeLab, finish: Finish
    ) -> tuple[_Work, bool]:
        """The computation that answers, and whether it was begun for this."""
        key = experiment.name, tuple(sorted(values.items())), weights_digest()
        with self._lock:
            work = self._works.get(key) if self._shared else None
            if work is not None:
                work.watchers += 1
                work.turn.share(learner)
                self._works.move_to_end(key)
                self.answered += 1
                return work, False
            self.computed += 1
            turn = self._turns.join(learner, experiment.timed)
            work = _Work(key, turn, Job(secrets.token_hex(8)), watchers=1)
            if self._shared:
                self._works[key] = work
                self._forget_oldest()

        def run(switch: Switch) -> Iterator[Parts]:
            try:
                with work.turn as turn:
                    while (ahead := turn.wait()) is not None:
                        if switch.off:
                            raise Canceled("Stopped.")
                        yield {"event": Waiting(ahead)}
                    with closing(experiment.run(values, make_lab(switch))) as stream:  # type: ignore[type-var]
                        for event in stream:
                            yield {"event": finish(event) if isinstance(event, Finding) else event}
            except Exception as error:  # whoever waits for it is told, each in their own words
                with self._lock:
                    self._drop(work)
                yield {"event": error}

        work.job.start(run)
        return work, True

    def _leave(self, work: _Work) -> None:
        with self._lock:
            work.watchers -= 1
            if not work.watchers and work.job.running:
                work.job.switch.turn_off()
                self._drop(work)  # nobody may join what stops

    def _drop(self, work: _Work) -> None:
        if self._works.get(work.key) is work:
            del self._works[work.key]

    def _forget_oldest(self) -> None:
        for work in list(self._works.values()):
            if len(self._works) <= KEPT:
                return
            if not work.job.running:
                self._drop(work)


def weights_digest() -> str:
    """Which weights experiments ask now."""
    from wamviz.lessons.lab import MODEL

    return str(registry.entry(MODEL).capabilities.extras.get("weights_digest", ""))

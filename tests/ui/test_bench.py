"""The same experiment is computed once for a class, a mistake is told once, and who leaves stops nobody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from wamviz.core.errors import Canceled, InvalidInput
from wamviz.lessons import Experiment, Finding, Lab, Progress, Whole
from wamviz.lessons.experiment import Figure, Measure
from wamviz.ui.bench import Bench, Shared, Waiting
from wamviz.ui.jobs import Switch

FOUND = Finding((Figure("error", "%", (Measure("one", 1.0),)),), "open")


class Gated:
    """An experiment that goes on when a test lets it."""

    def __init__(self, fails: int = 0) -> None:
        self.go, self.begun, self.fails, self.calls = threading.Event(), threading.Event(), fails, 0
        self.experiment = Experiment("gated", (Whole("scenes", 1, 9, 2),), ("error", "one"), (), self.work)

    def work(self, values: Any, lab: Lab) -> Iterator[Progress | Finding]:
        self.calls += 1
        yield Progress(0, 1)
        self.begun.set()
        while not self.go.wait(0.02):
            lab.check()
        if self.calls <= self.fails:
            raise InvalidInput("No scene is like that.")
        yield FOUND


def make_lab(switch: Switch) -> Lab:
    return Lab(stopped=lambda: switch.off)


def ask(bench: Bench, gated: Gated, learner: str = "ada", switch: Switch | None = None, **values: Any) -> Any:
    return bench.ask(learner, gated.experiment, values, make_lab, switch or Switch())


def test_who_asks_the_same_waits_for_the_one_that_runs_and_later_has_what_was_found() -> None:
    bench, gated = Bench(shared=True), Gated()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(lambda: list(ask(bench, gated)))
        assert gated.begun.wait(60)
        others = [pool.submit(lambda k=k: list(ask(bench, gated, f"learner {k}", scenes=2))) for k in range(6)]
        gated.go.set()
        assert first.result(60)[-1] == FOUND and Shared() not in first.result()
        assert all(other.result(60)[0] == Shared() and other.result()[-1] == FOUND for other in others)
    assert list(ask(bench, gated))[-1] == FOUND
    assert (gated.calls, bench.computed, bench.answered) == (1, 1, 7)
    assert list(ask(bench, gated, scenes=3))[-1] == FOUND and gated.calls == 2  # other controls


def test_alone_everybody_measures_for_themselves() -> None:
    bench, gated = Bench(), Gated()
    gated.go.set()
    for _ in range(2):
        assert Shared() not in list(ask(bench, gated))
    assert gated.calls == 2


def test_other_weights_are_another_experiment(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, gated = Bench(shared=True), Gated()
    gated.go.set()
    list(ask(bench, gated))
    monkeypatch.setattr("wamviz.ui.bench.weights_digest", lambda: "others")
    list(ask(bench, gated))
    assert gated.calls == 2


def test_a_mistake_is_told_to_all_who_wait_and_the_next_one_tries_again() -> None:
    bench, gated = Bench(shared=True), Gated(fails=1)
    gated.go.set()
    with pytest.raises(InvalidInput, match="No scene"):
        list(ask(bench, gated))
    assert list(ask(bench, gated))[-1] == FOUND and gated.calls == 2
    with pytest.raises(InvalidInput, match="1 .. 9"):
        list(ask(bench, gated, scenes=10))


def test_who_stops_stops_only_their_own_waiting_and_the_last_one_the_work() -> None:
    bench, gated, ada, bob = Bench(shared=True), Gated(), Switch(), Switch()
    first, second = ask(bench, gated, "ada", ada), ask(bench, gated, "bob", bob)
    assert isinstance(next(first), Waiting | Progress) and next(second) == Shared()
    ada.turn_off()
    with pytest.raises(Canceled):
        list(first)
    assert gated.begun.wait(60)
    gated.go.set()
    assert list(second)[-1] == FOUND
    gated = Gated()
    left = ask(bench, gated, scenes=4)
    next(left)
    left.close()
    gated.go.set()  # what was left is not joined: it stops
    assert list(ask(bench, gated, scenes=4))[-1] == FOUND


def test_a_finding_is_finished_once() -> None:
    bench, gated, kept = Bench(shared=True), Gated(), []
    gated.go.set()

    def keep(finding: Finding) -> Finding:
        kept.append(finding)
        return finding

    for learner in ("ada", "bob"):
        list(bench.ask(learner, gated.experiment, {}, make_lab, Switch(), keep))
    assert kept == [FOUND]

"""Every experiment at its smallest, on the shipped weights: it ends with numbers that its metric confirms, twice."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from wamviz.core.errors import Canceled, InvalidInput
from wamviz.lessons import Finding, Lab, Progress, all_experiments
from wamviz.lessons.experiment import Whole

pytestmark = pytest.mark.slow
NAMES = sorted(all_experiments())


def smallest(name: str) -> dict[str, Any]:
    """The values of its controls that cost least."""
    return {one.name: one.low for one in all_experiments()[name].controls if isinstance(one, Whole)}


@cache
def finding(name: str) -> Finding:
    """What an experiment ends with, and that it told how far it was."""
    events = list(all_experiments()[name].run(smallest(name), Lab()))
    steps = [event for event in events if isinstance(event, Progress)]
    assert steps[0].done == 0 and all(a.done <= b.done <= b.total for a, b in zip(steps, steps[1:], strict=False))
    assert isinstance(events[-1], Finding)
    return events[-1]


@pytest.mark.parametrize("name", NAMES)
def test_it_ends_with_named_finite_numbers(name: str) -> None:
    experiment, found = all_experiments()[name], finding(name)
    assert found.verdict in ("holds", "broken", "open")
    assert found.answer in ("", *experiment.answers)
    for figure in found.figures:
        shown = [figure.name, *(one.name for one in (*figure.measures, *figure.curves))]
        shown += [figure.x_name] if figure.curves else []
        assert set(shown) <= set(experiment.labels)
        for one in figure.measures:
            assert one.value == one.value and abs(one.value) < 1e6
            assert one.low is None or one.low <= one.value + 1e-4  # intervals are rounded


@pytest.mark.parametrize("name", ["wordings", "counterfactuals"])
def test_the_same_values_give_the_same_numbers(name: str) -> None:
    (again,) = [one for one in all_experiments()[name].run(smallest(name), Lab()) if isinstance(one, Finding)]
    assert again.figures == finding(name).figures


def test_whoever_stops_is_heard_before_the_next_question() -> None:
    lab = Lab(stopped=lambda: True)
    with pytest.raises(Canceled):
        next(iter(lab.contexts(1)))
    with pytest.raises(InvalidInput, match="only"):
        list(Lab().contexts(99))

"""What an experiment is: controls that refuse what cannot be, means with honest intervals, and a careful verdict."""

from __future__ import annotations

import pytest

from wamviz.core.errors import InvalidInput, NotFound
from wamviz.lessons import Choice, Experiment, Figure, Lab, Whole
from wamviz.lessons.experiment import ENOUGH, Curve, Finding, Progress, mean_of, smaller


def test_controls_read_what_a_browser_sends_and_refuse_the_rest() -> None:
    scenes = Whole("scenes", 2, 30, 6)
    assert scenes.read(2) == scenes.read(2.0) == 2
    for bad in (1, 31, 2.5, "2", None, True):
        with pytest.raises(InvalidInput, match="2 .. 30"):
            scenes.read(bad)
    with pytest.raises(NotFound, match="Did you mean 'frozen'"):
        Choice("control", ("frozen", "reversed"), "frozen").read("frosen")


def test_a_missing_control_has_its_default_and_a_stray_one_is_named() -> None:
    def work(values, lab):  # type: ignore[no-untyped-def]
        yield Progress(values["scenes"], 9)

    experiment = Experiment("count", (Whole("scenes", 1, 9, 3),), ("error",), (), work)
    assert next(iter(experiment.run({}, Lab()))) == Progress(3, 9)
    assert experiment.labels == ("scenes", "error")
    with pytest.raises(NotFound, match="control 'scene'"):
        experiment.run({"scene": 3}, Lab())


def test_a_mean_has_an_interval_from_two_contexts_on() -> None:
    assert mean_of("error", [2.0]).low is None
    found = mean_of("error", [1.0, 2.0, 3.0, 4.0])
    assert found.value == 2.5 and found.low is not None and found.high is not None
    assert 1.0 <= found.low < 2.5 < found.high <= 4.0 and found.count == 4


def test_nothing_is_decided_by_few_pairs_or_by_a_difference_that_may_be_none() -> None:
    small, large = [1.0] * ENOUGH, [2.0] * ENOUGH
    assert smaller(small, large) == "holds" and smaller(large, small) == "broken"
    assert smaller(small[1:], large[1:]) == "open"
    assert smaller([1.0, 3.0, 1.0, 3.0, 2.0], [3.0, 1.0, 3.0, 1.0, 2.0]) == "open"


def test_a_figure_is_bars_or_curves_and_a_curve_has_a_value_a_place() -> None:
    with pytest.raises(InvalidInput, match="one of the two"):
        Figure("error", "%")
    with pytest.raises(InvalidInput, match="2 places and 1 values"):
        Curve("error", (1.0, 2.0), (1.0,))
    assert Finding((Figure("error", "%", (mean_of("error", [1.0]),)),), "open").answer == ""

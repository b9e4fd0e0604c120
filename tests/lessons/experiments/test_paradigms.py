"""Paradigms: errors and seconds are those of the runs themselves."""

from __future__ import annotations

import pytest

from wamviz.lessons import Finding, Lab, all_experiments
from wamviz.lessons.experiments.known_ending import action_error
from wamviz.lessons.experiments.paradigms import OTHER
from wamviz.lessons.lab import HORIZON


@pytest.mark.slow
def test_the_figures_are_what_the_runs_say() -> None:
    lab = Lab()
    (found,) = [one for one in all_experiments()["paradigms"].run({"scenes": 2}, lab) if isinstance(one, Finding)]
    errors, seconds, change = ({one.name: one.value for one in figure.measures} for figure in found.figures)
    runs = [lab.imagine(one, "joint", seed=k, horizon=HORIZON) for k, one in enumerate(lab.contexts(2), 1)]
    assert errors["joint"] == pytest.approx(sum(map(action_error, runs)) / 2)
    assert all(value > 0 for value in seconds.values())
    assert change["other_video"] > change["other_seed"]


def test_the_other_sentences_are_two() -> None:
    assert len(set(OTHER)) == 2

"""Known endings: a misleading future, and the way that errs least, with care."""

from __future__ import annotations

import pytest

from wamviz.core.errors import InvalidInput
from wamviz.lessons import Finding, Lab, all_experiments
from wamviz.lessons.experiments.known_ending import action_error, best, misleading


@pytest.mark.slow
def test_the_figure_is_what_the_metric_says() -> None:
    lab, values = Lab(), {"scenes": 2, "control": "frozen"}
    (found,) = [one for one in all_experiments()["known_ending"].run(values, lab) if isinstance(one, Finding)]
    bars = {one.name: one.value for one in found.figures[0].measures}
    runs = [lab.imagine(context, "act_only", seed=k) for k, context in enumerate(lab.contexts(2), 1)]
    assert bars["act_only"] == pytest.approx(sum(map(action_error, runs)) / 2)
    assert bars["hold"] == pytest.approx(sum(action_error(run, "hold_mae") for run in runs) / 2)
    assert all(action_error(run) == 100 * run.metrics["actions"]["mae"] for run in runs)
    with pytest.raises(InvalidInput, match="nothing recorded"):
        action_error(runs[0], "nowhere")


def test_a_misleading_video_starts_at_the_context_and_shows_something_else() -> None:
    first, second = (one.reference.frames[:5] for one in Lab().contexts(2))  # type: ignore[union-attr, index]
    for which in ("frozen", "reversed", "foreign"):
        video = misleading(which, first, second)
        assert video.shape == first.shape and (video[0] == first[0]).all()
        assert (video[1:] != first[1:]).any()


def test_the_best_is_named_when_it_can_be_told() -> None:
    apart = {"act_only": [5.0] * 6, "imagined": [9.0] * 6, "recorded": [1.0] * 6}
    assert best(apart) == "recorded"
    assert best({**apart, "act_only": [1.0] * 6}) == ""

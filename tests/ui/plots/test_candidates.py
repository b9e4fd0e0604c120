"""Several runs in one figure: each by its own look and title, and what cannot be drawn is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.ui.plots import LOOKS, action_figure, plot_candidate_actions, plot_candidate_metrics


@pytest.fixture
def runs(make_run):
    """Two runs of the same question, and one that failed."""
    run = make_run()
    other = replace(run, id="f" * 16)
    return {"one, joint": run, "two, joint": other, "three, joint": None}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_run_has_its_look_and_its_title(runs, theme):
    """A line a dimension and a legend entry each, in the colour of its place; the failed one has none."""
    figure = plot_candidate_actions(runs, theme)
    lines = [trace for trace in figure.data if trace.meta["role"] == "line"]
    assert {trace.meta["origin"] for trace in lines} == {"recorded", "contender-1", "contender-2"}
    for trace in lines:
        assert trace.line.color == LOOKS[trace.meta["origin"]].color[theme]
    keys = [trace.name for trace in figure.data if trace.meta["role"] == "legend"]
    assert keys == ["recorded", "one, joint", "two, joint"]
    assert any(trace.name == "two, joint dx" for trace in lines)


def test_the_lines_are_the_actions(runs):
    """What is drawn is what the run holds."""
    figure = plot_candidate_actions(runs)
    trace = next(t for t in figure.data if t.name == "one, joint dy")
    expected = runs["one, joint"].imagined[0].actions[:, 1]
    assert np.allclose(trace.y[1:], expected) and trace.y[0] == trace.y[1]


def test_another_action_space_is_left_out_with_the_reason(runs):
    """Joint positions cannot share a lane with steps of the hand."""
    run = runs["two, joint"]
    space = replace(run.imagined[0].action_space, kind="joint_position")
    strange = replace(run, imagined=(replace(run.imagined[0], action_space=space),))
    figure = plot_candidate_actions({**runs, "two, joint": strange})
    assert not any(trace.meta.get("origin") == "contender-2" for trace in figure.data)
    assert "two, joint are not drawn" in " ".join(figure.layout.meta["notes"])


def test_rates_share_a_scale(runs):
    """Steps at twice the rate are added up: the path is the same, so the lines are."""
    run = runs["one, joint"]
    rollout = run.imagined[0]
    halves = np.repeat(rollout.actions, 2, axis=0)
    halves[:, :6] /= 2
    quick = replace(rollout, actions=halves, action_space=replace(rollout.action_space, rate=10.0))
    figure = plot_candidate_actions({"one": run, "two": replace(run, imagined=(quick,))})
    one, two = (next(t for t in figure.data if t.name == f"{name} dx") for name in ("one", "two"))
    assert np.allclose(one.y, two.y, atol=1e-6) and np.allclose(one.x, two.x)


def test_metrics_are_the_runs_own(runs):
    """The curves are the numbers that stand in the run, with the control beside them."""
    figure = plot_candidate_metrics(runs)
    video = runs["one, joint"].metrics["video"]
    named = {trace.name: trace for trace in figure.data if trace.meta["role"] == "line"}
    assert list(named) == ["copy last frame psnr", "one, joint psnr", "two, joint psnr"]
    assert np.allclose(named["one, joint psnr"].y, video["by_sample"][0]["psnr_by_frame"])
    assert np.allclose(named["copy last frame psnr"].y, video["copy_last_psnr_by_frame"])


def test_nothing_to_draw_is_said():
    """Failed runs alone give a sentence, not an empty frame."""
    for figure in (
        plot_candidate_actions({"one": None, "two": None}),
        plot_candidate_metrics({"one": None, "two": None}),
    ):
        assert "None of these runs" in figure.layout.meta["empty"]
    with pytest.raises(WamvizError, match="At most 4"):
        plot_candidate_actions(dict.fromkeys("abcde"))


def test_what_is_too_short_for_the_others_rate_is_left_out_with_the_reason(runs):
    """One model of two quick steps, or of none at all, does not keep the others from being drawn."""
    slow, run = runs["one, joint"], runs["two, joint"]
    first = run.imagined[0]
    quick = replace(first, actions=first.actions[:2], action_space=replace(first.action_space, rate=20.0), frames=None)
    none = replace(first, actions=first.actions[:0])
    for other, said in ((quick, "two, joint last less"), (none, "")):
        strange = replace(run, imagined=(other,))
        for order in ({"one, joint": slow, "two, joint": strange}, {"two, joint": strange, "one, joint": slow}):
            figure = plot_candidate_actions(order)
            drawn = {trace.meta["origin"] for trace in figure.data if trace.meta["role"] == "line"}
            assert f"contender-{list(order).index('one, joint') + 1}" in drawn and len(drawn - {"recorded"}) == 1
            assert said in " ".join(figure.layout.meta["notes"])
    assert (
        "no actions"
        in action_figure(replace(run, imagined=(none,), reference=None, executed=None)).layout.meta["empty"]
    )

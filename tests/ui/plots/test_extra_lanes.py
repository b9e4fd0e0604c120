"""Lanes below the actions: a dataset's own columns and the error of each chunk, over the same time axis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.action_spaces import TABLETOP_ACTIONS as SPACE
from wamviz.ui.plots import add_lanes, chunk_error_lane, episode_figure, scalar_lanes


def axes(figure):
    return sorted(name for name in figure.layout.to_plotly_json() if name.startswith("yaxis"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_columns_stand_below_the_actions_without_touching_them(make_rollout, theme):
    before, episode = episode_figure(make_rollout("recorded"), theme), make_rollout("recorded")
    lanes = scalar_lanes({"next.reward": np.float32([0, 0.5, np.nan, 1, 1, 1]), "empty": np.float32([np.nan] * 6)}, 5.0)
    assert [lane.name for lane in lanes] == ["next.reward"], "a column without a number is no lane"
    figure = add_lanes(episode_figure(episode, theme), lanes, "columns of the dataset", theme)
    assert len(axes(figure)) == len(axes(before)) + 1
    (line,) = [trace for trace in figure.data if trace.name == "next.reward"]
    assert list(line.y) == [0.0, 0.5, None, 1.0, 1.0, 1.0] and list(line.x)[:2] == [0.0, 0.2]
    domains = sorted(tuple(figure.layout[name].domain) for name in axes(figure))
    assert all(low[1] <= high[0] + 1e-9 for low, high in zip(domains, domains[1:], strict=False)), "lanes never overlap"
    assert domains[0][0] == pytest.approx(0, abs=0.02) and figure.layout.xaxis.anchor == line.yaxis
    pixels = [(high - low) * inner(figure) for low, high in domains]
    assert pixels == pytest.approx([54] * len(pixels)), "every lane is as high as before"


def inner(figure):
    return figure.layout.height - figure.layout.margin.t - figure.layout.margin.b


def test_columns_without_actions_are_a_figure_of_their_own():
    lanes = scalar_lanes({"q value": np.float32([1, 2, 3])}, 10.0)
    figure = add_lanes(episode_figure(None), lanes, "columns of the dataset", "light", 0.3)
    assert axes(figure) == ["yaxis"] and figure.layout.xaxis.range[1] > 0.3
    assert add_lanes(episode_figure(None), [], "nothing", "light").layout.meta["empty"]


def test_the_error_of_a_chunk_is_that_of_its_actions(make_run, make_rollout):
    """Half of each dimension's range is 100 %: a chunk that is right has 0."""
    reference = make_rollout("recorded")
    wrong = reference.actions.copy()
    wrong[3:] += SPACE.scale / 4
    run = make_run(imagined=(replace(make_rollout("imagined"), actions=wrong),), reference=reference)
    lane = chunk_error_lane(run, [0.6])
    assert lane is not None and lane.times == [0.0, 0.6, 1.2]
    assert lane.values == pytest.approx([0, 0, 25], abs=1e-3)


def test_without_chunks_or_a_recording_there_is_no_such_lane(make_run):
    assert chunk_error_lane(make_run(), []) is None
    assert chunk_error_lane(make_run(reference=None), [0.6]) is None
    assert chunk_error_lane(replace(make_run(), mode="forward_dynamics"), [0.6]) is None

"""The action figure draws what the rollouts hold, when it holds, and tells origins apart without colour."""

import json
from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ActionSpace
from wamviz.ui.plots import action_figure, mark_chunks
from wamviz.ui.plots.style import LOOKS


def traces(figure, **meta):
    return [trace for trace in figure.data if all(trace.meta.get(name) == value for name, value in meta.items())]


def test_every_dimension_of_every_origin_has_its_line(full):
    figure = action_figure(full)
    names = [trace.name for trace in traces(figure, role="line")]
    assert len(names) == len(set(names)) == 3 * 7
    assert {"recorded dx", "imagined drz", "executed gripper"} <= set(names)


def test_a_line_holds_each_action_from_its_start_to_its_end(full):
    line = next(trace for trace in action_figure(full).data if trace.name == "imagined dx")
    assert line.line.shape == "vh"  # up to the new value at once, then along it to the action's end
    assert np.allclose(line.x, [0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2])
    actions = full.imagined[0].actions[:, 0]
    assert np.allclose(line.y, [actions[0], *actions])


def test_the_sample_asked_for_is_the_line(full):
    line = next(trace for trace in action_figure(full, 2).data if trace.name == "imagined dy")
    assert np.allclose(line.y[1:], full.imagined[2].actions[:, 1])
    assert action_figure(full, 99).layout.meta["sample"] == 2


def test_the_band_reaches_from_the_smallest_to_the_largest_sample(full):
    (fan,) = [trace for trace in traces(action_figure(full), role="fan") if trace.meta["dim"] == "dz"]
    stack = np.stack([rollout.actions[:, 2] for rollout in full.imagined])
    half = len(fan.y) // 2
    assert np.allclose(fan.y[:half:2], stack.max(axis=0))
    assert np.allclose(fan.y[half:][::-1][::2], stack.min(axis=0))
    assert fan.fill == "toself" and fan.hoverinfo == "skip"


def test_one_sample_has_no_band(make_run):
    assert traces(action_figure(make_run(samples=1)), role="fan") == []


def test_origins_differ_in_dash_and_colour(full):
    lines = {trace.meta["origin"]: trace for trace in traces(action_figure(full), role="line", dim="dx")}
    assert [lines[name].line.dash for name in ("recorded", "imagined", "executed")] == ["solid", "dash", "dot"]
    assert len({trace.line.color for trace in lines.values()}) == 3


def test_gripper_events_are_marked_where_they_happen(full):
    (events,) = traces(action_figure(full), role="events", origin="recorded")
    assert np.allclose(events.x, [0.4, 0.8])
    assert [symbol.split("-")[1] for symbol in events.marker.symbol] == ["down", "up"]
    assert events.text[0] == "recorded: told to close at 0.400 s"


def test_there_is_one_time_axis_and_every_lane_hangs_on_it(full):
    figure = action_figure(full)
    assert [name for name in figure.to_plotly_json()["layout"] if name.startswith("xaxis")] == ["xaxis"]
    assert all((trace.xaxis or "x") == "x" for trace in figure.data)
    assert figure.layout.xaxis.title.text == "time (s)"
    lanes = [figure.layout[name] for name in figure.to_plotly_json()["layout"] if name.startswith("yaxis")]
    assert len(lanes) == 7
    edges = sorted((lane.domain[0], lane.domain[1]) for lane in lanes)
    assert all(a[1] <= b[0] for a, b in zip(edges, edges[1:], strict=False))  # no two overlap
    assert edges[0][0] >= 0 and edges[-1][1] <= 1


def test_lanes_of_one_group_share_their_scale_and_show_everything(full):
    figure = action_figure(full)
    assert figure.layout.yaxis.range == figure.layout.yaxis2.range == figure.layout.yaxis3.range
    for trace in (*traces(figure, role="line"), *traces(figure, role="fan")):
        low, high = figure.layout["yaxis" + (trace.yaxis or "y")[1:]].range
        assert low <= min(trace.y) and max(trace.y) <= high


def test_every_lane_has_round_marks_within_it(full):
    layout = action_figure(full).layout
    assert layout.yaxis.tickvals == pytest.approx((-0.02, 0, 0.02))
    assert layout.yaxis7.tickvals == (0, 1)


def test_headings_name_groups_and_units(full):
    said = " ".join(note.text for note in action_figure(full).layout.annotations)
    for part in ("translation per step</b> (m)", "rotation per step</b> (rad)", "gripper (0 open, 1 closed)"):
        assert part in said


def test_the_legend_switches_every_trace_of_its_group(full):
    figure = action_figure(full)
    keys = {trace.legendgroup for trace in figure.data if trace.showlegend}
    assert keys == {"recorded", "imagined", "executed", "range"}
    assert {trace.legendgroup for trace in figure.data} == keys
    assert [trace.name for trace in figure.data if trace.showlegend][-1] == "range of 3 samples"


def test_another_action_space_is_left_out_and_said(make_run, make_rollout):
    joints = ActionSpace(("j1", "j2"), ("rad", "rad"), "joint_position", 5.0)
    figure = action_figure(make_run(reference=make_rollout("recorded", space=joints)))
    assert traces(figure, origin="recorded") == []
    assert "joint_position" in figure.layout.meta["notes"][0]
    assert any("joint_position" in note.text for note in figure.layout.annotations)


def test_steps_of_two_rates_share_a_scale(make_run, make_rollout):
    fine = make_rollout("recorded", 50)
    fine = replace(fine, action_space=replace(fine.action_space, rate=15.0), states=None)
    figure = action_figure(make_run(reference=fine))
    (line,) = traces(figure, role="line", origin="recorded", dim="dx")
    assert np.allclose(line.y[1:], fine.actions[:, 0].reshape(2, 3).sum(axis=1), atol=1e-6)
    assert "added up" in figure.layout.meta["notes"][0]


def test_joints_have_a_scale_each_and_long_names_a_place(make_run, make_rollout):
    joints = ActionSpace(tuple(f"left_arm_joint_<{i}>" for i in range(9)), ("rad",) * 9, "joint_position", 5.0)
    figure = action_figure(make_run(imagined=(make_rollout(space=joints),), samples=1, reference=None, executed=None))
    assert figure.layout.yaxis.range != figure.layout.yaxis2.range
    labels = [note.text for note in figure.layout.annotations]
    assert "left_arm_joint_&lt;0&gt;" in labels and not any("<0>" in label for label in labels)


def test_a_video_model_gets_a_sentence(make_run, make_rollout):
    figure = action_figure(make_run(imagined=(make_rollout(acting=False),), samples=1, reference=None, executed=None))
    assert figure.layout.meta["empty"] == "This run has no actions to draw."
    assert len(figure.data) == 0


def test_a_video_model_still_shows_what_was_recorded(make_run, make_rollout):
    figure = action_figure(make_run(imagined=(make_rollout(acting=False),), samples=1))
    assert {trace.meta["origin"] for trace in traces(figure, role="line")} == {"recorded", "executed"}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_figure_is_json_with_a_clear_background_and_a_fixed_height(full, theme):
    figure = action_figure(full, theme=theme)
    facts = json.loads(figure.to_json())
    assert "NaN" not in figure.to_json()
    assert facts["layout"]["paper_bgcolor"] == facts["layout"]["plot_bgcolor"] == "rgba(0,0,0,0)"
    assert 300 < facts["layout"]["height"] < 800
    assert facts["layout"]["uirevision"] == full.id
    (line,) = traces(figure, role="line", origin="imagined", dim="dx")
    assert line.line.color == LOOKS["imagined"].color[theme]


def test_an_unknown_theme_is_refused(full):
    with pytest.raises(WamvizError, match="Did you mean 'dark'"):
        action_figure(full, theme="darc")


def test_chunks_are_divided_in_every_lane_and_named_once(make_run):
    figure = mark_chunks(action_figure(make_run()), [0.2, 0.4])
    assert {shape.x0 for shape in figure.layout.shapes} == {0.2, 0.4}
    assert all(shape.line.dash == "dot" for shape in figure.layout.shapes)
    assert [note.text for note in figure.layout.annotations].count("next chunk") == 1

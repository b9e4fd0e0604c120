"""The 3-D figure shows paths in metres at equal scales."""

import json

import numpy as np

from wamviz.core.rollout import ActionSpace
from wamviz.metrics.trajectory import ee_path
from wamviz.ui.plots import trajectory_figure


def named(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


def test_paths_are_those_of_the_comparison(full):
    figure = trajectory_figure(full, 1)
    start = full.reference.states[0]
    for name, rollout in (
        ("recorded path", full.reference), ("imagined path", full.imagined[1]), ("executed path", full.executed),
        ("sample 1 path", full.imagined[0]), ("sample 3 path", full.imagined[2]),
    ):  # fmt: skip
        trace, path = named(figure, name), ee_path(rollout, start)
        assert np.allclose(np.stack([trace.x, trace.y, trace.z], axis=1), path)


def test_start_and_ends_are_marked_and_named(full):
    figure = trajectory_figure(full)
    start = named(figure, "start")
    assert np.allclose([start.x[0], start.y[0], start.z[0]], full.reference.states[0, :3]) and start.text == ("start",)
    for origin in ("recorded", "imagined", "executed"):
        end = named(figure, f"{origin} end")
        assert end.x[0] == named(figure, f"{origin} path").x[-1] and end.text == (origin,)


def test_origins_differ_in_dash_and_marker(full):
    figure = trajectory_figure(full)
    lines = [named(figure, f"{origin} path") for origin in ("recorded", "imagined", "executed")]
    assert len({line.line.dash for line in lines}) == len({line.marker.symbol for line in lines}) == 3


def test_scales_are_equal_and_hold_every_point(full):
    figure = trajectory_figure(full)
    axes = [figure.layout.scene[name] for name in ("xaxis", "yaxis", "zaxis")]
    spans = [axis.range[1] - axis.range[0] for axis in axes]
    assert np.allclose(spans, spans[0])
    for trace in figure.data:
        for axis, values in zip(axes, (trace.x, trace.y, trace.z), strict=True):
            assert axis.range[0] <= min(values) and max(values) <= axis.range[1]


def test_hovering_says_when_and_where(full):
    assert named(trajectory_figure(full), "recorded path").text[1].startswith("recorded, 0.200 s: x 0.")


def test_without_a_known_start_the_axes_say_so(make_run):
    figure = trajectory_figure(make_run(reference=None, executed=None))
    assert figure.layout.scene.xaxis.title.text == "x from the start (m)"
    assert named(figure, "start").x[0] == 0


def test_joints_alone_give_a_sentence(make_run, make_rollout):
    joints = ActionSpace(("j1", "j2"), ("rad", "rad"), "joint_position", 5.0)
    run = make_run(imagined=(make_rollout(space=joints),), samples=1, reference=None, executed=None)
    assert "not known" in trajectory_figure(run).layout.meta["empty"]


def test_both_themes_are_json(full):
    for theme in ("light", "dark"):
        assert json.loads(trajectory_figure(full, theme=theme).to_json())["layout"]["height"] > 0

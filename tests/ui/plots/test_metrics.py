"""The metric figure draws the run's own numbers beside the control."""

import json
from dataclasses import replace

import numpy as np
import pytest

from wamviz.ui.plots import metric_figure


def named(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


def test_the_curves_are_those_of_the_metrics(full):
    figure, video = metric_figure(full, 1), full.metrics["video"]
    for key in ("psnr", "ssim"):
        line = named(figure, f"imagined {key}")
        assert np.allclose(line.x, video["times"]) and np.allclose(line.y, video["by_sample"][1][f"{key}_by_frame"])
        assert np.allclose(named(figure, f"copy last frame {key}").y, video[f"copy_last_{key}_by_frame"])


def test_the_control_differs_in_more_than_colour(full):
    ours, control = named(metric_figure(full), "imagined psnr"), named(metric_figure(full), "copy last frame psnr")
    assert ours.line.dash != control.line.dash and ours.marker.symbol != control.marker.symbol


def test_time_and_units_are_named(full):
    layout = metric_figure(full).layout
    assert layout.xaxis.title.text == "time (s)" and layout.yaxis.title.text == "PSNR (dB)"
    said = " ".join(note.text for note in layout.annotations)
    assert "PSNR" in said and "SSIM" in said and "the baseline" in said


def test_the_time_axis_is_that_of_the_actions(full):
    from wamviz.ui.plots import action_figure

    assert metric_figure(full).layout.xaxis.range == action_figure(full).layout.xaxis.range


def test_the_band_is_there_for_several_samples_only(full, make_run):
    assert named(metric_figure(full), "range psnr").fill == "toself"
    assert not [trace for trace in metric_figure(make_run(samples=1)).data if trace.name.startswith("range")]


def test_without_a_reference_there_is_a_sentence(make_run):
    figure = metric_figure(make_run(reference=None))
    assert "no ground truth" in figure.layout.meta["empty"] and len(figure.data) == 0


def test_without_video_there_is_a_sentence(make_run, make_rollout):
    figure = metric_figure(make_run(imagined=(make_rollout(video=False),), samples=1))
    assert "no video" in figure.layout.meta["empty"]


@pytest.mark.parametrize(
    "metrics", [{}, {"video": {"psnr": 1}}, {"video": {"times": [0.2], "by_sample": "x"}}, {"video": [1, 2]}]
)
def test_metrics_from_elsewhere_are_computed_anew(full, metrics):
    expected = metric_figure(full)
    assert metric_figure(replace(full, metrics=metrics)).to_json() == expected.to_json()


def test_dark_is_json_too(full):
    assert json.loads(metric_figure(full, theme="dark").to_json())["layout"]["height"] > 0


def test_lpips_has_a_lane_where_it_was_computed(full):
    """Three lanes on one time axis, none over another; the table has its columns too."""
    from wamviz.ui.plots import text_table

    video = full.metrics["video"]
    curve = [0.1 * k for k in range(len(video["times"]))]
    samples = [{**one, "lpips": 0.2, "lpips_by_frame": curve} for one in video["by_sample"]]
    told = {**video, "lpips_by_frame": curve, "copy_last_lpips_by_frame": curve[::-1], "by_sample": samples}
    run = replace(full, metrics={**full.metrics, "video": told})
    figure = metric_figure(run)
    assert np.allclose(named(figure, "imagined lpips").y, curve)
    assert np.allclose(named(figure, "copy last frame lpips").y, curve[::-1])
    domains = [figure.layout[name].domain for name in ("yaxis", "yaxis2", "yaxis3")]
    assert all(upper[0] > lower[1] + 0.05 for upper, lower in zip(domains, domains[1:], strict=False))
    assert all(0.2 < high - low < 0.4 for low, high in domains) and figure.layout.xaxis.anchor == "y3"
    assert "lower is closer" in " ".join(note.text for note in figure.layout.annotations)
    assert text_table(run)[0][-2:] == ["LPIPS", "LPIPS of copy last frame"]
    assert not [trace for trace in metric_figure(full).data if "lpips" in trace.name]


def test_a_run_that_was_acted_out_shows_its_picture_first(full):
    """Sharpness and the arm's overlap stand above PSNR; a frame in which nothing moved is left out."""
    picture = {"times": [0.2, 0.4], "sharpness_by_frame": [None, 0.2], "copy_sharpness_by_frame": [None, 0.9],
               "arm_iou_by_frame": [0.9, 0.5], "copy_arm_iou_by_frame": [0.8, 0.4]}  # fmt: skip
    run = replace(full, metrics={**full.metrics, "picture": picture})
    figure = metric_figure(run)
    assert named(figure, "imagined sharpness").x == (0.4,) and named(figure, "imagined sharpness").y == (0.2,)
    assert named(figure, "imagined arm_iou").y == (0.9, 0.5) and named(figure, "imagined arm_iou").yaxis == "y2"
    assert named(figure, "imagined psnr").yaxis == "y3" and figure.layout.xaxis.anchor == "y4"
    words = [note.text for note in figure.layout.annotations]
    assert "1.00 is real, the baseline has 0.900" in words[0] and "0.100 above the baseline" in words[1]
    alone = metric_figure(replace(full, metrics={"video": None, "picture": picture}))
    assert {trace.yaxis for trace in alone.data if trace.meta} >= {"y", "y2"}
    assert json.loads(alone.to_json())["layout"]["height"] == 340
    broken = {**full.metrics, "picture": {**picture, "times": [0.2]}}
    assert metric_figure(replace(full, metrics=broken)).to_json() == metric_figure(full).to_json()

"""Every metric is described in the module that computes it, and is found there."""

from __future__ import annotations

import doctest
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import Rollout
from wamviz.metrics import registry, summarise
from wamviz.metrics.registry import (
    Metric,
    Pair,
    Value,
    all_metrics,
    applicable_metrics,
    brief_lines,
    copy_last_frame,
    metric_notes,
    metric_sources,
)

BRIGHT = Metric(
    "brightness", "apart", "Brightness, apart", "How far the mean brightness lies from the recorded one.", "a test",
    measure=lambda pair: Value(apart(pair.imagined.frames[-1], pair), apart(pair.imagined.frames[0], pair)),
    baseline=copy_last_frame("copy_apart", "The same of the context."), digits=1, brief="Brightness",
)  # fmt: skip


def apart(frame: np.ndarray, pair: Pair) -> float:
    return abs(float(frame.mean()) - float(pair.other.frames[-1].mean()))


def grey(origin: str, *levels: int) -> Rollout:
    return Rollout(origin, np.stack([np.full((16, 16, 3), level, np.uint8) for level in levels]), 5.0)


@pytest.fixture
def with_brightness(monkeypatch):
    """As if a module with ``BRIGHT`` lay in the package."""
    modules = list(registry._modules())
    monkeypatch.setattr(registry, "_modules", lambda: iter([*modules, SimpleNamespace(METRICS=(BRIGHT,))]))
    all_metrics.cache_clear()
    yield
    all_metrics.cache_clear()


def run_of(*imagined, reference=None, executed=None, mode="video"):
    return SimpleNamespace(imagined=imagined, reference=reference, executed=executed, state=None, mode=mode)


def test_the_metrics_of_every_module_are_found_in_the_order_of_their_parts():
    places = [(metric.part, metric.key) for metric in all_metrics()]
    assert places[:2] == [("picture", "sharpness"), ("picture", "executed_moving_psnr")]
    assert places.index(("video", "lpips")) == places.index(("video", "moving_psnr")) + 1
    assert len(set(places)) == len(places) and places[-1][0] == "execution"


def test_every_number_is_explained_and_attributed():
    notes, sources = metric_notes(), metric_sources()
    assert notes.keys() == sources.keys() and {"psnr", "copy_last_psnr", "hold_mae"} <= notes.keys()
    assert all(source and not source.endswith(".") and "\n" not in source for source in sources.values())


def test_another_metric_gets_a_part_a_baseline_and_a_line(with_brightness):
    found = summarise(run_of(grey("imagined", 10, 40), grey("imagined", 10, 95), reference=grey("recorded", 10, 100)))
    assert (found["brightness"]["apart"], found["brightness"]["copy_apart"]) == (60.0, 90.0)
    assert found["brightness"]["mean"]["apart"] == 32.5 and found["brightness"]["best"]["sample"] == 1
    assert brief_lines(found)[-1] == "Brightness 60.0 (copy last frame 90.0)"
    assert BRIGHT in applicable_metrics() and BRIGHT not in applicable_metrics(executed=True)


def test_it_is_none_where_nothing_was_recorded(with_brightness):
    assert summarise(run_of(grey("imagined", 10, 40)))["brightness"] is None


def test_what_takes_the_executed_rollout_is_computed_beside_it(with_brightness, monkeypatch):
    executed = replace(BRIGHT, takes="executed")
    monkeypatch.setattr(registry, "_modules", lambda: iter([SimpleNamespace(METRICS=(executed,))]))
    all_metrics.cache_clear()
    found = summarise(run_of(grey("imagined", 10, 40), executed=grey("executed", 10, 30)))
    assert found["brightness"] == {"apart": 10.0, "copy_apart": 20.0}


def test_given_actions_are_not_judged():
    """No metric of actions is computed where the model was given them."""
    judged = {metric.key for metric in applicable_metrics()} - {metric.key for metric in applicable_metrics(given=True)}
    assert judged == {"ade_m", "fde_m", "outside_limits", "jerk"}


def test_two_metrics_at_one_place_are_refused(monkeypatch):
    monkeypatch.setattr(registry, "_modules", lambda: iter([SimpleNamespace(METRICS=(BRIGHT, BRIGHT))]))
    all_metrics.cache_clear()
    with pytest.raises(InvalidInput, match="Two metrics are called 'apart' in part 'brightness'"):
        all_metrics()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"takes": "dreamt"}, "Allowed: imagined, recorded, executed"),
        ({"note": "No full stop"}, "a note of one sentence"),
        ({"source": ""}, "and a source"),
    ],
)
def test_a_metric_that_explains_nothing_is_refused(changes, why):
    with pytest.raises(InvalidInput, match=why):
        replace(BRIGHT, **changes)


@pytest.mark.parametrize(("higher", "target", "best"), [(True, None, 2), (False, None, 0), (False, 1.0, 1)])
def test_the_best_sample_is_the_highest_the_lowest_or_the_nearest(higher, target, best):
    assert replace(BRIGHT, higher=higher, target=target).better({0: 0.2, 1: 0.9, 2: 1.4}) == best


def test_examples_in_the_docstrings_hold():
    assert doctest.testmod(registry).failed == 0

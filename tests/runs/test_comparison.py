"""Several models on the same question: all get the same one, and one that fails spoils nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Observation, Preview
from wamviz.models import registry
from wamviz.models.baselines import COPY_LAST_FRAME, Control
from wamviz.models.protocol import ModelEntry
from wamviz.runs import comparison
from wamviz.runs.comparison import Candidate, Outcome, compare_models, read
from wamviz.runs.sources import Context, resolve

CONTEXT = Context(Observation({"exterior": np.zeros((8, 8, 3), np.uint8)}, "pick up the orange"), title="a picture")


@pytest.fixture
def broken():
    """A model that fails in words, one that fails without, and one that cannot be loaded."""
    registry.reset()

    class Refuses(Control):
        def imagine(self, request):
            yield Preview(0, 1)
            raise WamvizError("The server is asleep.")

    class Breaks(Control):
        def imagine(self, request):
            raise ZeroDivisionError

    class Draws(Control):
        def imagine(self, request):
            yield Preview(0, 1, np.zeros((8, 8, 3), np.uint8))

    class Babbles(Control):
        def imagine(self, request):
            yield "half done"

    for name, kind in (("refuses", Refuses), ("breaks", Breaks), ("draws", Draws), ("babbles", Babbles)):
        caps = replace(COPY_LAST_FRAME, model_id=name)
        registry.register(ModelEntry(caps, lambda device, kind=kind, caps=caps: kind(caps), resident=False))
    caps = replace(COPY_LAST_FRAME, model_id="absent")
    registry.register(ModelEntry(caps, lambda device: Control(caps), lambda: "its weights are not there.", False))
    yield
    registry.reset()


def test_one_that_fails_spoils_nothing(broken):
    """Each failure is an outcome with its reason, and those after it still have their turn."""
    names = ("refuses:video", "breaks:video", "absent:video", "copy-last-frame:video")
    events = list(compare_models(read(names), CONTEXT))
    outcomes = [event for _, event in events if isinstance(event, Outcome)]
    assert [one.candidate.name for one in outcomes] == list(names)
    assert outcomes[0].error == "The server is asleep." and outcomes[1].error == comparison.OURS
    assert "its weights are not there" in outcomes[2].error and outcomes[3].run is not None
    order = [index for index, _ in events]
    assert order == sorted(order), "one after the other"
    assert outcomes[0].to_json() == {"model": "refuses", "mode": "video", "error": "The server is asleep."}


def test_a_plug_in_that_breaks_the_protocol_spoils_nothing(broken):
    """Neither a preview of a strange shape nor something that is none reaches the page, which could not draw it."""
    events = list(compare_models(read(("draws:video", "babbles:video", "copy-last-frame:video")), CONTEXT))
    first, second, third = [event for _, event in events if isinstance(event, Outcome)]
    assert "A preview of model 'draws' must be a uint8 array" in first.error
    assert "Model 'babbles' yields a str, no Preview." in second.error and third.run is not None
    assert all(isinstance(event, Preview | Outcome) for _, event in events)


def test_one_that_is_forgotten_before_its_turn_spoils_nothing(broken):
    """A connection may go while others are asked."""
    candidates = read(("copy-last-frame:video", "refuses:video", "hold-still:joint"))
    stream = compare_models(candidates, CONTEXT)
    next(stream)
    registry.reset()
    outcomes = [event for _, event in stream if isinstance(event, Outcome)]
    assert "refuses" in outcomes[1].error and outcomes[2].run is not None


def test_all_get_the_same_question():
    """The same frame, words, seed and seconds, and each has its own latency beside it."""
    candidates = read(["hold-still", "copy-last-frame"])
    context = resolve("tabletop:2000", None)
    outcomes = [e for _, e in compare_models(candidates, context, seed=7, seconds=2.0) if isinstance(e, Outcome)]
    runs = [one.run for one in outcomes]
    assert {run.seed for run in runs} == {7} and len({run.instruction for run in runs}) == 1
    assert all((run.context == runs[0].context).all() for run in runs)
    assert all(run.imagined[0].duration == pytest.approx(2.0) for run in runs)
    for one in outcomes:
        assert one.real_time_factor == pytest.approx(2.0 / one.latency_s)
        facts = one.to_json()
        assert facts["run"] == one.run.id and facts["metrics"] == one.run.metrics


def test_seconds_are_each_models_own_frames_and_samples_its_own_most():
    """A second is five frames of one model and ten of another; nobody is asked for more than it has."""
    registry.reset()
    caps = replace(COPY_LAST_FRAME, model_id="quick", video_fps=10.0, max_samples=2, horizon=4, max_horizon=12)
    registry.register(ModelEntry(caps, lambda device: Control(caps), resident=False))
    try:
        for seconds, frames in ((1.0, (10, 5)), (2.0, (12, 10))):
            stream = compare_models(read(("quick", "copy-last-frame")), CONTEXT, seconds=seconds, samples=5)
            runs = [event.run for _, event in stream if isinstance(event, Outcome)]
            assert tuple(len(run.imagined[0].frames) - 1 for run in runs) == frames
            assert [run.samples for run in runs] == [2, 5]
    finally:
        registry.reset()


def test_modes_that_must_be_given_something_get_the_recording():
    """Forward dynamics obeys the recorded actions; without a recording that is an outcome, not an end."""
    names = ["hold-still:forward_dynamics", "hold-still:act_only"]
    if "forward_dynamics" not in registry.entry("hold-still").capabilities.modes:
        names[0] = "mini-wam:forward_dynamics"
    outcomes = [e for _, e in compare_models(read(names), CONTEXT) if isinstance(e, Outcome)]
    assert "none were recorded" in outcomes[0].error and outcomes[1].run is not None


def test_stopping_stops():
    """Closing the generator runs nobody else."""
    ran = []

    def imagine(model, context, **options):
        ran.append(model)
        yield Preview(0, 2)
        yield Preview(1, 2)

    stream = compare_models(read(["hold-still", "copy-last-frame"]), CONTEXT, imagine=imagine)
    next(stream)
    stream.close()
    assert ran == ["hold-still"]


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["hold-still"], "Two to 4"),
        (["hold-still"] * 2, "named twice"),
        (["hold-still:act_only", "holdstill"], "Did you mean 'hold-still'"),
        (["hold-still:act_onyl", "copy-last-frame"], "Did you mean 'act_only'"),
        (["copy-last-frame:joint", "hold-still"], "no mode 'joint'"),
        ([f"mini-wam:{mode}" for mode in ("joint", "act_only", "video", "imagine_then_act", "forward_dynamics")], "5"),
    ],
)
def test_contenders_are_checked(names, why):
    """In words, with the nearest name."""
    with pytest.raises(WamvizError, match=why):
        read(names)


def test_an_outcome_is_a_run_or_a_reason():
    """Never both, never neither."""
    with pytest.raises(WamvizError, match="a run or a reason"):
        Outcome(Candidate("hold-still", "act_only"))

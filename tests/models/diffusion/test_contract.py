"""What holds for every kind: order, alignment, seeds, cancel, memory, unloading. All through the real classes."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from tests.models.diffusion import tiny
from tests.models.diffusion.conftest import CONTEXT, FRAME, denoiser
from wamviz.core import threads
from wamviz.core.errors import WamvizError
from wamviz.core.media import resize
from wamviz.core.rollout import Imagined, ImagineRequest, Observation, Preview
from wamviz.models.diffusion.kinds import KINDS
from wamviz.models.diffusion.model import uint8
from wamviz.models.protocol import WorldActionModel, collect

PROMPTED = [name for name, kind in KINDS.items() if kind.prompted and name in tiny.BUILDERS]


@pytest.fixture(params=list(tiny.BUILDERS))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def wish(kind: str, **options) -> ImagineRequest:
    return ImagineRequest(options.pop("context", CONTEXT), KINDS[kind].modes[0], **{"steps": 2, **options})


@pytest.fixture(scope="module")
def models() -> dict[str, WorldActionModel]:
    return {}


@pytest.fixture
def model(make, kind, models):
    """A kind's model, loaded once; every test leaves it as it was."""
    if kind not in models:
        models[kind] = make(kind)
    return models[kind]


@pytest.fixture(scope="module")
def answers() -> dict[str, list[Preview | Imagined]]:
    return {}


@pytest.fixture
def usual(model, kind, answers):
    """What a kind's model says to the usual request for two samples, made once: it is the same every time."""
    if kind not in answers:
        answers[kind] = list(model.imagine(wish(kind, samples=2)))
    return answers[kind]


def test_previews_then_one_end(model, usual):
    """Steps never go back and reach the end, every preview has words, and the rollouts come last and once."""
    assert isinstance(model, WorldActionModel)
    events = usual
    assert [type(event) for event in events] == [Preview] * (len(events) - 1) + [Imagined]
    steps = [event.step for event in events[:-1]]
    assert steps == sorted(steps) and steps[0] == 0 and set(steps) == {0, 1, 2, 3, 4}
    assert all(event.note and event.steps == 4 for event in events[:-1])
    end = events[-1]
    assert [rollout.seed for rollout in end.rollouts] == [0, 1] and end.timings["total"] > 0
    assert (events[-2].frames[0] == end.rollouts[1].frames).all()


def test_the_context_comes_first_and_the_shape_is_its_own(model, usual):
    """Frame 0 is the context itself; what comes back has the context's shape, so that it lies over a recording."""
    rollout, caps = usual[-1].rollouts[0], model.capabilities
    frames = rollout.frames
    assert len(frames) == caps.horizon + 1 and rollout.fps == caps.video_fps and rollout.camera == "exterior"
    assert (frames[0] == resize(FRAME, *frames.shape[1:3])).all()
    assert abs(frames.shape[2] / frames.shape[1] - 64 / 48) < 0.02
    assert frames[1:].std() > 0 and rollout.origin == "imagined"
    if not caps.action_space:
        assert rollout.actions is None and rollout.meta["actions"] == "none"
    else:
        assert rollout.action_space == caps.action_space and np.isclose(rollout.frame_times[-1], rollout.duration)
        assert np.isclose(rollout.frame_times[-1], rollout.action_times[-1])


def test_the_seed_decides(model, kind, usual):
    """The same seed gives the same bits, also as a sample of another request; another seed does not."""
    first, others = collect(model, wish(kind, seed=1)).rollouts[0], usual[-1].rollouts
    assert (others[1].frames == first.frames).all() and (others[0].frames != first.frames).any()
    if first.actions is not None:
        assert (others[1].actions == first.actions).all() and (others[0].actions != first.actions).any()


@pytest.mark.parametrize("kind", PROMPTED)
def test_the_words_reach_the_model(model, kind, usual):
    """Another instruction gives another video."""
    other = Observation({"exterior": FRAME}, "empty the sink, then wave")
    frames = collect(model, wish(kind, context=other)).rollouts[0].frames
    assert (frames != usual[-1].rollouts[0].frames).any()


def test_the_context_reaches_the_model(model, kind, usual):
    """Another picture gives another future, not only another first frame."""
    other = Observation({"exterior": 255 - FRAME}, CONTEXT.instruction)
    frames = collect(model, wish(kind, context=other)).rollouts[0].frames
    assert (frames[1:] != usual[-1].rollouts[0].frames[1:]).any()


def test_closing_the_stream_stops_the_denoiser(model, kind, usual, counted):
    """No call of the network comes after it, no thread is left, and the model goes on as if nothing had been."""
    before = usual[-1].rollouts[0].frames
    calls = counted(model)
    stream = model.imagine(wish(kind, steps=50))
    next(event for event in stream if event.step >= 1)
    stream.close()
    made = len(calls)
    assert 0 < made < 50
    assert not [thread for thread in threading.enumerate() if thread.name == "wamviz-diffusion"]
    assert len(calls) == made
    assert (collect(model, wish(kind)).rollouts[0].frames == before).all()


def test_a_step_is_stopped_before_its_next_block(make, monkeypatch):
    """Steps of a large model take minutes: closing does not wait for the rest of one."""
    model = make("ltx")
    first, second = denoiser(model).transformer_blocks
    entered, go_on, reached = threading.Event(), threading.Event(), []
    whole, stop = first.forward, threads.Reporter.stop

    def slow(*args, **kwargs):
        entered.set()
        go_on.wait()
        return whole(*args, **kwargs)

    def stopping(reporter):
        stop(reporter)
        go_on.set()

    monkeypatch.setattr(first, "forward", slow)
    monkeypatch.setattr(second, "forward", lambda *args, **kwargs: reached.append(1))
    monkeypatch.setattr(threads.Reporter, "stop", stopping)
    stream = model.imagine(wish("ltx"))
    next(event for event in stream if entered.is_set())
    stream.close()
    assert not reached


def test_a_longer_rollout_goes_on_from_its_last_frame(model, kind, monkeypatch):
    """A chunk and a piece: frames are counted without the context, and the seam is where it should be.

    Frame 0 of what a pipeline returns is its copy of the context and is dropped, in each chunk; frame k is frame k.
    """
    each = model.capabilities.horizon
    starts, came = [], []
    arguments, take = model.arguments, model.take

    def starting(request, plan, chunk, sample):
        starts.append(sample.context)
        return arguments(request, plan, chunk, sample)

    def taking(request, plan, chunk, sample, output):
        frames = model.unfit(plan, uint8(output.video if KINDS[kind].acts else output.frames[0]))
        came.append(frames[1 : 1 + plan.lengths[chunk]])
        take(request, plan, chunk, sample, output)

    monkeypatch.setattr(model, "arguments", starting)
    monkeypatch.setattr(model, "take", taking)
    end = collect(model, wish(kind, steps=1, horizon=each + 3))
    frames = end.rollouts[0].frames
    assert len(frames) == each + 4 and len(starts) == 2
    assert (starts[0] == FRAME).all() and (starts[1] == frames[each]).all()
    assert [len(part) for part in came] == [each, 3] and (frames[1:] == np.concatenate(came)).all()
    assert any("each chunk from" in note for note in end.notes)
    if model.capabilities.action_space:
        assert len(end.rollouts[0].actions) == each + 3


def test_memory_that_ran_out_becomes_advice(model, kind, monkeypatch):
    """The card's and the CPU's: the message names settings that need less; afterwards the model works."""

    def of_the_card(*args, **kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 40.00 GiB.")

    def of_the_allocator(*args, **kwargs):
        return torch.empty(2**52)  # 16 petabytes: what the CPU's own allocator says

    fewer = "chunk=" if KINDS[kind].acts else "frames="
    for forward in (of_the_card, of_the_allocator):
        with monkeypatch.context() as patched:
            patched.setattr(denoiser(model), "forward", forward)
            with pytest.raises(
                WamvizError, match=r"memory of this machine ran out .*fp32.*connect tiny.*dtype=bf16"
            ) as told:
                collect(model, wish(kind))
        assert "tiling=on" in str(told.value) and (
            (fewer in str(told.value)) == (model.options.frames > KINDS[kind].stride * 2)
        )
    assert collect(model, wish(kind, steps=1)).rollouts


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.previewed])
def test_pictures_on_the_way(make, kind, model):
    """Every second step shows the rollout as it is then, the context first; looking changes nothing."""
    plain = collect(model, wish(kind, steps=6)).rollouts[0].frames
    events = list(make(kind, previews="2").imagine(wish(kind, steps=6)))
    shown = {event.step: event.frames for event in events[:-2] if event.frames is not None}
    assert list(shown) == [2, 4]
    assert all(frames.shape == (1, *plain.shape) and (frames[0, 0] == plain[0]).all() for frames in shown.values())
    assert (shown[2] != shown[4]).any() and (shown[4][0] != plain).any()
    assert (events[-1].rollouts[0].frames == plain).all()


def test_what_was_imagined_is_kept_when_a_later_sample_fails(make, monkeypatch):
    """The second of three runs out of memory: the first one is there, and a note says why no other is."""
    model, calls = make("wan"), []
    whole = type(model)._call

    def call(self, *told):
        calls.append(1)
        if len(calls) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 40.00 GiB.")
        return whole(self, *told)

    monkeypatch.setattr(type(model), "_call", call)
    end = collect(model, wish("wan", samples=3))
    assert len(end.rollouts) == 1 and len(calls) == 2
    assert any("Sample 2 failed" in note and "memory" in note for note in end.notes)


def test_memory_that_ran_out_while_loading_becomes_advice(make, monkeypatch):
    """Then the size of the video does not matter, and the model can be loaded once there is room."""
    from wamviz.models.diffusion import model as module

    def load(*args):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with monkeypatch.context() as patched:
        patched.setattr(module, "load", load)
        with pytest.raises(WamvizError, match="ran out .loading in fp32, offload none.*dtype=bf16$"):
            make("ltx")
    assert collect(make("ltx"), wish("ltx")).rollouts


def test_unloading_gives_the_memory_back(model, kind, usual):
    """The weights are gone after it, and come back when they are wanted, with the same result."""
    import weakref

    network = weakref.ref(denoiser(model))
    model.unload()
    assert network() is None
    assert (collect(model, wish(kind)).rollouts[0].frames == usual[-1].rollouts[0].frames).all()


def test_two_requests_take_turns(make):
    """The second says that it waits, can be closed while it does, and gets its turn afterwards."""
    model = make("ltx")
    first, second = model.imagine(wish("ltx", steps=4)), model.imagine(wish("ltx"))
    next(event for event in first if event.step >= 1)
    notes = [next(second).note, next(second).note]
    assert notes[1].startswith("waiting for another rollout")
    second.close()
    first.close()
    assert collect(model, wish("ltx")).rollouts


def test_a_camera_can_be_chosen(make, checkpoint):
    """``connect --view context=wrist`` takes another than the main one."""
    from wamviz.models.connections import Connection
    from wamviz.models.diffusion.backend import entry_of

    told = Connection("t", "ltx", str(checkpoint("ltx")), views={"context": "wrist"}, settings=tiny.SETTINGS["ltx"])
    model = entry_of(told).load("cpu")
    both = Observation({"exterior": FRAME, "wrist": FRAME[::-1].copy()}, "wave")
    rollout = collect(model, wish("ltx", context=both)).rollouts[0]
    assert rollout.camera == "wrist" and (rollout.frames[0] == resize(FRAME[::-1], *rollout.frames.shape[1:3])).all()
    with pytest.raises(WamvizError, match="Unknown camera of this context 'wrist'. Allowed: exterior"):
        model.imagine(wish("ltx"))


def test_guidance_below_one_is_refused_in_words(make):
    """A video backbone cannot ignore the words; 1 means the connection's own guidance."""
    model = make("ltx", guidance="4")
    with pytest.raises(WamvizError, match="guidance from 1 on, not 0.5.*own 4"):
        model.imagine(wish("ltx", guidance=0.5))
    usual = collect(model, wish("ltx")).rollouts[0].frames
    assert (collect(model, wish("ltx", guidance=4.0)).rollouts[0].frames == usual).all()
    assert (collect(model, wish("ltx", guidance=9.0)).rollouts[0].frames != usual).any()

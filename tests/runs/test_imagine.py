"""The path from a request to a run: who waits is told, who stops leaves, and memory errors become advice."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Observation
from wamviz.models import registry
from wamviz.models.baselines import Control
from wamviz.models.protocol import Capabilities, ModelEntry
from wamviz.models.queue import DEVICE_QUEUE
from wamviz.runs.expert import EXPERT
from wamviz.runs.imagine import imagine_run
from wamviz.runs.sources import Context, resolve
from wamviz.runs.store import Run, Store

CAPS = Capabilities("heavy", "Heavy", "", ("video",), None, None, 5.0, 16, uses_instruction=False)
CONTEXT = Context(Observation({"exterior": np.zeros((8, 8, 3), np.uint8)}), title="a picture")


@pytest.fixture
def heavy():
    """A control that stands in the line as a model of weights does."""
    registry.reset()
    registry.register(ModelEntry(CAPS, lambda device: Control(CAPS)))
    yield "heavy"
    registry.reset()


def test_who_waits_is_told_and_served_in_turn(heavy):
    """The second run hears how many are in front until the first one ends; then both end with a run."""
    with closing(imagine_run(heavy, CONTEXT, mode="video", device="cpu")) as first:
        while next(first).frames is None:
            pass  # the first one samples now
        with closing(imagine_run(heavy, CONTEXT, mode="video", device="cpu")) as second:
            next(second)
            assert next(second).note.startswith("waiting for the device, 1 in front")
            *_, run = first
            assert isinstance(run, Run)
            *_, run = second
            assert isinstance(run, Run)
    assert not DEVICE_QUEUE.waiting["cpu"]


def test_closing_gives_the_place_up(heavy):
    """A stopped page leaves nobody waiting."""
    stream = imagine_run(heavy, CONTEXT, mode="video", device="cpu")
    while next(stream).frames is None:
        pass
    assert len(DEVICE_QUEUE.waiting["cpu"]) == 1
    stream.close()
    assert not DEVICE_QUEUE.waiting["cpu"]


def test_who_stops_with_the_run_in_hand_was_served(heavy, monkeypatch):
    """As the page does: the run frees the device before it is handed out, and how long it took is known."""
    monkeypatch.setattr(DEVICE_QUEUE, "durations", {})
    with closing(imagine_run(heavy, CONTEXT, mode="video", device="cpu")) as stream:
        for event in stream:
            if isinstance(event, Run):
                assert not DEVICE_QUEUE.waiting["cpu"]
                break
    assert list(DEVICE_QUEUE.durations) == ["heavy video 1 x 16 in None"]


def test_what_was_changed_while_it_waited_is_not_asked(heavy):
    """What was checked and promised was the one before; the place in the line is given up."""
    with closing(imagine_run(heavy, CONTEXT, mode="video", device="cpu")) as first:
        while next(first).frames is None:
            pass
        second = imagine_run(heavy, CONTEXT, mode="video", device="cpu")
        assert next(second) and "1 in front" in next(second).note
        registry.register(ModelEntry(CAPS, lambda device: Control(CAPS)))
        *_, run = first
        assert isinstance(run, Run), "who is served already keeps the model"
        with pytest.raises(WamvizError, match="changed or forgotten while this waited"):
            list(second)
    assert not DEVICE_QUEUE.waiting["cpu"]


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_second_answer_never_passes_for_the_first(heavy, deterministic, tmp_path):
    """Of a model that promises nothing for a seed every answer is a run of its own, kept beside the others."""
    caps = replace(CAPS, deterministic=deterministic)
    registry.register(ModelEntry(caps, lambda device: Control(caps)))
    store, runs = Store(tmp_path), []
    for _ in range(2):
        *_, run = imagine_run(heavy, CONTEXT, mode="video", device="cpu")
        store.save(run)
        runs.append(run.id)
    assert (runs[0] == runs[1]) == deterministic and {kept.id for kept in store.list()} == set(runs)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "fewer samples than 3"),
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB"), "shorter horizon"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "memory is not enough"),
    ],
)
def test_memory_errors_become_advice(monkeypatch, heavy, error, words):
    """What was asked for decides what is advised, and the line is free again."""

    def fail(self, request):
        raise error
        yield

    monkeypatch.setattr(Control, "imagine", fail)
    with pytest.raises(WamvizError, match=words):
        list(imagine_run(heavy, CONTEXT, mode="video", samples=3, horizon=4, device="cpu"))
    assert not DEVICE_QUEUE.waiting["cpu"]


def test_memory_that_runs_out_while_loading_becomes_advice(heavy):
    """A card that is full already fails before anything is sampled."""

    def load(device):
        raise RuntimeError("CUDA out of memory.")

    registry.register(ModelEntry(CAPS, load))
    with pytest.raises(WamvizError, match="memory is not enough"):
        list(imagine_run(heavy, CONTEXT, mode="video", device="cpu"))
    assert not DEVICE_QUEUE.waiting["cpu"]


def test_other_errors_stay_what_they_are(monkeypatch, heavy):
    """A mistake of ours is not dressed up as a full memory."""

    def fail(self, request):
        raise RuntimeError("shapes do not match")
        yield

    monkeypatch.setattr(Control, "imagine", fail)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(imagine_run(heavy, CONTEXT, mode="video", device="cpu"))


def test_a_reader_that_cannot_tell_what_it_knows_says_so():
    """Its reading of a video carries the warning that nobody measured; another mode carries none."""
    caps = Capabilities(
        "reader", "Reader", "", ("inverse_dynamics", "video"), None, None, 5.0, 4, extras={"domain": "bridge"}
    )
    registry.reset()
    registry.register(ModelEntry(caps, lambda device: Control(caps), resident=False))
    try:
        context = CONTEXT.reworded("lift the mug")
        video = np.zeros((5, 8, 8, 3), np.uint8)
        *_, read = imagine_run("reader", context, mode="inverse_dynamics", video=video)
        assert any("Nothing here measures" in note and "(bridge)" in note for note in read.notes)
        *_, seen = imagine_run("reader", context, mode="video")
        assert not any("Nothing here measures" in note for note in seen.notes)
    finally:
        registry.reset()


def test_other_words_are_answered_by_the_expert():
    """Told something else than what was recorded, the reference is what the expert then does, and nothing warns."""
    context = resolve("assets/episodes#0")
    *_, run = imagine_run("hold-still", context.reworded("pick up the orange"), truth=True)
    assert run.reference.instruction == "pick up the orange" and run.reference.meta["by"] == EXPERT
    assert np.array_equal(run.reference.frames[0].shape, context.reference.frames[0].shape)
    assert run.reference.duration <= max(rollout.duration for rollout in run.imagined) + 1e-9
    assert not any("recorded rollout answers" in note for note in run.notes)
    *_, plain = imagine_run("hold-still", context.reworded("pick up the orange"))
    assert plain.id == run.id and plain.reference.instruction == context.instruction


@pytest.mark.parametrize("words", ["", "make me a sandwich", None])
def test_the_recording_stays_where_the_expert_has_no_answer(words):
    """No words, words that are no task of the scene, and the recording's own: what was recorded is the reference."""
    context = resolve("assets/episodes#0")
    *_, run = imagine_run("hold-still", context if words is None else context.reworded(words), truth=True)
    assert run.reference.origin == "recorded" and run.reference.instruction == context.instruction
    assert any("recorded rollout answers" in note for note in run.notes) == (words is not None)


def test_given_actions_keep_their_recording():
    """What obeys recorded actions is compared with what those did, whatever the words."""
    context = resolve("assets/episodes#0").reworded("pick up the orange")
    *_, run = imagine_run("mini-wam", context, mode="forward_dynamics", truth=True, horizon=4)
    assert run.reference.origin == "recorded"

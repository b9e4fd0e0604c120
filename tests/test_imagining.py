"""The path from a request to a run: who waits is told, who stops leaves, and memory errors become advice."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from wamviz.errors import WamvizError
from wamviz.imagining import imagine_run
from wamviz.models import registry
from wamviz.models.baselines import Control
from wamviz.models.line import LINE
from wamviz.models.protocol import Capabilities, ModelEntry
from wamviz.rollout import Observation
from wamviz.sources import Context
from wamviz.store import Run

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
    assert not LINE.standing["cpu"]


def test_closing_gives_the_place_up(heavy):
    """A stopped page leaves nobody waiting."""
    stream = imagine_run(heavy, CONTEXT, mode="video", device="cpu")
    while next(stream).frames is None:
        pass
    assert len(LINE.standing["cpu"]) == 1
    stream.close()
    assert not LINE.standing["cpu"]


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
    assert not LINE.standing["cpu"]


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
        context = replace(CONTEXT, instruction="lift the mug")
        video = np.zeros((5, 8, 8, 3), np.uint8)
        *_, read = imagine_run("reader", context, mode="inverse_dynamics", video=video)
        assert any("Nothing here measures" in note and "(bridge)" in note for note in read.notes)
        *_, seen = imagine_run("reader", context, mode="video")
        assert not any("Nothing here measures" in note for note in seen.notes)
    finally:
        registry.reset()

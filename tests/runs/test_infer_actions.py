"""A video that was imagined without actions gains those that another model reads out of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Rollout
from wamviz.models import registry
from wamviz.runs.imagine import imagine_run
from wamviz.runs.infer_actions import MODE, join_video, why_not
from wamviz.runs.sources import context_of, resolve
from wamviz.runs.store import Run

pytestmark = pytest.mark.skipif(registry.entry("mini-wam").missing() is not None, reason="needs the shipped weights")


@pytest.fixture(scope="module")
def video_run():
    """What mini-WAM imagines of a fresh scene without actions."""
    *_, run = imagine_run("mini-wam", resolve("tabletop:1000100"), mode="video", seed=3, horizon=16)
    assert run.imagined[0].actions is None
    return run


@pytest.fixture(scope="module")
def read(video_run):
    """That run with the actions that mini-WAM reads out of its video."""
    return infer(video_run)


def infer(run, model="mini-wam", sample=0):
    """The run at the end of inferring the actions of a run's video."""
    *_, end = imagine_run(model, context_of(run, sample), mode=MODE)
    return end


def test_the_video_stays_and_gains_actions(video_run, read):
    """The frames are those that were sampled, the actions are the reader's, and the run says whose is whose."""
    run = read
    assert isinstance(run, Run) and run.id != video_run.id and run.mode == "inverse_dynamics"
    rollout, before = run.imagined[0], video_run.imagined[0]
    assert np.array_equal(rollout.frames, before.frames) and rollout.origin == "imagined"
    assert rollout.actions.shape == (16, 7) and rollout.action_space.rate == 5.0
    assert video_run.id in run.notes[0] and rollout.meta["video"]["run"] == video_run.id
    assert "actions" in run.metrics and run.world_state is not None, "they can be compared and acted out"
    assert run.reference is not None and run.reference.origin == "executed"


def test_the_actions_are_those_of_this_video(video_run, read):
    """The same video gives the same actions, and another one others: they are read, not recalled."""
    actions = read.imagined[0].actions
    assert np.array_equal(infer(video_run).imagined[0].actions, actions)
    backwards = replace(video_run.imagined[0], frames=video_run.imagined[0].frames[::-1].copy())
    other = infer(replace(video_run, imagined=(backwards,)))
    assert not np.allclose(other.imagined[0].actions, actions, atol=1e-3)


def test_a_video_of_another_rate_is_matched_by_time(video_run, read):
    """Four times as many frames a second show the same seconds and nearly the same actions."""
    first = video_run.imagined[0]
    quick = replace(first, frames=np.repeat(first.frames, 4, axis=0)[: 4 * 16 + 1], fps=first.fps * 4)
    run = infer(replace(video_run, imagined=(quick,)))
    assert run.imagined[0].fps == 20.0 and len(run.imagined[0].actions) == 16
    assert np.abs(run.imagined[0].actions - read.imagined[0].actions).max() < 1e-5


def test_what_could_not_be_read_is_cut_off_and_said(video_run, read):
    """A reader that reads eight actions explains eight frames after the context, and the recording ends there too."""
    short = replace(
        read, imagined=(replace(read.imagined[0], frames=None, actions=read.imagined[0].actions[:8]),), notes=()
    )
    run = join_video(short, video_run, 0)
    assert np.array_equal(run.imagined[0].frames, video_run.imagined[0].frames[:9])
    assert run.reference.duration == pytest.approx(1.6)
    assert any("Only the first 1.6 s of the video have actions" in note for note in run.notes)
    assert not any("Only the first" in note for note in read.notes)


def test_a_video_from_elsewhere_is_called_a_guess(video_run):
    """Frames unlike the tabletop's carry a warning; the tabletop's own carry none."""
    noise = np.random.default_rng(0).integers(0, 256, (17, 128, 128, 3), dtype=np.uint8)
    strange = Rollout("imagined", noise, 5.0, camera="exterior")
    run = infer(replace(video_run, imagined=(strange,)))
    assert any("16 of the 16 frames of the video look unlike" in note for note in run.notes)
    reference = resolve("tabletop:1000100").reference
    own = Rollout("imagined", reference.frames[:17], 5.0, camera="exterior")
    run = infer(replace(video_run, imagined=(own,)))
    assert not any("look unlike" in note for note in run.notes)


def test_an_uploaded_video_is_what_really_happened(video_run):
    """Given with a picture that has no recording, it is shown beside, and called recorded."""
    context = replace(context_of(video_run), reference=None)
    *_, run = imagine_run("mini-wam", context, mode="inverse_dynamics", video=video_run.imagined[0].frames)
    assert run.reference.origin == "recorded" and len(run.reference.frames) == 17


def test_what_has_no_video_is_refused(video_run):
    """In words, before anything is loaded."""
    *_, acting = imagine_run("mini-wam", resolve("tabletop:1000100"), mode="act_only")
    assert why_not(acting) == "This run has no imagined video." and "no run yet" in why_not(None)
    with pytest.raises(WamvizError, match="no imagined video"):
        infer(acting)
    with pytest.raises(WamvizError, match="no sample 3"):
        infer(video_run, sample=3)
    with pytest.raises(WamvizError, match="has no mode 'inverse_dynamics'"):
        infer(video_run, "hold-still")

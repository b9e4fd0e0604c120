"""mini-WAM behind the protocol, on a tiny checkpoint: what people are told, and what rollouts hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from wamviz.errors import WamvizError
from wamviz.models.mini.entry import capabilities
from wamviz.models.mini.wam import MiniWAM, digest_of
from wamviz.models.protocol import collect
from wamviz.rollout import MODES, Camera, Imagined, ImagineRequest, Observation, Preview

FRAME = np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)
STATE = np.zeros(14, np.float32)


@pytest.fixture(scope="module")
def folder(pipeline, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint")
    pipeline.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def model(folder) -> MiniWAM:
    return MiniWAM(folder, replace(capabilities(), horizon=8, frame_size=(32, 32)), "cpu")


def test_digest_changes_with_the_weights_and_not_with_reports(pipeline, tmp_path):
    """A report beside the weights leaves a run's identity alone; another configuration does not."""
    pipeline.save_pretrained(tmp_path)
    before = digest_of(tmp_path)
    (tmp_path / "evaluation.json").write_text("{}")
    assert digest_of(tmp_path) == before
    config = tmp_path / "transformer" / "config.json"
    config.write_text(config.read_text() + " ")
    assert digest_of(tmp_path) != before


def request(mode: str = "joint", **options) -> ImagineRequest:
    context = Observation({"exterior": FRAME}, "pick up the orange", STATE)
    if mode == "forward_dynamics":
        options.setdefault("actions", np.zeros((5, 7), np.float32))
    if mode == "inverse_dynamics":
        options.setdefault("video", np.repeat(FRAME[None], 4, 0))
    return ImagineRequest(options.pop("observation", context), mode, steps=2, **options)


@pytest.mark.parametrize("mode", MODES)
def test_stream_order(model, mode):
    """Previews count up from 0, and one Imagined ends the stream."""
    events = list(model.imagine(request(mode)))
    assert [e.step for e in events[:-1]] == list(range(len(events) - 1))
    assert all(isinstance(e, Preview) for e in events[:-1]) and isinstance(events[-1], Imagined)


@pytest.mark.parametrize("mode", MODES)
def test_rollouts_hold_what_the_mode_gives(model, mode):
    """No frames where none were sampled; given actions are kept and said to be given; frame 0 is the context."""
    rollout = collect(model, request(mode)).rollouts[0]
    assert (rollout.frames is None) == (mode in ("act_only", "inverse_dynamics"))
    assert (rollout.actions is None) == (mode == "video")
    if mode == "forward_dynamics":
        assert rollout.meta["actions"] == "given" and len(rollout.actions) == 5 and len(rollout.frames) == 6
    if mode == "inverse_dynamics":
        assert len(rollout.actions) == 3
    if rollout.frames is not None:
        side = FRAME[:, 8:56]  # the centre square
        assert abs(rollout.frames[0].astype(int).mean() - side.astype(int).mean()) < 1.5


def test_actions_stay_within_limits(model):
    """Whatever the network says, actions are those a controller could take."""
    space = model.capabilities.action_space
    for rollout in collect(model, request(samples=4)).rollouts:
        assert (rollout.actions >= np.float32(space.low)).all() and (rollout.actions <= np.float32(space.high)).all()


def test_unknown_words_are_said(model):
    """A word the model never met is named in a note."""
    context = Observation({"exterior": FRAME}, "pick up the banana", STATE)
    notes = collect(model, request(observation=context)).notes
    assert any("'banana'" in note for note in notes)
    assert not any("never met" in note for note in collect(model, request()).notes)


def test_too_many_given_actions_are_said(model):
    """Actions beyond one horizon are not dropped in silence."""
    done = collect(model, request("forward_dynamics", actions=np.zeros((20, 7), np.float32)))
    assert len(done.rollouts[0].actions) == 8 and any("8 actions at a time" in note for note in done.notes)


def test_calibration_follows_a_square_frame_only(model):
    """The camera of a square context is scaled with it; a cropped one would be wrong, so it is dropped."""
    square = np.repeat(FRAME[:, :48], 1, 0)
    camera = Camera("exterior", 48, 48, np.diag([50.0, 50.0, 1.0]), np.eye(4))
    kept = collect(model, request(observation=Observation({"exterior": square}, "push", cameras={"exterior": camera})))
    assert kept.rollouts[0].camera_model.width == 32
    wide = replace(camera, width=64)
    cut = collect(model, request(observation=Observation({"exterior": FRAME}, "push", cameras={"exterior": wide})))
    assert cut.rollouts[0].camera_model is None


def test_bad_requests_are_refused_at_once(model):
    """An empty instruction is refused before anything is computed."""
    with pytest.raises(WamvizError, match="instruction is empty"):
        model.imagine(request(observation=Observation({"exterior": FRAME}, "  ")))


def test_digest_covers_every_weight(folder, tmp_path):
    """Changing one byte of one weight file changes the digest."""
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    assert digest_of(copy) == digest_of(folder)
    file = next(copy.rglob("*.safetensors"))
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    assert digest_of(copy) != digest_of(folder)

"""mini-WAM behind the protocol, on a tiny checkpoint: what people are told, and what rollouts hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from wamviz.errors import WamvizError
from wamviz.models.mini.entry import capabilities
from wamviz.models.mini.wam import MiniWAM, digest_of, spread_note
from wamviz.models.protocol import collect
from wamviz.rollout import MODES, Camera, Imagined, ImagineRequest, Observation, Preview, WorldState

FRAME = np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)
STATE = np.zeros(14, np.float32)
ACTIONS = np.random.default_rng(3).uniform(-0.03, 0.03, (20, 7)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(pipeline, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint")
    pipeline.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def model(folder) -> MiniWAM:
    return MiniWAM(folder, replace(capabilities(), horizon=8, max_horizon=32, frame_size=(32, 32)), "cpu")


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


def long(mode: str) -> dict[str, np.ndarray]:
    """What a mode must be given for twenty frames."""
    video = np.random.default_rng(4).integers(0, 255, (21, 32, 32, 3)).astype(np.uint8)
    return {"forward_dynamics": {"actions": ACTIONS}, "inverse_dynamics": {"video": video}}.get(mode, {})


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


def test_a_picture_that_is_cut_to_its_middle_is_told(model):
    """Whoever hands over a wide picture hears what of it is seen; a square one is seen whole."""
    wide = Observation({"exterior": np.zeros((40, 70, 3), np.uint8)}, "pick up the orange", STATE)
    notes = collect(model, request(observation=wide)).notes
    assert any("the middle 40 x 40 pixels of this 70 x 40 picture" in note for note in notes)
    square = Observation({"exterior": np.zeros((40, 40, 3), np.uint8)}, "pick up the orange", STATE)
    assert not any("the middle" in note for note in collect(model, request(observation=square)).notes)


def test_the_spread_of_samples_is_said(model):
    """Several samples say how far apart they lead, one does not; the distance is that of the ends from their middle."""
    assert not any("samples end" in note for note in collect(model, request()).notes)
    done = collect(model, request(samples=3))
    (said,) = [note for note in done.notes if "samples end" in note]
    ends = np.stack([rollout.actions[:, :3].sum(0) for rollout in done.rollouts])
    assert f" {100 * np.linalg.norm(ends - ends.mean(0), axis=1).mean():.1f} cm " in said
    assert spread_note(np.repeat(np.ones((1, 4, 7), np.float32), 2, 0)).endswith(
        " 0.0 cm from their middle on average."
    )


def test_the_autoencoder_is_the_ceiling(model):
    """``rebuild`` keeps the context as it is and draws the rest from latents alone, each frame by itself."""
    video = np.random.default_rng(3).integers(0, 255, (4, 32, 32, 3)).astype(np.uint8)
    rebuilt = model.rebuild(video)
    assert rebuilt.shape == video.shape and np.array_equal(rebuilt[0], video[0])
    assert np.abs(rebuilt[:3].astype(int) - model.rebuild(video[:3])).max() <= 1


@pytest.mark.parametrize("mode", ["joint", "imagine_then_act", "video", "forward_dynamics", "inverse_dynamics"])
def test_a_longer_horizon_is_one_rollout(model, mode):
    """Three chunks give as many frames and actions as asked; previews count on, grow, and say which chunk it is."""
    asked = request(mode, horizon=20, samples=2, **long(mode))
    *previews, done = model.imagine(asked)
    assert [event.step for event in previews] == list(range(len(previews))) and previews[-1].steps == len(previews)
    assert "chunk 1 of 3" in previews[1].note and "chunk 3 of 3" in previews[-1].note
    for rollout in done.rollouts:
        assert rollout.frames is None if mode == "inverse_dynamics" else len(rollout.frames) == 21
        assert rollout.actions is None if mode == "video" else len(rollout.actions) == 20
    shown = [len(event.frames[0]) for event in previews if event.frames is not None]
    assert shown == sorted(shown) and (mode == "inverse_dynamics" or {9, 17, 21} <= set(shown))
    assert any("8 frames at a time" in note for note in done.notes)
    assert done.timings["total"] >= done.timings["denoise"] + done.timings["decode"]


def test_a_chunk_goes_on_from_the_last_frame_and_its_state(model):
    """The second chunk is what a new request from the last frame and the summed-up state gives, that frame once."""
    first = collect(model, request("forward_dynamics", actions=ACTIONS[:8])).rollouts[0]
    whole = collect(model, request("forward_dynamics", actions=ACTIONS[:16])).rollouts[0]
    assert np.array_equal(whole.frames[:9], first.frames) and np.array_equal(whole.actions, ACTIONS[:16])
    state = model.next_state(STATE[None], ACTIONS[None, :8])
    context = Observation({"exterior": first.frames[-1]}, "pick up the orange", state[0])
    noises = model.pipeline.noises(0, 1)
    list(model.pipeline.stream(first.frames[0], "push", generators=noises, mode="video", steps=1))  # the first's noise
    last = model.pipeline(
        context.frame, context.instruction, state=state[0], mode="forward_dynamics", steps=2, actions=ACTIONS[8:16],
        generators=noises,
    )  # fmt: skip
    frames = model.pipeline.decode(last.latents, model.pipeline.reference(context.frame[None]))
    assert np.abs(whole.frames[9:].astype(int) - frames[0]).max() <= 1


def test_samples_of_a_long_rollout_are_those_of_their_seeds(model):
    """In every chunk, sample i is what seed + i gives alone."""
    fan = collect(model, request(horizon=16, samples=2, seed=4)).rollouts
    alone = collect(model, request(horizon=16, seed=5)).rollouts[0]
    assert not np.array_equal(fan[0].frames[9:], fan[1].frames[9:])
    assert np.abs(fan[1].frames.astype(int) - alone.frames).max() <= 1
    np.testing.assert_allclose(fan[1].actions, alone.actions, atol=0.02)  # a bfloat16's last bits


def test_guidance_reaches_the_rollout(model):
    """The same request with other guidance is another rollout; only models that learned without words have it."""
    plain, guided = (collect(model, request(guidance=g)).rollouts[0] for g in (1.0, 4.0))
    assert np.abs(plain.actions - guided.actions).max() > 1e-3
    with pytest.raises(WamvizError, match="guidance up to 5"):
        model.imagine(request(guidance=6.0))


def test_a_short_horizon_is_the_start_of_a_chunk(model):
    """Three frames are the first three of eight."""
    short, whole = (collect(model, request(horizon=h)).rollouts[0] for h in (3, None))
    assert len(whole.frames) == 9 and len(short.actions) == 3
    assert np.abs(short.frames.astype(int) - whole.frames[:4]).max() <= 1


def test_what_lies_beyond_the_horizon_is_said(model):
    """Given actions are obeyed in full; what a horizon or the longest rollout leaves out is not dropped in silence."""
    given = np.zeros((20, 7), np.float32)
    everything = collect(model, request("forward_dynamics", actions=given))
    assert len(everything.rollouts[0].actions) == 20 and not any("beyond" in note for note in everything.notes)
    cut = collect(model, request("forward_dynamics", actions=given, horizon=12))
    assert len(cut.rollouts[0].frames) == 13 and any("last 8 of the given actions" in note for note in cut.notes)
    endless = collect(model, request("forward_dynamics", actions=np.zeros((40, 7), np.float32)))
    assert len(endless.rollouts[0].actions) == 32 and any("the last 8 were left out" in note for note in endless.notes)


def test_horizons_that_cannot_be_imagined_are_refused(model):
    """Beyond the longest rollout, and beyond one chunk where no frame is imagined to go on from."""
    with pytest.raises(WamvizError, match="at most 32 frames, not 33"):
        model.imagine(request(horizon=33))
    with pytest.raises(WamvizError, match="act_only imagines no frame"):
        model.imagine(request("act_only", horizon=9))


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


def test_what_is_not_seen_or_only_supposed_is_said(model):
    """The sides of a picture that is no square, and fourteen numbers that may be another robot's."""
    wide = collect(model, request("act_only")).notes
    assert any("middle 48 x 48 pixels of this 64 x 48 picture" in note for note in wide)
    assert any("14 numbers were taken for the tabletop's" in note for note in wide)
    square = Observation({"exterior": FRAME[:, :48]}, "pick up the orange", STATE, WorldState("tabletop", 1))
    notes = collect(model, request("act_only", observation=square)).notes
    assert not any("the middle" in note or "were taken for" in note for note in notes)
    tall = np.zeros((4, 64, 48, 3), np.uint8)
    read = collect(model, request("inverse_dynamics", observation=square, video=tall)).notes
    assert any("of this 48 x 64 picture" in note for note in read)

"""mini-WAM behind the protocol, on a tiny checkpoint: what people are told, and what rollouts hold."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.mini.conftest import make_pipeline
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import MODES, Camera, Imagined, ImagineRequest, Observation, Preview, WorldState
from wamviz.models.mini.entry import capabilities, digest_of
from wamviz.models.mini.ood import OODDetector
from wamviz.models.mini.wam import MiniWAM
from wamviz.models.protocol import collect

FRAME = np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)
SQUARE = FRAME[:, :48]
ACTIONS = np.random.default_rng(3).uniform(-0.03, 0.03, (20, 7)).astype(np.float32)
VIDEO = np.random.default_rng(4).integers(0, 255, (21, 32, 32, 3)).astype(np.uint8)
DRAWN = ("joint", "imagine_then_act", "video", "forward_dynamics")
ENDLESS = ("joint", "imagine_then_act", "video")


@pytest.fixture(scope="module")
def folder(pipeline, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint")
    pipeline.save_pretrained(path)
    return path


def load(folder: Path) -> MiniWAM:
    return MiniWAM(
        folder, replace(capabilities(), horizon=8, max_horizon=32, frame_size=(32, 32), open_horizon=32), "cpu"
    )


@pytest.fixture(scope="module")
def model(folder) -> MiniWAM:
    return load(folder)


@pytest.fixture(scope="module")
def resting(camera, body, tmp_path_factory) -> MiniWAM:
    """A model that never wants to do anything."""
    pipeline = make_pipeline(camera, body)
    torch.nn.init.zeros_(pipeline.transformer.action_out.weight)
    torch.nn.init.zeros_(pipeline.transformer.action_out.bias)
    path = tmp_path_factory.mktemp("resting")
    pipeline.save_pretrained(path)
    return load(path)


@pytest.fixture
def request_(state):
    """A request in a mode, with what that mode must be given; ``twenty`` frames of it if asked."""

    def make(mode: str = "joint", twenty: bool = False, **options) -> ImagineRequest:
        context = Observation({"exterior": FRAME}, "pick up the orange", state[0].numpy())
        if mode == "forward_dynamics":
            options.setdefault("actions", ACTIONS if twenty else ACTIONS[:5])
        if mode == "inverse_dynamics":
            options.setdefault("video", VIDEO if twenty else VIDEO[:4])
        if twenty or mode in ENDLESS:
            options.setdefault("horizon", 20 if twenty else 8)
        return ImagineRequest(options.pop("observation", context), mode, steps=2, **options)

    return make


@pytest.mark.parametrize("mode", MODES)
def test_stream_order(model, request_, mode):
    """Previews count up to what they say there is to do, and one Imagined ends the stream."""
    events = list(model.imagine(request_(mode)))
    steps = [e.step for e in events[:-1]]
    assert steps[0] == 0 and steps == sorted(steps) and all(e.step < e.steps for e in events[:-1])
    assert all(isinstance(e, Preview) for e in events[:-1]) and isinstance(events[-1], Imagined)


@pytest.mark.parametrize("mode", DRAWN)
def test_previews_become_the_rollout(model, request_, mode):
    """The last preview is as long as the first sample, and holds its last frame as it will be; the context is first."""
    *previews, done = model.imagine(request_(mode))
    shown, frames = previews[-1].frames[0], done.rollouts[0].frames
    assert shown.shape == frames.shape and np.array_equal(shown[0], frames[0]) and np.array_equal(shown[-1], frames[-1])
    if mode == "joint":
        assert np.array_equal(previews[-1].actions[0], done.rollouts[0].actions)


@pytest.fixture
def two_cores():
    """Computing on two threads, whatever the machine has."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("samples", [1, 2])
def test_a_glimpse_of_the_end_comes_before_the_drawing(model, request_, samples, two_cores):
    """The end as it was foreseen at first is shown, chunk after chunk, before anything is drawn; it is not kept."""
    request = replace(request_(twenty=True, samples=samples), steps=8)
    *previews, done = model.imagine(request)
    drawn = [event for event in previews if event.note.endswith("drawing")]
    lengths = [event.frames.shape[1] for event in drawn]
    for length in (9, 17, 21):
        first, second, *_ = (event.frames[0] for event in drawn[lengths.index(length) :])
        shown = first[9 * (length > 9) + 8 * (length > 17) or 1 :]
        assert (shown == shown[-1]).all() and not np.array_equal(first, second)
    plain = collect(model, request)
    for one, other in zip(done.rollouts, plain.rollouts, strict=True):
        assert np.array_equal(one.frames, other.frames)


@pytest.mark.parametrize("mode", MODES)
def test_rollouts_hold_what_the_mode_gives(model, request_, mode):
    """No frames where none were drawn; given actions are kept and said to be given; frame 0 is the context."""
    rollout = collect(model, request_(mode)).rollouts[0]
    assert (rollout.frames is None) == (mode not in DRAWN)
    assert (rollout.actions is None) == (mode == "video")
    if mode == "forward_dynamics":
        assert rollout.meta["actions"] == "given" and len(rollout.frames) == 6
        assert np.array_equal(rollout.actions, ACTIONS[:5])
    if mode == "inverse_dynamics":
        assert len(rollout.actions) == 3
    if rollout.frames is not None:
        side = FRAME[:, 8:56]  # the centre square
        assert rollout.frames.shape[1:] == (32, 32, 3)
        assert abs(rollout.frames[0].astype(int).mean() - side.astype(int).mean()) < 1.5


@pytest.mark.parametrize("mode", ["joint", "imagine_then_act", "act_only", "forward_dynamics"])
def test_same_seed_same_rollout(model, request_, mode):
    """A seed is repeatable to the bit; another one is another future."""
    one, again, other = (collect(model, request_(mode, seed=s)).rollouts[0] for s in (7, 7, 8))
    for name in ("frames", "actions"):
        if getattr(one, name) is not None:
            assert np.array_equal(getattr(one, name), getattr(again, name))
    if mode == "forward_dynamics":
        assert not np.array_equal(one.frames, other.frames)
    else:
        assert not np.array_equal(one.actions, other.actions)


def test_actions_stay_within_limits(model, request_):
    """Whatever the network says, actions are those a controller could take."""
    space = model.capabilities.action_space
    for rollout in collect(model, request_(samples=4)).rollouts:
        assert (rollout.actions >= np.float32(space.low)).all() and (rollout.actions <= np.float32(space.high)).all()


def test_video_and_imagine_then_act_are_marginals_of_the_joint(model, request_):
    """The same seed draws the same pictures; the actions are dropped, or read off the pictures."""
    joint, video, read = (
        collect(model, request_(mode, seed=2)).rollouts[0] for mode in ("joint", "video", "imagine_then_act")
    )
    assert np.array_equal(joint.frames, video.frames) and np.array_equal(joint.frames, read.frames)
    assert video.actions is None and not np.array_equal(joint.actions, read.actions)


@pytest.mark.parametrize("mode", ["joint", "imagine_then_act", "video", "forward_dynamics", "inverse_dynamics"])
def test_a_longer_horizon_is_one_rollout(model, request_, mode):
    """Three chunks give as many frames and actions as asked; previews grow, and say which chunk it is."""
    *previews, done = model.imagine(request_(mode, twenty=True, samples=2))
    assert "chunk 1 of 3" in previews[1].note and "chunk 3 of 3" in previews[-1].note
    for rollout in done.rollouts:
        assert rollout.frames is None if mode == "inverse_dynamics" else len(rollout.frames) == 21
        assert rollout.actions is None if mode == "video" else len(rollout.actions) == 20
    shown = [len(event.frames[0]) for event in previews if event.frames is not None]
    assert shown == sorted(shown) and (mode == "inverse_dynamics" or {9, 17, 21} <= set(shown))
    assert any("8 actions at a time" in note for note in done.notes)
    assert done.timings["total"] >= done.timings["denoise"] + done.timings["decode"]


@pytest.mark.parametrize("mode", ENDLESS)
def test_an_open_end_is_never_longer_than_the_longest(model, request_, mode):
    """Somebody who wants to go on is stopped after some chunks, and the note says that it was not done yet."""
    done = collect(model, request_(mode, horizon=None))
    (rollout,) = done.rollouts
    length = len(rollout.frames) - 1 if rollout.frames is not None else len(rollout.actions)
    assert 4 <= length <= model.capabilities.open_horizon <= model.capabilities.longest
    assert rollout.actions is None or len(rollout.actions) == length


@pytest.mark.parametrize("mode", ENDLESS)
def test_an_open_end_stops_at_rest(resting, request_, mode):
    """Who has nothing left to do is not imagined any further, and is not said to be unfinished."""
    done = collect(resting, request_(mode, horizon=None))
    assert len(done.rollouts[0].frames) == 5  # half a chunk at least, the context before it
    assert mode == "video" or len(done.rollouts[0].actions) == 4
    assert not any("not done yet" in note or "at a time" in note for note in done.notes)
    asked = collect(resting, request_(mode, horizon=20))
    assert len(asked.rollouts[0].frames) == 21  # whoever asks for twenty gets twenty


def test_who_cannot_tell_the_end_imagines_one_chunk(folder, request_):
    """Without an ``open_horizon`` no horizon means one chunk, as for every other model."""
    model = MiniWAM(folder, replace(load(folder).capabilities, open_horizon=None), "cpu")
    assert len(collect(model, request_("joint", horizon=None)).rollouts[0].actions) == 8


def test_a_video_remembers_what_it_was_drawn_for(model, request_):
    """The actions of the joint whose marginal it is are noted beside it, and no other mode notes any."""
    video, joint = (collect(model, request_(mode, seed=3)).rollouts[0] for mode in ("video", "joint"))
    np.testing.assert_allclose(video.meta["actions_drawn"], joint.actions, atol=1e-6)
    assert "actions_drawn" not in joint.meta


def test_what_is_not_done_is_said(model, request_):
    """A rollout of open end that ends with a moving hand says so."""
    done = collect(model, request_("joint", horizon=None))
    (rollout,) = done.rollouts
    moving = np.linalg.norm(rollout.actions[-5:, :3], axis=1).max() > 0.01
    assert moving and any("After 32 actions it was not done yet" in note for note in done.notes)


def test_samples_of_a_long_rollout_are_those_of_their_seeds(model, request_):
    """In every chunk, sample i is what seed + i gives alone."""
    fan = collect(model, request_(horizon=16, samples=2, seed=4)).rollouts
    alone = collect(model, request_(horizon=16, seed=5)).rollouts[0]
    assert not np.array_equal(fan[0].frames[9:], fan[1].frames[9:])
    # Two samples at once round otherwise than one: a point of the arm may fall into the pixel beside.
    assert (np.abs(fan[1].frames.astype(int) - alone.frames) > 1).mean() < 1e-3
    np.testing.assert_allclose(fan[1].actions, alone.actions, atol=1e-4)
    assert [rollout.seed for rollout in fan] == [4, 5]


def test_a_longer_rollout_begins_like_a_shorter_one(model, request_):
    """The first chunk does not depend on whether another follows; three frames are the first three of eight."""
    first, whole = (collect(model, request_(horizon=h)).rollouts[0] for h in (8, 16))
    assert np.array_equal(whole.frames[:9], first.frames) and np.array_equal(whole.actions[:8], first.actions)
    short = collect(model, request_(horizon=3)).rollouts[0]
    assert len(short.actions) == 3 and np.abs(short.frames.astype(int) - first.frames[:4]).max() <= 1


def test_a_chunk_goes_on_from_where_everything_is_by_then(model, request_, state):
    """The second chunk is decided in the situation after the first, and drawn from the first context."""
    starts = []
    original = model.pipeline.stream
    model.pipeline.stream = lambda start, *a, **k: (starts.append(start), original(start, *a, **k))[1]
    try:
        whole = collect(model, request_("forward_dynamics", actions=ACTIONS[:16])).rollouts[0]
    finally:
        del model.pipeline.stream
    first, second = starts
    torch.testing.assert_close(first.state, state)
    assert np.array_equal(whole.actions, ACTIONS[:16])
    assert not torch.equal(second.state, first.state) and (second.doubt > first.doubt).all()


def test_guidance_reaches_the_rollout(model, request_):
    """Guidance of 1 is none, another is another rollout, and too strong a one is refused."""
    plain, one, guided = (collect(model, request_(**g)).rollouts[0] for g in ({}, {"guidance": 1.0}, {"guidance": 4.0}))
    assert np.array_equal(plain.actions, one.actions) and np.abs(plain.actions - guided.actions).max() > 1e-3
    with pytest.raises(WamvizError, match="guidance up to 5"):
        model.imagine(request_(guidance=6.0))


def test_steps_are_those_that_were_asked_for(model, request_):
    """More steps are more denoising, half of them where the robot just acts, and another result."""
    counts, results = [], []
    original = model.pipeline.transformer.forward
    for steps in (2, 4):
        calls = []
        model.pipeline.transformer.forward = lambda *a, calls=calls, **k: (calls.append(1), original(*a, **k))[1]
        try:
            results.append(collect(model, replace(request_("act_only"), steps=steps)).rollouts[0].actions)
        finally:
            model.pipeline.transformer.forward = original
        counts.append(len(calls))
    assert counts == [1, 2] and not np.array_equal(*results)


def test_what_lies_beyond_the_horizon_is_said(model, request_):
    """Given actions are obeyed in full; what a horizon or the longest rollout leaves out is not dropped in silence."""
    given = np.zeros((20, 7), np.float32)
    everything = collect(model, request_("forward_dynamics", actions=given))
    assert len(everything.rollouts[0].actions) == 20 and not any("beyond" in note for note in everything.notes)
    cut = collect(model, request_("forward_dynamics", actions=given, horizon=12))
    assert len(cut.rollouts[0].frames) == 13 and any("last 8 of the given actions" in note for note in cut.notes)
    endless = collect(model, request_("forward_dynamics", actions=np.zeros((40, 7), np.float32)))
    assert len(endless.rollouts[0].actions) == 32 and any("the last 8 were left out" in note for note in endless.notes)
    read = collect(model, request_("inverse_dynamics", video=VIDEO, horizon=12))
    assert len(read.rollouts[0].actions) == 12 and any("last 8 of the given frames" in note for note in read.notes)


def test_horizons_that_cannot_be_imagined_are_refused(model, request_):
    """Beyond the longest rollout, and beyond one chunk where no frame is imagined to go on from."""
    with pytest.raises(WamvizError, match="at most 32 frames, not 33"):
        model.imagine(request_(horizon=33))
    with pytest.raises(WamvizError, match="act_only imagines no frame"):
        model.imagine(request_("act_only", horizon=9))


def test_bad_requests_are_refused_at_once(model, request_):
    """An empty instruction is refused before anything is computed."""
    with pytest.raises(WamvizError, match="instruction is empty"):
        model.imagine(request_(observation=Observation({"exterior": FRAME}, "  ")))


# ---------------------------------------------------------------------- notes


def notes(model, request) -> str:
    return "\n".join(collect(model, request).notes)


def test_unknown_words_are_said(model, request_):
    """A word that is not in the training vocabulary is named in a note."""
    context = Observation({"exterior": FRAME}, "pick up the banana")
    assert "'banana' is not in the training vocabulary" in notes(model, request_("act_only", observation=context))
    assert "vocabulary" not in notes(model, request_("act_only"))


def test_what_is_not_known_is_said(model, request_, env):
    """A state or a camera that is not given is told to be guessed; what is given is not."""
    bare = notes(model, request_("act_only", observation=Observation({"exterior": SQUARE}, "pick up the orange")))
    assert "state is not known" in bare and "camera is not known" in bare
    short = Observation({"exterior": SQUARE}, "pick up the orange", np.zeros(7, np.float32))
    assert "state is not known" in notes(model, request_("act_only", observation=short))
    known = Observation(
        {"exterior": SQUARE},
        "pick up the orange",
        np.zeros(14, np.float32),
        cameras={"exterior": env.camera("exterior")},
    )
    assert "not known" not in notes(model, request_("act_only", observation=known))


def test_what_is_not_seen_or_only_supposed_is_said(model, request_, state):
    """The sides of a picture that is no square, and fourteen numbers that may be another robot's."""
    wide = notes(model, request_("act_only"))
    assert "middle 48 x 48 pixels of this 64 x 48 picture" in wide
    assert "14 numbers were taken for the tabletop's" in wide
    square = Observation({"exterior": SQUARE}, "pick up the orange", state[0].numpy(), WorldState("tabletop", 1))
    told = notes(model, request_("act_only", observation=square))
    assert "the middle" not in told and "were taken for" not in told
    tall = np.zeros((4, 64, 48, 3), np.uint8)
    assert "of this 48 x 64 picture" in notes(model, request_("inverse_dynamics", observation=square, video=tall))


def test_the_spread_of_samples_is_said(model, request_):
    """Several samples say how far apart they end, one does not: the mean distance of the ends from their mean."""
    assert "spread" not in notes(model, request_())
    done = collect(model, request_(samples=3))
    (said,) = [note for note in done.notes if "spread" in note]
    ends = np.stack([rollout.actions[:, :3].sum(0) for rollout in done.rollouts])
    assert f" {100 * np.linalg.norm(ends - ends.mean(0), axis=1).mean():.1f} cm " in said


def test_unlike_frames_are_told(folder, request_, tmp_path):
    """With statistics of training beside the weights, frames beyond the mark are said to be a guess."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    bare = load(copy)
    assert np.isnan(bare.ood_score(SQUARE)) and bare.strange_frames(VIDEO[:3]) == []
    width = 2 * 16
    for mark, strange in ((1e-9, True), (1e9, False)):
        OODDetector(torch.zeros(width), torch.eye(width), torch.tensor([[0.0, mark], [-1e9, 1e9]])).save(copy)
        model = load(copy)
        assert (model.ood_score(SQUARE) > 1) == strange
        assert model.strange_frames(VIDEO[:3]) == ([0, 1, 2] if strange else [])
        assert ("looks unlike the tabletop frames" in notes(model, request_("act_only"))) == strange
        assert ("3 of the 3 frames of the video look unlike" in notes(model, request_("inverse_dynamics"))) == strange


# ---------------------------------------------------------------------- cameras and weights


def test_calibration_follows_a_square_frame_only(model, request_):
    """The camera of a square context is scaled with it; a cropped one would be wrong, so it is dropped."""
    camera = Camera("exterior", 48, 48, np.diag([50.0, 50.0, 1.0]), np.eye(4))
    known = Observation({"exterior": SQUARE}, "push", cameras={"exterior": camera})
    assert collect(model, request_("act_only", observation=known)).rollouts[0].camera_model.width == 32
    wide = Observation({"exterior": FRAME}, "push", cameras={"exterior": replace(camera, width=64)})
    assert collect(model, request_("act_only", observation=wide)).rollouts[0].camera_model is None


def test_digest_covers_every_weight_and_no_report(folder, tmp_path):
    """One byte of a weight file or of a configuration changes it; a report beside the weights does not."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    before = digest_of(copy)
    assert before == digest_of(folder)
    (copy / "evaluation.json").write_text("{}")
    assert digest_of(copy) == before
    for file in (next(copy.rglob("*.safetensors")), copy / "transformer" / "config.json"):
        kept = file.read_bytes()
        file.write_bytes(kept + b" " if file.suffix == ".json" else kept[:-1] + bytes([kept[-1] ^ 1]))
        assert digest_of(copy) != before
        file.write_bytes(kept)

"""The sampling loop: every mode, every property that the page and the command line lean on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wamviz.core.rollout import MODES
from wamviz.models.mini.kinematics import tool_pose
from wamviz.models.mini.paths import noise_path
from wamviz.models.mini.pipeline import MiniWAMPipeline
from wamviz.models.mini.situation import read_state
from wamviz.models.mini.warp import THINGS, Pose

SIZE, K = 32, 8
MOTION = 7 + 3 * len(THINGS)
FRAME = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3)).astype(np.uint8)
ACTIONS = np.random.default_rng(1).uniform(-0.03, 0.03, (K, 7)).astype(np.float32)
VIDEO = np.random.default_rng(2).integers(0, 255, (K, SIZE, SIZE, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def observed(pipeline, state):
    return pipeline.observe(FRAME, None, state[0].numpy())


@pytest.fixture(scope="module")
def view(pipeline, observed):
    return pipeline.view(observed)


def sample(pipeline, observed, mode="joint", seed=0, samples=1, steps=4, words="pick up the orange", **options):
    """The last step of a chunk."""
    if mode == "forward_dynamics":
        options.setdefault("actions", ACTIONS)
    if mode == "inverse_dynamics":
        options.setdefault("motion", pipeline.read_motion(VIDEO, observed))
    *_, last = pipeline.stream(
        observed.situation, observed.camera, words, mode=mode, steps=steps,
        generators=pipeline.noises(seed, samples), **options,
    )  # fmt: skip
    return last


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_runs(pipeline, observed, mode):
    """A mode gives the parts that it imagines and no others; each denoising step is counted."""
    step = sample(pipeline, observed, mode)
    assert step.step == step.steps == len(noise_path(mode, 4)) - 1
    assert (step.motion is not None) == (mode not in ("act_only", "inverse_dynamics"))
    assert (step.joints is not None) == (step.motion is not None)  # drawn for settled actions
    assert (step.actions is not None) == (mode != "forward_dynamics")
    if step.motion is not None:
        assert step.motion.shape == (1, K, MOTION) and step.motion.isfinite().all()
    if step.actions is not None:
        assert step.actions.shape == (1, K, 7) and step.actions.isfinite().all()


@pytest.mark.parametrize("mode", ["joint", "act_only", "forward_dynamics"])
def test_same_seed_same_bits(pipeline, observed, mode):
    """The same seed gives the same future; another seed another."""
    first, again, other = (sample(pipeline, observed, mode, seed=s) for s in (5, 5, 6))
    for name in ("motion", "actions"):
        if getattr(first, name) is not None:
            assert torch.equal(getattr(first, name), getattr(again, name))
            assert not torch.equal(getattr(first, name), getattr(other, name))


def test_sample_i_is_seed_plus_i(pipeline, observed):
    """A fan of samples holds the futures that single seeds give."""
    fan = sample(pipeline, observed, samples=3, seed=10)
    for i in range(3):
        alone = sample(pipeline, observed, seed=10 + i)
        torch.testing.assert_close(fan.actions[i], alone.actions[0], atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(fan.motion[i], alone.motion[0], atol=1e-4, rtol=1e-3)


def test_samples_go_on_from_situations_of_their_own(pipeline, observed):
    """With a situation a sample, each is denoised from its own."""
    fan = sample(pipeline, observed, samples=2, seed=3)
    _, after = pipeline.follow(observed.situation, fan.motion, fan.actions, fan.joints)
    camera = observed.camera
    *_, both = pipeline.stream(after, camera, "push", steps=2, generators=pipeline.noises(3, 2))
    for i in range(2):
        one = type(after)(after.state[i : i + 1], after.known, *(
            getattr(after, name)[i : i + 1] for name in ("places", "doubt", "facing", "turns", "last_action")
        ))  # fmt: skip
        *_, alone = pipeline.stream(one, camera, "push", steps=2, generators=pipeline.noises(3 + i, 1))
        torch.testing.assert_close(both.actions[i], alone.actions[0], atol=1e-4, rtol=1e-3)


@torch.inference_mode()
def test_one_step_is_the_clean_prediction(pipeline, observed):
    """With one step the scheduler must land on the network's own clean prediction."""
    camera = observed.camera
    steps = list(
        pipeline.stream(observed.situation, camera, "push", mode="act_only", steps=1, generators=pipeline.noises(2, 1))
    )
    assert [s.step for s in steps] == [0, 1]
    net = pipeline.transformer
    noise = torch.randn(K, 7, generator=torch.Generator().manual_seed(2))[None]
    clean = net(None, noise, torch.ones(1), torch.ones(1), pipeline.encode(observed.situation, camera, "push"))[1]
    torch.testing.assert_close(steps[-1].actions, net.denormalise_actions(clean), atol=1e-5, rtol=1e-4)


def test_given_parts_steer(pipeline, observed):
    """forward_dynamics obeys other actions differently; inverse_dynamics reads another video differently."""
    a, b = (sample(pipeline, observed, "forward_dynamics", actions=x).motion for x in (ACTIONS, -ACTIONS))
    assert (a - b).abs().max() > 1e-4
    read = pipeline.read_motion(VIDEO, observed)
    a, b = (sample(pipeline, observed, "inverse_dynamics", motion=x).actions for x in (read, -read))
    assert (a - b).abs().max() > 1e-4


@pytest.mark.parametrize("mode", ["joint", "act_only", "inverse_dynamics"])
def test_guidance_weighs_the_words(pipeline, observed, mode):
    """1 is as without it, 0 is as without words, and between and beyond them one step is linear."""

    def one(guidance, words="pick up the orange"):
        return sample(pipeline, observed, mode, steps=1, samples=2, guidance=guidance, words=words).actions

    free, told, guided = one(0.0), one(1.0), one(3.0)
    torch.testing.assert_close(free, one(1.0, ""), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(guided, free + 3 * (told - free), atol=1e-4, rtol=1e-3)
    assert (guided - told).abs().max() > 1e-4
    assert torch.equal(one(3.0, ""), one(1.0, ""))


def test_temperature_scales_the_spread(pipeline, observed):
    """Without noise every sample decides the same."""
    cold = sample(pipeline, observed, "act_only", samples=3, temperature=0.0).actions
    warm = sample(pipeline, observed, "act_only", samples=3).actions
    assert cold.std(0).max() < 1e-6 < warm.std(0).max()


def test_stream_yields_every_step_and_stops_when_closed(pipeline, observed):
    """Closing the stream ends sampling: the network is not called again."""
    calls = []
    original = pipeline.transformer.forward
    pipeline.transformer.forward = lambda *a, **k: (calls.append(1), original(*a, **k))[1]
    try:
        stream = pipeline.stream(observed.situation, observed.camera, "push", steps=6, generators=pipeline.noises(0, 1))
        assert [next(stream).step for _ in range(3)] == [0, 1, 2]
        stream.close()
        assert len(calls) == 2
    finally:
        pipeline.transformer.forward = original


def test_a_given_state_is_believed_and_an_unknown_one_is_read(pipeline, observed, state):
    """Known: the state as given. Unknown: hand and gripper as they are seen, with joints that have the hand there."""
    assert observed.situation.known
    torch.testing.assert_close(observed.situation.state, state)
    read = pipeline.observe(FRAME, None, None)
    assert not read.situation.known
    torch.testing.assert_close(read.situation.state, read_state(read.found, read.camera))
    assert read.situation.state[0, 6] == read.found.gripper[0]
    inside = tool_pose(read.situation.state[:, 7:])[:, :3, 3]
    assert inside.isfinite().all()


def test_the_camera_is_used_where_it_is_known(pipeline, camera, observed, state):
    """Without one it is the usual camera; another one has things somewhere else."""
    torch.testing.assert_close(observed.camera, camera)
    shifted = camera[0].numpy() @ np.array([[1, 0, 0, 0.1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    other = pipeline.observe(FRAME, shifted, state[0].numpy())
    places, moved = (x.found.places(x.camera, -torch.inf) for x in (observed, other))
    torch.testing.assert_close(places - moved, torch.tensor([0.1, 0, 0]).expand_as(places), atol=1e-4, rtol=0)


def test_a_still_video_has_no_motion(pipeline, observed):
    """The context's own picture, again and again: nothing is displaced, the gripper is what is seen.

    The arm that was read off it has settled but for a centimetre and a degree or two.
    """
    unknown = pipeline.observe(FRAME, observed.camera[0].numpy(), None)
    motion = pipeline.read_motion(np.repeat(FRAME[None], 3, 0), unknown)
    assert motion.shape == (1, 3, MOTION)
    assert motion[..., :6].abs().max() < 0.03 and motion[..., 7:].abs().max() < 1e-4
    torch.testing.assert_close(motion[0, :, 6], observed.found.gripper.expand(3), atol=1e-4, rtol=0)


def test_pictures_come_in_any_order(pipeline, observed, view):
    """Each pose is drawn once, and looks the same whenever it is drawn."""
    step = sample(pipeline, observed, "forward_dynamics")
    poses, _ = pipeline.follow(observed.situation, step.motion, torch.from_numpy(ACTIONS)[None], step.joints)
    forwards = list(pipeline.paint(view, poses, range(K)))
    backwards = list(pipeline.paint(view, poses, range(K)[::-1]))
    assert [n for numbers, _ in forwards for n in numbers] == list(range(K))
    assert max(len(numbers) for numbers, _ in forwards) == 1  # on a CPU
    there = {n: p for numbers, pixels in forwards for n, p in zip(numbers, pixels, strict=True)}
    for numbers, pixels in backwards:
        assert pixels.dtype == np.uint8 and pixels.shape[1:] == (SIZE, SIZE, 3)
        for number, picture in zip(numbers, pixels, strict=True):
            assert np.array_equal(picture, there[number])


def test_one_frame_of_one_action_can_be_drawn(pipeline, observed, view):
    """What driving asks for: a single pose, a single picture."""
    pose = observed.situation.pose
    ((numbers, pixels),) = pipeline.paint(view, Pose(pose.joints, pose.gripper, pose.things, pose.turns), [0])
    assert numbers == [0] and pixels.shape == (1, SIZE, SIZE, 3)


def test_given_actions_are_a_path(pipeline, observed):
    """What the denoiser is told of given actions is where they lead, action after action."""
    told = []
    original = pipeline.transformer.forward
    pipeline.transformer.forward = lambda x, a, *rest: (told.append(a), original(x, a, *rest))[1]
    try:
        sample(pipeline, observed, "forward_dynamics", samples=2)
    finally:
        pipeline.transformer.forward = original
    where = torch.from_numpy(ACTIONS[:, :3].cumsum(0))
    torch.testing.assert_close(pipeline.transformer.paths(told[0]), where.expand(2, K, 3))


def test_folder_round_trip(pipeline, observed, tmp_path):
    """save_pretrained and from_pretrained bring back the same future and the same pictures, without a pickle."""
    pipeline.save_pretrained(tmp_path / "p")
    assert not list((tmp_path / "p").rglob("*.bin")) and list((tmp_path / "p").rglob("*.safetensors"))
    loaded = MiniWAMPipeline.from_pretrained(tmp_path / "p", local_files_only=True)
    before, after = (sample(p, observed, seed=3) for p in (pipeline, loaded))
    torch.testing.assert_close(before.motion, after.motion, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(before.actions, after.actions, atol=1e-4, rtol=1e-4)
    pose = observed.situation.pose
    (_, one), (_, other) = (next(p.paint(p.view(observed), pose, [0])) for p in (pipeline, loaded))
    assert np.abs(one.astype(int) - other).max() <= 1
    assert torch.equal(loaded.painter.points, pipeline.painter.points)


def test_half_precision_on_disk_is_harmless(body, camera, observed, tmp_path):
    """Weights rounded to half precision decide within a millimetre of what they were, and the body is where it was."""
    from tests.models.mini.conftest import make_pipeline

    whole = make_pipeline(camera, body)
    whole.to(torch.float16).save_pretrained(tmp_path / "half")
    whole = make_pipeline(camera, body)
    loaded = MiniWAMPipeline.from_pretrained(tmp_path / "half", dtype=torch.float32, local_files_only=True)
    assert {p.dtype for part in (loaded.transformer, loaded.painter) for p in part.parameters()} == {torch.float32}
    before, after = (sample(p, observed, seed=3) for p in (whole, loaded))
    assert (before.actions - after.actions)[..., :6].abs().max() < 1e-3
    assert (before.motion - after.motion).abs().max() < 5e-3
    assert (whole.painter.points - loaded.painter.points).abs().max() < 2e-4


def test_words_are_read_once(pipeline, monkeypatch):
    """The same words, chunk after chunk, are the same features without asking the encoder again; others are not."""
    first = pipeline.words("lift the blue block")
    monkeypatch.setattr(pipeline.text_encoder, "forward", None)  # whoever asks it fails
    again = pipeline.words("lift the blue block")
    assert all(a is b for a, b in zip(first, again, strict=True))
    with pytest.raises(TypeError):
        pipeline.words("lift the green block")


def test_a_backdrop_needs_no_detection(pipeline, observed):
    """What is worked out beside looking is what is worked out after it; only where things are is added."""
    early = pipeline.backdrop(observed.image, observed.camera, observed.situation.state)
    assert early.pose.things.isnan().all()
    early, late = pipeline.view(observed, early), pipeline.view(observed)
    torch.testing.assert_close(early.light, late.light)
    torch.testing.assert_close(early.still, late.still)
    torch.testing.assert_close(early.pose.things, observed.situation.places, equal_nan=True)

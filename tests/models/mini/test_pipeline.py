"""The sampling loop: every mode, every property that the page and the command line lean on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wamviz.errors import WamvizError
from wamviz.models.mini.paths import levels_of, noise_path
from wamviz.models.mini.pipeline import MiniWAMPipeline
from wamviz.rollout import MODES

SIZE = 32
FRAME = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3)).astype(np.uint8)
STATE = np.linspace(-1, 1, 14).astype(np.float32)
ACTIONS = np.random.default_rng(1).normal(size=(8, 7)).astype(np.float32)
VIDEO = np.random.default_rng(2).integers(0, 255, (8, SIZE, SIZE, 3)).astype(np.uint8)


def sample(pipeline, mode="joint", **options):
    extra = {"forward_dynamics": {"actions": ACTIONS}, "inverse_dynamics": {"video": VIDEO}}.get(mode, {})
    return pipeline(FRAME, "pick up the orange", state=STATE, mode=mode, steps=4, **{**extra, **options})


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_runs(pipeline, mode):
    """A mode gives the parts that it promises and no others."""
    step = sample(pipeline, mode)
    assert (step.step, step.steps) == (4, 4)
    assert (step.latents is not None) == (mode not in ("act_only", "inverse_dynamics"))
    assert (step.actions is not None) == (mode not in ("video", "forward_dynamics"))
    if step.latents is not None:
        assert step.latents.shape == (1, 8, 8, 4, 4)
        frames = pipeline.decode(step.latents, pipeline.reference(FRAME[None]))
        assert frames.shape == (1, 8, SIZE, SIZE, 3) and frames.dtype == np.uint8


@pytest.mark.parametrize("mode", ["joint", "imagine_then_act", "act_only"])
def test_same_seed_same_bits(pipeline, mode):
    """The same seed gives the same rollout; another seed another."""
    first, again, other = (sample(pipeline, mode, seed=s).actions for s in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_sample_i_is_seed_plus_i(pipeline):
    """A fan of samples holds the rollouts that single seeds give."""
    fan = sample(pipeline, samples=3, seed=10)
    for i in range(3):
        alone = sample(pipeline, seed=10 + i)
        torch.testing.assert_close(fan.actions[i], alone.actions[0], atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(fan.latents[i], alone.latents[0], atol=1e-4, rtol=1e-3)


def test_one_step_is_the_clean_prediction(pipeline):
    """With one step the scheduler must land on the network's own clean prediction."""
    steps = list(pipeline.stream(FRAME, "push", state=STATE, mode="act_only", steps=1, seed=2))
    assert [s.step for s in steps] == [0, 1]
    net = pipeline.transformer
    noise = torch.Generator().manual_seed(2)
    torch.randn(8, 8, 4, 4, generator=noise)  # the video's share of the seed's noise
    a = torch.randn(8, 7, generator=noise)[None]
    with torch.inference_mode():
        context = pipeline.vae.encode(pipeline.images(FRAME)[None])
        cache = net.encode_context(context[:, None], torch.tensor(STATE)[None], *pipeline.words("push"), glance=True)
        clean = net(None, a, torch.ones(1), torch.ones(1), cache, context)[1]
    torch.testing.assert_close(steps[-1].actions, clean, atol=1e-5, rtol=1e-4)


def test_given_parts_steer(pipeline):
    """forward_dynamics obeys other actions differently; inverse_dynamics reads another video differently."""
    a, b = (sample(pipeline, "forward_dynamics", actions=x).latents for x in (ACTIONS, -ACTIONS))
    assert (a - b).abs().max() > 1e-4
    a, b = (sample(pipeline, "inverse_dynamics", video=x).actions for x in (VIDEO, VIDEO[::-1].copy()))
    assert (a - b).abs().max() > 1e-4


@pytest.mark.parametrize("mode", MODES)
def test_guidance_weighs_the_words(pipeline, mode):
    """1 is as without it, 0 is as without words, and between and beyond them one step is linear."""

    def one(guidance, instruction="pick up the orange"):
        extra = {"forward_dynamics": {"actions": ACTIONS}, "inverse_dynamics": {"video": VIDEO}}.get(mode, {})
        step = pipeline(FRAME, instruction, state=STATE, mode=mode, steps=1, samples=2, guidance=guidance, **extra)
        return step.latents if step.actions is None else step.actions

    free, told, guided = one(0.0), one(1.0), one(3.0)
    torch.testing.assert_close(free, one(1.0, ""), atol=1e-5, rtol=1e-4)
    if mode != "imagine_then_act":  # two steps at least, of which the second starts from the first
        torch.testing.assert_close(guided, free + 3 * (told - free), atol=1e-4, rtol=1e-3)
    assert (guided - told).abs().max() > 1e-4
    assert torch.equal(one(3.0, ""), one(1.0, ""))


def test_guidance_is_one_forward_a_step(pipeline):
    """With and without words are denoised as one batch, for samples with frames and states of their own as well."""
    calls = []
    original = pipeline.transformer.forward
    pipeline.transformer.forward = lambda *a, **k: (calls.append(len(a[1])), original(*a, **k))[1]
    try:
        frames, states = np.stack([FRAME, FRAME[::-1], FRAME[:, ::-1]]), np.stack([STATE, -STATE, STATE * 0])
        both = pipeline(frames, "push", state=states, samples=3, steps=3, seed=7, guidance=2.0)
        assert calls == [6, 6, 6]
    finally:
        pipeline.transformer.forward = original
    for i in range(3):
        alone = pipeline(frames[i], "push", state=states[i], steps=3, seed=7 + i, guidance=2.0)
        torch.testing.assert_close(both.latents[i], alone.latents[0], atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(both.actions[i], alone.actions[0], atol=1e-4, rtol=1e-3)


def test_stream_yields_every_step_and_stops_when_closed(pipeline):
    """Closing the stream ends sampling: the network is not called again."""
    calls = []
    original = pipeline.transformer.forward
    pipeline.transformer.forward = lambda *a, **k: (calls.append(1), original(*a, **k))[1]
    try:
        stream = pipeline.stream(FRAME, "push the lever", steps=6)
        assert [next(stream).step for _ in range(3)] == [0, 1, 2]
        stream.close()
        assert len(calls) == 2
    finally:
        pipeline.transformer.forward = original


def test_folder_round_trip(pipeline, tmp_path):
    """save_pretrained and from_pretrained bring back the same rollout, without a pickle."""
    pipeline.save_pretrained(tmp_path / "p")
    assert not list((tmp_path / "p").rglob("*.bin")) and list((tmp_path / "p").rglob("*.safetensors"))
    loaded = MiniWAMPipeline.from_pretrained(tmp_path / "p", local_files_only=True)
    before, after = sample(pipeline, seed=3), sample(loaded, seed=3)
    torch.testing.assert_close(before.latents, after.latents, atol=1e-4, rtol=1e-4)  # memory layout moves the last bits
    torch.testing.assert_close(before.actions, after.actions, atol=1e-4, rtol=1e-4)


def test_paths_start_noisy_and_end_clean():
    """Levels never rise, and whatever is denoised starts at pure noise and ends clean."""
    for mode in MODES:
        for steps in (1, 2, 5, 8):
            path = noise_path(mode, steps)
            for part in (0, 1):
                levels = [p[part] for p in path]
                assert levels == sorted(levels, reverse=True)
                if moving := levels_of(path, part):
                    assert moving[0] == 1.0 and path[-1][part] == 0.0
    with pytest.raises(WamvizError, match="Did you mean 'joint'"):
        noise_path("joiint", 2)

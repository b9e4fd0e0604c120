"""Windows of latents: every part of a window belongs to the same moment."""

from __future__ import annotations

import numpy as np
import torch

from wamviz.models.mini.vae import MiniVAE
from wamviz.training.collect import read_shard
from wamviz.training.latents import LatentSet, encode_shard
from wamviz.training.scenes import Question


def test_windows_are_aligned(shards):
    """Context, state and first action are of one frame; the future starts one frame later; episodes do not mix."""
    data = LatentSet(shards, horizon=4)
    assert len(data) == 34
    w = data.window(np.array([0, 5, 25]))
    assert w.context[:, 0, 0, 0].tolist() == [0, 5, 108] and w.state[:, 0].tolist() == [0, 5, 108]
    assert w.actions[:, :, 0].tolist() == [[0, 1, 2, 3], [5, 6, 7, 8], [108, 109, 110, 111]]
    assert w.future[:, :, 0, 0, 0].tolist() == [[1, 2, 3, 4], [6, 7, 8, 9], [109, 110, 111, 112]]
    assert w.instructions == ["task 0", "task 1", "task 101"]
    assert w.places[1].tolist() == [[5, 1, 0], [5, 2, 0]]


def test_words_are_drawn_and_play_has_none(shards):
    """With a source of chance a task is told in any of its ways; an episode without a task asks for nothing."""
    data = LatentSet(shards, horizon=4)
    told = {data.window(np.array([0]), np.random.default_rng(i)).instructions[0] for i in range(20)}
    assert told == {"task 0", "the task 0"}
    play = data.window(np.array([15]))
    assert play.instructions == [""] and play.places.isnan().all()


def test_questions_are_about_their_frame(shards):
    """A question's answer is where the named things are at that very frame, for play as well."""
    data = LatentSet(shards, horizon=4)
    asked = data.ask(np.array([15, 18]), np.random.default_rng(0))
    assert asked.context[:, 0, 0, 0].tolist() == asked.state[:, 0].tolist() == [15, 101] and asked.texts == ["q", "q"]
    assert asked.places[:, :, 0].tolist() == [[15, 15], [101, 101]] and asked.places[0, :, 1].tolist() == [3, 4]


def test_what_comes_first_is_what_comes_next(shards):
    """Lever, then pick: once the lever is down the answer is the thing to be picked; the lever's own task stays."""
    data = LatentSet(shards, horizon=4)
    data.questions[1] = [Question("lever, then thing 2", 0, 2)]
    data.positions[8:14, 0, 2] = -0.05  # pressed in the middle of the second episode, frames 5 .. 13
    up, down = (data.ask(np.array([n]), np.random.default_rng(0)).places[0] for n in (7, 8))
    assert up[:, 1].tolist() == [0, 2] and down[:, 1].tolist() == [2, 2]
    data.questions[1] = [Question("lever", 0, 0)]
    assert data.ask(np.array([8]), np.random.default_rng(0)).places[0, :, 1].tolist() == [0, 0]


def test_every_window_stays_in_its_episode(shards):
    """No window reads past the end of its episode."""
    data = LatentSet(shards, horizon=16)
    every = data.window(np.arange(len(data)))
    last = torch.from_numpy(data.starts[data.episode + 1] - 1)
    assert (every.future[:, -1, 0, 0, 0] == data.latents[last][:, 0, 0, 0].float()).all()


def test_statistics_standardise(shards):
    """Actions divided by the statistics have about unit scale."""
    data = LatentSet(shards, horizon=4)
    facts = data.statistics()
    flat = data.window(np.random.default_rng(0).integers(len(data), size=4096)).actions.flatten(0, 1)
    z = (flat - torch.tensor(facts["action_mean"])) / torch.tensor(facts["action_std"])
    assert abs(z.mean()) < 0.05 and abs(z.std() - 1) < 0.05


def test_encoding_is_kept(shards):
    """Latents are those of the VAE, in the order of the frames, and are not made twice."""
    torch.manual_seed(0)
    vae = MiniVAE(image_size=32, width=16, blocks=1).eval()
    shards[0].with_suffix(".latents.npy").unlink()
    out = encode_shard(vae, shards[0])
    latents = np.load(out, allow_pickle=False)
    frames = torch.from_numpy(read_shard(shards[0]).frames).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.inference_mode():
        assert np.abs(latents - vae.encode(frames).numpy()).max() < 0.1  # bfloat16 against float32
    before = out.stat().st_mtime_ns
    assert encode_shard(vae, shards[0]).stat().st_mtime_ns == before

"""Training the denoiser: it learns, it resumes, and its state holds no pickle."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from wamviz.models.mini.text import build_encoder, build_tokenizer
from wamviz.models.mini.old_transformer import MiniWAMTransformer
from wamviz.training.budget import Budget, Deadline, OutOfTime
from wamviz.training.latents import LatentSet
from wamviz.training.state import Average, load_state, save_state
from wamviz.training.wam import act_loss, denoise_loss, freeze_taught, optimizers_for, train_wam, validate
from wamviz.training.old_words import Denoiser

TOKENIZER = build_tokenizer(["task"])
CAMERA = [1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 0, 1.0]  # x across, y down


def make(data: LatentSet) -> Denoiser:
    torch.manual_seed(0)
    encoder = build_encoder(len(TOKENIZER), width=32, layers=1)
    net = MiniWAMTransformer(
        latent_size=4, horizon=8, video_patch=2, text_dim=32, width=48, action_width=32, heads=3, layers=2, ratio=2,
        camera=CAMERA, **data.statistics(),
    )  # fmt: skip
    return Denoiser(net, encoder)


def test_loss_falls_and_reaches_every_weight(shards):
    """A few steps on a handful of windows lower the loss; no weight is left out but what sight taught."""
    data = LatentSet(shards, 8)
    model = make(data)
    freeze_taught(model)
    taught = {n: p.clone() for n, p in model.named_parameters() if not p.requires_grad}
    optimizers = optimizers_for(model, 3e-3)
    first = last = 0.0
    for step in range(30):
        losses = denoise_loss(model, TOKENIZER, data.window(np.arange(16)), torch.Generator().manual_seed(step % 3))
        for optimizer in optimizers:
            optimizer.zero_grad()
        generator = torch.Generator().manual_seed(step % 3)
        (losses.total + act_loss(model, TOKENIZER, data.window(np.arange(16)), generator)).backward()
        if step == 1:  # zero-initialised heads let gradients through from the second step on
            learning = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
            idle = [n for n, p in learning if p.grad is None or not p.grad.abs().sum() > 0]
            # One view has nothing to be told apart from; last-layer context outputs feed nobody.
            assert not [n for n in idle if "shared" not in n], idle
        for optimizer in optimizers:
            optimizer.step()
        if step < 3:
            first += losses.total.item()
        if step >= 27:
            last += losses.total.item()
    assert last < 0.6 * first
    assert all(torch.equal(p, taught[n]) for n, p in model.named_parameters() if n in taught) and taught


def test_a_stopped_run_ends_where_an_unstopped_one_does(shards, tmp_path):
    """Five steps, a stop and the rest leave the same weights, to the bit, as all of them in one go."""
    data = LatentSet(shards, 8)
    whole, parted, gone_on = make(data), make(data), make(data)
    train_wam(whole, TOKENIZER, data, data, tmp_path / "a", budget=Budget(steps=8), batch=4)

    class Stop(Deadline):
        left = 5

        def check(self) -> None:
            if self.left == 0:
                raise OutOfTime
            self.left -= 1

    with pytest.raises(OutOfTime):
        train_wam(parted, TOKENIZER, data, data, tmp_path / "b", budget=Budget(steps=8), batch=4, deadline=Stop())
    log = tmp_path / "curves.jsonl"
    train_wam(gone_on, TOKENIZER, data, data, tmp_path / "b", budget=Budget(steps=8), batch=4, log=log)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, gone_on.state_dict()[name]), name
    assert [json.loads(line)["phase"] for line in log.read_text().splitlines()] == ["wam validation"]
    train_wam(parted, TOKENIZER, data, data, tmp_path / "b", budget=Budget(steps=8), batch=4)  # already spent
    assert torch.equal(parted.transformer.slot, whole.transformer.slot)


def test_watching_learns_from_video_alone(shards):
    """Before acting is learnt neither actions nor state reach the loss, and it falls."""
    data = LatentSet(shards, 8)
    model = make(data)
    window = data.window(np.arange(8))
    other = replace(window, actions=window.actions + 5, state=window.state - 3)
    a, b = (denoise_loss(model, TOKENIZER, w, torch.Generator().manual_seed(1), True).total for w in (window, other))
    assert torch.equal(a, denoise_loss(model, TOKENIZER, window, torch.Generator().manual_seed(1), True).total)
    optimizers = optimizers_for(model, 3e-3)
    for step in range(20):
        loss = denoise_loss(model, TOKENIZER, window, torch.Generator().manual_seed(step % 3), True).total
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
    assert model.transformer.action_out.weight.grad is None
    assert denoise_loss(model, TOKENIZER, window, torch.Generator().manual_seed(1), True).total < 0.8 * a
    assert b.isfinite()


def test_validation_is_relative_to_the_controls(shards):
    """An untrained model stands near or above 1, the controls' own error, and validation is repeatable."""
    data = LatentSet(shards, 8)
    model = make(data).eval()
    a, b = (validate(model, TOKENIZER, data, count=16) for _ in range(2))
    assert a == b and a["video"] > 0.3 and a["action"] > 0.1


def test_state_round_trip(tmp_path):
    """Optimiser tensors, extra tensors and the seconds come back to the bit."""
    layer = torch.nn.Linear(3, 3)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    save_state(tmp_path / "s.safetensors", [optimizer], {"spent": 12.5}, {"x": torch.arange(4.0)})
    other = torch.optim.AdamW(layer.parameters(), lr=0.1)
    facts, extra = load_state(tmp_path / "s.safetensors", [other])
    assert facts == {"spent": 12.5} and torch.equal(extra["x"], torch.arange(4.0))
    for index, entries in optimizer.state_dict()["state"].items():
        for name, value in entries.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(other.state_dict()["state"][index][name]))


def test_average_follows_slowly():
    """The average of constant weights is those weights, and it moves towards new ones."""
    layer = torch.nn.Linear(2, 2)
    average = Average(layer, decay=0.9)
    average.update(layer)
    torch.testing.assert_close(average.weights["weight"], layer.weight.data)
    with torch.no_grad():
        layer.weight.add_(1.0)
    old = average.weights["weight"].clone()
    average.update(layer)
    moved = average.weights["weight"] - old
    assert (moved > 0).all() and (moved < 1).all()

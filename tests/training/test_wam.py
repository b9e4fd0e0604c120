"""Training the denoiser: it learns, it resumes, and its state holds no pickle."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors import safe_open

from wamviz.models.mini.text import build_encoder, build_tokenizer
from wamviz.models.mini.transformer import MiniWAMTransformer
from wamviz.training.latents import LatentSet
from wamviz.training.state import Average, load_state, save_state
from wamviz.training.wam import act_loss, denoise_loss, freeze_taught, optimizers_for, train_wam, validate
from wamviz.training.words import Denoiser

TOKENIZER = build_tokenizer(["task"])


def make(data: LatentSet) -> Denoiser:
    torch.manual_seed(0)
    encoder = build_encoder(len(TOKENIZER), width=32, layers=1)
    net = MiniWAMTransformer(
        latent_size=4, horizon=8, video_patch=2, text_dim=32, width=48, action_width=32, heads=3, layers=2, ratio=2,
        **data.statistics(),
    )  # fmt: skip
    return Denoiser(net, encoder)


def test_loss_falls_and_reaches_every_weight(shards):
    """A few steps on a handful of windows lower the loss; no weight is left out but what sight taught."""
    import numpy as np

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


def test_training_resumes_where_it_stopped(shards, tmp_path):
    """A second call goes on from the seconds spent instead of starting over, and the log is kept."""
    data = LatentSet(shards, 8)
    log = tmp_path / "curves.jsonl"
    train_wam(make(data), TOKENIZER, data, data, tmp_path / "w", minutes=0.02, batch=4, log=log)
    with safe_open(tmp_path / "w" / "training.safetensors", "pt") as file:
        spent = float(file.metadata()["spent"])
    assert spent == pytest.approx(1.2)
    fresh = make(data)
    before = {k: v.clone() for k, v in fresh.state_dict().items()}
    train_wam(fresh, TOKENIZER, data, data, tmp_path / "w", minutes=0.02, batch=4)  # the budget is already spent
    assert any(not torch.equal(before[k], v) for k, v in fresh.state_dict().items())  # the kept weights came back
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert rows[-1]["phase"] == "validation" and rows[-1]["seconds"] == pytest.approx(1.2)


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
    save_state(tmp_path / "s.safetensors", [optimizer], 12.5, {"x": torch.arange(4.0)})
    other = torch.optim.AdamW(layer.parameters(), lr=0.1)
    spent, extra = load_state(tmp_path / "s.safetensors", [other])
    assert spent == 12.5 and torch.equal(extra["x"], torch.arange(4.0))
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

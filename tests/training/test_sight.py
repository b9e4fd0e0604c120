"""Sight: it learns where the named thing is, resumes, and asks nothing where nothing is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from tests.training.test_wam import TOKENIZER, make
from wamviz.training.budget import Budget
from wamviz.training.latents import LatentSet
from wamviz.training.sight import look, place_loss, train_sight, validate_sight


def test_the_loss_is_zero_at_the_truth_and_blind_to_the_unknown():
    """Only known places count, and a place twice as far off costs more."""
    truth = torch.tensor([[[0.5, 0.1, 0.0], [torch.nan] * 3]])
    assert place_loss(truth.nan_to_num(9.0), truth) == pytest.approx(0, abs=1e-6)
    near, far = (place_loss(truth.nan_to_num(0) + d, truth) for d in (0.02, 0.04))
    assert 0 < near < far
    assert place_loss(truth, torch.full_like(truth, torch.nan)) == 0


@pytest.fixture
def data(shards) -> LatentSet:
    """Places within a table's reach rather than frame numbers."""
    data = LatentSet(shards, 8)
    data.positions = data.positions / 100
    data.latents = data.latents / 100
    return data


def test_sight_learns(data):
    """Forty steps on a handful of frames at least halve the loss."""
    model = make(data)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    losses = []
    for step in range(40):
        asked = data.ask(np.arange(16), np.random.default_rng(step))
        loss = place_loss(look(model, TOKENIZER, asked, torch.ones(16)), asked.places)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_training_resumes(data, tmp_path):
    """A second call starts from the kept weights, does nothing where the budget is spent, and the log is kept."""
    log = tmp_path / "curves.jsonl"
    model, fresh = make(data), make(data)
    train_sight(model, TOKENIZER, data, data, tmp_path / "w", budget=Budget(steps=6), batch=16, log=log)
    train_sight(fresh, TOKENIZER, data, data, tmp_path / "w", budget=Budget(steps=6), batch=16, log=log)
    assert validate_sight(fresh, TOKENIZER, data, count=64) == validate_sight(model, TOKENIZER, data, count=64)
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert [row["phase"] for row in rows] == ["sight validation"]
    assert np.isfinite(rows[-1]["first_m"]) and 0 <= rows[-1]["found_misspelt"] <= 1

"""Muon in float32: torch's own update, without bfloat16."""

from __future__ import annotations

import pytest
import torch

from wamviz.training.muon import FloatMuon, orthogonalise


@pytest.mark.parametrize("shape", [(24, 24), (16, 48), (48, 16)])
def test_singular_values_come_near_one(shape):
    """The result turns and hardly stretches, along the same directions."""
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    out = orthogonalise(matrix * 100)
    values = torch.linalg.svdvals(out)
    assert values.max() < 1.3 and values[s / s[0] > 0.05].min() > 0.5
    along = (u.T @ out @ vh.T).diagonal()
    assert along.min() > 0.3 and out.shape == shape


@pytest.mark.parametrize("shape", [(24, 24), (16, 48), (48, 16)])
def test_steps_are_torchs(shape):
    """Five steps with momentum and decay stay with ``torch.optim.Muon`` to bfloat16's precision."""
    g = torch.Generator().manual_seed(1)
    start = torch.randn(shape, generator=g)
    ours, theirs = (torch.nn.Parameter(start.clone()) for _ in range(2))
    one = FloatMuon([ours], lr=0.02, momentum=0.95, weight_decay=0.05)
    other = torch.optim.Muon([theirs], lr=0.02, momentum=0.95, weight_decay=0.05, adjust_lr_fn="match_rms_adamw")
    for _ in range(5):
        ours.grad = torch.randn(shape, generator=g)
        theirs.grad = ours.grad.clone()
        one.step()
        other.step()
    moved = (theirs - start).norm()
    assert (ours - theirs).norm() < 0.03 * moved


def test_weights_without_a_gradient_stay():
    weight = torch.nn.Parameter(torch.ones(3, 4))
    FloatMuon([weight], lr=0.1).step()
    assert torch.equal(weight.data, torch.ones(3, 4))


def test_no_gradient_is_no_number_that_is_none():
    """A gradient of zeros divides by nothing: only the decay is left."""
    weight = torch.nn.Parameter(torch.ones(3, 4))
    weight.grad = torch.zeros(3, 4)
    FloatMuon([weight], lr=0.1, weight_decay=0.5).step()
    torch.testing.assert_close(weight.data, torch.full((3, 4), 0.95))

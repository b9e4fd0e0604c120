"""The noise levels of training: the modes as corners of one square."""

from __future__ import annotations

import torch

from wamviz.training.old_noise import MIX, draw_levels, mix


def test_corners_come_in_their_shares():
    """Each mode's corner of the square holds about the share that MIX gives it."""
    levels = draw_levels(20_000, torch.Generator().manual_seed(0))
    together = (levels.video == levels.action) & (levels.video > 0) & (levels.video < 1)
    assert abs(together.float().mean() - MIX["joint"] * 0.875) < 0.02
    assert abs((levels.action == 0).float().mean() - MIX["forward_dynamics"]) < 0.01
    assert abs((levels.video == 0).float().mean() - MIX["inverse_dynamics"]) < 0.01
    assert 0 <= levels.video.min() and levels.video.max() <= 1
    assert not ((levels.video == 0) & (levels.action == 0)).any()  # something is always asked for


def test_same_generator_same_levels():
    """Training noise is seeded."""
    a, b = (draw_levels(64, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(a.video, b.video) and torch.equal(a.action, b.action)


def test_mix_ends():
    """Level 0 is the clean signal, level 1 the noise, in between the straight line."""
    clean, noise = torch.randn(3, 4, 5), torch.randn(3, 4, 5)
    out = mix(clean, noise, torch.tensor([0.0, 1.0, 0.25]))
    assert torch.equal(out[0], clean[0]) and torch.equal(out[1], noise[1])
    torch.testing.assert_close(out[2], 0.75 * clean[2] + 0.25 * noise[2])

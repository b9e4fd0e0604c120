"""Painter: maps lie where the camera sees the hand, and nothing is known of a hand that is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wamviz.models.mini.old_painter import POSE, Painter, hand_maps
from wamviz.training.pipeline import usual_camera
from wamviz.worlds.tabletop import TabletopEnv


def test_nearness_peaks_at_the_point():
    """The map is largest in the cell that holds the point, and the way there is 0 where the point is."""
    maps = hand_maps(torch.tensor([[0.25 + 1 / 32, 0.75 + 1 / 32]]), 16)
    assert divmod(int(maps[0, 0].argmax()), 16) == (12, 4)
    assert maps[0, 3:, 12, 4].abs().max() < 1e-6
    assert maps[0, 3, 12, 5] < 0 < maps[0, 3, 12, 3] and maps[0, 4, 13, 4] < 0 < maps[0, 4, 11, 4]


def test_projection_is_the_tabletops():
    """The usual camera sees points within 4 of 128 pixels of where each scene's own camera sees them."""
    painter = Painter(8, 16, usual_camera())
    env = TabletopEnv(render=False)
    points = np.array([[0.5, 0.0, 0.1], [0.4, -0.2, 0.2], [0.6, 0.2, 0.05]])
    for seed in (1_000_000, 1_000_001, 1_000_002):
        env.reset(seed)
        true, _ = env.camera("exterior").resized(128, 128).project(points)
        seen = painter.project(torch.tensor(points, dtype=torch.float32)).numpy() * 128
        assert np.abs(seen - true).max() < 4 and np.abs(seen - true).max() > 0
    env.close()


def inputs(start: float = 0.4):
    torch.manual_seed(0)
    hand = torch.rand(2, 5, 3)
    return torch.randn(2, 5, 8, 4, 4), torch.randn(2, 8, 4, 4), hand, torch.full((2, 3), start), torch.randn(2, 5, POSE)


def test_it_starts_as_nothing_and_then_follows_the_hand():
    """Fresh weights add nothing; with any others another path is drawn differently, frame by frame."""
    painter = Painter(8, 4, [1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 0, 1.0])
    change, latents, hand, start, pose = inputs()
    assert not painter(change, latents, hand, start, pose).any()
    torch.nn.init.normal_(painter.out.weight)
    before = painter(change, latents, hand, start, pose)
    moved = hand.clone()
    moved[:, 3] += 0.2
    differs = (painter(change, latents, moved, start, pose) - before).abs().amax((0, 2, 3, 4))
    assert (differs > 1e-4).tolist() == [False, False, False, True, False]


@pytest.mark.parametrize("camera", [None, [1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 0, 0, 1.0]])
def test_an_unknown_hand_has_no_place(camera):
    """Where the start is not known, or no camera is, the hand's way does not reach the picture through maps."""
    painter = Painter(8, 4, camera)
    torch.nn.init.normal_(painter.out.weight)
    change, latents, hand, start, pose = inputs(float("nan"))
    there = painter(change, latents, hand + start[:, None], start, pose)
    assert there.isfinite().all()
    assert torch.equal(there, painter(change, latents, 2 * hand + start[:, None], start, pose))

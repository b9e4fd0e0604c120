"""Looks: colours that can be told apart, and a camera that looks where it should."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.worlds.tabletop import objects
from wamviz.worlds.tabletop.appearance import look_at, sample_appearance

LOOKS = [sample_appearance(np.random.default_rng(seed)) for seed in range(60)]


def test_mug_and_bowl_never_share_a_colour_word() -> None:
    assert all(look.mug_colour != look.bowl_colour for look in LOOKS)
    assert {look.mug_colour for look in LOOKS} == set(objects.MUG_COLOURS)
    assert {look.bowl_colour for look in LOOKS} == set(objects.BOWL_COLOURS)


def test_look_at_is_a_rotation_that_looks_at_the_target() -> None:
    pose = look_at((1.0, 0.5, 0.7), (0.4, 0.0, 0.1))
    np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
    forward = np.array([0.4, 0.0, 0.1]) - [1.0, 0.5, 0.7]
    np.testing.assert_allclose(pose[:3, 2], forward / np.linalg.norm(forward), atol=1e-12)
    assert pose[2, 0] == pytest.approx(0)  # level
    assert pose[2, 1] < 0  # y points down

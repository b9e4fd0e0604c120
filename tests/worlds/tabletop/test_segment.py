"""Masks of what the cameras see: where projection says, the same every time, and without touching the picture."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import CAMERAS, SEGMENTS, TabletopEnv
from wamviz.worlds.tabletop.objects import BLOCKS

SEED = 1_000_010  # holds all six objects


def test_a_mask_names_everything_that_is_there(seeing_env: TabletopEnv) -> None:
    seeing_env.reset(SEED)
    mask = seeing_env.segment()
    assert mask.shape == (96, 96) and mask.dtype == np.uint8 and mask.max() < len(SEGMENTS)
    shares = np.bincount(mask.ravel(), minlength=len(SEGMENTS)) / mask.size
    assert shares[0] > 0.5 and shares[SEGMENTS.index("arm")] > 0.03
    assert all(shares[SEGMENTS.index(name)] > 0 for name in seeing_env.present)


def test_masks_lie_where_projection_says(seeing_env: TabletopEnv) -> None:
    """The middle of an unhidden block or orange is where its position is projected to, within two pixels."""
    seeing_env.reset(SEED)
    mask, camera = seeing_env.segment(), seeing_env.camera("exterior")
    checked = 0
    for name in ("orange", *BLOCKS):
        (pixel,), _ = camera.project(seeing_env.position(name)[None])
        rows, columns = np.nonzero(mask == SEGMENTS.index(name))
        if len(rows) > 20:
            assert np.hypot(columns.mean() + 0.5 - pixel[0], rows.mean() + 0.5 - pixel[1]) < 2
            checked += 1
    assert checked >= 2
    (tip,), _ = camera.project(seeing_env.ee_position()[None])
    arm = np.argwhere(mask == SEGMENTS.index("arm"))
    assert np.linalg.norm(arm + 0.5 - tip[::-1], axis=1).min() < 8  # the finger tips are around it


def test_a_moved_camera_is_seen_through_at_once(seeing_env: TabletopEnv) -> None:
    """Mask and projection agree from elsewhere, too, until the next scene is built."""
    seeing_env.reset(SEED)
    before = seeing_env.segment()
    seeing_env.move_camera((1.1, 0.5, 0.8), (0.42, 0.0, 0.1), 42)
    mask, camera = seeing_env.segment(), seeing_env.camera("exterior")
    assert (mask != before).any()
    (pixel,), _ = camera.project(seeing_env.position("orange")[None])
    rows, columns = np.nonzero(mask == SEGMENTS.index("orange"))
    assert len(rows) > 10 and np.hypot(columns.mean() + 0.5 - pixel[0], rows.mean() + 0.5 - pixel[1]) < 3
    seeing_env.reset(SEED)
    np.testing.assert_array_equal(seeing_env.segment(), before)


def test_what_is_absent_is_nowhere(seeing_env: TabletopEnv) -> None:
    for seed in range(SEED, SEED + 4):
        seeing_env.reset(seed)
        mask = seeing_env.segment()
        assert not [n for n in SEGMENTS[2:8] if n not in seeing_env.present and (mask == SEGMENTS.index(n)).any()]


@pytest.mark.parametrize("camera", CAMERAS)
def test_masks_are_the_same_every_time_and_leave_pictures_alone(seeing_env: TabletopEnv, camera: str) -> None:
    seeing_env.reset(SEED)
    picture, mask = seeing_env.render(camera), seeing_env.segment(camera)
    np.testing.assert_array_equal(seeing_env.render(camera), picture)
    seeing_env.reset(SEED + 1)
    seeing_env.reset(SEED)
    np.testing.assert_array_equal(seeing_env.segment(camera), mask)


def test_another_size_shows_the_same_things(seeing_env: TabletopEnv) -> None:
    seeing_env.reset(SEED)
    mask, fine = seeing_env.segment(), seeing_env.segment(size=192)
    assert fine.shape == (192, 192)
    agreeing = (fine[::2, ::2] == mask).mean(), (fine[1::2, 1::2] == mask).mean()
    assert min(agreeing) > 0.95
    with pytest.raises(WamvizError, match="16 .. 192"):
        seeing_env.segment(size=200)
    with pytest.raises(WamvizError, match="camera"):
        seeing_env.segment("ceiling")

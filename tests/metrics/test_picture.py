"""The picture beside physics: perfect, blurred, shifted, still; and whatever does not apply is None."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamviz.core.errors import WamvizError
from wamviz.metrics.masks import pack_masks, unpack_masks
from wamviz.metrics.picture import (
    NEAR,
    Seen,
    arm_iou,
    compare_picture,
    moving_pixels,
    objects_shown,
    sharpness,
    small,
)

SIDE = 128


def moving_square(count: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A textured square that travels over grey: frames (T, 128, 128, 3), context, masks of it as arm, its mask at 0."""
    texture = np.random.default_rng(seed).integers(0, 255, (24, 24, 3)).astype(np.uint8)
    frames, masks = [], []
    for step in range(count + 1):
        frame, mask = np.full((SIDE, SIDE, 3), 120, np.uint8), np.zeros((SIDE, SIDE), np.uint8)
        frame[40:64, 10 + 8 * step : 34 + 8 * step], mask[40:64, 10 + 8 * step : 34 + 8 * step] = texture, 1
        frames.append(frame)
        masks.append(mask)
    return np.stack(frames[1:]), frames[0], np.stack(masks[1:]), masks[0]


def box_blur(frames: np.ndarray, times: int) -> np.ndarray:
    soft = frames.astype(np.float32)
    for _ in range(times):
        soft = (soft + np.roll(soft, 1, 1) + np.roll(soft, 1, 2) + np.roll(np.roll(soft, 1, 1), 1, 2)) / 4
    return soft.round().astype(np.uint8)


def test_a_perfect_copy_is_perfect_and_finite():
    frames, context, masks, mask = moving_square()
    found = compare_picture(frames, frames, context, Seen(mask, masks, masks, (1,)))
    assert found.psnr == found.moving_psnr == 60 and found.sharpness == pytest.approx(1)
    assert found.arm_iou == found.objects_moved == 1 and found.objects == 1
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["sharpness"] == 1


def test_copying_the_context_is_the_control():
    """What stays as it was is as sharp, and shows nothing that moved in its place."""
    frames, context, masks, mask = moving_square()
    still = np.repeat(context[None], len(frames), 0)
    found = compare_picture(still, frames, context, Seen(mask, masks, np.repeat(mask[None], len(frames), 0), (1,)))
    assert found.psnr == found.copy_psnr and found.moving_psnr == found.copy_moving_psnr < 15
    assert found.sharpness == found.copy_sharpness and found.arm_iou == found.copy_arm_iou < 0.5
    assert found.objects_moved == found.copy_objects_moved == 0


@given(st.integers(1, 4))
def test_the_softer_the_less_sharp(times):
    frames, context, _, _ = moving_square()
    where = moving_pixels(frames, context)
    sharp, softer = (sharpness(box_blur(frames, n), frames, where) for n in (times - 1, times))
    assert 0 < softer < sharp <= 1 + 1e-9
    noisy = np.clip(frames + np.random.default_rng(0).normal(0, 40, frames.shape), 0, 255).astype(np.uint8)
    assert sharpness(noisy, frames, where) > 1


@given(st.integers(0, 24))
def test_the_further_off_the_arm_the_less_it_overlaps(shift):
    _, _, masks, _ = moving_square()
    near, far = (arm_iou(np.roll(masks, n, 2), masks) for n in (shift, shift + 1))
    assert far < near or near == 0
    assert arm_iou(np.zeros_like(masks), masks) == 0 and arm_iou(masks * 0, masks * 0) is None


@given(st.integers(-12, 12), st.integers(-12, 12))
def test_an_object_is_in_place_within_four_pixels(down, right):
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[60:66, 60:66] = 3
    there = objects_shown(np.roll(mask, (down, right), (0, 1)), mask, (3,))
    assert there == float(np.hypot(down, right) <= NEAR)


def test_objects_that_are_hidden_are_not_asked_for_and_lost_ones_are_not_shown():
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[10:20, 10:20] = 2
    assert objects_shown(mask, mask, (2, 5)) == 1 and objects_shown(mask * 0, mask, (2,)) == 0
    assert objects_shown(mask, mask, (5,)) is None and objects_shown(mask, mask, ()) is None


def test_moving_pixels_are_grown_by_one():
    context = np.zeros((SIDE, SIDE, 3), np.uint8)
    frames = np.zeros((1, SIDE, SIDE, 3), np.uint8)
    frames[0, 50, 50, 1], frames[0, 90, 90, 2] = 16, 15  # the second differs by exactly 15, which is not more
    moving = moving_pixels(frames, context)
    assert moving.sum() == 9 and moving[0, 49:52, 49:52].all()
    frames[0, 0, 0, 0] = 200
    assert moving_pixels(frames, context).sum() == 13  # nothing wraps around the edge


def test_what_does_not_apply_is_none():
    still = np.full((3, SIDE, SIDE, 3), 90, np.uint8)
    found = compare_picture(still, still, still[0])
    assert found.psnr == 60 and found.moving_share == 0
    assert [found.moving_psnr, found.sharpness, found.arm_iou, found.objects_moved] == [None] * 4


def test_larger_frames_are_averaged_and_counts_must_agree():
    frames, context, _, _ = moving_square()
    large = frames.repeat(2, 1).repeat(2, 2)
    assert np.array_equal(small(large), frames)
    assert compare_picture(large, frames, context.repeat(2, 0).repeat(2, 1)).moving_psnr == 60
    with pytest.raises(WamvizError, match="3 imagined frames"):
        compare_picture(frames[1:], frames, context)
    with pytest.raises(WamvizError, match="one shape"):
        Seen(np.zeros((SIDE, SIDE), np.uint8), np.zeros((2, SIDE, SIDE), np.uint8), np.zeros((3, SIDE, SIDE), np.uint8))


def test_masks_survive_their_packing_and_nonsense_is_none():
    masks = np.random.default_rng(0).integers(0, 9, (3, 8, 8)).astype(np.uint8)
    told = json.loads(json.dumps(pack_masks(masks)))
    assert np.array_equal(unpack_masks(told), masks)
    for odd in ({}, {**told, "shape": [3, 8]}, {**told, "shape": [3, 8, 9]}, {**told, "zlib": "?"}, {"shape": "x"},
                {**told, "shape": [10**6, 10**6, 10**6]}):  # fmt: skip
        assert unpack_masks(odd) is None

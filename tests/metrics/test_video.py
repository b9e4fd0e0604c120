"""PSNR and SSIM have known values, and the control is judged by the same rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wamviz.core.errors import WamvizError
from wamviz.core.media import resize
from wamviz.metrics.video import PSNR_CAP, compare_video, compare_videos, fit_view, moving_psnr, psnr, ssim

videos = arrays(np.uint8, st.tuples(st.integers(1, 2), st.integers(11, 20), st.integers(11, 20), st.just(3)))


@given(videos)
def test_identical_frames_reach_the_cap_and_a_similarity_of_one(frames):
    assert (psnr(frames, frames) == PSNR_CAP).all()
    assert (ssim(frames, frames) == 1).all()


@given(videos, st.randoms(use_true_random=False))
def test_both_are_symmetric_and_bounded(frames, random):
    other = np.random.default_rng(random.randrange(2**31)).integers(0, 256, frames.shape, dtype=np.uint8)
    assert np.array_equal(psnr(frames, other), psnr(other, frames))
    assert np.allclose(ssim(frames, other), ssim(other, frames), atol=1e-6)
    assert ((psnr(frames, other) >= 0) & (psnr(frames, other) <= PSNR_CAP)).all()
    assert (np.abs(ssim(frames, other)) <= 1 + 1e-6).all()


@given(st.integers(1, 255))
def test_a_known_error_gives_the_known_psnr(step):
    black = np.zeros((2, 12, 12, 3), np.uint8)
    grey = np.full_like(black, step)
    assert np.allclose(psnr(black, grey), min(PSNR_CAP, 20 * np.log10(255 / step)))


def ssim_by_the_book(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. 2004, formula 13, window by window in float64."""
    offsets = np.arange(11) - 5
    kernel = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    kernel /= kernel.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for channel in range(3):
        x, y = a[..., channel].astype(float), b[..., channel].astype(float)
        for row in range(x.shape[0] - 10):
            for column in range(x.shape[1] - 10):
                p, q = x[row : row + 11, column : column + 11], y[row : row + 11, column : column + 11]
                mx, my = (kernel * p).sum(), (kernel * q).sum()
                vx, vy = (kernel * (p - mx) ** 2).sum(), (kernel * (q - my) ** 2).sum()
                cov = (kernel * (p - mx) * (q - my)).sum()
                values.append((2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    return float(np.mean(values))


@pytest.mark.parametrize("noise", [1, 8, 60])
def test_ssim_is_the_one_of_the_paper(scene, noise):
    a = scene(1, 90, 20)
    b = np.clip(a + np.random.default_rng(0).normal(size=a.shape) * noise, 0, 255).astype(np.uint8)
    assert np.isclose(ssim(a, b)[0], ssim_by_the_book(a[0], b[0]), atol=1e-5)


def test_ssim_agrees_with_scikit_image():
    # structural_similarity(a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255,
    # channel_axis=2) of scikit-image 0.26.0 on this pair; its result is a mean over the same inner windows.
    y, x = np.mgrid[0:40, 0:56]
    a = np.stack([(3 * x + 2 * y) % 256, (5 * y) % 256, (x * y) % 256], axis=2).astype(np.uint8)
    b = np.stack([(3 * x + 2 * y + 9) % 256, (5 * y) % 256, (x * y // 2) % 256], axis=2).astype(np.uint8)
    assert np.isclose(ssim(a[None], b[None])[0], 0.8093129377908879, atol=1e-5)


def test_a_frame_smaller_than_the_window_is_still_judged():
    a = np.random.default_rng(0).integers(0, 256, (1, 6, 8, 3), dtype=np.uint8)
    assert ssim(a, a)[0] == 1
    assert ssim(a, 255 - a)[0] < 0


def test_videos_of_two_shapes_are_refused():
    with pytest.raises(WamvizError, match="one shape"):
        psnr(np.zeros((1, 4, 4, 3), np.uint8), np.zeros((1, 5, 4, 3), np.uint8))


def test_a_perfect_rollout_beats_the_control(rollout, scene):
    found = compare_video(rollout(frames=scene(5)), rollout("recorded", frames=scene(5)))
    assert (found.psnr == PSNR_CAP).all() and (found.ssim == 1).all()
    assert (found.copy_last_psnr < 40).all() and (found.copy_last_ssim < 1).all()


def test_copying_the_context_is_exactly_the_control(rollout, scene):
    truth = scene(5)
    still = rollout(frames=np.repeat(truth[:1], 5, axis=0))
    found = compare_video(still, rollout("recorded", frames=truth))
    assert np.array_equal(found.psnr, found.copy_last_psnr)
    assert np.array_equal(found.ssim, found.copy_last_ssim)


def test_the_context_is_left_out(rollout, scene):
    truth, imagined = scene(5), scene(5, seed=1)
    imagined[0] = truth[0]  # given, so it earns nothing
    found = compare_video(rollout(frames=imagined), rollout("recorded", frames=truth))
    assert np.allclose(found.times, [0.2, 0.4, 0.6, 0.8])
    assert (found.psnr < 40).all()


def test_a_larger_reference_is_area_averaged_to_the_rollout(rollout, scene):
    large = scene(4, 48, 48)
    found = compare_video(rollout(frames=resize(large, 24, 24)), rollout("recorded", frames=large))
    assert found.fit == "scaled" and (found.psnr == PSNR_CAP).all()


@pytest.mark.parametrize("how", ["scaled", "cropped"])
def test_a_reference_of_another_shape_is_fitted_as_the_context_was(scene, how):
    wide = scene(3, 24, 40)
    like = resize(wide if how == "scaled" else wide[:, :, 8:32], 24, 24)
    fitted, fit = fit_view(wide, like[0])
    assert fit == how
    assert np.array_equal(fitted, like)


def test_without_video_or_a_shared_moment_there_is_nothing_to_compare(rollout, scene):
    with_video, acting = rollout(frames=scene(3)), rollout(actions=np.zeros((3, 7)))
    assert compare_video(acting, with_video) is None
    assert compare_video(with_video, acting) is None
    assert compare_video(with_video, rollout("recorded", frames=scene(1))) is None


def test_samples_compared_together_are_compared_as_each_alone(rollout, scene):
    reference = rollout("recorded", frames=scene(5))
    samples = [
        rollout(frames=scene(5, seed=1)),
        rollout(frames=scene(4, seed=2)),
        rollout(frames=scene(5, 12, 12, seed=3)),
    ]
    for found, sample in zip(compare_videos(samples, reference), samples, strict=True):
        alone = compare_video(sample, reference)
        for name in ("times", "psnr", "ssim", "copy_last_psnr", "copy_last_ssim"):
            assert np.array_equal(getattr(found, name), getattr(alone, name))


def test_moving_pixels_alone_count():
    """What stays weighs nothing: a wrong still pixel costs nothing, a wrong moving one does; no motion, no number."""
    context = np.full((4, 4, 3), 100, np.uint8)
    truth = np.repeat(context[None], 2, 0).copy()
    assert moving_psnr(truth, truth, context) is None
    truth[:, 0, 0] = 200
    guess = truth.copy()
    guess[:, 3, 3] = 0
    assert moving_psnr(guess, truth, context) == PSNR_CAP
    guess[:, 0, 0] = 150
    assert moving_psnr(guess, truth, context) == pytest.approx(10 * np.log10(255**2 / 50**2))


def test_the_mask_is_that_of_the_reference(rollout, scene):
    """A run's number and its control's are those of the pixels that move in what was recorded."""
    truth = scene(5)
    still = np.repeat(truth[:1], 5, 0)
    found = compare_video(rollout(frames=still), rollout("recorded", frames=truth))
    assert found.moving_psnr == found.copy_last_moving_psnr == moving_psnr(still[1:], truth[1:], truth[0])
    assert found.moving_psnr < found.psnr.mean()
    assert compare_video(rollout(frames=truth), rollout("recorded", frames=still)).moving_psnr is None


@pytest.mark.parametrize("times", [2, 3, 6])
def test_no_number_depends_on_the_rate_or_length_of_either_side(rollout, scene, times):
    """Frames added between and after those that are compared change nothing, on either side."""
    fine, other = scene(6 * times + 1), scene(6 * times + 1, seed=4)
    coarse = compare_video(rollout(frames=other[::times]), rollout("recorded", frames=fine[::times]))
    rate = 5.0 * times
    for ours, theirs in (
        (rollout(frames=other[::times]), rollout("recorded", frames=fine, fps=rate)),
        (rollout(frames=other, fps=rate), rollout("recorded", frames=fine[::times])),
    ):
        found = compare_video(ours, theirs)
        for name in ("times", "psnr", "ssim", "copy_last_psnr", "copy_last_ssim"):
            assert np.allclose(getattr(found, name), getattr(coarse, name)), name
        assert found.moving_psnr == coarse.moving_psnr and found.copy_last_moving_psnr == coarse.copy_last_moving_psnr


@given(videos, st.randoms(use_true_random=False))
def test_what_moves_is_judged_symmetrically_and_identity_is_ideal(frames, random):
    """Over the same moving pixels it does not matter which of two videos is called the guess."""
    draw = np.random.default_rng(random.randrange(2**31))
    context = draw.integers(0, 256, frames.shape[1:], dtype=np.uint8)
    guess = draw.integers(0, 256, frames.shape, dtype=np.uint8)
    moved = (np.abs(frames.astype(int) - context) > 12).any(-1)
    if moved.any():
        assert moving_psnr(frames, frames, context) == PSNR_CAP
        expected = psnr(guess[moved][None, :, None], frames[moved][None, :, None])[0]
        assert np.isclose(moving_psnr(guess, frames, context), expected, atol=1e-3)

"""How close two videos are, frame by frame, beside the control that nothing moves.

Contract: PSNR, SSIM and (where its weights are, see ``metrics.perceptual``) LPIPS of frames that belong together in
time, the context (frame 0) left out because it is given, with the same numbers for a copy of the context: the PSNR of a
nearly static video is high whatever a model does.

SSIM is written here in numpy: a Gaussian filter is a product with a banded matrix, so 16 frames of 128 x 128 take
15 ms on one core, a third of scikit-image's time there, and neither scikit-image nor scipy has to be
installed. It agrees with scikit-image (``gaussian_weights=True, use_sample_covariance=False``) to 1e-5.
Axis letters: T frames, H/W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput
from wamviz.core.media import resize
from wamviz.core.rollout import Frames, Rollout
from wamviz.metrics.align import Times, common_frames
from wamviz.metrics.perceptual import lpips, lpips_missing
from wamviz.metrics.registry import STILL, Metric, copy_last_frame

MOVING = 12.0  # a pixel moves when some colour of it changes by more than this, of 255
PSNR_CAP = 60.0  # dB; identical frames would be infinite, and 60 dB is a mean square error of 0.065 out of 255**2
WINDOW, SIGMA, K1, K2 = 11, 1.5, 0.01, 0.03  # Wang et al. 2004, IEEE TIP 13(4), section III-B
TILE = 64  # outputs a product; wider bands multiply more zeros

Curve = NDArray[np.float64]


@dataclass(frozen=True)
class VideoMetrics:
    """Per-frame closeness of a rollout to a reference.

    Attributes:
        times: (M,) seconds, the context left out.
        psnr: (M,) dB, 0 .. 60 (capped).
        ssim: (M,) -1 .. 1.
        copy_last_psnr, copy_last_ssim: (M,) the same for a copy of the context.
        moving_psnr, copy_last_moving_psnr: dB over the pixels that move in the reference, all frames together; None
            where nothing moves.
        fit: how the reference was brought to the rollout's size: ``"same"``, ``"scaled"`` or ``"cropped"``.
        lpips, copy_last_lpips: (M,) perceptual distance, 0 is identical; None where ``lpips_missing`` says why.
    """

    times: Times
    psnr: Curve
    ssim: Curve
    copy_last_psnr: Curve
    copy_last_ssim: Curve
    fit: str = "same"
    moving_psnr: float | None = None
    copy_last_moving_psnr: float | None = None
    lpips: Curve | None = None
    copy_last_lpips: Curve | None = None
    lpips_missing: str = ""


def psnr(a: Frames, b: Frames) -> Curve:
    """Peak signal-to-noise ratio (T,) in dB of two videos (T, H, W, 3) uint8, capped at 60 dB.

    >>> black = np.zeros((1, 4, 4, 3), np.uint8)
    >>> psnr(black, black).tolist(), psnr(black, black + 255).tolist()
    ([60.0], [0.0])
    """
    _check_pair(a, b)
    mse = np.array([np.square(x.astype(np.float32) - y).mean(dtype=np.float64) for x, y in zip(a, b, strict=True)])
    floor = 255.0**2 / 10 ** (PSNR_CAP / 10)
    return 10 * np.log10(255.0**2 / np.maximum(mse, floor))


def ssim(a: Frames, b: Frames) -> Curve:
    """Structural similarity (T,) of two videos (T, H, W, 3) uint8: mean over colours and pixels, -1 .. 1.

    Gaussian window of 11 x 11 pixels (sigma 1.5), K1 = 0.01, K2 = 0.03; only windows that lie inside the frame
    count. A frame smaller than the window is judged with the largest odd window that fits.
    """
    _check_pair(a, b)
    return np.array([_ssim_frame(x, y) for x, y in zip(a, b, strict=True)])


def moving_psnr(frames: Frames, truth: Frames, context: Frames) -> float | None:
    """PSNR in dB over the pixels that change from ``context`` in ``truth``; None where nothing moves.

    A still background flatters everybody; this is what remains without it. frames, truth: (T, H, W, 3) uint8; context:
    (H, W, 3) uint8. The error is pooled over all such pixels, and the result capped like ``psnr``.
    """
    _check_pair(frames, truth)
    moved = (np.abs(truth.astype(np.int16) - context) > MOVING).any(-1)  # (T, H, W)
    if not moved.any():
        return None
    error = np.square(frames[moved].astype(np.float32) - truth[moved]).mean(dtype=np.float64)
    return float(10 * np.log10(255.0**2 / max(float(error), 255.0**2 / 10 ** (PSNR_CAP / 10))))


def compare_video(rollout: Rollout, reference: Rollout) -> VideoMetrics | None:
    """How close ``rollout``'s video is to ``reference``'s; None when either has none or they share no later frame.

    The reference is brought to the rollout's size by area average. Where the shapes differ, it is either scaled or
    cut to the centre first, whichever makes its context look like the rollout's.
    """
    return compare_videos([rollout], reference)[0]


def compare_videos(rollouts: Sequence[Rollout], reference: Rollout) -> list[VideoMetrics | None]:
    """``compare_video`` for each of ``rollouts``; what all samples of a run share is computed once."""
    shared: dict[tuple[object, ...], tuple[Curve, Curve, float | None, Curve | None]] = {}  # the control's numbers
    found: list[VideoMetrics | None] = []
    for rollout in rollouts:
        if rollout.frames is None or reference.frames is None:
            found.append(None)
            continue
        ours, theirs, times = common_frames(rollout, reference)
        later = times > 1e-9
        if not later.any():
            found.append(None)
            continue
        theirs, fit = fit_view(np.concatenate([reference.frames[:1], theirs[later]]), rollout.frames[0])
        ours, times, context, theirs = ours[later], times[later], theirs[:1], theirs[1:]
        missing = lpips_missing(*theirs.shape[1:3]) or ""
        key = (fit, theirs.shape, times.tobytes())
        if key not in shared:
            still = np.repeat(context, len(theirs), axis=0)
            apart = None if missing else lpips(still, theirs)
            shared[key] = psnr(still, theirs), ssim(still, theirs), moving_psnr(still, theirs, context[0]), apart
        still_psnr, still_ssim, still_moving, still_lpips = shared[key]
        moving = moving_psnr(ours, theirs, context[0])
        close = psnr(ours, theirs), ssim(ours, theirs)
        apart = None if missing else lpips(ours, theirs)
        found.append(
            VideoMetrics(times, *close, still_psnr, still_ssim, fit, moving, still_moving, apart, still_lpips, missing)
        )
    return found


def fit_view(frames: Frames, like: Frames) -> tuple[Frames, str]:
    """Bring ``frames`` (T, H', W', 3) to the size of ``like`` (H, W, 3), frame 0 of the same scene; also says how."""
    height, width = like.shape[:2]
    if frames.shape[1:3] == (height, width):
        return frames, "same"
    scaled = resize(frames, height, width)
    ratio = (frames.shape[2] / frames.shape[1]) / (width / height)
    if abs(ratio - 1) < 0.02:  # a rounded side, not another shape
        return scaled, "scaled"
    cropped = resize(_centre(frames, height, width), height, width)
    if psnr(cropped[:1], like[None])[0] > psnr(scaled[:1], like[None])[0]:
        return cropped, "cropped"
    return scaled, "scaled"


def _centre(frames: Frames, height: int, width: int) -> Frames:
    """The largest middle part of ``frames`` with the shape of ``height`` x ``width``."""
    tall, wide = frames.shape[1:3]
    rows, columns = min(tall, round(wide * height / width)), min(wide, round(tall * width / height))
    top, left = (tall - max(1, rows)) // 2, (wide - max(1, columns)) // 2
    return frames[:, top : top + max(1, rows), left : left + max(1, columns)]


def _check_pair(a: Frames, b: Frames) -> None:
    if a.shape != b.shape or a.ndim != 4 or a.dtype != np.uint8 or b.dtype != np.uint8:
        raise InvalidInput(f"Two videos of one shape are needed, not {a.dtype} {a.shape} and {b.dtype} {b.shape}.")


def _ssim_frame(a: Frames, b: Frames) -> float:
    side = min(WINDOW, *a.shape[:2])
    side -= 1 - side % 2
    x, y = (np.moveaxis(frame, 2, 0).astype(np.float32) for frame in (a, b))  # (3, H, W)
    mean_x, mean_y, xx, yy, xy = _blurred(np.stack([x, y, x * x, y * y, x * y]), side)
    c1, c2 = np.float32((K1 * 255) ** 2), np.float32((K2 * 255) ** 2)
    product, squares = mean_x * mean_y, mean_x * mean_x + mean_y * mean_y
    top = (2 * product + c1) * (2 * (xy - product) + c2)
    bottom = (squares + c1) * (xx + yy - squares + c2)
    return float((top / bottom).mean(dtype=np.float64))


def _blurred(planes: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Gaussian mean of (..., H, W) over every window inside the plane: (..., H - side + 1, W - side + 1)."""
    rows = [band @ planes[..., span, :] for band, span in _bands(planes.shape[-2], side)]
    half = np.concatenate(rows, axis=-2)
    return np.concatenate([half[..., span] @ band.T for band, span in _bands(planes.shape[-1], side)], axis=-1)


@lru_cache(maxsize=64)
def _bands(size: int, side: int) -> tuple[tuple[NDArray[np.float32], slice], ...]:
    """The filter along an axis of ``size`` as matrices (outputs, inputs), each with the inputs that it takes."""
    offsets = np.arange(side) - side // 2
    kernel = np.exp(-0.5 * (offsets / SIGMA) ** 2)
    kernel /= kernel.sum()
    found = []
    for start in range(0, size - side + 1, TILE):
        count = min(TILE, size - side + 1 - start)
        band = np.zeros((count, count + side - 1), np.float32)
        for row in range(count):
            band[row, row : row + side] = kernel
        found.append((band, slice(start, start + count + side - 1)))
    return tuple(found)


METRICS = (
    Metric(
        "video",
        "psnr",
        "Video, PSNR",
        f"Pixel closeness in decibels, higher is closer, capped at {PSNR_CAP:.0f}; the context frame is left out.",
        "Huynh-Thu and Ghanbari 2008, Electronics Letters 44(13)",
        unit="dB",
        higher=True,
        brief="PSNR",
        lane="PSNR",
        baseline=copy_last_frame(
            "copy_last_psnr",
            "PSNR of a video in which nothing moves: below it, the imagined motion does more harm than good.",
        ),
    ),
    Metric(
        "video",
        "ssim",
        "Video, SSIM",
        "Closeness of local structure, 1 is identical (Gaussian window of 11 pixels).",
        "Wang et al. 2004, IEEE TIP 13(4)",
        digits=3,
        higher=True,
        brief="SSIM",
        lane="SSIM",
        baseline=copy_last_frame("copy_last_ssim", "SSIM of a video in which nothing moves: the control for SSIM."),
    ),
    Metric(
        "video",
        "moving_psnr",
        "Video, PSNR of what moves",
        "PSNR over the pixels that move in the recorded video alone, so that a still background flatters nobody.",
        STILL,
        unit="dB",
        higher=True,
        brief="PSNR of what moves",
        baseline=copy_last_frame("copy_last_moving_psnr", "The same for a video in which nothing moves."),
    ),
)

"""What every number means, in one line, and where it is defined.

Contract: ``METRIC_NOTES`` and ``METRIC_SOURCES`` have the same keys, which are those of ``summarise``'s parts. A source
is a paper or the module of this project that defines what no paper does.
"""

from __future__ import annotations

from wamviz.metrics.video import PSNR_CAP

_PSNR = "Huynh-Thu and Ghanbari 2008, Electronics Letters 44(13)"
_SSIM = "Wang et al. 2004, IEEE TIP 13(4)"
_LPIPS = "Zhang et al. 2018, arXiv 1801.03924"
_STILL = "Mathieu et al. 2016, arXiv 1511.05440"
_OPEN_LOOP = "open-loop evaluation of NVIDIA Isaac GR00T"
_NAIVE = "Hyndman and Koehler 2006, Int. J. of Forecasting 22(4), on errors beside the naive forecast's"
_WARP = "Sakoe and Chiba 1978, IEEE TASSP 26(1)"
_DISPLACEMENT = "Pellegrini et al. 2009, ICCV; Alahi et al. 2016, CVPR"
_EVENTS = "wamviz.metrics.actions: a hand closes above 0.6 and opens below 0.4 of its range"
_STORY = "arXiv 2605.07514"
_PICTURE = "wamviz.metrics.picture"
_EXECUTABLE = "EVA, arXiv 2603.17808"

_TOLD: dict[str, tuple[str, str]] = {
    "psnr": (
        f"Pixel closeness in decibels, higher is closer, capped at {PSNR_CAP:.0f}; the context frame is left out.",
        _PSNR,
    ),
    "ssim": ("Closeness of local structure, 1 is identical (Gaussian window of 11 pixels).", _SSIM),
    "lpips": (
        "Distance as people see it, 0 is identical: the learned features of a network (AlexNet, version 0.1) compared.",
        _LPIPS,
    ),
    "copy_last_psnr": (
        "PSNR of a video in which nothing moves: below it, the imagined motion does more harm than good.", _STILL,
    ),
    "copy_last_ssim": ("SSIM of a video in which nothing moves: the control for SSIM.", _STILL),
    "copy_last_lpips": ("LPIPS of a video in which nothing moves: the control for LPIPS.", _STILL),
    "moving_psnr": (
        "PSNR over the pixels that move in the recorded video alone, so that a still background flatters nobody.",
        _STILL,
    ),
    "copy_last_moving_psnr": ("The same for a video in which nothing moves.", _STILL),
    "mae": ("Mean absolute action error as a share of each dimension's half range, 0 is perfect.", _OPEN_LOOP),
    "hold_mae": ("The same error for a robot that stays where it is: the control for actions.", _NAIVE),
    "rmse": ("Root mean square of the same error: single large errors weigh more.", _OPEN_LOOP),
    "hold_rmse": ("The same for a robot that stays where it is.", _NAIVE),
    "by_unit": (
        "The same errors in their own units, over all dimensions that share one, beside a robot that stays put.",
        _OPEN_LOOP,
    ),
    "dtw": (
        "The mean error that is left when being early or late is forgiven: both are aligned by dynamic time warping.",
        _WARP,
    ),
    "hold_dtw": ("The same for a robot that stays where it is.", _NAIVE),
    "timing_s": ("How far that alignment shifts the actions on average, in seconds.", _WARP),
    "ade_m": (
        "Average distance in metres between the two commanded paths of the hand (average displacement error).",
        _DISPLACEMENT,
    ),
    "fde_m": (
        "Distance in metres between the two commanded paths at the last shared moment (final displacement error).",
        _DISPLACEMENT,
    ),
    "hold_ade_m": ("Average distance in metres between the recorded path and a hand that does not move.", _NAIVE),
    "hold_fde_m": ("The same at the last shared moment.", _NAIVE),
    "gripper_timing_s": (
        "Mean time in seconds between the imagined and the recorded closing or opening of the hand.", _EVENTS,
    ),
    "missed": ("How many of the recorded closings and openings the imagined actions lack.", _EVENTS),
    "hold_missed": ("The same for a hand that keeps what it does: it misses all of them.", _NAIVE),
    "jerk": (
        "How jerkily the stated path moves the hand: root mean square of its third derivative; the control is the "
        "recorded path.",
        "Flash and Hogan 1985, J. of Neuroscience 5(7)",
    ),
    "outside_limits": (
        "The share of actions with a number beyond what the robot can do; the control is the recorded actions.",
        _EXECUTABLE,
    ),
    "path_ade_m": (
        "Average distance in metres between the path that the actions state and the one that physics took.",
        _DISPLACEMENT,
    ),
    "hold_path_ade_m": (
        "The same for a hand that does not move: how far physics took it from where it began.", _NAIVE,
    ),
    "moves_enough": (
        "Whether the imagined video moves about as much as the executed one; a still video agrees with everything "
        "(background collapse).",
        _STORY,
    ),
    "executed_psnr": ("PSNR between the imagined video and what its own actions really did.", _PSNR),
    "sharpness": (
        "How much edge the imagined video has where things move, of what physics shows there: 1 is as sharp as real, a "
        "grey fog near 0; a copy of the context is sharp in the wrong place.",
        _PICTURE,
    ),
    "executed_moving_psnr": (
        "PSNR between imagined and executed over the pixels that move in the executed video; a blur does well on it.",
        _STILL,
    ),
    "arm_iou": (
        "Overlap of the imagined and the executed arm, 1 is the same outline; an independent network finds the "
        "imagined one, the simulator knows the executed one.",
        "Everingham et al. 2010, IJCV 88(2), on intersection over union; the masks are wamviz.metrics.segmenter's",
    ),
    "objects_moved": (
        "Of the things that physics moved by more than 3 cm, the share that the last imagined frame shows within 4 "
        "pixels of where physics has them (at 128 x 128).",
        _PICTURE,
    ),
}  # fmt: skip

METRIC_NOTES: dict[str, str] = {name: note for name, (note, _) in _TOLD.items()}
METRIC_SOURCES: dict[str, str] = {name: source for name, (_, source) in _TOLD.items()}

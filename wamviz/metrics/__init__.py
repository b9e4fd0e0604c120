"""Imagined, recorded and executed rollouts compared: matched by time, judged beside honest baselines."""

from wamviz.metrics.actions import ActionMetrics, compare_actions, gripper_events
from wamviz.metrics.align import common_actions, common_frames, match_times
from wamviz.metrics.consistency import consistency, motion_energy
from wamviz.metrics.motion import jerk, outside_limits
from wamviz.metrics.notes import METRIC_NOTES, METRIC_SOURCES
from wamviz.metrics.perceptual import lpips, lpips_missing
from wamviz.metrics.picture import Picture, Seen, compare_picture
from wamviz.metrics.summary import context_state, summarise
from wamviz.metrics.timing import warp
from wamviz.metrics.trajectory import ade_fde, ee_path, path_pixels
from wamviz.metrics.video import VideoMetrics, compare_video, moving_psnr, psnr, ssim

__all__ = [
    "METRIC_NOTES",
    "METRIC_SOURCES",
    "ActionMetrics",
    "Picture",
    "Seen",
    "VideoMetrics",
    "ade_fde",
    "common_actions",
    "common_frames",
    "compare_actions",
    "compare_picture",
    "compare_video",
    "consistency",
    "context_state",
    "ee_path",
    "gripper_events",
    "jerk",
    "lpips",
    "lpips_missing",
    "match_times",
    "motion_energy",
    "moving_psnr",
    "outside_limits",
    "path_pixels",
    "psnr",
    "ssim",
    "summarise",
    "warp",
]

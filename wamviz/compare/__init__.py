"""Imagined, recorded and executed rollouts compared: matched by time, judged beside honest baselines."""

from wamviz.compare.actions import ActionMetrics, compare_actions, gripper_events
from wamviz.compare.align import common_actions, common_frames, match_times
from wamviz.compare.consistency import consistency, motion_energy
from wamviz.compare.motion import jerk, outside_limits
from wamviz.compare.notes import METRIC_NOTES, METRIC_SOURCES
from wamviz.compare.perceptual import lpips, lpips_missing
from wamviz.compare.picture import Picture, Seen, compare_picture
from wamviz.compare.summary import context_state, summarise
from wamviz.compare.timing import warp
from wamviz.compare.trajectory import ade_fde, ee_path, path_pixels
from wamviz.compare.video import VideoMetrics, compare_video, moving_psnr, psnr, ssim

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

"""Imagined, recorded and executed rollouts compared: matched by time, judged beside honest baselines."""

from wamviz.metrics.actions import ActionMetrics, compare_actions, gripper_events
from wamviz.metrics.align import common_actions, common_frames, match_times
from wamviz.metrics.consistency import consistency, motion_energy
from wamviz.metrics.motion import jerk, outside_limits
from wamviz.metrics.perceptual import lpips, lpips_missing
from wamviz.metrics.picture import Picture, Seen, compare_picture
from wamviz.metrics.registry import Metric, Pair, Value, all_metrics, brief_lines, metric_notes, metric_sources
from wamviz.metrics.summary import context_state, summarise
from wamviz.metrics.timing import warp
from wamviz.metrics.trajectory import ade_fde, ee_path, path_pixels
from wamviz.metrics.video import VideoMetrics, compare_video, moving_psnr, psnr, ssim

__all__ = [
    "ActionMetrics",
    "Metric",
    "Pair",
    "Picture",
    "Seen",
    "Value",
    "VideoMetrics",
    "ade_fde",
    "all_metrics",
    "brief_lines",
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
    "metric_notes",
    "metric_sources",
    "motion_energy",
    "moving_psnr",
    "outside_limits",
    "path_pixels",
    "psnr",
    "ssim",
    "summarise",
    "warp",
]

"""Plotly figures of a run: pure functions, light and dark, and the same numbers as text."""

from wamviz.ui.plots.actions import action_figure, episode_figure, mark_chunks
from wamviz.ui.plots.contenders import contender_actions, contender_metrics
from wamviz.ui.plots.extra_lanes import add_lanes, chunk_error_lane, scalar_lanes
from wamviz.ui.plots.metrics import metric_figure
from wamviz.ui.plots.style import LOOKS, THEMES
from wamviz.ui.plots.table import alt_text, text_table
from wamviz.ui.plots.trajectory import trajectory_figure

__all__ = [
    "LOOKS",
    "THEMES",
    "action_figure",
    "add_lanes",
    "alt_text",
    "chunk_error_lane",
    "contender_actions",
    "contender_metrics",
    "episode_figure",
    "mark_chunks",
    "metric_figure",
    "scalar_lanes",
    "text_table",
    "trajectory_figure",
]

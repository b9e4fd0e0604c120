"""Plotly figures of a run: pure functions, light and dark, and the same numbers as text."""

from wamviz.figures.actions import action_figure, episode_figure
from wamviz.figures.contenders import contender_actions, contender_metrics
from wamviz.figures.metrics import metric_figure
from wamviz.figures.style import LOOKS, THEMES
from wamviz.figures.table import alt_text, text_table
from wamviz.figures.trajectory import trajectory_figure

__all__ = [
    "LOOKS",
    "THEMES",
    "action_figure",
    "alt_text",
    "contender_actions",
    "contender_metrics",
    "episode_figure",
    "metric_figure",
    "text_table",
    "trajectory_figure",
]

"""Lanes below the actions, over the same time axis: a dataset's own columns, and the error of each chunk.

Contract: ``add_lanes`` makes room at the bottom of a figure that ``actions.lanes`` drew and leaves what is there as it
is. What a lane cannot show is not drawn: a column without a single number, a run without a recording to be wrong about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from wamviz.core.rollout import Floats
from wamviz.metrics.align import action_mismatch
from wamviz.runs.store import Run
from wamviz.ui.plots.actions import GAP, HEAD, LANE, LONG
from wamviz.ui.plots.style import LOOKS, axis, base_layout, below, check_theme, number, time_axis, wrapped

MOST_LANES = 12  # of a dataset's columns
MARGIN = 108  # pixels above and below the lanes of a figure that has these alone


@dataclass(frozen=True)
class Lane:
    """A line of its own: ``name``, ``times`` (s) and ``values`` (NaN where there is none), ``look`` of ``LOOKS``."""

    name: str
    times: Sequence[float]
    values: Sequence[float]
    look: str = "recorded"
    unit: str = ""
    shape: str = "linear"


def scalar_lanes(scalars: Mapping[str, Floats], rate: float) -> list[Lane]:
    """The columns of an episode, (M,) each at ``rate`` (Hz): those with a number in them, the first ``MOST_LANES``."""
    known = {name: column for name, column in scalars.items() if np.isfinite(column).any()}
    return [
        Lane(name, [k / rate for k in range(len(column))], [float(value) for value in column])
        for name, column in list(known.items())[:MOST_LANES]
    ]


def chunk_error_lane(run: Run, borders: Sequence[float]) -> Lane | None:
    """How far the imagined actions of each chunk lie from the recorded ones: the mean absolute error as a share of half
    of each dimension's range, in %. None where there are no chunks, no recording, or no range.

    Args:
        borders: times (s) at which one chunk ends and the next begins.
    """
    first, reference = run.imagined[0], run.reference
    if not borders or reference is None or first.actions is None or reference.actions is None:
        return None
    ours, theirs = first.action_space, reference.action_space
    if ours is None or theirs is None or ours.low is None or ours.rate != theirs.rate:
        return None
    if run.mode == "forward_dynamics" or action_mismatch(first, reference) is not None:
        return None
    count = min(len(first.actions), len(reference.actions))
    error = 100 * np.abs(first.actions[:count] - reference.actions[:count]) / ours.scale  # (count, A)
    ends = [*(time for time in borders if time * ours.rate < count), count / ours.rate]
    times, values, start = [0.0], [], 0
    for end in ends:
        stop = round(end * ours.rate)
        values.append(float(error[start:stop].mean()))
        times.append(end)
        start = stop
    return Lane("error", times, [values[0], *values], "imagined", "%", "vh")


def add_lanes(figure: go.Figure, lanes: Sequence[Lane], title: str, theme: str, seconds: float = 0.0) -> go.Figure:
    """``figure`` with a lane more for each of ``lanes`` below what it has, under the heading ``title``.

    Args:
        seconds: length of the time axis, where the figure says only why it is empty; these lanes are then all it has.
    """
    check_theme(theme)
    if not lanes:
        return figure
    extra = HEAD + len(lanes) * (LANE + GAP)
    if (figure.layout.meta or {}).get("empty"):
        figure = go.Figure(layout=base_layout(theme, extra + MARGIN, title))
        figure.update_layout(margin={"t": 4, "b": 104}, hovermode="x unified", legend=below(extra))
        figure.update_layout(xaxis=time_axis(theme, seconds))
        before, inner = 0, extra
    else:
        before = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
        inner = before + extra
        _squeeze(figure, before / inner)
        figure.update_layout(height=figure.layout.height + extra, legend=below(inner))
    used = len([name for name in figure.layout.to_plotly_json() if name.startswith("yaxis")]) if before else 0
    top = before
    _heading(figure, title, 1 - (top + HEAD - 5) / inner)
    top += HEAD
    for place, lane in enumerate(lanes, start=used + 1):
        name, yref = ("yaxis", "y") if place == 1 else (f"yaxis{place}", f"y{place}")
        domain = [max(0.0, 1 - (top + LANE) / inner), 1 - top / inner]
        short = lane.name if len(lane.name) <= LONG else ""
        label = {"text": short, "standoff": 2}
        figure.layout[name] = axis(theme, anchor="x", domain=domain, nticks=3, tickfont={"size": 10}, title=label,
                                   fixedrange=True, rangemode="tozero" if lane.unit == "%" else "normal")  # fmt: skip
        if not short:
            _heading(figure, wrapped(lane.name, 80), 1 - (top + 13) / inner, size=10)
        figure.add_trace(_line(lane, yref, theme))
        figure.layout.xaxis.anchor = yref
        top += LANE + GAP
    return figure


def _squeeze(figure: go.Figure, share: float) -> None:
    """Everything of the figure into the upper ``share`` of its height."""
    for name in list(figure.layout.to_plotly_json()):
        if name.startswith("yaxis"):
            low, high = figure.layout[name].domain
            figure.layout[name].domain = [1 - (1 - low) * share, 1 - (1 - high) * share]
    for note in figure.layout.annotations:
        if note.yref == "paper" and note.y is not None and note.y <= 1:
            note.y = 1 - (1 - note.y) * share


def _heading(figure: go.Figure, text: str, y: float, size: int = 12) -> None:
    words = f"<b>{wrapped(text, 80)}</b>" if size == 12 else text
    place: dict[str, Any] = {"x": 0, "y": y, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    figure.add_annotation(text=words, showarrow=False, align="left", font={"size": size}, **place)


def _line(lane: Lane, yref: str, theme: str) -> go.Scatter:
    look = LOOKS[lane.look]
    values = [value if np.isfinite(value) else None for value in lane.values]
    text = ["" if value is None else f"{lane.name} {number(value, lane.unit)}" for value in values]
    return go.Scatter(
        x=list(lane.times), y=values, name=lane.name, mode="lines", yaxis=yref, showlegend=False, text=text,
        line={"color": look.color[theme], "dash": look.dash, "width": 2, "shape": lane.shape},
        hovertemplate="%{text}<extra></extra>", meta={"role": "line", "origin": lane.look, "dim": lane.name},
    )  # fmt: skip

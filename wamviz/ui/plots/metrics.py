"""Closeness frame by frame to physics and to the recording, with the control that nothing moves.

Contract: a lane each over the time axis of the action figure: the picture beside physics (sharpness, arm) first, then
PSNR, SSIM and, where it was computed, LPIPS. What is drawn are the run's own metrics; nothing is computed anew unless
the run has none. Traces are named ``"imagined psnr"``, ``"copy last frame psnr"``, ``"range psnr"`` and carry ``meta``
as in the action figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from wamviz.metrics.registry import Metric, all_metrics
from wamviz.metrics.summary import summarise
from wamviz.runs.store import Run
from wamviz.ui.plots.style import (
    LOOKS,
    axis,
    base_layout,
    below,
    check_theme,
    legend_key,
    nothing,
    number,
    run_seconds,
    time_axis,
    tint,
)

HEIGHT, LANE = 340, 130  # pixels, with two lanes, and of each further one


class Lane(NamedTuple):
    """What one lane shows: a metric, and its curves (N, M) of the samples and (M,) of its control."""

    metric: Metric
    times: NDArray[np.float64]
    curves: NDArray[np.float64]
    still: NDArray[np.float64]
    chosen: int


def metric_figure(run: Run, sample: int = 0, theme: str = "light") -> go.Figure:
    """How close sample ``sample`` stays to physics and to what was recorded; the band is the samples' range.

    Higher is closer, but for LPIPS, which is a distance, and sharpness, which is best at 1.
    """
    check_theme(theme)
    sample = min(max(sample, 0), len(run.imagined) - 1)
    metrics = run.metrics if "video" in run.metrics else summarise(run, sample)
    try:
        lanes = _lanes(metrics, sample)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):  # metrics of another version or elsewhere
        metrics = summarise(run, sample)
        lanes = _lanes(metrics, sample)
    return _drawn(run, sample, theme, lanes) if lanes else nothing(_why(metrics), theme)


def _lanes(metrics: Mapping[str, Any], sample: int) -> list[Lane]:
    """What there is to show, the picture beside physics first; raises where the metrics are of another form."""
    lanes = []
    for metric in all_metrics():
        part, curve = metrics.get(metric.part) or {}, f"{metric.key}_by_frame"
        if not metric.lane or metric.baseline is None or not part:
            continue
        if metric.part == "picture" and not part.get("arm_iou_by_frame"):
            continue  # executed without the simulator's masks: sharpness alone says too little
        if curve not in part and part[metric.key] is None:
            continue  # not computed, such as LPIPS without its weights
        times, still = (np.asarray(part[name], np.float64) for name in ("times", f"{metric.baseline.key}_by_frame"))
        curves = [one[curve] for one in part["by_sample"]] if "by_sample" in part else [part[curve]]
        chosen = sample if "by_sample" in part else 0
        lanes.append(Lane(metric, times, np.array(curves, np.float64), still, chosen))
    for lane in lanes:
        if lane.curves.shape[1:] != lane.times.shape or lane.still.shape != lane.times.shape:
            raise ValueError("the curves do not belong to the times")
        if not lane.chosen < len(lane.curves):
            raise IndexError("there is no such sample")
    return lanes


def _drawn(run: Run, sample: int, theme: str, lanes: list[Lane]) -> go.Figure:
    height, last = HEIGHT + LANE * max(0, len(lanes) - 2), "y" if len(lanes) == 1 else f"y{len(lanes)}"
    gap = 40 / (height - 4 - 84)  # room for the words above a lane
    tall = (0.94 - gap * (len(lanes) - 1)) / len(lanes)
    figure = go.Figure(layout=base_layout(theme, height, run.id))
    figure.update_layout(
        margin={"t": 4, "b": 84, "l": 62}, hovermode="x unified", xaxis=time_axis(theme, run_seconds(run), anchor=last),
        legend=below(height - 4 - 84), meta={"sample": sample},
    )  # fmt: skip
    for index, lane in enumerate(lanes, start=1):
        top = 0.94 - (index - 1) * (tall + gap)
        _draw_lane(figure, lane, index, [max(0.0, top - tall), top], theme)
    figure.add_trace(legend_key("imagined", "imagined", theme, mode="lines+markers"))
    figure.add_trace(legend_key("copy last frame (baseline)", "control", theme, mode="lines+markers"))
    if (samples := max(len(lane.curves) for lane in lanes)) > 1:
        fill = {"fill": "toself", "fillcolor": tint(LOOKS["imagined"].color[theme], 0.25)}
        figure.add_trace(legend_key(f"range of {samples} samples", "range", theme, look=LOOKS["imagined"], **fill))
    return figure


def _draw_lane(figure: go.Figure, lane: Lane, index: int, domain: list[float], theme: str) -> None:
    key, unit, still, ours = lane.metric.key, lane.metric.unit or "1", lane.still, lane.curves[lane.chosen]
    yref = "y" if index == 1 else f"y{index}"
    if len(lane.curves) > 1:
        figure.add_trace(_band(lane.times, lane.curves, key, yref, theme))
    figure.add_trace(curve("copy last frame", "control", lane.times, still, key, unit, yref, theme))
    figure.add_trace(curve("imagined", "imagined", lane.times, ours, key, unit, yref, theme))
    known = np.concatenate([lane.curves.ravel(), still])
    known = known[np.isfinite(known)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    pad = max(0.08 * (high - low), 0.5 if unit == "dB" else 0.01)
    figure.layout["yaxis" if index == 1 else f"yaxis{index}"] = axis(
        theme, anchor="x", domain=domain, range=[low - pad, high + pad], nticks=5, fixedrange=True,
        title={"text": lane.metric.lane.partition(",")[0] + ("" if unit == "1" else f" ({unit})"), "standoff": 4},
    )  # fmt: skip
    figure.add_annotation(
        text=f"<b>{lane.metric.lane}</b>, {_describe(lane.metric, ours, still)}",
        x=0, y=domain[1], xref="paper", yref="paper", xanchor="left", yanchor="bottom", showarrow=False,
    )  # fmt: skip


def _describe(metric: Metric, ours: NDArray[np.float64], still: NDArray[np.float64]) -> str:
    """The mean in words, and what it is beside."""
    both = np.isfinite(ours) & np.isfinite(still)
    if not both.any():
        return "nothing moves"
    mean, base, unit = float(ours[both].mean()), float(still[both].mean()), metric.unit or "1"
    if metric.target is not None:
        real = f"{number(metric.target, unit)} is real"
        return f"mean {number(mean, unit)}: {real}, the baseline has {number(base, unit)}"
    where = "above" if mean > base else "below"
    which = "" if metric.higher else ", lower is closer"
    return f"mean {number(mean, unit)}: {number(abs(mean - base), unit)} {where} the baseline{which}"


def curve(
    name: str, look: str, times: np.ndarray, values: np.ndarray, key: str, unit: str, yref: str, theme: str
) -> go.Scatter:
    color = LOOKS[look].color[theme]
    known = np.isfinite(values)
    times, values = times[known], values[known]
    return go.Scatter(
        x=times.tolist(),
        y=values.tolist(),
        name=f"{name} {key}",
        mode="lines+markers",
        line={"color": color, "dash": LOOKS[look].dash, "width": 2},
        marker={"color": color, "symbol": LOOKS[look].symbol, "size": 6},
        yaxis=yref,
        legendgroup=look,
        showlegend=False,
        text=[f"{name} {number(value, unit)}" for value in values.tolist()],
        hovertemplate="%{text}<extra></extra>",
        meta={"role": "line", "origin": name, "dim": key},
    )


def _band(times: np.ndarray, curves: np.ndarray, key: str, yref: str, theme: str) -> go.Scatter:
    return go.Scatter(
        x=np.concatenate([times, times[::-1]]).tolist(),
        y=np.concatenate([curves.max(axis=0), curves.min(axis=0)[::-1]]).tolist(),
        name=f"range {key}",
        mode="lines",
        line={"width": 0, "color": LOOKS["imagined"].color[theme]},
        fill="toself",
        fillcolor=tint(LOOKS["imagined"].color[theme], 0.25),
        yaxis=yref,
        legendgroup="range",
        showlegend=False,
        hoverinfo="skip",
        meta={"role": "fan", "origin": "imagined", "dim": key},
    )


def _why(metrics: Any) -> str:
    notes = metrics.get("notes") or ()
    return str(notes[0]) if notes else "There is nothing to compare with."

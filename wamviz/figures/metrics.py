"""PSNR, SSIM and, where it was computed, LPIPS frame by frame, with the control that nothing moves.

Contract: a lane each over the time axis of the action figure. What is drawn are the run's own metrics; nothing is
computed anew unless the run has none. Traces are named ``"imagined psnr"``, ``"copy last frame psnr"``, ``"range
psnr"`` and carry ``meta`` as in the action figure.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from wamviz.compare.notes import METRIC_NOTES
from wamviz.compare.summary import summarise
from wamviz.figures.style import (
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
from wamviz.store import Run

HEIGHT, TALLER = 340, 470  # pixels, with two lanes and with three
LANES = (("psnr", "PSNR", "dB"), ("ssim", "SSIM", "1"), ("lpips", "LPIPS", "1"))
LOWER = ("lpips",)  # distances: lower is closer


def metric_figure(run: Run, sample: int = 0, theme: str = "light") -> go.Figure:
    """How close sample ``sample`` stays to what was recorded; the band is the samples' range.

    Higher is closer, but for LPIPS, which is a distance.
    """
    check_theme(theme)
    sample = min(max(sample, 0), len(run.imagined) - 1)
    metrics = run.metrics if "video" in run.metrics else summarise(run, sample)
    video = metrics.get("video")
    try:
        return _drawn(run, sample, theme, video) if video else nothing(_why(metrics), theme)
    except (KeyError, TypeError, ValueError, IndexError):  # metrics of another version or from elsewhere
        return _drawn(run, sample, theme, summarise(run, sample)["video"])


def _drawn(run: Run, sample: int, theme: str, video: dict[str, Any]) -> go.Figure:
    times = np.asarray(video["times"], float)
    by_sample = video["by_sample"]
    lanes = [lane for lane in LANES if lane[0] not in LOWER or video.get(f"{lane[0]}_by_frame")]
    height, last = (HEIGHT if len(lanes) == 2 else TALLER), f"y{len(lanes)}"
    gap = 40 / (height - 4 - 84)  # room for the words above a lane
    tall = (0.94 - gap * (len(lanes) - 1)) / len(lanes)
    figure = go.Figure(layout=base_layout(theme, height, run.id))
    figure.update_layout(
        margin={"t": 4, "b": 84, "l": 62}, hovermode="x unified", xaxis=time_axis(theme, run_seconds(run), anchor=last),
        legend=below(height - 4 - 84), meta={"sample": sample},
    )  # fmt: skip
    for index, (key, title, unit) in enumerate(lanes, start=1):
        top = 0.94 - (index - 1) * (tall + gap)
        domain = [max(0.0, top - tall), top]
        yref = "y" if index == 1 else f"y{index}"
        curves = np.array([one[f"{key}_by_frame"] for one in by_sample], float)  # (N, M)
        still = np.asarray(video[f"copy_last_{key}_by_frame"], float)
        if curves.shape != (len(by_sample), len(times)) or still.shape != times.shape:
            raise ValueError("the curves do not belong to the times")
        if len(curves) > 1:
            figure.add_trace(_band(times, curves, key, yref, theme))
        figure.add_trace(curve("copy last frame", "control", times, still, key, unit, yref, theme))
        figure.add_trace(curve("imagined", "imagined", times, curves[sample], key, unit, yref, theme))
        low, high = min(curves.min(), still.min()), max(curves.max(), still.max())
        pad = max(0.08 * (high - low), 0.5 if key == "psnr" else 0.01)
        figure.layout["yaxis" if index == 1 else f"yaxis{index}"] = axis(
            theme, anchor="x", domain=domain, range=[low - pad, high + pad], nticks=5, fixedrange=True,
            title={"text": title if unit == "1" else f"{title} ({unit})", "standoff": 4},
        )  # fmt: skip
        mean, base = float(curves[sample].mean()), float(still.mean())
        where = "above" if mean > base else "below"
        which = ", lower is closer" if key in LOWER else ""
        apart = f"{number(abs(mean - base), unit)} {where} the control{which}"
        figure.add_annotation(
            text=f"<b>{title}</b>, mean {number(mean, unit)}: {apart}",
            x=0, y=domain[1], xref="paper", yref="paper", xanchor="left", yanchor="bottom", showarrow=False,
        )  # fmt: skip
    figure.add_trace(legend_key("imagined", "imagined", theme, mode="lines+markers"))
    figure.add_trace(legend_key("copy last frame (control)", "control", theme, mode="lines+markers"))
    if len(by_sample) > 1:
        fill = {"fill": "toself", "fillcolor": tint(LOOKS["imagined"].color[theme], 0.25)}
        figure.add_trace(
            legend_key(f"range of {len(by_sample)} samples", "range", theme, look=LOOKS["imagined"], **fill)
        )
    return figure


def curve(
    name: str, look: str, times: np.ndarray, values: np.ndarray, key: str, unit: str, yref: str, theme: str
) -> go.Scatter:
    color = LOOKS[look].color[theme]
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
    return str(notes[0]) if notes else f"There is nothing to compare with. {METRIC_NOTES['psnr']}"

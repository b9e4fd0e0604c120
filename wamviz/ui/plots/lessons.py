"""What an experiment of a lesson measured: bars with their intervals, or curves over what was varied.

Contract: pure; names come from the lesson's words. Every bar and curve is told apart by its place or its dash, never by
colour alone; the numbers stand in a table beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from wamviz.lessons import Figure
from wamviz.ui.plots.style import INK, LOOKS, axis, base_layout, below, check_theme, number, wrapped

BAR, AROUND = 46, 110  # pixels of a bar, and around all of them
HEIGHT = 320
LETTERS = 22  # of a label before it is broken
WIDE = 0x2E7F  # letters beyond are as wide as two


def lesson_figure(figure: Figure, labels: Mapping[str, str], theme: str = "light") -> go.Figure:
    """The figure in the visitor's colours.

    Args:
        labels: what figures, measures, curves and axes are called.
    """
    check_theme(theme)
    return _bars(figure, labels, theme) if figure.measures else _curves(figure, labels, theme)


def _bars(figure: Figure, labels: Mapping[str, str], theme: str) -> go.Figure:
    height = AROUND + BAR * len(figure.measures)
    drawn = go.Figure(layout=base_layout(theme, height, figure.name))
    shown = figure.measures[::-1]  # the first one on top
    ends = [(one.value if one.low is None else one.low, one.value if one.high is None else one.high) for one in shown]
    color = LOOKS["imagined"].color[theme]
    drawn.add_trace(
        go.Bar(
            x=[one.value for one in shown],
            y=[_broken(labels[one.name]) for one in shown],
            orientation="h",
            marker={"color": color, "opacity": 0.75},
            error_x={
                "type": "data", "symmetric": False, "thickness": 1.6, "width": 5, "color": INK[theme],
                "array": [high - one.value for one, (_, high) in zip(shown, ends, strict=True)],
                "arrayminus": [one.value - low for one, (low, _) in zip(shown, ends, strict=True)],
            },
            hovertext=[number(one.value, figure.unit) for one in shown],
            hovertemplate="%{y}: %{hovertext}<extra></extra>",
            meta={"role": "bars", "names": [one.name for one in shown]},
        )
    )  # fmt: skip
    drawn.update_layout(
        margin={"l": 8, "r": 16, "t": 8, "b": 66}, bargap=0.35, showlegend=False,
        xaxis=axis(theme, title={"text": _axis_title(labels[figure.name], figure.unit), "standoff": 6},
                   rangemode="tozero", showline=True, fixedrange=True),
        yaxis=axis(theme, fixedrange=True, showgrid=False),
    )  # fmt: skip
    drawn.layout.yaxis.automargin = True
    return drawn


def _curves(figure: Figure, labels: Mapping[str, str], theme: str) -> go.Figure:
    drawn = go.Figure(layout=base_layout(theme, HEIGHT, figure.name))
    for look, curve in zip(("contender-1", "contender-2", "contender-3", "contender-4"), figure.curves, strict=False):
        style = LOOKS[look]
        band = {} if not curve.low else {
            "error_y": {
                "type": "data", "symmetric": False, "thickness": 1.2, "width": 4,
                "array": [b - a for a, b in zip(curve.y, curve.high, strict=True)],
                "arrayminus": [b - a for a, b in zip(curve.low, curve.y, strict=True)],
            }
        }  # fmt: skip
        drawn.add_trace(
            go.Scatter(
                x=list(curve.x), y=list(curve.y), name=labels[curve.name], mode="lines+markers",
                line={"color": style.color[theme], "dash": style.dash, "width": 2},
                marker={"color": style.color[theme], "symbol": style.symbol, "size": 8},
                hovertext=[number(value, figure.unit) for value in curve.y],
                hovertemplate="%{hovertext}<extra></extra>", meta={"role": "curve", "name": curve.name}, **band,
            )
        )  # fmt: skip
    ticks = {"type": "log", "tickvals": list(figure.curves[0].x), "ticktext": [f"{x:g}" for x in figure.curves[0].x]}
    drawn.update_layout(
        margin={"l": 58, "r": 12, "t": 8, "b": 100}, legend=below(HEIGHT - 108), showlegend=True,
        xaxis=axis(theme, title={"text": labels[figure.x_name], "standoff": 6}, showline=True, fixedrange=True,
                   **(ticks if figure.log_x else {})),
        yaxis=axis(theme, title={"text": _axis_title(labels[figure.name], figure.unit)}, rangemode="tozero",
                   fixedrange=True),
    )  # fmt: skip
    return drawn


def _axis_title(words: str, unit: str) -> str:
    return _broken(words if unit in ("", "1") else f"{words} ({unit})", 2 * LETTERS)


def _broken(label: str, letters: int = LETTERS) -> str:
    """A label in lines; Japanese, whose letters are wide, is broken between any two of them."""
    if not any(ord(letter) > WIDE for letter in label):
        return wrapped(label, letters)
    half = letters // 2 + 1
    return "<br>".join(wrapped(label[k : k + half], letters) for k in range(0, len(label), half))

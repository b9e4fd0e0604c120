"""What all figures share: who is drawn how, light and dark, one legend, and what stands where there is nothing.

Contract: an origin has one colour, one dash and one marker in every figure, so that none is told by colour alone.
Colours are Okabe and Ito's (jfly.uni-koeln.de/color), in the shade that stands out on the theme. Backgrounds are
transparent; heights are fixed; nothing is fetched. Knows Plotly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from wamviz.core.errors import unknown_name
from wamviz.runs.store import Run

THEMES = ("light", "dark")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


@dataclass(frozen=True)
class Look:
    """How one origin is drawn: ``color`` by theme, the ``dash`` of its lines, the ``symbol`` of its markers."""

    color: dict[str, str]
    dash: str
    symbol: str
    symbol_3d: str


LOOKS: dict[str, Look] = {
    "recorded": Look({"light": "#000000", "dark": "#f2f2f2"}, "solid", "circle", "circle"),
    "sample": Look({"light": "#8cc1e0", "dark": "#2f6f99"}, "dash", "square-open", "square-open"),
    "imagined": Look({"light": "#0072b2", "dark": "#56b4e9"}, "dash", "square-open", "square-open"),
    "executed": Look({"light": "#d55e00", "dark": "#e69f00"}, "dot", "x", "x"),
    "control": Look({"light": "#6b6b6b", "dark": "#a8a8a8"}, "dashdot", "diamond", "diamond"),
    # Side by side: the models in their order, beside what was recorded.
    "contender-1": Look({"light": "#0072b2", "dark": "#56b4e9"}, "dash", "square-open", "square-open"),
    "contender-2": Look({"light": "#d55e00", "dark": "#e69f00"}, "dot", "x", "x"),
    "contender-3": Look({"light": "#007a59", "dark": "#2fc39a"}, "dashdot", "diamond", "diamond"),
    "contender-4": Look({"light": "#a8457e", "dark": "#e08fbe"}, "longdash", "cross", "cross"),
}
INK = {"light": "#1f2933", "dark": "#e6e8eb"}
GRID = {"light": "rgba(0,0,0,0.12)", "dark": "rgba(255,255,255,0.16)"}


def check_theme(theme: str) -> str:
    """Return ``theme`` when it is one of ``THEMES``, or raise ``WamvizError``."""
    if theme not in THEMES:
        raise unknown_name("theme", theme, THEMES)
    return theme


def tint(color: str, alpha: float) -> str:
    """``#rrggbb`` as an ``rgba(...)`` of the given opacity."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"


def base_layout(theme: str, height: int, uirevision: str) -> dict[str, Any]:
    """The layout that every figure starts from; ``uirevision`` keeps a zoom while the same run is shown."""
    ink = INK[check_theme(theme)]
    return {
        "template": None,
        "height": height,
        "autosize": True,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 12, "color": ink},
        "margin": {"l": 62, "r": 10, "t": 26, "b": 84},
        "legend": {
            "orientation": "h",
            "x": 0.0,
            "font": {"size": 12},
            "xanchor": "left",
            "bgcolor": "rgba(0,0,0,0)",
            "itemsizing": "trace",
        },
        "hoverlabel": {
            "bgcolor": "#ffffff" if theme == "light" else "#1b1f24",
            "bordercolor": ink,
            "font": {"family": FONT, "size": 12, "color": ink},
        },
        "uirevision": uirevision,
        # A drag would fight with scrolling on a phone and with seeking everywhere; the buttons zoom.
        "dragmode": False,
        "modebar": {"remove": ["select2d", "lasso2d", "autoScale2d"], "bgcolor": "rgba(0,0,0,0)", "color": ink},
    }


def axis(theme: str, **more: Any) -> dict[str, Any]:
    """A thin-lined axis in the theme's colours, with what ``more`` adds."""
    return {
        "gridcolor": GRID[theme],
        "linecolor": GRID[theme],
        "zeroline": False,
        "ticks": "",
        "automargin": False,
        **more,
    }


def time_axis(theme: str, seconds: float, **more: Any) -> dict[str, Any]:
    """The one x axis of a figure over time: seconds from the context to ``seconds``, so that figures line up."""
    return axis(
        theme,
        title={"text": "time (s)", "standoff": 6},
        range=[-0.015 * seconds, 1.015 * seconds] if seconds > 0 else [0, 1],
        showline=True,
        unifiedhovertitle={"text": "at %{x:.2f} s"},
        **more,
    )


def run_seconds(run: Run) -> float:
    """The seconds that the time axis of a run covers: its longest rollout's."""
    others = [rollout for rollout in (run.reference, run.executed) if rollout is not None]
    return max(rollout.duration for rollout in (*run.imagined, *others))


def legend_key(name: str, group: str, theme: str, *, mode: str = "lines", look: Look | None = None, **more: Any) -> Any:
    """A legend entry without data that stands for (and switches) all traces of ``group``."""
    look = look or LOOKS[group]
    color = look.color[theme]
    return go.Scatter(
        x=[None],
        y=[None],
        name=name,
        mode=mode,
        legendgroup=group,
        showlegend=True,
        hoverinfo="skip",
        line={"color": color, "dash": look.dash, "width": 2},
        marker={"color": color, "symbol": look.symbol, "size": 8},
        meta={"role": "legend"},
        **more,
    )


def nothing(message: str, theme: str, height: int = 120) -> go.Figure:
    """A figure that says in words why there is nothing to draw."""
    figure = go.Figure(layout=base_layout(theme, height, "nothing"))
    figure.update_layout(
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={"visible": False, "fixedrange": True},
        yaxis={"visible": False, "fixedrange": True},
        meta={"empty": message},
    )
    lines = wrapped(message, 44)
    figure.add_annotation(text=lines, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False, font={"size": 14})
    return figure


def wrapped(text: str, width: int) -> str:
    """``text`` in lines of about ``width`` characters, as Plotly wants them; what it says is never markup."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    lines = [""]
    for word in safe.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "<br>".join(lines)


def below(height: int, pixels: int = 44) -> dict[str, Any]:
    """Where a legend lies under the time axis of a plot area of ``height`` pixels; it makes room for itself."""
    return {"yref": "paper", "yanchor": "top", "y": -pixels / height}


def number(value: float, unit: str = "", signed: bool = False) -> str:
    """A number as people read it: three significant digits, a real minus sign, and its unit unless that is "1"."""
    if abs(value) < 5e-5:
        text = "0"
    else:
        digits = max(0, min(4, 2 - _order(value)))
        text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    text = text.replace("-", "\u2212")
    return text if unit in ("", "1") else f"{text} {unit}"


def _order(value: float) -> int:
    return int(f"{abs(value):.2e}".rpartition("e")[2])  # of the rounded number: 0.9999 is written as 1.00

"""The path of the hand in space: recorded, imagined (every sample) and executed.

Contract: metres in the robot's base frame, equal scales on all axes, a mark at the start and one at each end. Paths
are commanded or measured as ``metrics.trajectory`` finds them; without a known start they begin at the origin, and the
axes say so. Traces are named ``"imagined path"``, ``"sample 2 path"``, ``"start"``, ``"imagined end"``.
"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from wamviz.core.rollout import Rollout
from wamviz.metrics.summary import context_state
from wamviz.metrics.trajectory import Path3D, ee_path
from wamviz.runs.store import Run
from wamviz.ui.plots.style import INK, LOOKS, axis, base_layout, check_theme, nothing, number

HEIGHT = 440
ZOOM = 1.15  # of the cube within the figure, so that its labels just fit on a phone
SMALLEST = 0.04  # m, half the side of the shown cube: a hand that trembles should not look as if it travelled
GRID = {"light": "#d6d6d6", "dark": "#3b4048"}  # opaque: WebGL draws lines without their alpha
# Around the mark, so that ends that meet can all be read.
WHERE = {"start": "top center", "recorded": "bottom center", "imagined": "top center", "executed": "middle right"}


def trajectory_figure(run: Run, sample: int = 0, theme: str = "light") -> go.Figure:
    """The hand's paths in 3-D, sample ``sample`` drawn strongly and the others thinly."""
    check_theme(theme)
    sample = min(max(sample, 0), len(run.imagined) - 1)
    start = context_state(run)
    if start is not None and len(start) < 3:
        start = None
    others = [(f"sample {index + 1}", one) for index, one in enumerate(run.imagined) if index != sample]
    main = (("recorded", run.reference), ("imagined", run.imagined[sample]), ("executed", run.executed))
    figure = go.Figure(layout=base_layout(theme, HEIGHT, run.id))
    drawn: list[Path3D] = []
    for name, rollout in others:
        path = ee_path(rollout, start)
        if path is not None:
            figure.add_trace(_path(name, "sample", path, rollout, theme, faint=True))
            drawn.append(path)
    for origin, one in main:
        path = None if one is None else ee_path(one, start)
        if one is not None and path is not None:
            figure.add_trace(_path(origin, origin, path, one, theme))
            figure.add_trace(_mark(f"{origin} end", origin, path[-1], origin, theme))
            drawn.append(path)
    if not drawn:
        return nothing("The path of the hand is not known: neither actions nor states speak of its position.", theme)
    figure.add_trace(_mark("start", "start", drawn[-1][0], None, theme))
    points = np.concatenate(drawn)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    half = max(SMALLEST, 0.55 * float(np.ptp(points, axis=0).max()))
    placed = "" if start is not None or any(abs(path[0]).max() > 0 for path in drawn) else " from the start"
    titles = (f"x{placed} (m)", f"y{placed} (m)", f"z{placed} (m)")
    scene = {
        name: axis(
            theme,
            title=title,
            range=[middle - half, middle + half],
            nticks=5,
            showbackground=False,
            gridcolor=GRID[theme],
        )
        for name, title, middle in zip(("xaxis", "yaxis", "zaxis"), titles, centre.tolist(), strict=True)
    }
    for one_axis in scene.values():
        one_axis.pop("automargin")  # scenes do not know it
    camera = {"eye": {"x": 1.5, "y": -1.5, "z": 0.9}, "projection": {"type": "orthographic"}}
    figure.update_layout(
        scene={
            **scene,
            "aspectmode": "manual",
            "aspectratio": {"x": ZOOM, "y": ZOOM, "z": ZOOM},
            "camera": camera,
            "dragmode": "turntable",
        },
        margin={"l": 0, "r": 0, "t": 4, "b": 40},
        meta={"sample": sample},
    )
    return figure


def _path(name: str, origin: str, path: Path3D, rollout: Rollout, theme: str, faint: bool = False) -> go.Scatter3d:
    look = LOOKS[origin]
    color = look.color[theme]
    rate = rollout.action_space.rate if rollout.action_space is not None else rollout.fps
    text = [
        f"{name}, {number(row / rate)} s: x {number(x, 'm')}, y {number(y, 'm')}, z {number(z, 'm')}"
        for row, (x, y, z) in enumerate(path.tolist())
    ]
    return go.Scatter3d(
        x=path[:, 0].tolist(),
        y=path[:, 1].tolist(),
        z=path[:, 2].tolist(),
        name=f"{name} path",
        mode="lines" if faint else "lines+markers",
        line={"color": color, "dash": look.dash, "width": 3 if faint else 5},
        marker={"color": color, "symbol": look.symbol_3d, "size": 3},
        text=text,
        hovertemplate="%{text}<extra></extra>",
        legendgroup=origin,
        showlegend=not faint,
        meta={"role": "fan" if faint else "line", "origin": "imagined" if faint else origin, "dim": "xyz"},
    )


def _mark(name: str, label: str, point: np.ndarray, origin: str | None, theme: str) -> go.Scatter3d:
    color = INK[theme] if origin is None else LOOKS[origin].color[theme]
    x, y, z = point.tolist()
    return go.Scatter3d(
        x=[x],
        y=[y],
        z=[z],
        name=name,
        mode="markers+text",
        marker={
            "color": color,
            "symbol": "diamond" if origin is None else LOOKS[origin].symbol_3d,
            "size": 5,
        },
        text=[label],
        textposition=WHERE[label],
        textfont={"color": color},
        hovertemplate=f"{name}: x {number(x, 'm')}, y {number(y, 'm')}, z {number(z, 'm')}<extra></extra>",
        legendgroup=origin or "start",
        showlegend=False,
        meta={"role": "start" if origin is None else "end", "origin": origin or "context", "dim": "xyz"},
    )

"""Several models' runs of one question in one figure: their actions over time, and how close each video stays.

Contract: a run is drawn as ``contender-1`` .. ``contender-4`` in the order given, named by its title; what cannot share
a figure is left out, and the figure says why. Numbers are the runs' own metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import Rollout
from wamviz.metrics.actions import gripper_from_state
from wamviz.metrics.align import action_mismatch
from wamviz.metrics.registry import all_metrics
from wamviz.metrics.summary import context_state
from wamviz.runs.store import Run
from wamviz.ui.plots.actions import acts, added_up, lanes
from wamviz.ui.plots.metrics import curve
from wamviz.ui.plots.style import (
    axis,
    base_layout,
    below,
    check_theme,
    legend_key,
    nothing,
    number,
    run_seconds,
    time_axis,
)

MOST = 4
HEIGHT = 240


def looks(titles: Sequence[str]) -> dict[str, str]:
    """How each title is drawn: ``{"contender-1": title, ...}``.

    Raises:
        WamvizError: more titles than can be told apart.
    """
    if len(titles) > MOST:
        raise InvalidInput(f"At most {MOST} models can be told apart in a figure, not {len(titles)}.")
    return {f"contender-{k}": title for k, title in enumerate(titles, start=1)}


def plot_candidate_actions(runs: Mapping[str, Run | None], theme: str = "light") -> go.Figure:
    """The first sample's actions of each run, by title (None for one that failed), beside the recorded ones.

    The first run with actions decides the action space; steps of different rates are added up to the coarsest.
    """
    check_theme(theme)
    titles, notes = looks(list(runs)), list[str]()
    have = {look: run.imagined[0] for look, run in zip(titles, runs.values(), strict=True) if run is not None}
    have = {look: rollout for look, rollout in have.items() if acts(rollout)}
    if not have:
        return nothing("None of these runs has actions to draw.", theme)
    first = next(iter(have.values()))
    base = next(run for run in runs.values() if run is not None and run.imagined[0] is first)
    if base.reference is not None and acts(base.reference):
        have = {"recorded": base.reference, **have}
    shown: dict[str, Rollout] = {}
    for look, rollout in have.items():
        why = None if rollout is first else action_mismatch(first, rollout)
        if why is None:
            shown[look] = rollout
        else:
            notes.append(f"The actions of {titles.get(look, look)} are not drawn. {why}")
    rate = min(rollout.action_space.rate for rollout in shown.values() if rollout.action_space is not None)
    assert first.action_space is not None
    if first.action_space.kind == "ee_delta":
        summed, short = added_up(shown, rate)
        if any(one is not shown[look] for look, one in summed.items()) or short:
            notes.append(f"Steps are added up to {number(1 / rate)} s each, so that all rates share a scale.")
        notes += [f"The actions of {titles.get(look, look)} last less and are not drawn." for look in short]
        shown = summed
    seconds = max(run_seconds(run) for run in runs.values() if run is not None)
    now = gripper_from_state(first.action_space, context_state(base))
    figure = lanes(shown, [], notes, now, theme, "-".join(runs), seconds, titles)
    for look in shown:
        figure.add_trace(legend_key(titles.get(look, look), look, theme))
    return figure


def plot_candidate_metrics(runs: Mapping[str, Run | None], theme: str = "light") -> go.Figure:
    """How close each run's first sample stays to what was recorded, frame by frame, by the first metric with a lane."""
    check_theme(theme)
    titles = looks(list(runs))
    metric = next(one for one in all_metrics() if one.part == "video" and one.lane and one.baseline)
    assert metric.baseline is not None
    key, unit, baseline = metric.key, metric.unit or "1", metric.baseline
    figure = go.Figure(layout=base_layout(theme, HEIGHT, "-".join(runs)))
    values: list[np.ndarray] = []
    for (look, title), run in zip(titles.items(), runs.values(), strict=True):
        video = None if run is None else run.metrics.get("video")
        if not video:
            continue
        if not values:  # of the one whose control is drawn: all start at the same frame
            still = np.asarray(video[f"{baseline.key}_by_frame"], float)
            values.append(still)
            times = np.asarray(video["times"], float)
            figure.add_trace(curve(baseline.name, "control", times, still, key, unit, "y", theme))
            figure.add_trace(legend_key(f"{baseline.name} (baseline)", "control", theme, mode="lines+markers"))
        one = np.asarray(video["by_sample"][0][f"{key}_by_frame"], float)
        values.append(one)
        figure.add_trace(curve(title, look, np.asarray(video["times"], float), one, key, unit, "y", theme))
        figure.add_trace(legend_key(title, look, theme, mode="lines+markers"))
    if not values:
        return nothing("None of these runs has a video and a recording to compare it with.", theme)
    seconds = max(run_seconds(run) for run in runs.values() if run is not None)
    low, high = (float(f(np.concatenate(values))) for f in (np.min, np.max))
    pad = max(0.08 * (high - low), 0.5 if unit == "dB" else 0.01)
    title = metric.lane.partition(",")[0] + ("" if unit == "1" else f" ({unit})")
    figure.update_layout(
        margin={"t": 8, "b": 100, "l": 62}, hovermode="x unified", legend=below(HEIGHT - 8 - 100),
        xaxis=time_axis(theme, seconds, anchor="y"),
        yaxis=axis(theme, range=[low - pad, high + pad], nticks=5, fixedrange=True, title={"text": title}),
    )  # fmt: skip
    return figure

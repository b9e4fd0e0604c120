"""Actions over time: what was recorded, what the model imagined (and how far its samples spread), what was executed.

Contract: one lane a dimension, gathered into translation, rotation and gripper (or whatever the action space holds)
over one time axis. A lane and not a bundle: nine lines in one frame cannot be told apart on a phone. Lines are steps,
since action k is in force over (k / rate, (k + 1) / rate]. Lanes of steps or
velocities share the scale of their group; what is absolute has its own.

Every trace carries ``meta``: ``{"role": "line" | "fan" | "events" | "legend", "origin", "dim"}``, and is named
``"imagined dx"``, ``"range dx"``, ``"recorded gripper events"``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from wamviz.core.rollout import ActionSpace, Rollout
from wamviz.metrics.actions import STEPS, gripper_events, gripper_from_state
from wamviz.metrics.align import action_mismatch, resample_actions
from wamviz.metrics.summary import context_state
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
    wrapped,
)

LANE, GAP, HEAD = 54, 6, 24  # pixels: a lane, the gap under it, the heading of a group
TOP, BOTTOM, NOTE = 4, 104, 16  # pixels: above the first heading, below the last lane (axis, legend), a line of notes
LONG = 8  # letters; a longer name is written into its lane, not beside it
SYMBOLS = {"close": "triangle-down", "open": "triangle-up"}
# Of events in the gripper's lane, so that equal times stay apart.
HEIGHTS = {"imagined": 0.75, "recorded": 0.5, "executed": 0.25}
HEIGHTS |= {"contender-1": 0.8, "contender-2": 0.65, "contender-3": 0.35, "contender-4": 0.2}
MOST_ACTIONS = 1500  # points of a line; more is slow to draw and shows nothing more
MAX_DIMS = 32  # more lanes than this are a wall, not a figure


@dataclass(frozen=True)
class Group:
    """Dimensions that belong together: their heading and their indices."""

    title: str
    dims: tuple[int, ...]


def action_figure(run: Run, sample: int = 0, theme: str = "light") -> go.Figure:
    """The actions of ``run`` over time, sample ``sample`` of the imagined ones as the line, all of them as the band.

    Recorded or executed actions of another action space are left out, and the figure says so.
    """
    check_theme(theme)
    sample = min(max(sample, 0), len(run.imagined) - 1)
    shown, notes = comparable(run, sample)
    if not shown:
        return nothing("This run has no actions to draw.", theme)
    space = next(iter(shown.values())).action_space
    assert space is not None
    now = gripper_from_state(space, context_state(run))
    figure = lanes(shown, _samples(run, space), notes, now, theme, run.id, run_seconds(run))
    figure.update_layout(meta={"sample": sample, "notes": notes})
    for origin in sorted(shown, key=["recorded", "imagined", "executed"].index):
        # What an expert did in physics was not recorded: it is a reference.
        file = origin != "recorded" or run.reference is None or run.reference.origin == "recorded"
        figure.add_trace(legend_key(origin if file else "reference", origin, theme))
    if len(run.imagined) > 1 and any(trace.meta["role"] == "fan" for trace in figure.data):
        fill = {"fill": "toself", "fillcolor": tint(LOOKS["imagined"].color[theme], 0.25)}
        title = f"range of {len(_samples(run, space))} samples"
        figure.add_trace(legend_key(title, "range", theme, look=LOOKS["imagined"], **fill))
    return figure


def mark_chunks(figure: go.Figure, borders: Sequence[float], theme: str = "light") -> go.Figure:
    """A dotted line through every lane at each time in ``borders`` (s), where one call of the model ends and the next
    begins; their first carries the word."""
    check_theme(theme)
    for k, time in enumerate(borders):
        words = {"annotation_text": "next chunk", "annotation_position": "top"} if k == 0 else {}
        line = {"dash": "dot", "width": 1, "color": "rgba(128,128,128,0.75)"}
        figure.add_vline(x=time, line=line, annotation_font_size=11, **words)
    return figure


def episode_figure(episode: Rollout | None, theme: str = "light") -> go.Figure:
    """The actions of a recorded episode over time, None for one without; of a very long one every n-th is drawn, and
    the figure says so."""
    check_theme(theme)
    space, actions = (None, None) if episode is None else (episode.action_space, episode.actions)
    if episode is None or space is None or actions is None or not len(actions):
        return nothing("This episode has no actions to draw.", theme)
    notes, thin = [], -(-len(actions) // MOST_ACTIONS)
    if space.dim > MAX_DIMS:
        notes.append(f"The first {MAX_DIMS} of {space.dim} dimensions are drawn.")
    if thin > 1:
        notes.append(f"Every {thin}th of {len(actions)} actions is drawn.")
        kept = len(actions) // thin * thin
        episode = replace(
            episode, actions=actions[:kept].reshape(-1, thin, space.dim)[:, -1],
            action_space=replace(space, rate=space.rate / thin),
        )  # fmt: skip
    states = episode.states
    now = gripper_from_state(space, None if states is None or not len(states) else states[0])
    key = str(episode.meta.get("source", ""))
    figure = lanes({"recorded": episode}, [], notes, now, theme, key, episode.duration)
    figure.add_trace(legend_key("recorded", "recorded", theme))
    return figure


def lanes(
    shown: dict[str, Rollout],
    fans: list[Rollout],
    notes: list[str],
    now: float | None,
    theme: str,
    revision: str,
    seconds: float,
    titles: Mapping[str, str] | None = None,
) -> go.Figure:
    """One lane a dimension of rollouts that share an action space.

    Args:
        shown: by origin, one of ``LOOKS``; drawn in this order.
        fans: samples whose range is a band.
        notes: sentences above the figure.
        now: the gripper's value at the context, or None.
        theme, revision: see ``base_layout``.
        seconds: length of the time axis.
        titles: what an origin is called, where that is not its own name.
    """
    titles = titles or {}
    space = next(iter(shown.values())).action_space
    assert space is not None
    groups = grouped(space)
    drawn = [dim for group in groups for dim in group.dims]
    inner = sum(HEAD + len(group.dims) * (LANE + GAP) for group in groups) - GAP
    note = wrapped(" ".join(notes), 56) if notes else ""
    head = TOP + (NOTE * (note.count("<br>") + 1) if note else 0)
    figure = go.Figure(layout=base_layout(theme, inner + head + BOTTOM, revision))
    bottom_lane = "y" if len(drawn) == 1 else f"y{len(drawn)}"
    figure.update_layout(
        margin={"t": head, "b": BOTTOM, "l": 62},
        hovermode="x unified",
        legend=below(inner),
        xaxis=time_axis(theme, seconds, anchor=bottom_lane, domain=[0, 1]),
        meta={"notes": notes},
    )
    if note:
        _label(figure, note, 1.0, size=11)
    top, lane = 0.0, 0
    for group in groups:
        _label(figure, _heading(group, space, shown, now), 1 - (top + HEAD - 5) / inner)
        top += HEAD
        for dim in group.dims:
            low, high = _limits(group.dims if space.kind in STEPS else (dim,), space, [*shown.values(), *fans])
            lane += 1
            name = "yaxis" if lane == 1 else f"yaxis{lane}"
            figure.layout[name] = axis(
                theme,
                anchor="x",
                domain=[max(0.0, 1 - (top + LANE) / inner), 1 - top / inner],
                range=[low, high],
                **_ticks(low, high),
                tickfont={"size": 10},
                title={"text": space.names[dim] if len(space.names[dim]) <= LONG else "", "standoff": 2},
                fixedrange=True,
                zeroline=low < 0 < high,
                zerolinecolor=tint("#808080", 0.5),
            )
            yref = "y" if lane == 1 else f"y{lane}"
            if len(fans) > 1:
                figure.add_trace(_fan(fans, dim, yref, theme))
            for origin, rollout in shown.items():
                figure.add_trace(_line(origin, rollout, dim, yref, theme, titles.get(origin, origin)))
            if dim == space.gripper_index:
                _events(figure, shown, now, yref, theme, titles)
            if len(space.names[dim]) > LONG:
                _label(figure, wrapped(space.names[dim], 80), 1 - (top + 13) / inner, size=10)
            top += LANE + GAP
    return figure


def comparable(run: Run, sample: int) -> tuple[dict[str, Rollout], list[str]]:
    """The rollouts whose actions share one action space, at one rate, by origin; and why others are left out.

    Steps (``ee_delta``) of different rates are added up to the coarser one, or they could not share a scale.
    """
    # Drawn in this order: an execution repeats the imagined actions and would hide them.
    order = (("recorded", run.reference), ("executed", run.executed), ("imagined", run.imagined[sample]))
    have = {name: rollout for name, rollout in order if rollout is not None and acts(rollout)}
    notes: list[str] = []
    if not have:
        return {}, notes
    first = have.get("imagined") or next(iter(have.values()))
    for name, rollout in list(have.items()):
        why = None if rollout is first else action_mismatch(first, rollout)
        if why is not None:
            del have[name]
            notes.append(f"The {name} actions are not drawn. {why}")
    spaces = [rollout.action_space for rollout in have.values() if rollout.action_space is not None]
    rate = min(space.rate for space in spaces)
    if first.action_space is not None and first.action_space.kind == "ee_delta" and any(s.rate != rate for s in spaces):
        have, short = added_up(have, rate)
        notes.append(f"Steps are added up to {number(1 / rate)} s each, so that both rates share a scale.")
        notes += [f"The {name} actions last less and are not drawn." for name in short]
    return have, notes


def grouped(space: ActionSpace) -> list[Group]:
    """The dimensions of ``space`` in the groups in which they are drawn."""
    gripper = space.gripper_index
    rest = [dim for dim in range(min(space.dim, MAX_DIMS)) if dim != gripper]
    groups: list[Group] = []
    if space.kind in ("ee_delta", "ee_pose") and len(rest) >= 6:
        step = " per step" if space.kind == "ee_delta" else ""
        groups = [Group(f"translation{step}", tuple(rest[:3])), Group(f"rotation{step}", tuple(rest[3:6]))]
        rest = rest[6:]
    if rest:
        title = {"joint_position": "joint positions", "joint_velocity": "joint velocities"}.get(space.kind, "actions")
        groups.append(Group(title, tuple(rest)))
    if gripper is not None and gripper < MAX_DIMS:
        groups.append(Group(f"gripper ({space.gripper_open:g} open, {space.gripper_closed:g} closed)", (gripper,)))
    return groups


def acts(rollout: Rollout) -> bool:
    """Whether it has a single action; a model may return none at all."""
    return rollout.actions is not None and len(rollout.actions) > 0


def added_up(have: Mapping[str, Rollout], rate: float) -> tuple[dict[str, Rollout], list[str]]:
    """Rollouts of steps at one rate, and the names of those that are too short for a single step of it."""
    found = {name: _at_rate(rollout, rate) for name, rollout in have.items()}
    return {name: one for name, one in found.items() if acts(one)}, [n for n, one in found.items() if not acts(one)]


def _at_rate(rollout: Rollout, rate: float) -> Rollout:
    assert rollout.action_space is not None
    if rollout.action_space.rate == rate:
        return rollout
    actions, _ = resample_actions(rollout, rate)
    return replace(rollout, actions=actions, action_space=replace(rollout.action_space, rate=rate))


def _samples(run: Run, space: ActionSpace) -> list[Rollout]:
    """All imagined samples with actions, at the rate that is drawn."""
    found = [
        _at_rate(one, space.rate) if one.action_space is not None and one.action_space.rate > space.rate else one
        for one in run.imagined
        if acts(one)
    ]
    return [one for one in found if acts(one)]


def _limits(dims: tuple[int, ...], space: ActionSpace, rollouts: list[Rollout]) -> tuple[float, float]:
    """The scale of lanes that share one."""
    parts = [rollout.actions[:, list(dims)].ravel() for rollout in rollouts if rollout.actions is not None]
    values = np.concatenate([*parts, np.zeros(0, np.float32)])
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    if dims == (space.gripper_index,):
        low, high = min(0.0, low), max(1.0, high)
        return low - 0.15 * (high - low), high + 0.15 * (high - low)
    if space.kind in STEPS:
        # Not finer than a twentieth of the range: a still robot's trembling should look small.
        floor = 0.05 * float(space.scale[list(dims)].max()) if space.low is not None else 1e-6
        reach = 1.1 * max(abs(low), abs(high), floor)
        return -reach, reach
    pad = max(0.1 * (high - low), 1e-3)
    return low - pad, high + pad


def _ticks(low: float, high: float) -> dict[str, Any]:
    """Two or three round marks: a lane has no room for more."""
    if -0.5 < low < 0 and 1 < high < 1.5:
        return {"tickvals": [0, 1]}
    if low == -high:
        power = 10.0 ** np.floor(np.log10(0.85 * high))
        mark = next(step * power for step in (5, 2, 1) if step * power <= 0.85 * high)
        return {"tickvals": [-mark, 0, mark]}
    return {"nticks": 3}


def _steps(times: np.ndarray, values: np.ndarray) -> tuple[list[float], list[float]]:
    """End times and values with the start of the first action put in front, for a line of shape "vh"."""
    return [0.0, *times.tolist()], [float(values[0]), *values.tolist()]


def _line(origin: str, rollout: Rollout, dim: int, yref: str, theme: str, title: str) -> go.Scatter:
    space, actions = rollout.action_space, rollout.actions
    assert space is not None and actions is not None
    x, y = _steps(rollout.action_times, actions[:, dim])
    name = wrapped(space.names[dim], 80)
    text = [f"{title} {name} {number(value, space.units[dim], signed=True)}" for value in y]
    return go.Scatter(
        x=x,
        y=y,
        name=f"{title} {space.names[dim]}",
        mode="lines",
        line={
            "color": LOOKS[origin].color[theme],
            "dash": LOOKS[origin].dash,
            "width": 4 if origin == "executed" else 2,  # dots that show from under a dashed line
            "shape": "vh",
        },
        yaxis=yref,
        legendgroup=origin,
        showlegend=False,
        text=text,
        hovertemplate="%{text}<extra></extra>",
        meta={"role": "line", "origin": origin, "dim": space.names[dim]},
    )


def _fan(fans: list[Rollout], dim: int, yref: str, theme: str) -> go.Scatter:
    """The band between the smallest and the largest of all samples, as one closed outline of steps."""
    length = min(len(rollout.actions) for rollout in fans if rollout.actions is not None)
    stack = np.stack([rollout.actions[:length, dim] for rollout in fans if rollout.actions is not None])  # (N, K)
    ends = fans[0].action_times[:length]
    starts = np.concatenate([[0.0], ends[:-1]])
    x = np.stack([starts, ends], axis=1).ravel()  # each step begins and ends
    low, high = np.repeat(stack.min(axis=0), 2), np.repeat(stack.max(axis=0), 2)
    name = fans[0].action_space.names[dim] if fans[0].action_space is not None else ""
    return go.Scatter(
        x=np.concatenate([x, x[::-1]]).tolist(),
        y=np.concatenate([high, low[::-1]]).tolist(),
        name=f"range {name}",
        mode="lines",
        line={"width": 0, "color": LOOKS["imagined"].color[theme]},
        fill="toself",
        fillcolor=tint(LOOKS["imagined"].color[theme], 0.25),
        yaxis=yref,
        legendgroup="range",
        showlegend=False,
        hoverinfo="skip",
        meta={"role": "fan", "origin": "imagined", "dim": name},
    )


def _events(
    figure: go.Figure, shown: dict[str, Rollout], now: float | None, yref: str, theme: str, titles: Mapping[str, str]
) -> None:
    """A triangle down where the hand is told to close, one up where it is told to open."""
    for origin, rollout in shown.items():
        space = rollout.action_space
        assert space is not None and space.gripper_index is not None
        events = gripper_events(rollout, now)
        if not events:
            continue
        title, color = titles.get(origin, origin), LOOKS[origin].color[theme]
        hollow = "" if origin == "recorded" else "-open"
        figure.add_trace(
            go.Scatter(
                x=[time for time, _ in events],
                y=[HEIGHTS[origin]] * len(events),
                name=f"{title} gripper events",
                mode="markers",
                marker={
                    "symbol": [SYMBOLS[kind] + hollow for _, kind in events],
                    "size": 11,
                    "color": color,
                    "line": {"width": 2, "color": color},
                },
                yaxis=yref,
                legendgroup=origin,
                showlegend=False,
                text=[f"{title}: told to {kind} at {number(time)} s" for time, kind in events],
                hovertemplate="%{text}<extra></extra>",
                meta={"role": "events", "origin": origin, "dim": space.names[space.gripper_index]},
            )
        )


def _heading(group: Group, space: ActionSpace, shown: dict[str, Rollout], now: float | None) -> str:
    units = {space.units[dim] for dim in group.dims} - {"1"}
    unit = f" ({units.pop()})" if len(units) == 1 else ""
    key = ""
    if group.dims == (space.gripper_index,):
        kinds = {kind for rollout in shown.values() for _, kind in gripper_events(rollout, now)}
        key = "".join(f"  {sign} {kind}" for kind, sign in (("close", "\u25bc"), ("open", "\u25b2")) if kind in kinds)
    return f"<b>{group.title}</b>{unit}{key}"


def _label(figure: go.Figure, text: str, y: float, size: int = 12) -> None:
    place = {"x": 0, "y": y, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    figure.add_annotation(text=text, showarrow=False, align="left", font={"size": size}, **place)

"""What the figures show, as rows of text: for screen readers, and for all who would rather read a number.

Contract: the same values, times and units as in the figures; a cell without a value holds an en dash.
"""

from __future__ import annotations

from wamviz.metrics.registry import all_metrics
from wamviz.metrics.summary import summarise
from wamviz.runs.store import Run
from wamviz.ui.plots.actions import comparable
from wamviz.ui.plots.style import number

EMPTY = "\u2013"


def text_table(run: Run, sample: int = 0) -> tuple[list[str], list[list[str]]]:
    """(header, rows): one row a time in seconds; a column an action dimension and origin, then PSNR, SSIM
    and, where it was computed, LPIPS.

    >>> header, rows = text_table(run)          # doctest: +SKIP
    >>> header[:3], rows[0][:3]                 # doctest: +SKIP
    (['time (s)', 'recorded dx (m)', 'imagined dx (m)'], ['0.20', '0.0112', '0.0097'])
    """
    sample = min(max(sample, 0), len(run.imagined) - 1)
    columns: dict[str, dict[int, str]] = {}
    shown, _ = comparable(run, sample)
    spaces = [rollout.action_space for rollout in shown.values() if rollout.action_space is not None]
    for dim in range(spaces[0].dim if spaces else 0):
        for origin, rollout in shown.items():
            space, actions = rollout.action_space, rollout.actions
            assert space is not None and actions is not None
            values = (number(value) for value in actions[:, dim].tolist())
            ticks = (_tick(time) for time in rollout.action_times.tolist())
            columns[f"{origin} {space.names[dim]} ({space.units[dim]})"] = dict(zip(ticks, values, strict=True))
    video = (run.metrics if "video" in run.metrics else summarise(run, sample)).get("video")
    if video:
        chosen = video["by_sample"][sample] if "by_sample" in video else video
        curves = []
        for metric in all_metrics():
            name = f"{metric.key}_by_frame"
            if metric.part == "video" and metric.lane and metric.baseline and name in chosen:
                unit = f" ({metric.unit})" if metric.unit else ""
                still = video[f"{metric.baseline.key}_by_frame"]
                curves.append((f"{metric.lane}{unit}", chosen[name]))
                curves.append((f"{metric.lane} of {metric.baseline.name}{unit}", still))
        for title, curve in curves:
            pairs = zip(video["times"], curve, strict=True)
            columns[title] = {_tick(time): number(value) for time, value in pairs if value is not None}
    moments = sorted(set().union(*columns.values())) if columns else []
    rows = [[f"{tick / 1000:.2f}", *(column.get(tick, EMPTY) for column in columns.values())] for tick in moments]
    return ["time (s)", *columns], rows


def alt_text(run: Run, sample: int = 0) -> str:
    """What the figures show in short sentences for screen readers: every metric that is drawn or brief."""
    metrics = run.metrics if "video" in run.metrics else summarise(run, sample)
    parts = []
    seconds = max(rollout.duration for rollout in run.imagined)
    count = len(run.imagined)
    parts.append(f"{count} imagined rollout{'s' if count > 1 else ''} of {number(seconds)} s for '{run.instruction}'.")
    lines = [metric.line(metrics) for metric in all_metrics() if metric.brief or metric.lane]
    parts += [f"{line}." for line in lines if line]
    execution = metrics.get("execution")
    if execution and execution.get("success") is not None:
        parts.append(
            "In the simulator the task succeeded." if execution["success"] else "In the simulator the task failed."
        )
    return " ".join(parts)


def _tick(time: float) -> int:
    """Milliseconds: times of frames and actions that belong together become equal."""
    return round(time * 1000)

"""The table of metrics: every number beside its baseline, with one line that says what it means.

Contract: a pure function from a run to markup nodes. A number is shown only where the run has it; better and
worse are said in words as well as in colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wamviz.metrics import Metric, all_metrics, lpips_missing
from wamviz.runs.store import Run
from wamviz.ui.markup import Node, h

NONE = "–"
ERRORS = ("mae_by_dim", "rmse_by_dim", "hold_mae_by_dim", "hold_rmse_by_dim")


def folded(metric: Metric, found: Mapping[str, Any]) -> bool:
    """Whether it is shown only to those who ask for more. Closeness to a video is for them too once the picture has
    been compared with physics: a blur does well on it."""
    seen = bool(found.get("picture"))
    return metric.further or (seen and (metric.part == "video" or metric.key == "executed_psnr"))


def table(run: Run) -> list[Node]:
    """The metrics of ``run`` and, under them, its notes: what is missing and why."""
    found, count = run.metrics, len(run.imagined)
    rows = {
        further: [
            row
            for metric in all_metrics()
            if metric.title and folded(metric, found) == further and (row := _row(found, metric, count))
        ]
        for further in (False, True)
    }
    notes = [note for note in (*run.notes, *(found.get("notes") or ())) if note]
    nodes: list[Node] = []
    if rows[False]:
        nodes.append(_rows("Metrics of this run with their baselines", found, count, rows[False]))
    more: list[Node] = []
    if rows[True]:
        more.append(_rows("Further metrics of this run with their baselines", found, count, rows[True]))
    more += _by_dimension(found.get("actions") or {})
    if missing := (found.get("video") or {}).get("lpips_missing"):
        if lpips_missing() is None:  # the run is older than the weights
            missing = "LPIPS was not computed when this run was made; the next one will have it."
        more.append(h("p", {"class": "wz-note", "data-testid": "lpips-missing"}, str(missing)))
    if more:
        nodes.append(h("details", {"class": "wz-more"}, h("summary", None, "More measures"), more))
    if notes:
        nodes.append(h("ul", {"class": "wz-notes"}, [h("li", None, note) for note in notes]))
    return nodes


def _rows(caption: str, found: Mapping[str, Any], count: int, rows: list[Any]) -> Node:
    return h(
        "table",
        {"class": "wz-table wz-metrics"},
        h("caption", {"class": "wz-sr"}, caption),
        h("thead", None, h("tr", None, [h("th", {"scope": "col"}, name) for name in _head(found, count)])),
        h("tbody", None, rows),
    )


def _by_dimension(actions: Mapping[str, Any]) -> list[Node]:
    """Action errors in their own units, each dimension by itself and all that share a unit; [] where none are known."""
    listed = [
        (name, unit, *(actions[key][i] for key in ERRORS))
        for i, (name, unit) in enumerate(zip(actions.get("names") or (), actions.get("units") or (), strict=False))
        if all(len(actions.get(key) or ()) > i for key in ERRORS)
    ]
    for unit, errors in (actions.get("by_unit") or {}).items():
        if len(errors["names"]) > 1:
            whole = tuple(errors[name] for name in ("mae", "rmse", "hold_mae", "hold_rmse"))
            listed.append((f"all in {unit}", unit, *whole))
    if not listed:
        return []
    titles = (
        "Dimension",
        "Unit",
        "Mean error",
        "Root mean square",
        "Zero action, mean",
        "Zero action, root mean square",
    )
    rows = []
    for name, unit, *values in listed:
        cells = [h("td", {"data-label": "Unit"}, {"": "not known", "1": "none"}.get(unit, unit))]
        for title, value in zip(titles[2:], values, strict=True):
            cells.append(_number(title, _small(value)))
        rows.append(h("tr", None, h("th", {"scope": "row"}, name), cells))
    by_unit = next(metric for metric in all_metrics() if metric.key == "by_unit")
    note = h("p", {"class": "wz-note"}, by_unit.note, f" Source: {by_unit.source}.")
    table = h(
        "table",
        {"class": "wz-table wz-metrics"},
        h("caption", {"class": "wz-sr"}, "Action errors in their own units, by dimension, with their baseline"),
        h("thead", None, h("tr", None, [h("th", {"scope": "col"}, title) for title in titles])),
        h("tbody", None, rows),
    )
    return [h("p", {"class": "wz-lead"}, h("b", None, "Action errors in their own units")), note, table]


def _small(value: float | None) -> str:
    """An error with three digits; what is smaller than anybody measures is said to be that small."""
    if value is None:
        return NONE
    return f"{value:.3g}" if value >= 1e-4 or value == 0 else "< 0.0001"


def _head(found: Mapping[str, Any], count: int) -> list[str]:
    if count == 1:
        return ["Metric", "Imagined", "Baseline", "Against the baseline"]
    return ["Metric", f"Sample {found.get('sample', 0) + 1}", f"Mean of {count}", "Baseline", "Against the baseline"]


def _row(found: Mapping[str, Any], metric: Metric, count: int) -> list[Any] | None:
    both = metric.read(found)
    if both is None or both.value is None:
        return None
    first, *means, _, _ = _head(found, count)[1:]
    cells = [_number(first, metric.write(both.value))]
    for name in means:
        mean = (found[metric.part].get("mean") or {}).get(metric.key)
        cells.append(_number(name, NONE if mean is None else metric.write(mean)))
    if metric.baseline is None or both.baseline is None:
        cells += [_number("Baseline", NONE), h("td", {"data-label": "Against it"}, NONE)]
    else:
        cells.append(_number("Baseline", metric.write(both.baseline), metric.baseline.name))
        cells.append(_against(metric, both.value, both.baseline))
    note = f"{metric.note} Source: {metric.source}."
    title = h("th", {"scope": "row"}, metric.title, h("small", {"class": "wz-note"}, note))
    return h("tr", None, title, cells)


def _number(label: str, text: str, note: str = "") -> list[Any]:
    """A cell; the label stands beside it where the table is too narrow for columns."""
    small = h("small", {"class": "wz-note"}, note) if note else None
    return h("td", {"class": "wz-number", "data-label": label}, text, small)


def _against(metric: Metric, value: float, control: float) -> list[Any]:
    """How far the number lies from its control's."""
    gain = value - control if metric.higher else control - value
    if metric.target is not None:
        gain = abs(control - metric.target) - abs(value - metric.target)
    kind = "wz-better" if gain > 0 else "wz-worse"
    if abs(gain) * metric.factor < 0.5 * 10**-metric.digits:
        kind, words = "wz-same", "the same"
    elif metric.target is not None:
        words = f"{metric.write(abs(gain))} {'nearer to' if gain > 0 else 'further from'} {metric.target:g}"
    elif metric.higher:
        words = f"{metric.write(abs(gain))} {'better' if gain > 0 else 'worse'}"
    elif control > 0:
        words = f"{abs(gain) / control:.0%} {'lower' if gain > 0 else 'higher'}"
    else:
        words = f"{metric.write(abs(gain))} higher"
    return h("td", {"class": kind, "data-label": "Against it"}, words)

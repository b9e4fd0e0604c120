"""The table of metrics: every number beside its baseline, with one line that says what it means.

Contract: a pure function from a run to markup nodes. A number is shown only where the run has it; better and
worse are said in words as well as in colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wamviz.metrics import METRIC_NOTES, METRIC_SOURCES, lpips_missing
from wamviz.runs.store import Run
from wamviz.ui.markup import Node, h

NONE = "–"
ERRORS = ("mae_by_dim", "rmse_by_dim", "hold_mae_by_dim", "hold_rmse_by_dim")


@dataclass(frozen=True)
class Measure:
    """One row.

    Attributes:
        part, key: where the number stands in the run's metrics.
        title: its name for people; ``METRIC_NOTES[key]`` explains it, ``METRIC_SOURCES[key]`` says who defined it.
        control, control_name: the key of the control in the same part, and what the control is; "" for none.
        unit, factor, digits: how the number is written.
        higher: whether more is better; target: the value that is best, where that is neither more nor less.
        further: whether it is shown only to those who ask for more. Closeness to a video is for them too once the
            picture has been compared with physics: a blur does well on it.
    """

    part: str
    key: str
    title: str
    control: str = ""
    control_name: str = ""
    unit: str = ""
    factor: float = 1.0
    digits: int = 2
    higher: bool = False
    target: float | None = None
    further: bool = False

    def folded(self, found: Mapping[str, Any]) -> bool:
        """Whether it is among the further measures of the metrics ``found``."""
        return self.further or (bool(found.get("picture")) and (self.part == "video" or self.key == "executed_psnr"))

    def write(self, value: float) -> str:
        """``value`` (already times ``factor``) with its unit."""
        space = "" if self.unit in ("", "%") else " "
        return f"{value:.{self.digits}f}{space}{self.unit}"


MEASURES = (
    Measure("picture", "sharpness", "Sharpness of what moves, of executed", "copy_sharpness", "copy last frame",
            target=1.0),
    Measure("picture", "executed_moving_psnr", "Imagined against executed, PSNR of what moves", "copy_moving_psnr",
            "copy last frame", "dB", higher=True),
    Measure("picture", "arm_iou", "Arm where physics has it, overlap", "copy_arm_iou", "copy last frame", higher=True),
    Measure("picture", "objects_moved", "Moved objects shown in place", "copy_objects_moved", "copy last frame", "%",
            100.0, 0, higher=True),
    Measure("video", "psnr", "Video, PSNR", "copy_last_psnr", "copy last frame", "dB", higher=True),
    Measure("video", "ssim", "Video, SSIM", "copy_last_ssim", "copy last frame", digits=3, higher=True),
    Measure("video", "moving_psnr", "Video, PSNR of what moves", "copy_last_moving_psnr", "copy last frame", "dB",
            higher=True),
    Measure("video", "lpips", "Video, LPIPS", "copy_last_lpips", "copy last frame", digits=3),
    Measure("actions", "mae", "Actions, mean error", "hold_mae", "zero action", "%", 100.0, 1),
    Measure("actions", "rmse", "Actions, root mean square", "hold_rmse", "zero action", "%", 100.0, 1, further=True),
    Measure("actions", "dtw", "Actions, DTW", "hold_dtw", "zero action", "%", 100.0, 1, further=True),
    Measure("actions", "timing_s", "Actions, time shift", unit="s", further=True),
    Measure("trajectory", "ade_m", "End-effector ADE", "hold_ade_m", "zero action", "cm", 100.0, 1),
    Measure("trajectory", "fde_m", "End-effector FDE", "hold_fde_m", "zero action", "cm", 100.0, 1,
            further=True),
    Measure("gripper", "gripper_timing_s", "Gripper timing error", unit="s"),
    Measure("gripper", "missed", "Gripper events missed", "hold_missed", "zero action", digits=0, further=True),
    Measure("motion", "jerk", "End-effector jerk", "recorded_jerk", "recorded", "m/s³", further=True),
    Measure("motion", "outside_limits", "Actions beyond the limits", "recorded_outside_limits", "recorded", "%", 100.0,
            0, further=True),
    Measure("execution", "executed_psnr", "Imagined against executed, PSNR", "copy_last_psnr", "copy last frame", "dB",
            higher=True),
    Measure("execution", "path_ade_m", "Commanded against executed path, ADE", "hold_path_ade_m", "zero action", "cm",
            100.0, 1),
)  # fmt: skip


def table(run: Run) -> list[Node]:
    """The metrics of ``run`` and, under them, its notes: what is missing and why."""
    found, count = run.metrics, len(run.imagined)
    rows = {
        further: [
            row for measure in MEASURES if measure.folded(found) == further and (row := _row(found, measure, count))
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
    note = h("p", {"class": "wz-note"}, METRIC_NOTES["by_unit"], f" Source: {METRIC_SOURCES['by_unit']}.")
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


def _row(found: Mapping[str, Any], measure: Measure, count: int) -> list[Any] | None:
    numbers = found.get(measure.part)
    if not numbers or numbers.get(measure.key) is None:
        return None
    value = numbers[measure.key] * measure.factor
    first, *means, _, _ = _head(found, count)[1:]
    cells = [_number(first, measure.write(value))]
    for name in means:
        mean = (numbers.get("mean") or {}).get(measure.key)
        cells.append(_number(name, NONE if mean is None else measure.write(mean * measure.factor)))
    control = numbers.get(measure.control) if measure.control else None
    if control is None:
        cells += [_number("Baseline", NONE), h("td", {"data-label": "Against it"}, NONE)]
    else:
        cells.append(_number("Baseline", measure.write(control * measure.factor), measure.control_name))
        cells.append(_against(measure, value, control * measure.factor))
    note = f"{METRIC_NOTES[measure.key]} Source: {METRIC_SOURCES[measure.key]}."
    title = h("th", {"scope": "row"}, measure.title, h("small", {"class": "wz-note"}, note))
    return h("tr", None, title, cells)


def _number(label: str, text: str, note: str = "") -> list[Any]:
    """A cell; the label stands beside it where the table is too narrow for columns."""
    small = h("small", {"class": "wz-note"}, note) if note else None
    return h("td", {"class": "wz-number", "data-label": label}, text, small)


def _against(measure: Measure, value: float, control: float) -> list[Any]:
    """How far the number lies from its control's."""
    gain = value - control if measure.higher else control - value
    if measure.target is not None:
        gain = abs(control - measure.target) - abs(value - measure.target)
    kind = "wz-better" if gain > 0 else "wz-worse"
    if abs(gain) < 0.5 * 10**-measure.digits:
        kind, words = "wz-same", "the same"
    elif measure.target is not None:
        words = f"{measure.write(abs(gain))} {'nearer to' if gain > 0 else 'further from'} {measure.target:g}"
    elif measure.higher:
        words = f"{measure.write(abs(gain))} {'better' if gain > 0 else 'worse'}"
    elif control > 0:
        words = f"{abs(gain) / control:.0%} {'lower' if gain > 0 else 'higher'}"
    else:
        words = f"{measure.write(abs(gain))} higher"
    return h("td", {"class": kind, "data-label": "Against it"}, words)

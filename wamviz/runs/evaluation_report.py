"""What ``evaluate`` has measured of one mode, and the JSON that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from wamviz.metrics.registry import applicable_metrics, joint_keys
from wamviz.runs.accumulator import MetricAccumulator, wilson
from wamviz.runs.picture import JudgedPicture, report

STILL = 0.01  # share of moving pixels under which an imagined video counts as static


class DrivenEpisode(NamedTuple):
    """One closed loop: the task's kind, whether it succeeded, and whether the right thing was touched first."""

    kind: str
    success: bool
    right: bool


@dataclass
class EvaluationReport:
    """What was measured of one mode on some seeds; parts of one evaluation add up with ``extend``.

    Attributes:
        mode: of the model; steps: of denoising; wording: how tasks were told.
        accumulator: every number; kinds: of the episodes' tasks; expert: whether the expert succeeded.
        driven: closed loops, or None where the mode does not drive.
        seconds: what it took.
        pictures: how each imagined chunk looks beside physics; third_chunks: the same of frames 33-48 of long rollouts.
    """

    mode: str
    steps: int
    wording: str
    accumulator: MetricAccumulator = field(default_factory=MetricAccumulator)
    kinds: list[str] = field(default_factory=list)
    expert: list[bool] = field(default_factory=list)
    driven: list[DrivenEpisode] | None = None
    seconds: float = 0.0
    pictures: list[JudgedPicture] = field(default_factory=list)
    third_chunks: list[JudgedPicture] = field(default_factory=list)

    def extend(self, other: EvaluationReport) -> None:
        """Append what was measured on further seeds."""
        self.accumulator.extend(other.accumulator)
        self.kinds += other.kinds
        self.expert += other.expert
        self.driven = None if self.driven is None or other.driven is None else self.driven + other.driven
        self.seconds += other.seconds
        self.pictures += other.pictures
        self.third_chunks += other.third_chunks

    def report(self, model_id: str, seeds: range) -> dict[str, Any]:
        """The ``evaluate`` JSON of the design."""
        accumulator = self.accumulator
        return {
            "model": model_id,
            "mode": self.mode,
            "seeds": f"{seeds.start}:{seeds.stop}",
            "n": len(self.kinds),
            "video": _video(accumulator),
            "picture": self._picture(),
            "actions": _actions(accumulator),
            "execution": None if self.driven is None else _execution(self.driven, self.expert),
            "consistency": _consistency(accumulator),
            "metrics": _metrics(accumulator),
            "latency_s": {"p50": accumulator.quantile("latency", 0.5), "p95": accumulator.quantile("latency", 0.95)},
            "chunks": len(accumulator.rows.get("latency", [])),
            "steps": self.steps,
            "wording": self.wording,
            "kinds": {kind: self.kinds.count(kind) for kind in sorted(set(self.kinds))},
            "seconds": round(self.seconds, 1),
        }

    def _picture(self) -> dict[str, Any] | None:
        found = report(self.pictures)
        return None if found is None else {**found, "third_chunk": report(self.third_chunks)}


def _metrics(accumulator: MetricAccumulator) -> dict[str, dict[str, Any]]:
    """The registry's metrics that are computed by themselves, by part: means over all chunks, with intervals."""
    found: dict[str, dict[str, Any]] = {}
    for metric in applicable_metrics():
        name = f"{metric.part}.{metric.key}"
        if (mean := accumulator.mean(name)) is not None:
            part = found.setdefault(metric.part, {})
            part |= {metric.key: mean, f"{metric.key}_ci95": accumulator.interval(name)}
            if metric.baseline is not None:
                part[metric.baseline.key] = accumulator.mean(f"{metric.part}.{metric.baseline.key}")
    return found


def _video(accumulator: MetricAccumulator) -> dict[str, Any] | None:
    if accumulator.mean("psnr") is None:
        return None
    return {
        **{name: accumulator.mean(name) for name in joint_keys("video")},  # LPIPS is null without its weights
        "gain_db": accumulator.mean("gain"),
        "gain_db_ci95": accumulator.interval("gain"),
        "moving_gain_db": accumulator.mean("moving_gain"),
        "moving_gain_db_ci95": accumulator.interval("moving_gain"),
    }


def _actions(accumulator: MetricAccumulator) -> dict[str, Any] | None:
    mae, hold = accumulator.mean("mae"), accumulator.mean("hold_mae")
    if mae is None:
        return None
    return {
        **{name: accumulator.mean(name) for name in joint_keys("actions")},
        "ratio": round(mae / hold, 4) if hold else None,
        "mae_ci95": accumulator.interval("mae"),
        "position_mae_m": accumulator.mean("position"),
        "position_mae_m_ci95": accumulator.interval("position"),
        "hold_position_mae_m": accumulator.mean("hold_position"),
        "gripper_mae": accumulator.mean("gripper"),
        "hold_gripper_mae": accumulator.mean("hold_gripper"),
    }


def _execution(driven: list[DrivenEpisode], expert: list[bool]) -> dict[str, Any]:
    hits, right = [sum(column) for column in zip(*((one.success, one.right) for one in driven), strict=True)]
    by_task = {}
    for kind in sorted({one.kind for one in driven}):
        mine = [one.success for one in driven if one.kind == kind]
        rate = round(float(np.mean(mine)), 4)
        by_task[kind] = {"success_rate": rate, "ci95": wilson(sum(mine), len(mine)), "n": len(mine)}
    return {
        "success_rate": round(hits / len(driven), 4),
        "success_ci95": wilson(hits, len(driven)),
        "by_task": by_task,
        "right_object_rate": round(right / len(driven), 4),
        "right_object_ci95": wilson(right, len(driven)),
        "expert_success_rate": round(float(np.mean(expert)), 4),
    }


def _consistency(accumulator: MetricAccumulator) -> dict[str, Any] | None:
    if accumulator.mean("path_ade") is None:
        return None
    return {
        "stated_vs_read_path_ade_m": accumulator.mean("path_ade"),
        "stated_vs_read_path_ade_m_ci95": accumulator.interval("path_ade"),
        "stated_vs_read_path_fde_m": accumulator.mean("path_fde"),
        "reader_path_ade_m": accumulator.mean("reader_ade"),
        "reader_path_fde_m": accumulator.mean("reader_fde"),
        "staying_path_ade_m": accumulator.mean("stay_ade"),
        "staying_path_fde_m": accumulator.mean("stay_fde"),
        "imagined_vs_executed_path_ade_m": accumulator.mean("executed_ade"),
        "imagined_vs_executed_path_median_m": accumulator.quantile("executed_ade", 0.5),
        "moving_share": accumulator.mean("moving_share"),
        "static_share": round(float(np.mean([m < STILL for m in accumulator.rows.get("moving_share", [])])), 4),
    }

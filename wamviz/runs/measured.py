"""What ``evaluate`` has measured of one mode, and the JSON that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from wamviz.metrics.registry import measured
from wamviz.runs.picture import Drawn, report
from wamviz.runs.tally import Tally, wilson

STILL = 0.01  # share of moving pixels under which an imagined video counts as static


class Driven(NamedTuple):
    """One closed loop: the task's kind, whether it succeeded, and whether the right thing was touched first."""

    kind: str
    success: bool
    right: bool


@dataclass
class Measured:
    """What was measured of one mode on some seeds; parts of one evaluation add up with ``extend``.

    Attributes:
        mode: of the model; steps: of denoising; wording: how tasks were told.
        tally: every number; kinds: of the episodes' tasks; expert: whether the expert succeeded.
        driven: closed loops, or None where the mode does not drive.
        seconds: what it took.
        pictures: how each imagined chunk looks beside physics; third_chunks: the same of frames 33-48 of long rollouts.
    """

    mode: str
    steps: int
    wording: str
    tally: Tally = field(default_factory=Tally)
    kinds: list[str] = field(default_factory=list)
    expert: list[bool] = field(default_factory=list)
    driven: list[Driven] | None = None
    seconds: float = 0.0
    pictures: list[Drawn] = field(default_factory=list)
    third_chunks: list[Drawn] = field(default_factory=list)

    def extend(self, other: Measured) -> None:
        """Append what was measured on further seeds."""
        self.tally.extend(other.tally)
        self.kinds += other.kinds
        self.expert += other.expert
        self.driven = None if self.driven is None or other.driven is None else self.driven + other.driven
        self.seconds += other.seconds
        self.pictures += other.pictures
        self.third_chunks += other.third_chunks

    def report(self, model_id: str, seeds: range) -> dict[str, Any]:
        """The ``evaluate`` JSON of the design."""
        tally = self.tally
        return {
            "model": model_id,
            "mode": self.mode,
            "seeds": f"{seeds.start}:{seeds.stop}",
            "n": len(self.kinds),
            "video": _video(tally),
            "picture": self._picture(),
            "actions": _actions(tally),
            "execution": None if self.driven is None else _execution(self.driven, self.expert),
            "consistency": _consistency(tally),
            "metrics": _metrics(tally),
            "latency_s": {"p50": tally.quantile("latency", 0.5), "p95": tally.quantile("latency", 0.95)},
            "chunks": len(tally.rows.get("latency", [])),
            "steps": self.steps,
            "wording": self.wording,
            "kinds": {kind: self.kinds.count(kind) for kind in sorted(set(self.kinds))},
            "seconds": round(self.seconds, 1),
        }

    def _picture(self) -> dict[str, Any] | None:
        found = report(self.pictures)
        return None if found is None else {**found, "third_chunk": report(self.third_chunks)}


def _metrics(tally: Tally) -> dict[str, dict[str, Any]]:
    """The registry's metrics that are computed by themselves, by part: means over all chunks, with intervals."""
    found: dict[str, dict[str, Any]] = {}
    for metric in measured():
        name = f"{metric.part}.{metric.key}"
        if (mean := tally.mean(name)) is not None:
            part = found.setdefault(metric.part, {})
            part |= {metric.key: mean, f"{metric.key}_ci95": tally.interval(name)}
            if metric.baseline is not None:
                part[metric.baseline.key] = tally.mean(f"{metric.part}.{metric.baseline.key}")
    return found


def _video(tally: Tally) -> dict[str, Any] | None:
    if tally.mean("psnr") is None:
        return None
    return {
        "psnr": tally.mean("psnr"),
        "ssim": tally.mean("ssim"),
        "copy_last_psnr": tally.mean("copy_psnr"),
        "copy_last_ssim": tally.mean("copy_ssim"),
        "lpips": tally.mean("lpips"),  # null without its weights, see metrics.perceptual
        "copy_last_lpips": tally.mean("copy_lpips"),
        "gain_db": tally.mean("gain"),
        "gain_db_ci95": tally.interval("gain"),
        "moving_psnr": tally.mean("moving"),
        "copy_last_moving_psnr": tally.mean("copy_moving"),
        "moving_gain_db": tally.mean("moving_gain"),
        "moving_gain_db_ci95": tally.interval("moving_gain"),
    }


def _actions(tally: Tally) -> dict[str, Any] | None:
    mae, hold = tally.mean("mae"), tally.mean("hold_mae")
    if mae is None:
        return None
    return {
        "mae": mae,
        "hold_mae": hold,
        "ratio": round(mae / hold, 4) if hold else None,
        "mae_ci95": tally.interval("mae"),
        "position_mae_m": tally.mean("position"),
        "position_mae_m_ci95": tally.interval("position"),
        "hold_position_mae_m": tally.mean("hold_position"),
        "gripper_mae": tally.mean("gripper"),
        "hold_gripper_mae": tally.mean("hold_gripper"),
    }


def _execution(driven: list[Driven], expert: list[bool]) -> dict[str, Any]:
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


def _consistency(tally: Tally) -> dict[str, Any] | None:
    if tally.mean("path_ade") is None:
        return None
    return {
        "stated_vs_read_path_ade_m": tally.mean("path_ade"),
        "stated_vs_read_path_ade_m_ci95": tally.interval("path_ade"),
        "stated_vs_read_path_fde_m": tally.mean("path_fde"),
        "reader_path_ade_m": tally.mean("reader_ade"),
        "reader_path_fde_m": tally.mean("reader_fde"),
        "staying_path_ade_m": tally.mean("stay_ade"),
        "staying_path_fde_m": tally.mean("stay_fde"),
        "imagined_vs_executed_path_ade_m": tally.mean("executed_ade"),
        "imagined_vs_executed_path_median_m": tally.quantile("executed_ade", 0.5),
        "moving_share": tally.mean("moving_share"),
        "static_share": round(float(np.mean([m < STILL for m in tally.rows.get("moving_share", [])])), 4),
    }

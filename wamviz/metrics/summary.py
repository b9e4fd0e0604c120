"""All numbers of one run, JSON-ready, every one with its baseline beside it.

Contract: ``summarise`` never raises for a run that lacks something: a part that does not apply is None and ``notes``
says why in a plain sentence. It takes anything with the fields of a run, so that this room need not know the store.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from wamviz.core.rollout import Floats, Rollout
from wamviz.metrics.acted import compare_executed
from wamviz.metrics.actions import ActionMetrics, compare_actions, gripper_events, gripper_from_state, match_events
from wamviz.metrics.align import action_mismatch
from wamviz.metrics.consistency import consistency
from wamviz.metrics.registry import Metric, Pair, all_metrics, applicable_metrics, joint_keys
from wamviz.metrics.video import VideoMetrics, compare_video, compare_videos

OVER_SAMPLES = ("video", "actions", "trajectory", "motion")  # parts that every run's metrics have, if only as None
CURVES = ("psnr_by_frame", "ssim_by_frame", "lpips_by_frame")  # kept for every sample; the controls' are all the same


class RunLike(Protocol):
    """The fields of a run that the numbers are made of."""

    @property
    def mode(self) -> str: ...
    @property
    def imagined(self) -> tuple[Rollout, ...]: ...
    @property
    def reference(self) -> Rollout | None: ...
    @property
    def executed(self) -> Rollout | None: ...
    @property
    def state(self) -> Floats | None: ...


def summarise(run: RunLike, sample: int = 0) -> dict[str, Any]:
    """The numbers of ``run`` as a JSON-ready dict.

    Args:
        sample: whose numbers stand at the top of each part; ``by_sample`` holds all of them, ``mean`` and ``best``
            summarise them. The executed rollout is compared with this sample as well.

    Returns:
        ``{"sample", "video", "actions", "trajectory", "gripper", "motion", "execution", "picture", "notes"}``; a part
        that does not apply is None. A metric of the registry with a part of its own adds that part. Curves end in
        ``_by_frame`` and belong to ``times`` (s).
    """
    sample = min(max(sample, 0), len(run.imagined) - 1)
    reference, notes = run.reference, []
    start = context_state(run)
    given = run.mode == "forward_dynamics"  # whatever those actions are like, the model did not make them
    parts: dict[str, list[dict[str, Any] | None]] = {name: [None] * len(run.imagined) for name in OVER_SAMPLES}
    gripper = None
    if reference is None:
        notes.append("Nothing was recorded from this context on, so there is no ground truth to compare with.")
    else:
        parts["video"] = [_video(found) for found in compare_videos(run.imagined, reference)]
        if parts["video"][sample] is None:
            notes.append(_no_video(run.imagined[sample], reference))
    if given:
        notes.append("The actions were given, not imagined, so they are not judged.")
    elif reference is not None:
        now = gripper_from_state(reference.action_space, start)
        parts["actions"] = [_actions(one, reference, now) for one in run.imagined]
        if parts["actions"][sample] is None:
            why = action_mismatch(run.imagined[sample], reference)
            notes.append(why or "The imagined and the recorded actions share no moment.")
        gripper = _gripper(run.imagined[sample], reference, now)
    for metric in applicable_metrics(given=given):
        rows = parts.setdefault(metric.part, [None] * len(run.imagined))
        parts[metric.part] = [
            _with(metric, row, Pair(one, reference, start)) for row, one in zip(rows, run.imagined, strict=True)
        ]
    for metric in applicable_metrics(given=given):  # one that does not apply is None beside others of its part that do
        for row in parts[metric.part]:
            if row is not None:
                row.setdefault(metric.key, None)
                if metric.baseline is not None:
                    row.setdefault(metric.baseline.key, None)
    found: dict[str, Any] = {"sample": sample}
    found |= {name: _over_samples(name, rows, sample) for name, rows in parts.items()}
    found |= {"gripper": gripper, "execution": None, "picture": None}
    if run.executed is not None:
        found["execution"] = _execution(run.imagined[sample], run.executed, start)
        found["picture"] = _picture(run.imagined[sample], run.executed)
        for metric in applicable_metrics(executed=True, given=given):
            pair = Pair(run.imagined[sample], run.executed, start)
            found[metric.part] = _with(metric, found.get(metric.part), pair)
    return {**found, "notes": notes}


def _with(metric: Metric, row: dict[str, Any] | None, pair: Pair) -> dict[str, Any] | None:
    """``row`` with the value of ``metric`` and its control's; unchanged where the metric does not apply."""
    assert metric.measure is not None
    value = metric.measure(pair) if pair.other is not None or metric.takes == "imagined" else None
    if value is None or (row is None and value.value is None):
        return row
    reference = {metric.baseline.key: _number(value.baseline)} if metric.baseline else {}
    return {**(row or {}), metric.key: _number(value.value), **reference}


def context_state(run: RunLike) -> Floats | None:
    """The robot's state (D,) at the context: the run's own, else the first one recorded or executed, else None."""
    if run.state is not None:
        return run.state
    for rollout in (run.reference, run.executed):
        if rollout is not None and rollout.states is not None and len(rollout.states):
            first: Floats = rollout.states[0]
            return first
    return None


def _video(found: VideoMetrics | None) -> dict[str, Any] | None:
    if found is None:
        return None
    means: dict[str, Any] = {}
    by_frame: dict[str, Any] = {}
    for name in joint_keys("video"):
        value = getattr(found, name)  # a curve, one number over all frames, or None where it was not computed
        means[name] = None if value is None else _number(np.mean(value))
        if isinstance(value, np.ndarray):
            by_frame[f"{name}_by_frame"] = _numbers(value)
    missing = found.lpips_missing or None
    return {**means, "lpips_missing": missing, "times": _numbers(found.times), **by_frame, "fit": found.fit}


def _actions(rollout: Rollout, reference: Rollout, gripper_now: float | None) -> dict[str, Any] | None:
    found = compare_actions(rollout, reference, gripper_now)
    if found is None:
        return None
    return {
        "mae": _number(found.mae),
        "hold_mae": _number(found.hold_mae),
        "names": list(found.names),
        "units": list(found.units),
        "mae_by_dim": _numbers(found.mae_by_dim),
        "hold_mae_by_dim": _numbers(found.hold_mae_by_dim),
        "rmse": _number(found.rmse),
        "hold_rmse": _number(found.hold_rmse),
        "rmse_by_dim": _numbers(found.rmse_by_dim),
        "dtw": _number(found.dtw),
        "hold_dtw": _number(found.hold_dtw),
        "timing_s": _number(found.timing_s),
        "hold_rmse_by_dim": _numbers(found.hold_rmse_by_dim),
        "by_unit": _by_unit(found),
        "matched": len(found.times),
    }


def _by_unit(found: ActionMetrics) -> dict[str, dict[str, Any]]:
    """The errors over all dimensions of one unit, in that unit; dimensions without one are left to ``by_dim``."""
    errors_by_unit = {}
    for unit, names, errors in found.by_unit():
        errors_by_unit[unit] = {"names": list(names), **{name: _number(value) for name, value in errors.items()}}
    return errors_by_unit


def _gripper(rollout: Rollout, reference: Rollout, gripper_now: float | None) -> dict[str, Any] | None:
    if action_mismatch(rollout, reference) is not None:
        return None
    ours, theirs = gripper_events(rollout, gripper_now), gripper_events(reference, gripper_now)
    ours = [event for event in ours if event[0] < reference.duration]
    theirs = [event for event in theirs if event[0] < rollout.duration]
    pairs, missed, extra = match_events(ours, theirs)
    return {
        "imagined": [[_number(time), kind] for time, kind in ours],
        "recorded": [[_number(time), kind] for time, kind in theirs],
        "gripper_timing_s": _number(np.mean([abs(a - b) for a, b, _ in pairs])) if pairs else None,
        "missed": missed,
        "extra": extra,
        "hold_missed": len(theirs),
    }


def _execution(rollout: Rollout, executed: Rollout, start: Floats | None) -> dict[str, Any]:
    found, video = consistency(rollout, executed, start), compare_video(rollout, executed)
    return {
        "success": executed.success,
        "path_ade_m": _number(found.path_ade),
        "path_fde_m": _number(found.path_fde),
        "hold_path_ade_m": _number(found.hold_path_ade),
        "stated_length_m": _number(found.stated_length),
        "imagined_motion": _number(found.imagined_motion),
        "executed_motion": _number(found.executed_motion),
        "moves_enough": found.moves_enough,
        "executed_psnr": None if video is None else _number(video.psnr.mean()),
        "executed_ssim": None if video is None else _number(video.ssim.mean()),
        "copy_last_psnr": None if video is None else _number(video.copy_last_psnr.mean()),
        "copy_last_ssim": None if video is None else _number(video.copy_last_ssim.mean()),
    }


def _picture(rollout: Rollout, executed: Rollout) -> dict[str, Any] | None:
    """How the imagined video looks beside what its actions did, each value beside a copy of the context's."""
    compared = compare_executed(rollout, executed)
    if compared is None:
        return None
    found = compared.picture
    curves = {f"{name}_by_frame": [_number(value) for value in curve] for name, curve in compared.by_frame.items()}
    return {
        "sharpness": _number(found.sharpness),
        "copy_sharpness": _number(found.copy_sharpness),
        "executed_moving_psnr": _number(found.moving_psnr),
        "copy_moving_psnr": _number(found.copy_moving_psnr),
        "arm_iou": _number(found.arm_iou),
        "copy_arm_iou": _number(found.copy_arm_iou),
        "objects_moved": _number(found.objects_moved),
        "copy_objects_moved": _number(found.copy_objects_moved),
        "objects": found.objects,
        "times": _numbers(compared.times),
        **curves,
    }


def _over_samples(name: str, rows: list[dict[str, Any] | None], sample: int) -> dict[str, Any] | None:
    """The part of ``sample`` with all samples' numbers, their mean and the best of them beside."""
    chosen = rows[sample]
    known = [row for row in rows if row is not None]
    if chosen is None or len(known) < len(rows):
        return chosen
    first = next((metric for metric in all_metrics() if metric.part == name and metric.key in chosen), None)
    judged = {i: row[first.key] for i, row in enumerate(known) if first and row.get(first.key) is not None}
    winner = first.better(judged) if first is not None and judged else sample
    numbers = [name for name, value in chosen.items() if isinstance(value, float)]
    numbers = [name for name in numbers if all(row.get(name) is not None for row in known)]
    return {
        **chosen,
        "mean": {name: _number(np.mean([row[name] for row in known])) for name in numbers},
        "best": {"sample": winner, **{name: known[winner][name] for name in numbers}},
        "by_sample": [{name: row[name] for name in (*numbers, *CURVES) if name in row} for row in known],
    }


def _no_video(rollout: Rollout, reference: Rollout) -> str:
    if rollout.frames is None:
        return "This rollout has no video, so there is none to compare."
    if reference.frames is None:
        return "The recorded rollout has no video."
    return "The imagined and the recorded video share no moment after the context."


def _number(value: Any) -> float | None:
    """A float with six significant digits, which is what anybody reads; None when it is none."""
    if value is None or not np.isfinite(value):
        return None
    return float(f"{float(value):.6g}")


def _numbers(values: NDArray[Any]) -> list[float | None]:
    return [_number(value) for value in values]

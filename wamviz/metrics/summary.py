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
from wamviz.metrics.motion import jerk, outside_limits
from wamviz.metrics.trajectory import ade_fde, commanded_path, common_paths, measured_path
from wamviz.metrics.video import VideoMetrics, compare_video, compare_videos

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
        that does not apply is None. ``video`` and ``actions`` carry the keys of ``METRIC_NOTES``; curves end in
        ``_by_frame`` and belong to ``times`` (s).
    """
    sample = min(max(sample, 0), len(run.imagined) - 1)
    reference, notes = run.reference, []
    start = context_state(run)
    given = run.mode == "forward_dynamics"  # whatever those actions are like, the model did not make them
    video = actions = trajectory = gripper = motion = None
    if reference is None:
        notes.append("Nothing was recorded from this context on, so there is no ground truth to compare with.")
    else:
        videos = [_video(found) for found in compare_videos(run.imagined, reference)]
        video = _over_samples(videos, sample, best=("psnr", max))
        if video is None:
            notes.append(_no_video(run.imagined[sample], reference))
    if given:
        notes.append("The actions were given, not imagined, so they are not judged.")
    elif reference is not None:
        now = gripper_from_state(reference.action_space, start)
        actions = _over_samples([_actions(one, reference, now) for one in run.imagined], sample, best=("mae", min))
        if actions is None:
            why = action_mismatch(run.imagined[sample], reference)
            notes.append(why or "The imagined and the recorded actions share no moment.")
        paths = [_trajectory(one, reference, start) for one in run.imagined]
        trajectory = _over_samples(paths, sample, best=("ade_m", min))
        gripper = _gripper(run.imagined[sample], reference, now)
    if not given:
        motions = [_motion(one, reference, start) for one in run.imagined]
        motion = _over_samples(motions, sample, best=("outside_limits", min))
    return {
        "sample": sample,
        "video": video,
        "actions": actions,
        "trajectory": trajectory,
        "gripper": gripper,
        "motion": motion,
        "execution": None if run.executed is None else _execution(run.imagined[sample], run.executed, start),
        "picture": None if run.executed is None else _picture(run.imagined[sample], run.executed),
        "notes": notes,
    }


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
    curves = {name: getattr(found, name) for name in ("psnr", "ssim", "copy_last_psnr", "copy_last_ssim")}
    means: dict[str, Any] = {name: _number(curve.mean()) for name, curve in curves.items()}
    by_frame = {f"{name}_by_frame": _numbers(curve) for name, curve in curves.items()}
    for name in ("moving_psnr", "copy_last_moving_psnr"):
        means[name] = _number(getattr(found, name))
    for name in ("lpips", "copy_last_lpips"):
        curve = getattr(found, name)
        means[name] = None if curve is None else _number(curve.mean())
        if curve is not None:
            by_frame[f"{name}_by_frame"] = _numbers(curve)
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
    told = {}
    for unit, names, errors in found.by_unit():
        told[unit] = {"names": list(names), **{name: _number(value) for name, value in errors.items()}}
    return told


def _trajectory(rollout: Rollout, reference: Rollout, start: Floats | None) -> dict[str, Any] | None:
    """Like with like: commanded paths where both state them, else measured ones."""
    ours, theirs = commanded_path(rollout, start), commanded_path(reference, start)
    if ours is None or theirs is None:
        ours, theirs = measured_path(rollout), measured_path(reference)
    if ours is None or theirs is None or rollout.action_space is None or reference.action_space is None:
        return None
    rate_a, rate_b = rollout.action_space.rate, reference.action_space.rate
    apart = ade_fde(ours, theirs, rate_a, rate_b)
    still = ade_fde(np.repeat(theirs[:1], len(ours), axis=0), theirs, rate_a, rate_b)
    if apart is None or still is None:
        return None
    names = ("ade_m", "fde_m", "hold_ade_m", "hold_fde_m")
    return dict(zip(names, (_number(value) for value in (*apart, *still)), strict=True))


def _motion(rollout: Rollout, reference: Rollout | None, start: Floats | None) -> dict[str, Any] | None:
    """How the stated motion is made; the recorded one stands beside it over the moments that both know."""
    space, share = rollout.action_space, outside_limits(rollout)
    if space is None:
        return None
    path, rate = commanded_path(rollout, start), space.rate
    theirs = None if reference is None else commanded_path(reference, start)
    if path is not None and theirs is not None and reference is not None and reference.action_space is not None:
        path, theirs, rate = common_paths(path, theirs, rate, reference.action_space.rate)
    own = None if path is None else jerk(path, rate)
    if own is None and share is None:
        return None
    return {
        "outside_limits": _number(share),
        "recorded_outside_limits": None if reference is None else _number(outside_limits(reference)),
        "jerk": _number(own),
        "recorded_jerk": None if path is None or theirs is None else _number(jerk(theirs, rate)),
    }


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
    beside = compare_executed(rollout, executed)
    if beside is None:
        return None
    found = beside.picture
    curves = {f"{name}_by_frame": [_number(value) for value in curve] for name, curve in beside.by_frame.items()}
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
        "times": _numbers(beside.times),
        **curves,
    }


def _over_samples(parts: list[dict[str, Any] | None], sample: int, best: tuple[str, Any]) -> dict[str, Any] | None:
    """The part of ``sample`` with all samples' numbers, their mean and the best of them beside."""
    chosen = parts[sample]
    if chosen is None or any(part is None for part in parts):
        return chosen
    known = [part for part in parts if part is not None]
    key, better = best
    judged = [index for index, part in enumerate(known) if part[key] is not None]
    winner = better(judged, key=lambda index: known[index][key]) if judged else sample
    numbers = [n for n, value in chosen.items() if isinstance(value, float) and all(p[n] is not None for p in known)]
    return {
        **chosen,
        "mean": {name: _number(np.mean([part[name] for part in known])) for name in numbers},
        "best": {"sample": winner, **{name: known[winner][name] for name in numbers}},
        "by_sample": [{name: part[name] for name in (*numbers, *CURVES) if name in part} for part in known],
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

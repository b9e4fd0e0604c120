"""How good a model is on tabletop episodes it has not seen: video, actions, execution, consistency, latency.

Open loop: along each seed's scripted-expert episode the model imagines one horizon from every ``horizon``-th frame
and is compared, by time, with what the expert did; the controls (copy the last frame, hold still) see the same
frames. Closed loop: the model drives the robot itself, as in ``wamviz execute``. Frame 0, the context, is never
counted.

The result is the ``evaluate`` JSON of the design; parts that do not apply to a mode are None.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wamviz.acting import ClosedLoop, run_closed_loop
from wamviz.compare.actions import compare_actions, gripper_from_state
from wamviz.compare.trajectory import ade_fde, commanded_path
from wamviz.compare.video import compare_video
from wamviz.errors import WamvizError, unknown_name
from wamviz.models.protocol import WorldActionModel, collect
from wamviz.models.registry import load
from wamviz.rollout import Frames, ImagineRequest, Observation, Rollout, WorldState

MOVING = 12.0  # a pixel moves when some colour of it changes by more than this, of 255
READ_BACK = ("joint", "imagine_then_act", "forward_dynamics")  # what imagines video that comes with actions
STILL = 0.01  # share of moving pixels under which an imagined video counts as static
MAX_SEEDS = 2000
ProgressCall = Callable[[int, int, str], None]


class Tally:
    """Lists of numbers by name; ``mean`` gives None where nothing was counted."""

    def __init__(self) -> None:
        self.rows: dict[str, list[float]] = {}

    def add(self, **numbers: float | None) -> None:
        """Append each number that is known and finite."""
        for name, value in numbers.items():
            if value is not None and math.isfinite(value):
                self.rows.setdefault(name, []).append(float(value))

    def mean(self, name: str) -> float | None:
        """The mean of one list, rounded to 5 decimals."""
        rows = self.rows.get(name)
        return round(float(np.mean(rows)), 5) if rows else None

    def quantile(self, name: str, q: float) -> float | None:
        """A quantile of one list."""
        rows = self.rows.get(name)
        return round(float(np.quantile(rows, q)), 4) if rows else None

    def interval(self, name: str) -> list[float] | None:
        """A 95 % confidence interval of the mean (normal approximation)."""
        rows = self.rows.get(name)
        if not rows or len(rows) < 2:
            return None
        half = 1.96 * float(np.std(rows, ddof=1)) / math.sqrt(len(rows))
        return [round(float(np.mean(rows)) - half, 5), round(float(np.mean(rows)) + half, 5)]


def wilson(hits: int, count: int) -> list[float]:
    """The 95 % Wilson score interval of a rate, right also at 0 and 1 (Wilson 1927, JASA 22: 209-212).

    >>> wilson(0, 1)
    [0.0, 0.7935]
    """
    z2 = 1.96**2
    centre, spread = hits + z2 / 2, 1.96 * math.sqrt(hits * (count - hits) / count + z2 / 4)
    return [round(max(0.0, (centre - spread) / (count + z2)), 4), round(min(1.0, (centre + spread) / (count + z2)), 4)]


def moving_psnr(frames: Frames, truth: Frames, context: Frames) -> float | None:
    """PSNR in dB over the pixels that change from ``context`` in ``truth``; None where nothing moves.

    frames, truth: (T, H, W, 3) uint8; context: (H, W, 3) uint8. The error is pooled over all such pixels.
    """
    moved = (np.abs(truth.astype(np.int16) - context) > MOVING).any(-1)  # (T, H, W)
    if not moved.any():
        return None
    error = np.square(frames[moved].astype(np.float32) - truth[moved]).mean()
    return float(10 * np.log10(255.0**2 / max(float(error), 1e-3)))


def evaluate(
    model_id: str,
    mode: str,
    seeds: range,
    tasks: list[str] | None = None,
    device: str = "auto",
    progress: ProgressCall | None = None,
    *,
    steps: int | None = None,
    execution: bool = True,
    wording: str = "usual",
    model: WorldActionModel | None = None,
) -> dict[str, Any]:
    """Measure one model in one mode.

    Args:
        seeds: scenes; each gives one expert episode of the natural task mix.
        tasks: only these kinds (each seed then plays one of them, in turn), or None for the natural mix.
        progress: called with episodes done, episodes in all, and a few words.
        execution: whether to drive the robot as well (the slow part).
        wording: one of ``wordings.WORDINGS``: how the model is told its task.
        model: an already loaded model to use instead of ``model_id``'s.

    Raises:
        WamvizError: bad seeds, tasks, wording, model or mode.
    """
    from wamviz.worlds.tabletop import KINDS, TabletopEnv
    from wamviz.worlds.tabletop.wordings import WORDINGS

    if wording not in WORDINGS:
        raise unknown_name("wording", wording, WORDINGS)
    if not 1 <= len(seeds) <= MAX_SEEDS or seeds.start < 0:
        raise WamvizError(
            f"Seeds {seeds.start}:{seeds.stop} give no episode.", f"Use A:B with at most {MAX_SEEDS} seeds."
        )
    for kind in tasks or []:
        if kind not in KINDS:
            raise unknown_name("task", kind, KINDS)
    model = model or load(model_id, device)
    caps = model.capabilities
    if mode not in caps.modes:
        raise WamvizError(f"{caps.title} has no mode '{mode}'.", f"Its modes are: {', '.join(caps.modes)}.")
    drives = execution and mode in ("joint", "imagine_then_act", "act_only") and "tabletop" in caps.worlds
    tally, kinds, loops = Tally(), [], []
    size = caps.frame_size[0] if caps.frame_size else 128
    env = TabletopEnv(size=size, cameras=("exterior",))
    started = time.perf_counter()
    try:
        for done, seed in enumerate(seeds):
            if progress is not None:
                progress(done, len(seeds), "episodes")
            wanted = tasks[done % len(tasks)] if tasks else None
            task = _open_loop(model, mode, env, seed, wanted, wording, steps, tally)
            kinds.append(task.kind)
            if drives:
                loop = run_closed_loop(model, seed, task.judged, mode, told=task.told, steps=steps, env=env)
                loops.append((task.kind, task.first, loop))
    finally:
        env.close()
    if progress is not None:
        progress(len(seeds), len(seeds), "done")
    return {
        "model": caps.model_id,
        "mode": mode,
        "seeds": f"{seeds.start}:{seeds.stop}",
        "n": len(seeds),
        "video": _video(tally),
        "actions": _actions(tally),
        "execution": _execution(loops) if drives else None,
        "consistency": _consistency(tally),
        "latency_s": {"p50": tally.quantile("latency", 0.5), "p95": tally.quantile("latency", 0.95)},
        "chunks": len(tally.rows.get("latency", [])),
        "steps": steps or caps.default_steps,
        "wording": wording,
        "kinds": {kind: kinds.count(kind) for kind in sorted(set(kinds))},
        "seconds": round(time.perf_counter() - started, 1),
    }


class Played(NamedTuple):
    """An episode: its kind, the words that judge it, those that the model is told, and what to touch first."""

    kind: str
    judged: str
    told: str
    first: str


def _open_loop(
    model: WorldActionModel,
    mode: str,
    env: Any,
    seed: int,
    wanted: str | None,
    wording: str,
    steps: int | None,
    tally: Tally,
) -> Played:
    """Compare every horizon of one expert episode, told in the given wording."""
    from wamviz.worlds.tabletop import ACTION_SPACE, first_target, record_episode
    from wamviz.worlds.tabletop.wordings import reword

    caps = model.capabilities
    episode = record_episode(env, seed, kind=wanted, split="heldout" if wording == "heldout" else "train")
    told = reword(episode.instruction, wording, np.random.default_rng([seed, 5]))
    frames, states, actions = episode.frames["exterior"], episode.states, episode.actions
    for start in range(0, len(actions), caps.horizon):
        stop = min(start + caps.horizon, len(actions))
        truth = Rollout(
            "recorded",
            frames[start : stop + 1],
            ACTION_SPACE.rate,
            actions[start:stop],
            ACTION_SPACE,
            states[start : stop + 1],
        )
        observation = Observation(
            {"exterior": frames[start]},
            told,
            states[start],
            WorldState("tabletop", seed, episode.snapshots[start]),
            {"exterior": episode.cameras["exterior"]},
        )
        request = ImagineRequest(
            observation,
            mode,
            seed % 2**31,
            steps=steps,
            actions=truth.actions if mode == "forward_dynamics" else None,
            video=truth.frames if mode == "inverse_dynamics" else None,
        )
        began = time.perf_counter()
        imagined = collect(model, request).rollouts[0]
        tally.add(latency=time.perf_counter() - began)
        _compare(imagined, truth, mode, tally)
        if mode in READ_BACK and "inverse_dynamics" in caps.modes and imagined.frames is not None:
            _read_back(model, request, imagined, truth, tally)
    task = episode.task
    assert task is not None  # only play has none
    return Played(task.kind, episode.instruction, told, first_target(task))


def _compare(imagined: Rollout, truth: Rollout, mode: str, tally: Tally) -> None:
    assert truth.frames is not None and truth.states is not None
    if imagined.frames is not None:
        metrics = compare_video(imagined, truth)
        if metrics is not None:
            for value, control in zip(metrics.psnr, metrics.copy_last_psnr, strict=True):
                tally.add(psnr=value, copy_psnr=control, gain=value - control)
            for value, control in zip(metrics.ssim, metrics.copy_last_ssim, strict=True):
                tally.add(ssim=value, copy_ssim=control)
            count = min(len(truth.frames), len(imagined.frames))
            context, future = truth.frames[0], truth.frames[1:count]
            tally.add(
                moving=moving_psnr(imagined.frames[1:count], future, context),
                copy_moving=moving_psnr(np.repeat(context[None], count - 1, 0), future, context),
            )
    if imagined.actions is not None and mode != "forward_dynamics":
        errors = compare_actions(imagined, truth, gripper_from_state(truth.action_space, truth.states[0]))
        if errors is not None:
            tally.add(mae=errors.mae, hold_mae=errors.hold_mae)
            tally.add(
                position=float(np.mean(errors.mae_by_dim[:3])), hold_position=float(np.mean(errors.hold_mae_by_dim[:3]))
            )
            tally.add(gripper=float(errors.mae_by_dim[6]), hold_gripper=float(errors.hold_mae_by_dim[6]))


def _read_back(
    model: WorldActionModel, request: ImagineRequest, imagined: Rollout, truth: Rollout, tally: Tally
) -> None:
    """Stated (or given) actions against those that inverse dynamics reads from the imagined video, if anything moves.

    What the reader itself gets wrong on the recorded video, and how far the hand goes at all, stand beside it.
    """
    assert imagined.frames is not None
    context = imagined.frames[0].astype(np.int16)
    moved = float((np.abs(imagined.frames[-1] - context) > MOVING).any(-1).mean())
    tally.add(moving_share=moved)
    if moved < STILL:  # a static future agrees with anything
        return
    state = request.observation.state

    def off(claimed: Rollout, video: Frames | None) -> tuple[float, float] | None:
        question = ImagineRequest(request.observation, "inverse_dynamics", request.seed, steps=4, video=video)
        paths = [commanded_path(r, state) for r in (claimed, collect(model, question).rollouts[0])]
        return None if paths[0] is None or paths[1] is None else ade_fde(paths[0], paths[1], 5.0)

    if (both := off(imagined, imagined.frames)) is not None:
        tally.add(path_ade=both[0], path_fde=both[1])
    if (own := off(truth, truth.frames)) is not None:
        tally.add(reader_ade=own[0], reader_fde=own[1])
    stated = commanded_path(imagined, state)
    if stated is not None:
        away = np.linalg.norm(stated - stated[0], axis=1)
        tally.add(stay_ade=float(away.mean()), stay_fde=float(away[-1]))


def _video(tally: Tally) -> dict[str, Any] | None:
    if tally.mean("psnr") is None:
        return None
    return {
        "psnr": tally.mean("psnr"),
        "ssim": tally.mean("ssim"),
        "copy_last_psnr": tally.mean("copy_psnr"),
        "copy_last_ssim": tally.mean("copy_ssim"),
        "gain_db": tally.mean("gain"),
        "gain_db_ci95": tally.interval("gain"),
        "moving_psnr": tally.mean("moving"),
        "copy_last_moving_psnr": tally.mean("copy_moving"),
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
        "hold_position_mae_m": tally.mean("hold_position"),
        "gripper_mae": tally.mean("gripper"),
        "hold_gripper_mae": tally.mean("hold_gripper"),
    }


def _execution(loops: list[tuple[str, str, ClosedLoop]]) -> dict[str, Any]:
    success: NDArray[np.bool_] = np.array([bool(loop.executed.success) for _, _, loop in loops])
    touched = [str(loop.executed.meta.get("first_touched") or "") == target for _, target, loop in loops if target]
    by_task = {}
    for kind in sorted({kind for kind, _, _ in loops}):
        mine = [bool(loop.executed.success) for k, _, loop in loops if k == kind]
        by_task[kind] = {"success_rate": round(float(np.mean(mine)), 4), "n": len(mine)}
    rate = float(success.mean())
    return {
        "success_rate": round(rate, 4),
        "success_ci95": wilson(int(success.sum()), len(success)),
        "by_task": by_task,
        "right_object_rate": round(float(np.mean(touched)), 4) if touched else None,
    }


def _consistency(tally: Tally) -> dict[str, Any] | None:
    if tally.mean("path_ade") is None:
        return None
    return {
        "stated_vs_read_path_ade_m": tally.mean("path_ade"),
        "stated_vs_read_path_fde_m": tally.mean("path_fde"),
        "reader_path_ade_m": tally.mean("reader_ade"),
        "reader_path_fde_m": tally.mean("reader_fde"),
        "staying_path_ade_m": tally.mean("stay_ade"),
        "staying_path_fde_m": tally.mean("stay_fde"),
        "moving_share": tally.mean("moving_share"),
        "static_share": round(float(np.mean([m < STILL for m in tally.rows.get("moving_share", [])])), 4),
    }

"""How good a model is on tabletop episodes it has not seen: video, actions, execution, consistency, latency.

Open loop: along each seed's scripted-expert episode the model imagines one horizon from every ``horizon``-th frame
and is compared, by time, with what the expert did; the controls (copy the last frame, hold still) see the same
frames. Where its video belongs to actions, physics runs them from the same state, and the picture is judged beside that
(``runs.picture``); where it can imagine 48 frames, so is the last third of 48. Closed loop: the model drives the
robot itself, as in ``wamviz execute``. Frame 0, the context, is never counted.

The result is the ``evaluate`` JSON of the design; parts that do not apply to a mode are None.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.core.rollout import Frames, ImagineRequest, Observation, Rollout, WorldState
from wamviz.metrics.actions import compare_actions, gripper_from_state
from wamviz.metrics.registry import Pair, applicable_metrics, joint_keys
from wamviz.metrics.trajectory import ade_fde, commanded_path
from wamviz.metrics.video import MOVING, compare_video
from wamviz.models.protocol import WorldActionModel, collect
from wamviz.models.registry import load
from wamviz.runs.accumulator import MetricAccumulator
from wamviz.runs.closed_loop import run_closed_loop
from wamviz.runs.evaluation_report import STILL, DrivenEpisode, EvaluationReport
from wamviz.runs.execution import why_not
from wamviz.runs.picture import LONG, PICTURED, THIRD, JudgedPicture, Physics, Played, actions_behind, hold_still, judge

READ_BACK = ("joint", "imagine_then_act", "forward_dynamics")  # what imagines video that comes with actions
RATE = 5.0  # Hz, of the tabletop
MAX_SEEDS = 2000
ProgressCall = Callable[[int, int, str], None]


def evaluate(
    model_id: str,
    mode: str,
    seeds: range,
    tasks: list[str] | None = None,
    device: str = "auto",
    progress: ProgressCall | None = None,
    *,
    model: WorldActionModel | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Measure one model in one mode; the arguments of ``measure``.

    Args:
        model: an already loaded model to use instead of ``model_id``'s.
    """
    check(seeds, tasks, str(options.get("wording", "usual")))  # before the weights are loaded
    model = model or load(model_id, device)
    return measure(model, mode, seeds, tasks, progress, **options).report(model.capabilities.model_id, seeds)


def check(seeds: range, tasks: list[str] | None, wording: str) -> None:
    """Raise ``WamvizError`` for seeds, tasks or a wording that cannot be measured."""
    from wamviz.worlds.tabletop import KINDS
    from wamviz.worlds.tabletop.wordings import WORDINGS

    if wording not in WORDINGS:
        raise unknown_name("wording", wording, WORDINGS)
    if not 1 <= len(seeds) <= MAX_SEEDS or seeds.start < 0:
        raise InvalidInput(
            f"Seeds {seeds.start}:{seeds.stop} give no episode.", f"Use A:B with at most {MAX_SEEDS} seeds."
        )
    for kind in tasks or []:
        if kind not in KINDS:
            raise unknown_name("task", kind, KINDS)


def measure(
    model: WorldActionModel,
    mode: str,
    seeds: range,
    tasks: list[str] | None = None,
    progress: ProgressCall | None = None,
    *,
    steps: int | None = None,
    execution: bool = True,
    wording: str = "usual",
    shared: Shared | None = None,
) -> EvaluationReport:
    """Measure one model in one mode.

    Args:
        seeds: scenes; each gives one expert episode of the natural task mix.
        tasks: only these kinds (each seed then plays one of them, in turn), or None for the natural mix.
        progress: called with episodes done, episodes in all, and a few words.
        execution: whether to drive the robot as well (the slow part).
        wording: one of ``wordings.WORDINGS``: how the model is told its task.
        shared: what modes have in common on the same seeds; filled here.

    Raises:
        WamvizError: bad seeds, tasks, wording or mode.
    """
    from wamviz.worlds.tabletop import TabletopEnv, record_episode

    check(seeds, tasks, wording)
    caps = model.capabilities
    caps.check_mode(mode)
    drives = execution and mode in ("joint", "imagine_then_act", "act_only") and "tabletop" in caps.worlds
    found = EvaluationReport(mode, steps or caps.default_steps, wording, driven=[] if drives else None)
    shared = shared or Shared()
    env = TabletopEnv(size=caps.frame_size[0] if caps.frame_size else 128, cameras=("exterior",))
    physics = Physics(env.size)
    started = time.perf_counter()
    try:
        for done, seed in enumerate(seeds):
            if progress is not None:
                progress(done, len(seeds), "episodes")
            wanted = tasks[done % len(tasks)] if tasks else None
            found.accumulator.next_episode()
            if seed not in shared.episodes:
                split = "heldout" if wording == "heldout" else "train"
                shared.episodes[seed] = record_episode(env, seed, kind=wanted, split=split)
            task = _open_loop(model, mode, physics, shared, seed, wording, steps, found)
            found.kinds.append(task.kind)
            found.expert.append(bool(shared.episodes[seed].success))
            if found.driven is not None:
                loop = run_closed_loop(
                    model, seed, task.judged, mode, prompt=task.prompt, steps=steps, env=env
                ).executed
                right = str(loop.meta.get("first_touched") or "") == task.first
                found.driven.append(DrivenEpisode(task.kind, bool(loop.success), right))
    finally:
        env.close()
        physics.close()
    if progress is not None:
        progress(len(seeds), len(seeds), "done")
    found.seconds = time.perf_counter() - started
    return found


@dataclass
class Shared:
    """What several modes have in common on the same seeds, so that it is made once.

    Attributes:
        episodes: the expert's, by seed.
        reader: the hand's path that inverse dynamics reads from recorded video, by seed and first frame.
    """

    episodes: dict[int, Any] = field(default_factory=dict)
    reader: dict[tuple[int, int], Any] = field(default_factory=dict)


class EvaluatedTask(NamedTuple):
    """An episode: its kind, the words that judge it, those that the model is told, and what to touch first."""

    kind: str
    judged: str
    prompt: str
    first: str


def _open_loop(
    model: WorldActionModel,
    mode: str,
    physics: Physics,
    shared: Shared,
    seed: int,
    wording: str,
    steps: int | None,
    found: EvaluationReport,
) -> EvaluatedTask:
    """Compare every horizon of one expert episode, told in the given wording."""
    from wamviz.worlds.tabletop import ACTION_SPACE, first_target
    from wamviz.worlds.tabletop.wordings import reword

    caps, accumulator = model.capabilities, found.accumulator
    episode = shared.episodes[seed]
    prompt = reword(episode.instruction, wording, np.random.default_rng([seed, 5]))
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
            prompt,
            states[start],
            WorldState("tabletop", seed, episode.snapshots[start]),
            {"exterior": episode.cameras["exterior"]},
            previous_action=actions[start - 1] if start else None,
        )
        request = ImagineRequest(
            observation,
            mode,
            seed % 2**31,
            steps=steps,
            actions=truth.actions if mode == "forward_dynamics" else None,
            video=truth.frames if mode == "inverse_dynamics" else None,
            horizon=None if mode in ("forward_dynamics", "inverse_dynamics") else caps.horizon,
        )
        began = time.perf_counter()
        imagined = collect(model, request).rollouts[0]
        accumulator.add(latency=time.perf_counter() - began)
        _compare(model, imagined, truth, mode, accumulator, shared, (seed, start))
        played = _picture(physics, request, imagined, (1, caps.horizon), found.pictures, (seed, start))
        if mode in READ_BACK and "inverse_dynamics" in caps.modes and imagined.frames is not None:
            _read_back(model, request, imagined, truth, played, accumulator, shared, (seed, start))
        if start == 0 and mode in PICTURED and caps.longest >= LONG:
            long = replace(request, horizon=LONG)
            if mode == "forward_dynamics":
                long = replace(long, actions=hold_still(actions, LONG))
            _picture(physics, long, collect(model, long).rollouts[0], THIRD, found.third_chunks, (seed, start))
    task = episode.task
    assert task is not None  # only play has none
    return EvaluatedTask(task.kind, episode.instruction, prompt, first_target(task))


def _picture(
    physics: Physics,
    request: ImagineRequest,
    imagined: Rollout,
    span: tuple[int, int],
    rows: list[JudgedPicture],
    where: tuple[int, int],
) -> Played | None:
    """Run the actions behind an imagined video and judge it from the first to the last frame of ``span``; else None."""
    world, actions = request.observation.world_state, actions_behind(imagined)
    if request.mode not in PICTURED or imagined.frames is None or actions is None or world is None:
        return None
    if why_not(world, actions, imagined.action_space) is not None:
        return None
    first, last = span[0], min(span[1], len(actions))
    if last < first:
        return None
    played = physics.play(world, actions, physics.moments(first, last))
    picture = judge(imagined, played)
    if picture is not None:
        rows.append(JudgedPicture(*where, picture))
    return played


def _compare(
    model: WorldActionModel,
    imagined: Rollout,
    truth: Rollout,
    mode: str,
    accumulator: MetricAccumulator,
    shared: Shared,
    where: tuple[int, int],
) -> None:
    assert truth.frames is not None and truth.states is not None
    for metric in applicable_metrics(given=mode == "forward_dynamics"):
        value = metric.measure(Pair(imagined, truth, truth.states[0])) if metric.measure else None
        if value is not None:
            reference = {metric.baseline.key: value.baseline} if metric.baseline else {}
            accumulator.add(
                **{f"{metric.part}.{key}": number for key, number in {metric.key: value.value, **reference}.items()}
            )
    if imagined.frames is not None:
        metrics = compare_video(imagined, truth)
        if metrics is not None:
            for name in joint_keys("video"):
                value = getattr(metrics, name)  # by frame, or one number over all frames
                for number in () if value is None else np.atleast_1d(value):
                    accumulator.add(**{name: number})
            for gain in metrics.psnr - metrics.copy_last_psnr:
                accumulator.add(gain=gain)
            moving, still = metrics.moving_psnr, metrics.copy_last_moving_psnr
            gained = None if moving is None or still is None else moving - still
            accumulator.add(moving_gain=gained)
    if imagined.actions is not None and mode != "forward_dynamics":
        errors = compare_actions(imagined, truth, gripper_from_state(truth.action_space, truth.states[0]))
        if errors is not None:
            accumulator.add(**{name: getattr(errors, name) for name in joint_keys("actions")})
            accumulator.add(
                position=float(np.mean(errors.mae_by_dim[:3])), hold_position=float(np.mean(errors.hold_mae_by_dim[:3]))
            )
            accumulator.add(gripper=float(errors.mae_by_dim[6]), hold_gripper=float(errors.hold_mae_by_dim[6]))


def _read_back(
    model: WorldActionModel,
    request: ImagineRequest,
    imagined: Rollout,
    truth: Rollout,
    played: Played | None,
    accumulator: MetricAccumulator,
    shared: Shared,
    where: tuple[int, int],
) -> None:
    """Stated (or given) actions against those that inverse dynamics reads from the imagined video, if anything moves.

    What the reader itself gets wrong on the recorded video, and how far the hand goes at all, stand beside it; and,
    where the actions are the model's own, where physics takes the hand that follows them.
    """
    assert imagined.frames is not None and imagined.actions is not None
    context = imagined.frames[0].astype(np.int16)
    moved = float((np.abs(imagined.frames[-1] - context) > MOVING).any(-1).mean())
    accumulator.add(moving_share=moved)
    if moved < STILL:  # a static future agrees with anything
        return
    state = request.observation.state

    def read(video: Frames | None) -> Any:
        question = ImagineRequest(request.observation, "inverse_dynamics", request.seed, steps=4, video=video)
        return commanded_path(collect(model, question).rollouts[0], state)

    seen, stated, recorded = read(imagined.frames), commanded_path(imagined, state), commanded_path(truth, state)
    if where not in shared.reader:
        shared.reader[where] = read(truth.frames)
    own = shared.reader[where]
    if stated is not None and seen is not None and (both := ade_fde(stated, seen, RATE)) is not None:
        accumulator.add(path_ade=both[0], path_fde=both[1])
    if recorded is not None and own is not None and (both := ade_fde(recorded, own, RATE)) is not None:
        accumulator.add(reader_ade=both[0], reader_fde=both[1])
    if stated is not None:
        away = np.linalg.norm(stated - stated[0], axis=1)
        accumulator.add(stay_ade=float(away.mean()), stay_fde=float(away[-1]))
    if request.mode != "forward_dynamics" and played is not None and seen is not None:
        if (both := ade_fde(seen, played.path.astype(np.float64), RATE)) is not None:
            accumulator.add(executed_ade=both[0])

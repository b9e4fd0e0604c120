"""A closed loop: the model imagines, physics executes the first actions of what it imagined, the model looks again.

Contract: ``stream_closed_loop`` drives the tabletop until success or a limit and says how it goes; whoever stops
listening stops it. ``run_closed_loop`` collects that. Both know models only by their protocol, and no page.
``loop_run`` puts what the model expected at each look (imagined), what physics made of it (executed) and the scripted
expert's run of the same scene (reference, when it is asked the same) into one ``Run``, so that a closed loop is kept,
reopened, compared and drawn like any other; ``write_loop`` writes the files of that run and says in ``rollout.json``
whether the task succeeded. Same inputs, same bits (of a deterministic model).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import Frames, ImagineRequest, Observation, Rollout
from wamviz.metrics.summary import summarise
from wamviz.models.protocol import WorldActionModel, collect
from wamviz.runs.execution import SIZE, WORLD, Record
from wamviz.runs.imagine import versions
from wamviz.runs.sources import expert_episode
from wamviz.runs.store import Run, run_id, write_run
from wamviz.runs.store.arrays import read_json, write_json

if TYPE_CHECKING:
    from wamviz.worlds.tabletop import TabletopEnv

EXECUTED_OF_CHUNK = 8  # actions taken before the model looks again: half of mini-WAM's chunk
LIMIT = 80  # actions of a closed loop, 16 s: twice what the scripted expert needs for the longest task


class ClosedLoop(NamedTuple):
    """What a closed loop leaves behind.

    Attributes:
        executed: what physics made of it, from reset to success or limit.
        imagined: what the model expected, each stretch from its own look; as long as ``executed``. Without frames
            where the model gave no video.
        context: the first observation.
        looks: how often the model imagined.
        seconds: what it took, imagining and physics together.
    """

    executed: Rollout
    imagined: Rollout
    context: Observation
    looks: int
    seconds: float


class LoopStep(NamedTuple):
    """How a closed loop stands.

    Attributes:
        taken, limit: actions so far, and at most.
        doing: a few words.
        expected: what the model imagined until now, frames (t, H, W, 3) a look, the context first.
        happened: what physics made of it, (H, W, 3) a moment, the context first.
    """

    taken: int
    limit: int
    doing: str
    expected: Sequence[Frames]
    happened: Sequence[Frames]


def run_closed_loop(
    model: WorldActionModel,
    seed: int,
    instruction: str | None = None,
    mode: str = "joint",
    *,
    progress: Callable[[int, int, str], None] | None = None,
    **options: Any,
) -> ClosedLoop:
    """Imagine a chunk, execute its first actions, look again; until success or the limit.

    Args:
        model, seed, instruction, mode, options: see ``stream_closed_loop``.
        progress: called with actions taken, the limit, and a few words.
    """
    for event in stream_closed_loop(model, seed, instruction, mode, **options):
        if isinstance(event, ClosedLoop):
            return event
        if progress is not None:
            progress(event.taken, event.limit, event.doing)
    raise AssertionError("a closed loop ends with what it leaves behind")


def stream_closed_loop(
    model: WorldActionModel,
    seed: int,
    instruction: str | None = None,
    mode: str = "joint",
    *,
    prompt: str | None = None,
    steps: int | None = None,
    sampling_seed: int = 0,
    execute: int = EXECUTED_OF_CHUNK,
    limit: int = LIMIT,
    size: int = SIZE,
    env: TabletopEnv | None = None,
) -> Iterator[LoopStep | ClosedLoop]:
    """Imagine a chunk, execute its first actions, look again; yields how it goes, and what it leaves behind at the end.

    Args:
        model: its actions must be the tabletop's.
        seed: the scene.
        instruction: what the robot is told; the scene's own task when None or blank.
        prompt: other words for ``instruction`` that the model is given; success is judged by ``instruction``.
        mode: one that gives actions from a context alone.
        steps: denoising steps a chunk, or None for the model's default.
        sampling_seed: chunk i is imagined with ``sampling_seed + i``.
        execute: actions taken of each chunk.
        limit: actions in all.
        size: pixels of the frames; the model scales them to its own size.
        env: a tabletop to act in and leave open, in place of a new one of ``size``; it must draw the exterior view.

    Raises:
        WamvizError: the model has no such mode, or none whose actions the tabletop could execute; at once.
    """
    check_can_act(model, mode)
    if execute < 1 or limit < 1:
        raise InvalidInput("A closed loop needs at least one action a look and one in all.")
    return _loop(model, seed, instruction, mode, prompt, steps, sampling_seed, execute, limit, size, env)


def _loop(
    model: WorldActionModel, seed: int, instruction: str | None, mode: str, prompt: str | None, steps: int | None,
    sampling_seed: int, execute: int, limit: int, size: int, env: TabletopEnv | None,
) -> Iterator[LoopStep | ClosedLoop]:  # fmt: skip
    from wamviz.worlds.tabletop import CAMERAS, TabletopEnv, task_for_seed

    started = time.perf_counter()
    camera = "exterior"
    views = [camera, *(name for name in CAMERAS if name != camera and name in model.capabilities.cameras)]
    with contextlib.ExitStack() as stack:
        env = env or stack.enter_context(contextlib.closing(TabletopEnv(size=size, cameras=(camera,))))
        env.reset(seed)
        task = instruction.strip() if instruction and instruction.strip() else task_for_seed(env).instruction
        prompt = prompt or task
        record = Record(env, camera, task)
        context = first = _look(env, views, prompt)
        expected: list[Frames] = [first.frame[None]]  # frame 0 is the context
        looked: list[int] = []  # actions taken before each look
        caps = model.capabilities
        horizon = None if caps.open_horizon is None else caps.horizon  # what lies beyond the next look is never used

        def step(doing: str) -> LoopStep:
            return LoopStep(len(record.actions), limit, doing, tuple(expected), tuple(record.frames))

        while not record.success and len(record.actions) < limit:
            yield step("imagining")
            request = ImagineRequest(context, mode, (sampling_seed + len(looked)) % 2**31, steps=steps, horizon=horizon)
            imagined = collect(model, request).rollouts[0]
            looked.append(len(record.actions))
            for _ in _take(record, imagined, min(execute, limit - looked[-1])):
                yield step("acting")
            if imagined.frames is not None:
                expected.append(imagined.frames[1 : len(record.actions) - looked[-1] + 1])
            context = _look(env, views, prompt)
        yield step("done" if record.success else "limit reached")
        facts = {
            "model": model.capabilities.model_id,
            "mode": mode,
            "looks": len(looked),
            "looked_at": looked,
            "execute": execute,
            "limit": limit,
            "sampling_seed": sampling_seed,
            "source": f"{WORLD}:{seed}",
        }
        executed = record.rollout(facts)
        imagined = _expectation(executed, expected, model, sampling_seed)
        yield ClosedLoop(executed, imagined, first, len(looked), round(time.perf_counter() - started, 3))


def check_can_act(model: WorldActionModel, mode: str) -> None:
    """Raise ``WamvizError`` unless ``model`` gives, in ``mode`` and from a context alone, actions of the tabletop."""
    caps = model.capabilities
    if mode in ("video", "forward_dynamics", "inverse_dynamics"):
        raise InvalidInput(
            f"Mode '{mode}' does not give actions from a context alone.", "Use joint, imagine_then_act or act_only."
        )
    caps.check_mode(mode)
    if WORLD not in caps.worlds:
        raise InvalidInput(f"The actions of {caps.title} cannot be executed in the {WORLD}.")


def _look(env: TabletopEnv, views: Sequence[str], instruction: str) -> Observation:
    """The present as a context, with every view that the model uses."""
    seen = env.observation(instruction)
    further = {name: env.render(name) for name in views if name not in seen.frames}
    cameras = {**seen.cameras, **{name: env.camera(name) for name in further}}
    return replace(seen, frames={**seen.frames, **further}, cameras=cameras)


def _take(record: Record, imagined: Rollout, count: int) -> Iterator[None]:
    """Execute up to ``count`` actions of a chunk, fewer when the task is done before; yields after each."""
    actions = imagined.actions
    if actions is None or not len(actions):
        raise InvalidInput("The model imagined no actions to execute.")
    for action in actions[:count]:
        record.step(action)
        yield
        if record.success:
            return


def _expectation(executed: Rollout, expected: list[Frames], model: WorldActionModel, seed: int) -> Rollout:
    """The stretches that the model imagined, in one rollout; no frames when it gave no video or another frame rate."""
    from wamviz.core.media import resize

    height, width = expected[-1].shape[1:3]
    frames = None
    if len(expected) > 1 and model.capabilities.video_fps == executed.fps:
        frames = np.concatenate([resize(part, height, width) for part in expected])  # (T, H, W, 3)
    return replace(
        executed,
        origin="imagined",
        frames=frames,
        states=None,
        success=None,
        seed=seed,
        camera_model=executed.camera_model.resized(width, height) if executed.camera_model else None,
        meta={key: executed.meta[key] for key in ("model", "mode", "looks", "looked_at", "execute", "source")},
    )


def loop_run(model: WorldActionModel, mode: str, loop: ClosedLoop) -> Run:
    """The run of one closed loop; its metrics are computed, nothing is written."""
    executed, context = loop.executed, loop.context
    digest = str(getattr(model, "weights_digest", ""))
    seed = int(executed.meta["sampling_seed"])
    expert = expert_episode(int(executed.meta["scene"]))
    identity = run_id(
        model=f"closed loop of {model.capabilities.model_id}",  # the same context imagined once is another run
        weights_digest=digest,
        frame=context.frame,
        instruction=executed.instruction,
        mode=mode,
        seed=seed,
        steps=None,
        samples=1,
        actions=executed.actions,
        state=context.state,
    )
    notes = [
        f"A closed loop: the model looked {loop.looks} times and acted on {executed.meta['execute']} actions a look."
    ]
    if "note" in executed.meta:
        notes.append(str(executed.meta["note"]))
    run = Run(
        id=identity,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        model=model.capabilities.model_id,
        weights_digest=digest,
        mode=mode,
        instruction=executed.instruction,
        seed=seed,
        steps=None,
        samples=1,
        source=context.source,
        imagined=(loop.imagined,),
        context=context.frame,
        reference=expert if expert.instruction == executed.instruction else None,
        executed=executed,
        timings={"total": loop.seconds},
        notes=tuple(notes),
        versions=versions(str(getattr(model, "device", "cpu"))),
        world_state=context.world_state,
        state=context.state,
        previous_action=context.previous_action,
    )
    return replace(run, metrics=summarise(run))


def write_loop(folder: Path, run: Run) -> None:
    """Write the files of a closed loop's run; ``rollout.json`` also says ``success``, ``task`` and ``scene``."""
    write_run(folder, run)
    executed = run.executed
    if executed is None:
        return
    facts = read_json(folder / "rollout.json")
    facts["success"] = executed.success
    for name in ("task", "target", "scene", "looks", "first_touched", "clipped"):
        facts[name] = executed.meta.get(name)
    facts["executed_actions"] = 0 if executed.actions is None else len(executed.actions)
    write_json(folder / "rollout.json", facts)

"""Acting it out: imagined actions meet physics, and the world says what came of them.

Contract: every frame made here comes out of the tabletop's physics. ``act_out`` executes given actions from an
exact state; ``run_closed_loop`` lets a model imagine, executes the first actions of what it imagined, and looks
again. Whether the task succeeded is the world's judgement; where the instruction cannot be read as a task of
the scene, success is None and ``meta["note"]`` says why. Same inputs, same bits (of a deterministic model).

It knows models only by their protocol, and no page. Axis letters: K actions, A = 7 action dims, D = 14 state
dims, T = K + 1 frames, H/W pixels.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import (
    ActionSpace,
    Floats,
    Frames,
    ImagineRequest,
    Observation,
    Rollout,
    WorldState,
    check_floats,
)
from wamviz.metrics.acted import SEEN, told_by_simulator
from wamviz.metrics.picture import MOVED, SIDE
from wamviz.models.baselines import TABLETOP_ACTIONS
from wamviz.models.protocol import WorldActionModel, collect

if TYPE_CHECKING:
    from wamviz.worlds.tabletop import TabletopEnv, Task

WORLD = "tabletop"
SIZE = 256  # pixels of what is executed for people to see
MAX_ACTIONS = 400
EXECUTED_OF_CHUNK = 8  # actions taken before the model looks again: half of mini-WAM's chunk
LIMIT = 80  # actions of a closed loop, 16 s: twice what the scripted expert needs for the longest task


class Acted(NamedTuple):
    """One executed action, for the eyes and the progress bar."""

    step: int
    steps: int
    frame: Frames  # (H, W, 3) uint8


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


def why_not(world_state: WorldState | None, actions: Floats | None, space: ActionSpace | None = None) -> str | None:
    """Why these actions cannot be executed, in one sentence; None when they can.

    Args:
        space: what their numbers mean; None takes them for the world's own.
    """
    if actions is None:
        return "This rollout has no actions to execute."
    if world_state is None:
        return "The context comes from a picture or a recording, not from a world whose exact state is known."
    if world_state.world != WORLD:
        return f"The context lies in the world '{world_state.world}'; only the {WORLD} can execute actions here."
    if actions.ndim != 2 or actions.shape[1] != 7:
        return f"The {WORLD} takes actions of 7 numbers, not {actions.shape[-1]}."
    return None if space is None else _foreign(space)


def _foreign(space: ActionSpace) -> str | None:
    """Why seven numbers are not the tabletop's: executed as they stand, another robot's would mean something else."""
    own = TABLETOP_ACTIONS
    hand = space.gripper_index is None or (space.gripper_index, space.gripper_closed) == (
        own.gripper_index,
        own.gripper_closed,
    )
    if hand and (space.kind, space.units) == (own.kind, own.units) and abs(space.rate - own.rate) < 1e-6:
        return None
    ours, theirs = (
        f"{one.kind} ({', '.join(dict.fromkeys(unit or 'unit not known' for unit in one.units))}) at {one.rate:g} Hz"
        for one in (own, space)
    )
    closed = "" if hand else f", whose gripper is closed at {space.gripper_closed:g}"
    return f"The {WORLD} takes actions of kind {ours}; these are of kind {theirs}{closed}."


def act_out(
    world_state: WorldState | None,
    actions: Floats | None,
    instruction: str = "",
    *,
    size: int = SIZE,
    camera: str = "exterior",
    space: ActionSpace | None = None,
) -> Iterator[Acted | Rollout]:
    """Execute ``actions`` from ``world_state``; yields one ``Acted`` an action and ends with the executed ``Rollout``.

    Args:
        world_state: the state of the context.
        actions: (K, 7) in the tabletop's units; parts beyond its limits are clipped, and ``meta["clipped"]`` counts
            the actions concerned.
        instruction: judged as a task of the scene.
        size, camera: what is drawn.
        space: see ``why_not``.

    Raises:
        WamvizError: the actions cannot be executed from there; raised at once, before anything is yielded.
    """
    reason = why_not(world_state, None if actions is None else np.asarray(actions), space)
    if reason is not None or world_state is None or actions is None:
        raise WamvizError(reason or "", "Choose a context from the shipped episodes or from tabletop:SEED.")
    checked = check_floats(actions, "The actions", 7)
    if not 1 <= len(checked) <= MAX_ACTIONS:
        raise WamvizError(f"{len(checked)} actions cannot be executed.", f"1 .. {MAX_ACTIONS} can.")
    return _act(world_state, checked, instruction, size, camera)


def _act(state: WorldState, actions: Floats, instruction: str, size: int, camera: str) -> Iterator[Acted | Rollout]:
    from wamviz.worlds.tabletop import TabletopEnv

    with contextlib.closing(TabletopEnv(size=size, cameras=(camera,))) as env:
        env.restore(state.seed, state.snapshot)
        record = _Record(env, camera, instruction)
        for index, action in enumerate(actions):
            record.step(action)
            yield Acted(index + 1, len(actions), record.frames[-1])
        yield record.rollout({"source": f"{WORLD}:{state.seed}"})


def closed_loop(
    model: WorldActionModel, seed: int, instruction: str | None = None, mode: str = "joint", **options: Any
) -> Rollout:
    """The executed rollout of ``run_closed_loop``, which takes the same arguments."""
    return run_closed_loop(model, seed, instruction, mode, **options).executed


def run_closed_loop(
    model: WorldActionModel,
    seed: int,
    instruction: str | None = None,
    mode: str = "joint",
    *,
    told: str | None = None,
    steps: int | None = None,
    sampling_seed: int = 0,
    execute: int = EXECUTED_OF_CHUNK,
    limit: int = LIMIT,
    size: int = SIZE,
    env: TabletopEnv | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> ClosedLoop:
    """Imagine a chunk, execute its first actions, look again; until success or the limit.

    Args:
        model: its actions must be the tabletop's.
        seed: the scene.
        instruction: what the robot is told; the scene's own task when None or blank.
        told: other words for ``instruction`` that the model is given; success is judged by ``instruction``.
        mode: one that gives actions from a context alone.
        steps: denoising steps a chunk, or None for the model's default.
        sampling_seed: chunk i is imagined with ``sampling_seed + i``.
        execute: actions taken of each chunk.
        limit: actions in all.
        size: pixels of the frames; the model scales them to its own size.
        env: a tabletop to act in and leave open, in place of a new one of ``size``; it must draw the exterior view.
        progress: called with actions taken, the limit, and a few words.

    Raises:
        WamvizError: the model has no such mode, or none whose actions the tabletop could execute.
    """
    from wamviz.worlds.tabletop import CAMERAS, TabletopEnv, task_for_seed

    started = time.perf_counter()
    check_can_act(model, mode)
    if execute < 1 or limit < 1:
        raise WamvizError("A closed loop needs at least one action a look and one in all.")
    camera = "exterior"
    views = [camera, *(name for name in CAMERAS if name != camera and name in model.capabilities.cameras)]
    with contextlib.ExitStack() as stack:
        env = env or stack.enter_context(contextlib.closing(TabletopEnv(size=size, cameras=(camera,))))
        env.reset(seed)
        asked = instruction.strip() if instruction and instruction.strip() else task_for_seed(env).instruction
        told = told or asked
        record = _Record(env, camera, asked)
        context = first = _look(env, views, told)
        expected: list[Frames] = [first.frame[None]]  # frame 0 is the context
        looks = 0
        caps = model.capabilities
        horizon = None if caps.open_horizon is None else caps.horizon  # what lies beyond the next look is never used
        while not record.success and len(record.actions) < limit:
            if progress is not None:
                progress(len(record.actions), limit, "imagining")
            request = ImagineRequest(context, mode, (sampling_seed + looks) % 2**31, steps=steps, horizon=horizon)
            imagined = collect(model, request).rollouts[0]
            looks += 1
            taken = _take(record, imagined, min(execute, limit - len(record.actions)), progress, limit)
            if imagined.frames is not None:
                expected.append(imagined.frames[1 : taken + 1])
            context = _look(env, views, told)
        if progress is not None:
            progress(len(record.actions), limit, "done" if record.success else "limit reached")
        facts = {
            "model": model.capabilities.model_id,
            "mode": mode,
            "looks": looks,
            "execute": execute,
            "limit": limit,
            "sampling_seed": sampling_seed,
            "source": f"{WORLD}:{seed}",
        }
        executed = record.rollout(facts)
        imagined = _expectation(executed, expected, model, sampling_seed)
        return ClosedLoop(executed, imagined, first, looks, round(time.perf_counter() - started, 3))


def check_can_act(model: WorldActionModel, mode: str) -> None:
    """Raise ``WamvizError`` unless ``model`` gives, in ``mode`` and from a context alone, actions of the tabletop."""
    caps = model.capabilities
    if mode in ("video", "forward_dynamics", "inverse_dynamics"):
        raise WamvizError(
            f"Mode '{mode}' does not give actions from a context alone.", "Use joint, imagine_then_act or act_only."
        )
    if mode not in caps.modes:
        raise WamvizError(f"{caps.title} has no mode '{mode}'.", f"Its modes are: {', '.join(caps.modes)}.")
    if WORLD not in caps.worlds:
        raise WamvizError(f"The actions of {caps.title} cannot be executed in the {WORLD}.")


class _Record:
    """What happens in one environment from now on: frames, states, actions, and the judgement."""

    def __init__(self, env: TabletopEnv, camera: str, instruction: str) -> None:
        self._env, self._camera, self._instruction = env, camera, instruction
        self._task, self._note = _task(env, instruction)
        self._clipped = 0
        self._touched: str | None = None
        start = env.observation()
        assert start.state is not None  # the tabletop always knows it
        self.frames: list[Frames] = [start.frames[camera]]
        self._start = {name: env.position(name) for name in env.present}
        self._masks = [env.segment(camera, SIDE)] if 2 * env.size >= SIDE else []
        self.states: list[Floats] = [start.state]
        self.actions: list[Floats] = []
        self.success = False

    def step(self, action: Floats) -> None:
        """Execute one action (7,). A task once done counts as done."""
        from wamviz.worlds.tabletop import success

        seen, _, _, _, info = self._env.step(action)
        self._clipped += bool(info["clipped"])
        self.frames.append(seen.frames[self._camera])
        if self._masks:
            self._masks.append(self._env.segment(self._camera, SIDE))
        self.states.append(seen.state)
        self.actions.append(action)
        if self._task is not None and not self.success:
            self.success = success(self._env, self._task)

    def rollout(self, facts: dict[str, Any]) -> Rollout:
        """Everything recorded so far as one executed rollout."""
        from wamviz.worlds.tabletop import SEGMENTS, STATE_NAMES

        env, task = self._env, self._task
        meta = {
            **facts,
            "world": WORLD,
            "scene": env.seed,
            "task": None if task is None else task.kind,
            "target": None if task is None else task.target,
            "first_touched": env.first_touched(),
            "clipped": self._clipped,
            "state_names": list(STATE_NAMES),
        }
        if self._masks:
            moved = [name for name, place in self._start.items() if np.linalg.norm(env.position(name) - place) > MOVED]
            meta[SEEN] = told_by_simulator(np.stack(self._masks), SEGMENTS, moved)
        if self._note:
            meta["note"] = self._note
        return Rollout(
            origin="executed",
            frames=np.stack(self.frames),  # (T, H, W, 3)
            fps=env.action_space.rate,
            actions=np.stack(self.actions) if self.actions else np.zeros((0, 7), np.float32),
            action_space=env.action_space,
            states=np.stack(self.states),  # (K + 1, D)
            instruction=self._instruction,
            camera=self._camera,
            camera_model=env.camera(self._camera),
            success=None if task is None else self.success,
            meta=meta,
        )


def _task(env: TabletopEnv, instruction: str) -> tuple[Task | None, str]:
    """The instruction as a task of the present scene, or None and why not."""
    from wamviz.worlds.tabletop import parse

    if not instruction.strip():
        return None, "There is no instruction, so success cannot be told."
    try:
        return parse(instruction, env), ""
    except WamvizError as error:
        return None, f"Success cannot be told: {error.message}"


def _look(env: TabletopEnv, views: Sequence[str], instruction: str) -> Observation:
    """The present as a context, with every view that the model uses."""
    seen = env.observation(instruction)
    further = {name: env.render(name) for name in views if name not in seen.frames}
    cameras = {**seen.cameras, **{name: env.camera(name) for name in further}}
    return replace(seen, frames={**seen.frames, **further}, cameras=cameras)


def _take(
    record: _Record, imagined: Rollout, count: int, progress: Callable[[int, int, str], None] | None, limit: int
) -> int:
    """Execute up to ``count`` actions of a chunk, fewer when the task is done before; return how many."""
    actions = imagined.actions
    if actions is None or not len(actions):
        raise WamvizError("The model imagined no actions to execute.")
    for index, action in enumerate(actions[:count]):
        record.step(action)
        if progress is not None:
            progress(len(record.actions), limit, "acting")
        if record.success:
            return index + 1
    return min(count, len(actions))


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
        meta={key: executed.meta[key] for key in ("model", "mode", "looks", "execute", "source")},
    )

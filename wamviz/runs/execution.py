"""Acting it out: imagined actions meet physics, and the world says what came of them.

Contract: every frame made here comes out of the tabletop's physics. ``act_out`` executes given actions from an
exact state. Whether the task succeeded is the world's judgement; where the instruction cannot be read as a task of
the scene, success is None and ``meta["note"]`` says why. Same inputs, same bits.

It knows no model and no page. Axis letters: K actions, A = 7 action dims, D = 14 state dims, T = K + 1 frames, H/W
pixels.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wamviz.core.action_spaces import TABLETOP_ACTIONS
from wamviz.core.errors import InvalidInput, WamvizError
from wamviz.core.rollout import (
    ActionSpace,
    Floats,
    Frames,
    Rollout,
    WorldState,
    check_floats,
)
from wamviz.metrics.acted import SEEN, pack_simulator_masks
from wamviz.metrics.picture import MOVED, SIDE

if TYPE_CHECKING:
    from wamviz.worlds.tabletop import TabletopEnv, Task

WORLD = "tabletop"
SIZE = 256  # pixels of what is executed for people to see
MAX_ACTIONS = 400


class Acted(NamedTuple):
    """One executed action, for the eyes and the progress bar."""

    step: int
    steps: int
    frame: Frames  # (H, W, 3) uint8


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
        raise InvalidInput(reason or "", "Choose a context from the shipped episodes or from tabletop:SEED.")
    checked = check_floats(actions, "The actions", 7)
    if not 1 <= len(checked) <= MAX_ACTIONS:
        raise InvalidInput(f"{len(checked)} actions cannot be executed.", f"1 .. {MAX_ACTIONS} can.")
    return _act(world_state, checked, instruction, size, camera)


def _act(state: WorldState, actions: Floats, instruction: str, size: int, camera: str) -> Iterator[Acted | Rollout]:
    from wamviz.worlds.tabletop import TabletopEnv

    with contextlib.closing(TabletopEnv(size=size, cameras=(camera,))) as env:
        env.restore(state.seed, state.snapshot)
        record = Record(env, camera, instruction)
        for index, action in enumerate(actions):
            record.step(action)
            yield Acted(index + 1, len(actions), record.frames[-1])
        yield record.rollout({"source": f"{WORLD}:{state.seed}"})


class Record:
    """What happens in one environment from now on: frames, states, actions, and the judgement."""

    def __init__(self, env: TabletopEnv, camera: str, instruction: str) -> None:
        self._env, self._camera, self._instruction = env, camera, instruction
        self._task, self._note = read_task(env, instruction)
        self._clipped = 0
        self._touched: str | None = None
        start = env.observation()
        assert start.state is not None  # the tabletop always knows it
        self.frames: list[Frames] = [start.frames[camera]]
        self._start = {name: env.position(name) for name in env.present}
        self._masks = [env.segment(camera, SIDE)] if 2 * env.size >= SIDE else []
        self.states: list[Floats] = [start.state]
        self.actions: list[Floats] = []
        self.progress: list[float] = []  # of the task after each action, 0 .. 1
        self.success = False

    def step(self, action: Floats) -> None:
        """Execute one action (7,). A task once done counts as done."""
        from wamviz.worlds.tabletop import progress, success

        seen, _, _, _, info = self._env.step(action)
        self._clipped += bool(info["clipped"])
        self.frames.append(seen.frames[self._camera])
        if self._masks:
            self._masks.append(self._env.segment(self._camera, SIDE))
        self.states.append(seen.state)
        self.actions.append(action)
        if self._task is not None:
            self.success = self.success or success(self._env, self._task)
            self.progress.append(1.0 if self.success else float(progress(self._env, self._task)))

    def rollout(self, facts: dict[str, Any]) -> Rollout:
        """Everything recorded so far as one executed rollout."""
        from wamviz.worlds.tabletop import SEGMENTS, STATE_NAMES, progress

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
            meta[SEEN] = pack_simulator_masks(np.stack(self._masks), SEGMENTS, moved)
        if task is not None:
            meta["progress"] = 1.0 if self.success else progress(env, task)  # 0 .. 1
            meta["progress_by_action"] = [round(value, 4) for value in self.progress]
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


def read_task(env: TabletopEnv, instruction: str) -> tuple[Task | None, str]:
    """The instruction as a task of the present scene, or None and why not."""
    from wamviz.worlds.tabletop import parse

    if not instruction.strip():
        return None, "There is no instruction, so success cannot be told."
    try:
        return parse(instruction, env), ""
    except WamvizError as error:
        return None, f"Success cannot be told: {error.message}"

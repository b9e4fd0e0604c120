"""Recorded episodes: the expert at work, the expert disturbed, and aimless play.

Contract: ``record_episode(env, seed)`` depends on the seed, the kind and the style alone; the same call gives the same
bits (within one MuJoCo version). Failures are kept and flagged: a model of the world has to see them.

Axis letters: T actions, so T + 1 frames, states and snapshots; frame 0 comes before the first action.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import mujoco
import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.core.rollout import Camera, Floats, Frames
from wamviz.core.rotation import wrap_angle, yaw_of
from wamviz.worlds.tabletop.contract import (
    ACTION_SPACE,
    STATE_NAMES,
    STREAM_STYLE,
    TabletopObservation,
    check_seed,
    stream,
)
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.expert import Expert
from wamviz.worlds.tabletop.objects import MOVABLE
from wamviz.worlds.tabletop.tasks import Task, remaining, success, task_for_seed

STYLES = ("expert", "perturbed", "play")
MAX_STEPS = 90

_KICK_FROM, _KICK_UNTIL = 4, 20  # the action at which a disturbance begins is drawn from here
_KICK_LENGTH = 2  # actions
_KICK_MOVE, _KICK_TURN = 0.055, 0.35  # m and rad an action, at most
_KICK_DROPS = 0.3  # share of disturbances that also open the hand
_PLAY_STEPS = (30, 50)
_PLAY_NEAR = 0.65  # share of play goals near an object


@dataclass(frozen=True)
class TabletopEpisode:
    """One recorded episode.

    Attributes:
        seed: of the scene; a training, validation or shipped seed by its range.
        task: what was to be done, or None for play.
        instruction: the words; empty for play.
        success: whether the task was done at the end; None for play, which has no goal.
        frames: camera name to (T + 1, H, W, 3) uint8; empty when the environment does not render.
        states: (T + 1, 14) float32, see ``contract.STATE_NAMES``.
        actions: (T, 7) float32, as they were executed (after clipping).
        snapshots: (T + 1, S) float64 for ``TabletopEnv.restore(seed, snapshot)``.
        positions: (T + 1, 1 + M, 3) float32 m, of the lever and of ``objects.MOVABLE`` in their order; NaN if absent.
        yaws: (T + 1, 1 + M) float32 rad about the vertical, of the toaster and of the same things; NaN if absent.
        cameras: calibration at the first frame (the wrist camera moves on with the hand).
        style: one of ``STYLES``.
        mujoco_version: under which it was recorded; other versions give other bits.
    """

    seed: int
    task: Task | None
    instruction: str
    success: bool | None
    frames: Mapping[str, Frames]
    states: Floats
    actions: Floats
    snapshots: NDArray[np.float64]
    positions: Floats
    yaws: Floats
    cameras: Mapping[str, Camera] = field(default_factory=dict)
    style: str = "expert"
    mujoco_version: str = mujoco.__version__

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            raise unknown_name("style", self.style, STYLES)
        count = len(self.actions)
        if self.actions.shape != (count, ACTION_SPACE.dim) or self.states.shape != (count + 1, len(STATE_NAMES)):
            raise InvalidInput(f"Actions {self.actions.shape} and states {self.states.shape} do not belong together.")
        lengths = {len(self.snapshots), len(self.positions), len(self.yaws)}
        lengths |= {len(frames) for frames in self.frames.values()}
        if lengths != {count + 1}:
            raise InvalidInput(
                f"{count} actions need {count + 1} frames, snapshots, positions and yaws, not {sorted(lengths)}."
            )


def record_episode(
    env: TabletopEnv, seed: int, kind: str | None = None, style: str = "expert", max_steps: int = MAX_STEPS,
    split: str = "train",
) -> TabletopEpisode:  # fmt: skip
    """Reset ``env`` to ``seed`` and record one episode.

    Args:
        env: renders the cameras that it was created with, or none.
        seed: of scene, task, words and noise.
        kind: task kind; None draws from the natural mix. Ignored for play.
        style: ``expert``, ``perturbed`` (a push mid-way, from which the expert recovers) or ``play`` (aimless).
        max_steps: the most actions.
        split: ``train`` or ``heldout`` phrasings.

    Raises:
        InvalidInput: unknown style or kind, bad seed, or the scene does not allow the kind.

    >>> episode = record_episode(TabletopEnv(render=False), seed=1_000_000, kind="pick")
    >>> episode.success, episode.actions.shape[1]
    (True, 7)
    """
    if style not in STYLES:
        raise unknown_name("style", style, STYLES)
    if max_steps < 1:
        raise InvalidInput(f"An episode needs at least one step, not {max_steps}.")
    seed = check_seed(seed)
    first, _ = env.reset(seed)
    rng = stream(seed, STREAM_STYLE + STYLES.index(style))
    task = None if style == "play" else task_for_seed(env, kind, split)
    if task is None:
        actor = _play(env, rng, max_steps)
    else:
        actor = _act(env, task, rng, disturbed=style == "perturbed")
    return _record(env, first, actor, task, style, max_steps)


def record_rest(env: TabletopEnv, task: Task, rng: np.random.Generator, max_steps: int = MAX_STEPS) -> TabletopEpisode:
    """Let the expert take over in the present state and record what it does from here on.

    What is done already is not done again: of lever-then-pick, only the pick is left once the lever is down.
    """
    actor = _act(env, remaining(env, task), rng, disturbed=False)
    return _record(env, env.observe(), actor, task, "expert", max_steps)


def _record(
    env: TabletopEnv, first: TabletopObservation, actor: Iterator[NDArray[np.float32]], task: Task | None,
    style: str, max_steps: int,
) -> TabletopEpisode:  # fmt: skip
    """Act until the actor is done; the present state is frame 0."""
    cameras = {name: env.camera(name) for name in env.cameras}
    observations, actions, snapshots = [first], [], [env.snapshot()]
    positions, yaws = [_positions(env)], [_yaws(env)]
    low, high = np.array(ACTION_SPACE.low, np.float32), np.array(ACTION_SPACE.high, np.float32)
    for action in actor:
        executed = np.clip(action, low, high).astype(np.float32)
        observations.append(env.step(executed)[0])
        actions.append(executed)
        snapshots.append(env.snapshot())
        positions.append(_positions(env))
        yaws.append(_yaws(env))
        if len(actions) >= max_steps:
            break
    return TabletopEpisode(
        seed=env.seed,
        task=task,
        instruction="" if task is None else task.instruction,
        success=None if task is None else success(env, task),
        frames={name: np.stack([o.frames[name] for o in observations]) for name in env.cameras},
        states=np.stack([o.state for o in observations]),
        actions=np.array(actions, np.float32).reshape(-1, ACTION_SPACE.dim),
        snapshots=np.stack(snapshots),
        positions=np.stack(positions),
        yaws=np.stack(yaws),
        cameras=cameras,
        style=style,
    )


def _positions(env: TabletopEnv) -> Floats:
    """Where the lever and every movable thing are, (1 + M, 3) float32."""
    nowhere = np.full(3, np.nan)
    things = [env.position(name) if name in env.present else nowhere for name in MOVABLE]
    return np.array([env.lever_position(), *things], np.float32)


def _yaws(env: TabletopEnv) -> Floats:
    """How the toaster and every movable thing are turned, (1 + M,) float32."""
    things = [env.yaw(name) if name in env.present else np.nan for name in MOVABLE]
    return np.array([env.layout.toaster.yaw, *things], np.float32)


def _act(env: TabletopEnv, task: Task, rng: np.random.Generator, disturbed: bool) -> Iterator[NDArray[np.float32]]:
    """The expert's actions; when ``disturbed``, a kick comes in between and the expert plans anew."""
    expert = Expert(env, task, rng)
    kick_at = int(rng.integers(_KICK_FROM, _KICK_UNTIL)) if disturbed else -1
    step = 0
    while True:
        if step == kick_at:
            direction = rng.normal(0, 1, 3) * [1, 1, 0.6]
            move = direction / np.linalg.norm(direction) * rng.uniform(0.5, 1) * _KICK_MOVE
            turn = rng.uniform(-1, 1, 3) * [0.15, 0.15, 1] * _KICK_TURN
            gripper = 0.0 if rng.random() < _KICK_DROPS else env.gripper_command
            for _ in range(_KICK_LENGTH):
                yield np.array([*move, *turn, gripper], np.float32)
            expert.replan()
        action = expert.act()
        if action is None:
            return
        yield action
        step += 1


def _play(env: TabletopEnv, rng: np.random.Generator, max_steps: int) -> Iterator[NDArray[np.float32]]:
    """Smooth wandering from goal to goal, many of them at objects, with the hand opening and closing."""
    velocity, spin = np.zeros(3), 0.0
    goal, yaw, gripper, left = np.zeros(3), 0.0, 0.0, 0
    for _ in range(min(max_steps, int(rng.integers(*_PLAY_STEPS)))):
        position, rotation = env.commanded_pose()
        if left <= 0 or np.linalg.norm(goal - position) < 0.02:
            goal, yaw, left = _play_goal(env, rng), float(rng.uniform(-1.6, 1.6)), int(rng.integers(6, 14))
            if rng.random() < 0.45:
                gripper = float(rng.choice([0.0, 1.0, rng.random()]))
        left -= 1
        way = goal - position
        wanted = way * min(1.0, 0.05 / (float(np.linalg.norm(way)) + 1e-9))
        velocity = 0.55 * velocity + 0.45 * wanted + rng.normal(0, 0.003, 3)
        spin = 0.6 * spin + 0.4 * float(np.clip(wrap_angle(yaw - yaw_of(rotation)), -0.25, 0.25))
        yield np.array([*velocity, *rng.normal(0, 0.01, 2), spin, gripper], np.float32)


def _play_goal(env: TabletopEnv, rng: np.random.Generator) -> NDArray[np.float64]:
    """A place to wander to: at an object, at the lever, or anywhere above the table."""
    anywhere = rng.uniform([0.33, -0.32, 0.03], [0.68, 0.36, 0.34])
    if rng.random() > _PLAY_NEAR:
        return anywhere
    things = [env.position(name) for name in env.present] + [env.lever_position()]
    near = things[int(rng.integers(len(things)))] + rng.normal(0, 0.02, 3)
    near[2] = max(0.02, near[2] + rng.uniform(-0.01, 0.05))
    return near

"""What the tabletop's scripted expert does from a state when it is told something: the truth for any words it knows."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ActionSpace, Observation, Rollout, WorldState

if TYPE_CHECKING:
    from wamviz.worlds.tabletop import TabletopEpisode

EXPERT = "scripted expert, executed in physics"


def expert_doing(world: WorldState, parts: Sequence[str], size: int = 256) -> Rollout:
    """The expert's run from a state of the tabletop, exterior view: one task after the other, as far as it gets.

    Args:
        world: where it starts.
        parts: what it is told, a single task each.
        size: of the square frames, pixels.

    Raises:
        WamvizError: the words are no task of that scene.
    """
    from wamviz.worlds.tabletop import TabletopEnv, parse, record_rest, success

    with contextlib.closing(TabletopEnv(size=size, cameras=("exterior",))) as env:
        env.restore(world.seed, world.snapshot)
        tasks = [parse(part, env) for part in parts]  # in the words of the start: "the leftmost block" stays the same
        rng = np.random.default_rng([world.seed, len(tasks)])
        episodes = [record_rest(env, task, rng) for task in tasks]
        done = all(success(env, task) for task in tasks)
        return expert_rollout(episodes, env.action_space, ", then ".join(parts), done)


def expert_answer(observation: Observation, parts: Sequence[str]) -> Rollout | None:
    """What the expert does from an observation of the tabletop when it is told ``parts``; kept for the next who asks.

    None where there is no world to do it in, the words are no task of that scene, or nothing is left to do.
    """
    world = observation.world_state
    if world is None or world.world != "tabletop" or not parts:
        return None
    size = max(frame.shape[0] for frame in observation.frames.values())
    snapshot = None if world.snapshot is None else np.asarray(world.snapshot, np.float64).tobytes()
    try:
        answer = _answer(world.seed, snapshot, tuple(parts), size)
    except WamvizError:
        return None
    return answer if answer.actions is not None and len(answer.actions) else None


@lru_cache(maxsize=8)  # 10 MB each
def _answer(seed: int, snapshot: bytes | None, parts: tuple[str, ...], size: int) -> Rollout:
    state = None if snapshot is None else np.frombuffer(snapshot)
    return expert_doing(WorldState("tabletop", seed, state), parts, size)


def expert_rollout(episodes: Sequence[TabletopEpisode], space: ActionSpace, instruction: str, success: bool) -> Rollout:
    """Episodes of one scene, each going on where the one before ended, as one rollout of the exterior view."""
    from wamviz.worlds.tabletop import STATE_NAMES

    first, *later = episodes
    return Rollout(
        origin="executed",
        frames=np.concatenate([first.frames["exterior"], *(one.frames["exterior"][1:] for one in later)]),
        fps=space.rate,
        actions=np.concatenate([one.actions for one in episodes]),  # (K, 7)
        action_space=space,
        states=np.concatenate([first.states, *(one.states[1:] for one in later)]),  # (K + 1, D)
        instruction=instruction,
        camera="exterior",
        camera_model=first.cameras["exterior"],
        success=success,
        meta={
            "by": EXPERT,
            "task": first.task.kind if first.task is not None and not later else None,
            "source": f"tabletop:{first.seed}",
            "state_names": list(STATE_NAMES),
        },
    )

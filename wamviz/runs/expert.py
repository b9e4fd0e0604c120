"""What the tabletop's scripted expert does from a state when it is told something: the truth for any words it knows."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np

from wamviz.core.rollout import Rollout, WorldState

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
    from wamviz.worlds.tabletop import STATE_NAMES, TabletopEnv, parse, record_rest, success

    with contextlib.closing(TabletopEnv(size=size, cameras=("exterior",))) as env:
        env.restore(world.seed, world.snapshot)
        tasks = [parse(part, env) for part in parts]  # in the words of the start: "the leftmost block" stays the same
        rng = np.random.default_rng([world.seed, len(tasks)])
        episodes = [record_rest(env, task, rng) for task in tasks]
        frames = [episode.frames["exterior"] for episode in episodes]
        return Rollout(
            origin="executed",
            frames=np.concatenate([frames[0], *(later[1:] for later in frames[1:])]),  # (K + 1, H, W, 3) uint8
            fps=env.action_space.rate,
            actions=np.concatenate([episode.actions for episode in episodes]),  # (K, 7)
            action_space=env.action_space,
            states=np.concatenate([episodes[0].states, *(later.states[1:] for later in episodes[1:])]),  # (K + 1, D)
            instruction=", then ".join(parts),
            camera="exterior",
            camera_model=episodes[0].cameras["exterior"],
            success=all(success(env, task) for task in tasks),
            meta={"by": EXPERT, "task": tasks[0].kind if len(tasks) == 1 else None,
                  "source": f"tabletop:{world.seed}", "state_names": list(STATE_NAMES)},
        )  # fmt: skip

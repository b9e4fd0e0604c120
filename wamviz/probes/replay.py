"""What physics makes of a sample's actions, looked at step by step: the evidence of the judges that know.

Undrawn, so that a thousand samples can be judged on a laptop. Axis letters: K actions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Floats, WorldState
from wamviz.metrics.picture import MOVED
from wamviz.runs.execution import MAX_ACTIONS, why_not
from wamviz.worlds.tabletop import ACTION_SPACE, TabletopEnv, first_target, parse, success
from wamviz.worlds.tabletop.tasks.base import Task


@dataclass(frozen=True)
class Replay:
    """What happened.

    Attributes:
        done: for each part, after how many actions it was first done; None where it never was.
        meant: what the parts are about.
        wanted: what should be touched first, or None where no part says so; touched: what was.
        moved: the objects that lie more than 3 cm from where they lay.
    """

    done: tuple[int | None, ...]
    meant: tuple[str, ...]
    wanted: str | None
    touched: str | None
    moved: tuple[str, ...]


def replay(world: WorldState | None, actions: Floats | None, parts: Sequence[str]) -> Replay | None:
    """Execute actions (K, 7) from the state of a context; None where nobody can, see ``execution.why_not``.

    A part that is no task of the scene counts as never done: the suite asked for what is not there.
    """
    if world is None or actions is None or why_not(world, actions, ACTION_SPACE) is not None:
        return None
    with contextlib.closing(TabletopEnv(render=False)) as env:
        env.restore(world.seed, world.snapshot)
        tasks = [_task(env, part) for part in parts]
        start = {name: env.position(name) for name in env.present}
        done: list[int | None] = [None] * len(tasks)
        for step, action in enumerate(actions[:MAX_ACTIONS], 1):
            env.step(action)
            for k, task in enumerate(tasks):
                if done[k] is None and task is not None and success(env, task):
                    done[k] = step
        moved = tuple(name for name, place in start.items() if np.linalg.norm(env.position(name) - place) > MOVED)
        meant = {name for task in tasks if task for name in (task.target, task.destination) if name}
        wanted = first_target(tasks[0]) if tasks and tasks[0] is not None else None
        return Replay(tuple(done), tuple(sorted(meant)), wanted, env.first_touched(), moved)


def _task(env: TabletopEnv, part: str) -> Task | None:
    try:
        return parse(part, env)
    except WamvizError:
        return None

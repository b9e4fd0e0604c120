"""Drawing a task for a scene, and putting it in words.

All randomness comes from the generator that is passed in; a seed's own task has a stream of its own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.worlds.tabletop import referring
from wamviz.worlds.tabletop.contract import STREAM_TASK, stream
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.tasks.base import SPLITS, Task, find_kind, kind_of, registered_tasks

# How people are polite; the empty frame is by far the most frequent.
FRAMES = ("{s}", "please {s}", "{s}, please", "can you {s}?", "could you please {s}?", "now {s}", "robot, {s}")
POLITENESS = 0.15  # share of instructions in a frame other than the first


def feasible_tasks(env: TabletopEnv, kind: str) -> list[Task]:
    """All tasks of a kind that make sense in the present scene, without words, in a fixed order.

    Raises:
        InvalidInput: unknown kind.
    """
    return find_kind(kind).feasible(env)


def feasible_kinds(env: TabletopEnv) -> tuple[str, ...]:
    """The kinds of which the present scene allows at least one task."""
    return tuple(task.kind for task in registered_tasks() if task.feasible(env))


def phrase(env: TabletopEnv, task: Task, rng: np.random.Generator, split: str = "train") -> str:
    """Put a task in words that single out its objects in the present scene.

    Args:
        env: the scene.
        task: its ``instruction`` is ignored.
        rng: picks phrasing, names and politeness.
        split: ``train`` or ``heldout`` phrasings.

    Raises:
        InvalidInput: unknown split.
    """
    if split not in SPLITS:
        raise unknown_name("split", split, SPLITS)
    templates = kind_of(task).phrases[split]
    template = templates[int(rng.integers(len(templates)))]
    text = template.format(x=_name(env, task.target, rng), y=_name(env, task.destination, rng), side=task.side)
    polite = rng.random() < POLITENESS
    frame = FRAMES[int(rng.integers(1, len(FRAMES)))] if polite else FRAMES[0]
    return frame.format(s=text)


def _name(env: TabletopEnv, name: str | None, rng: np.random.Generator) -> str:
    """A description of an object: the plain one half of the time."""
    if name is None or name == "lever":
        return ""
    known = referring.descriptions(env, name)
    plain, pick = rng.random() < 0.5, int(rng.integers(len(known)))
    return known[0] if plain else known[pick]


def sample_task(env: TabletopEnv, rng: np.random.Generator, kind: str | None = None, split: str = "train") -> Task:
    """Draw a task for the present scene.

    Args:
        env: the scene.
        rng: all randomness comes from here.
        kind: one of ``KINDS``; None draws by their shares among the kinds that the scene allows.
        split: ``train`` or ``heldout`` phrasings.

    Raises:
        InvalidInput: unknown kind or split, or the scene does not allow the kind.
    """
    if kind is None:
        kinds = feasible_kinds(env)
        shares = np.array([find_kind(name).share for name in kinds])
        kind = kinds[int(rng.choice(len(kinds), p=shares / shares.sum()))]
    choices = feasible_tasks(env, kind)
    if not choices:
        raise InvalidInput(
            f"The scene of seed {env.seed} allows no '{kind}' task.", f"It allows: {', '.join(feasible_kinds(env))}."
        )
    task = choices[int(rng.integers(len(choices)))]
    return replace(task, instruction=phrase(env, task, rng, split))


def task_for_seed(env: TabletopEnv, kind: str | None = None, split: str = "train") -> Task:
    """The task that belongs to the present scene's seed; always the same one."""
    return sample_task(env, stream(env.seed, STREAM_TASK), kind, split)

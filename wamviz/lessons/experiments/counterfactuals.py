"""What words change: the same scene and seed, another sentence; how far the imagined hand goes another way.

Another seed is the yardstick: a change of words that moves the path less than another draw of noise moves nothing. A
paraphrase must not matter, another object must, and words without meaning should not send the hand anywhere sure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import numpy as np

from wamviz.core.rollout import WorldState
from wamviz.lessons.experiment import Choice, Experiment, Figure, Finding, Progress, Whole, mean_of, smaller
from wamviz.lessons.experiments.wordings import NONSENSE
from wamviz.lessons.lab import HORIZON, Lab
from wamviz.lessons.paths import path_gap, path_of
from wamviz.worlds.tabletop import TabletopEnv, feasible_tasks, parse, phrase

CHANGES = ("other_seed", "paraphrase", "other_object", "nonsense")
KINDS = ("pick", "place", "push", "stack")


def work(values: Mapping[str, Any], lab: Lab) -> Iterator[Progress | Finding]:
    """Change one thing at a time in every scene."""
    scenes, mode, shown = values["scenes"], values["mode"], None
    length: dict[str, int] = {} if mode == "act_only" else {"horizon": HORIZON}
    gaps: dict[str, list[float]] = {name: [] for name in CHANGES}
    towards: list[float] = []
    yield Progress(0, scenes)
    for done, context in enumerate(lab.contexts(scenes, KINDS), 1):
        world = context.observation.world_state
        assert world is not None  # shipped episodes know their world
        words, places = other_words(world, context.instruction, values["seed"] + done)
        own = lab.imagine(context, mode, seed=done, **length)
        told = {"paraphrase": words["paraphrase"], "other_object": words["other_object"], "nonsense": NONSENSE}
        runs = {name: lab.imagine(context.reworded(text), mode, seed=done, **length) for name, text in told.items()}
        runs["other_seed"] = lab.imagine(context, mode, seed=done + 1000, **length)
        for name, run in runs.items():
            gaps[name].append(path_gap(run, own))
        end = path_of(runs["other_object"])[-1]
        old, new = (float(np.linalg.norm(end - place)) for place in places)
        towards.append(100.0 * (new < old))
        shown = shown or lab.imagine(context.reworded(words["other_object"]), "joint", seed=done, horizon=HORIZON)
        yield Progress(done, scenes)
    verdict = smaller(gaps["paraphrase"], gaps["other_object"])
    if verdict == "holds" and smaller(gaps["other_seed"], gaps["other_object"]) != "holds":
        verdict = "open"
    first, second = sorted(CHANGES, key=lambda name: -sum(gaps[name]))[:2]
    yield Finding(
        (
            Figure("change", "cm", tuple(mean_of(name, gaps[name]) for name in CHANGES)),
            Figure("towards", "%", (mean_of("named_object", towards),)),
        ),
        verdict,
        first if smaller(gaps[second], gaps[first]) == "holds" else "",
        shown,
        scenes,
    )


def other_words(world: WorldState, instruction: str, seed: int) -> tuple[dict[str, str], tuple[Any, Any]]:
    """Two other sentences for a scene, and where (3,) m the objects of the old and of the new one are."""
    rng = np.random.default_rng(seed)
    with closing(TabletopEnv(render=False)) as env:
        env.restore(world.seed, world.snapshot)
        task = parse(instruction, env)
        others = [one for one in feasible_tasks(env, task.kind) if one.target != task.target]
        others = others or [one for one in feasible_tasks(env, "pick") if one.target != task.target]
        other = others[int(rng.integers(len(others)))]
        words = {"paraphrase": phrase(env, task, rng, "heldout"), "other_object": phrase(env, other, rng, "train")}
        return words, (env.position(task.target), env.position(other.target))


EXPERIMENT = Experiment(
    "counterfactuals",
    (Whole("scenes", 2, 20, 8), Choice("mode", ("act_only", "joint"), "act_only"), Whole("seed", 0, 99, 0)),
    ("change", *CHANGES, "towards", "named_object"),
    CHANGES,
    work,
)

"""What each seed means stays as it is: scenes, tasks, words, and what the expert does, as golden.json wrote them down.

Weights, shipped episodes and published numbers all stand on these. `python tests/worlds/tabletop/test_golden.py` writes
the file anew, which only a change that is meant to give other scenes or words may do. Physics is compared to a tenth
of a millimetre and only under the MuJoCo version that wrote it, as other versions and processors round otherwise.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import (
    STYLES,
    TASK_MIX,
    TabletopEnv,
    feasible_tasks,
    phrase,
    record_episode,
    suggestions,
    task_for_seed,
)

GOLDEN = Path(__file__).with_name("golden.json")
KINDS = ("lever", "pick", "place", "push", "stack", "lever_then_pick")
BASES = (0, 1_000_000, 2_000_000)  # of the training, the validation and the shipped seeds
SEEDS = [base + i for base in BASES for i in range(20)]


def describe_scene(env: TabletopEnv, seed: int) -> dict[str, Any]:
    """A seed's objects, its task in both splits, and a digest of every wording of every feasible task."""
    env.reset(seed)
    rng = np.random.default_rng([seed, 77])
    words = [phrase(env, task, rng, split) for kind in KINDS for task in feasible_tasks(env, kind)
             for split in ("train", "heldout", "train")]  # fmt: skip
    task = task_for_seed(env)
    return {
        "places": {name: [round(p.x, 4), round(p.y, 4)] for name, p in env.layout.objects.items()},
        "task": [task.kind, task.instruction, task.target, task.destination, task.side],
        "heldout": task_for_seed(env, split="heldout").instruction,
        "feasible": {kind: len(feasible_tasks(env, kind)) for kind in KINDS},
        "words": hashlib.sha256("\n".join([*words, *suggestions(env)]).encode()).hexdigest()[:16],
    }


def describe_episode(env: TabletopEnv, seed: int, kind: str, style: str) -> dict[str, Any]:
    """The expert's actions in short: how many, every fifth, and what came of them."""
    episode = record_episode(env, seed, kind, style)
    return {
        "seed": seed, "kind": kind, "style": style, "count": len(episode.actions), "success": episode.success,
        "touched": env.first_touched(), "actions": episode.actions[::5].round(4).tolist(),
    }  # fmt: skip


def first_seeds(env: TabletopEnv, base: int, kind: str, style: str) -> dict[str, Any]:
    """The expert in the first scene from ``base`` on that allows a kind of task."""
    for seed in range(base, base + 60):
        try:
            return describe_episode(env, seed, kind, style)
        except WamvizError:
            continue
    raise AssertionError(f"no scene from {base} on allows {kind}")


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    """What was written down."""
    return json.loads(GOLDEN.read_text())


def test_scenes_tasks_and_words_of_seeds_stay(env: TabletopEnv, golden: dict[str, Any]) -> None:
    for seed in SEEDS:
        assert describe_scene(env, seed) == golden["scenes"][str(seed)], seed


def test_the_experts_actions_stay(env: TabletopEnv, golden: dict[str, Any]) -> None:
    if golden["mujoco"] != mujoco.__version__:
        pytest.skip(f"written with MuJoCo {golden['mujoco']}, which rounds otherwise than {mujoco.__version__}")
    for entry in golden["episodes"]:
        now = describe_episode(env, entry["seed"], entry["kind"], entry["style"])
        np.testing.assert_allclose(now.pop("actions"), entry.pop("actions"), atol=1e-4)
        assert now == entry


def test_the_mix_of_tasks_stays(golden: dict[str, Any]) -> None:
    assert {kind: share for kind, share in TASK_MIX.items() if share} == golden["mix"]


if __name__ == "__main__":
    world = TabletopEnv(render=False)
    facts = {
        "mujoco": mujoco.__version__,
        "mix": TASK_MIX,
        "scenes": {seed: describe_scene(world, seed) for seed in SEEDS},
        "episodes": [
            first_seeds(world, BASES[i % 3], kind, STYLES[(i + i // 6) % 2]) for i, kind in enumerate(KINDS * 2)
        ],
    }
    lines = json.dumps(facts).replace('"scenes": {', '"scenes": {\n').replace("}, ", "},\n")
    GOLDEN.write_text(lines + "\n")

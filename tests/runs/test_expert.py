"""The expert does what it is told, from any state, one task after the other."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Observation, WorldState
from wamviz.runs.expert import expert_answer, expert_doing
from wamviz.worlds.tabletop import TabletopEnv, parse, success

SEED = 1_070_002


@pytest.fixture(scope="module", name="world")
def world_fixture() -> WorldState:
    env = TabletopEnv(render=False)
    env.reset(SEED)
    world = WorldState("tabletop", SEED, env.snapshot())
    env.close()
    return world


def test_two_tasks_are_one_run_that_physics_repeats(world: WorldState) -> None:
    parts = ("push the toaster lever", "pick up the orange")
    rollout = expert_doing(world, parts, size=64)
    assert rollout.success and rollout.instruction == "push the toaster lever, then pick up the orange"
    assert rollout.frames is not None and rollout.actions is not None and rollout.states is not None
    assert len(rollout.frames) == len(rollout.states) == len(rollout.actions) + 1
    env = TabletopEnv(render=False)
    env.restore(world.seed, world.snapshot)
    tasks = [parse(part, env) for part in parts]
    for action, state in zip(rollout.actions, rollout.states[1:], strict=True):
        np.testing.assert_allclose(env.step(action)[0].state, state, atol=1e-6)
    assert all(success(env, task) for task in tasks)
    env.close()


def test_words_that_are_no_task_are_refused(world: WorldState) -> None:
    with pytest.raises(WamvizError):
        expert_doing(world, ["make me a sandwich"], size=64)


def test_an_answer_is_kept_and_missing_where_there_is_none(world: WorldState) -> None:
    picture = {"exterior": np.zeros((64, 64, 3), np.uint8)}
    scene = Observation(picture, world_state=world)
    answer = expert_answer(scene, ["push the toaster lever"])
    assert answer is not None and answer.success and answer is expert_answer(scene, ["push the toaster lever"])
    assert expert_answer(scene, ["make me a sandwich"]) is None and expert_answer(scene, []) is None
    assert expert_answer(Observation(picture), ["push the toaster lever"]) is None

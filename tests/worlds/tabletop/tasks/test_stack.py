"""Stacking: on the other block, one height above it, and let go."""

from __future__ import annotations

import pytest

from tests.worlds.tabletop.conftest import FULL_SCENE, close_hand, offset, put_object
from wamviz.worlds.tabletop import TabletopEnv, Task, feasible_tasks, progress, success
from wamviz.worlds.tabletop.objects import BLOCK_HALF

TASK = Task("stack", "", "red_block", "blue_block")


@pytest.mark.parametrize(
    ("step", "done"),
    [((0, 0, 2 * BLOCK_HALF), True), ((0.029, 0, 2 * BLOCK_HALF), True), ((0, 0.031, 2 * BLOCK_HALF), False),
     ((0, 0, 0.029), False), ((0, 0, 0.031), True), ((0, 0, 0.054), True), ((0, 0, 0.056), False)],
)  # fmt: skip
def test_the_block_has_to_stand_on_the_other(env: TabletopEnv, step: tuple, done: bool) -> None:
    env.reset(FULL_SCENE)
    put_object(env, "red_block", offset(env.position("blue_block"), *step))
    assert success(env, TASK) is done and (progress(env, TASK) == 1) is done
    close_hand(env)
    assert not success(env, TASK)


def test_every_pair_of_blocks_can_be_stacked_either_way(full_scene: TabletopEnv) -> None:
    pairs = [(task.target, task.destination) for task in feasible_tasks(full_scene, "stack")]
    assert len(pairs) == len(set(pairs)) == 6 and all(a != b for a, b in pairs)

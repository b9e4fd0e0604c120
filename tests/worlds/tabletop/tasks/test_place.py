"""Placing: inside the rim, low, and let go."""

from __future__ import annotations

import pytest

from tests.worlds.tabletop.conftest import FULL_SCENE, close_hand, offset, put_object
from wamviz.worlds.tabletop import TabletopEnv, Task, feasible_tasks, progress, success

TASK = Task("place", "", "orange", "bowl")


@pytest.mark.parametrize(
    ("step", "done"),
    [((0, 0, 0.04), True), ((0.05, 0, 0.04), True), ((0.06, 0, 0.04), False), ((0, -0.054, 0.04), True),
     ((0, 0.056, 0.04), False), ((0, 0, 0.079), True), ((0, 0, 0.081), False), ((0, 0, -0.01), False)],
)  # fmt: skip
def test_the_object_has_to_be_inside_the_rim_and_low(env: TabletopEnv, step: tuple, done: bool) -> None:
    env.reset(FULL_SCENE)
    bowl = env.position("bowl")
    put_object(env, "orange", offset([*bowl[:2], 0], *step))
    assert success(env, TASK) is done and (progress(env, TASK) == 1) is done


def test_what_is_still_held_is_not_placed(env: TabletopEnv) -> None:
    env.reset(FULL_SCENE)
    put_object(env, "orange", offset(env.position("bowl"), 0, 0, 0.04))
    close_hand(env)
    assert not success(env, TASK) and 0.5 < progress(env, TASK) < 1


def test_lifting_and_carrying_are_a_half_each(env: TabletopEnv) -> None:
    env.reset(FULL_SCENE)
    start, bowl = env.start_position("orange"), env.position("bowl")
    put_object(env, "orange", offset(start, 0, 0, 0.1))
    assert progress(env, TASK) == pytest.approx(0.5)
    middle = (start[:2] + bowl[:2]) / 2
    put_object(env, "orange", [*middle, start[2] + 0.1])
    assert progress(env, TASK) == pytest.approx(0.75)
    put_object(env, "orange", [*bowl[:2], start[2] + 0.1])  # above the bowl, not in it
    assert progress(env, TASK) == pytest.approx(0.99)


def test_there_is_nothing_to_place_without_a_bowl(env: TabletopEnv) -> None:
    for seed in range(1_000_000, 1_000_060):
        env.reset(seed)
        named = [task.target for task in feasible_tasks(env, "place")]
        assert ("bowl" in env.present and "mug" not in named and "orange" in named) or not named

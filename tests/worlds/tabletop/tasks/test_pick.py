"""Picking: lifted from seven centimetres on, held or not, and by a grasp with room for the hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds.tabletop.conftest import FULL_SCENE, close_hand, offset, put_object
from wamviz.worlds.tabletop import TabletopEnv, Task, progress, success
from wamviz.worlds.tabletop.objects import MUG_RADIUS, PICKABLE
from wamviz.worlds.tabletop.tasks.pick import GRASP, choose_grasp, is_held, plan_grasp


@pytest.mark.parametrize(("height", "done", "share"), [(0.0, False, 0.0), (-0.02, False, 0.0), (0.035, False, 0.5),
                                                       (0.0699, False, 0.99), (0.0701, True, 1.0)])  # fmt: skip
def test_progress_is_the_share_of_the_height(env: TabletopEnv, height: float, done: bool, share: float) -> None:
    env.reset(FULL_SCENE)
    task = Task("pick", "", "mug")
    put_object(env, "mug", offset(env.start_position("mug"), 0.1, 0, height))  # where to does not matter
    assert success(env, task) is done and progress(env, task) == pytest.approx(share, abs=0.01)


def test_a_thing_is_held_between_closed_fingers_only(env: TabletopEnv) -> None:
    env.reset(FULL_SCENE)
    task, mug = Task("pick", "", "orange"), Task("pick", "", "mug")
    put_object(env, "orange", offset(env.ee_position(), 0.035, 0, 0))
    put_object(env, "mug", offset(env.ee_position(), 0.09, 0, 0))
    assert not is_held(env, task) and not is_held(env, mug)  # the hand is open
    close_hand(env)
    assert is_held(env, task) and is_held(env, mug)  # a mug is held at its rim, far from its middle
    put_object(env, "orange", offset(env.ee_position(), 0.045, 0, 0))
    put_object(env, "mug", offset(env.ee_position(), 0.11, 0, 0))
    assert not is_held(env, task) and not is_held(env, mug)
    assert GRASP.reached is is_held


@pytest.mark.parametrize("name", PICKABLE)
def test_a_grasp_is_at_the_thing_and_the_plan_ends_above_it(env: TabletopEnv, name: str) -> None:
    """A mug's is at its rim, away from the handle; every other at the middle."""
    env.reset(FULL_SCENE)
    grip, yaw = choose_grasp(env, name)
    away = float(np.linalg.norm((grip - env.position(name))[:2]))
    assert away == pytest.approx(MUG_RADIUS - 0.0015 if name == "mug" else 0, abs=1e-6) and abs(yaw) <= 2.4
    if name == "mug":
        turn = env.yaw("mug")
        assert (grip - env.position(name))[:2] @ [np.cos(turn), np.sin(turn)] < 0
    plan = list(plan_grasp(env, Task("pick", "", name)))
    assert [point.gripper for point in plan[-3:]] == [plan[0].gripper, 1.0, 1.0] and plan[0].gripper < 0.5
    np.testing.assert_allclose(plan[-1].position, grip + [0, 0, 0.17])

"""Pushing: five centimetres to the wanted side of the image, where there is room to."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds.tabletop.conftest import FULL_SCENE, put_object
from wamviz.worlds.tabletop import TabletopEnv, Task, feasible_tasks, progress, success
from wamviz.worlds.tabletop.tasks.push import direction_of, has_room, plan_push


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(("way", "done", "share"), [(0.0, False, 0.0), (-0.06, False, 0.0), (0.025, False, 0.5),
                                                    (0.0499, False, 0.99), (0.0501, True, 1.0)])  # fmt: skip
def test_progress_is_the_share_of_the_way(env: TabletopEnv, side: str, way: float, done: bool, share: float) -> None:
    """Across and up count for nothing."""
    env.reset(FULL_SCENE)
    task = Task("push", "", "mug", side=side)
    ahead = direction_of(env, side)
    across = np.array([-ahead[1], ahead[0]]) * 0.1
    put_object(env, "mug", env.start_position("mug") + [*(ahead * way + across), 0.02])
    assert success(env, task) is done and progress(env, task) == pytest.approx(share, abs=0.01)


def test_left_and_right_are_opposite_and_flat(full_scene: TabletopEnv) -> None:
    np.testing.assert_allclose(direction_of(full_scene, "left"), -direction_of(full_scene, "right"))
    assert np.linalg.norm(direction_of(full_scene, "left")) == pytest.approx(1)


def test_a_thing_in_the_way_takes_the_room(env: TabletopEnv) -> None:
    for seed in range(FULL_SCENE, FULL_SCENE + 20):
        env.reset(seed)
        pushes = feasible_tasks(env, "push")
        if pushes and len(env.present) > 1:
            break
    task = pushes[0]
    assert task.side is not None and has_room(env, task.target, task.side)
    other = next(name for name in env.present if name != task.target)
    here = env.position(task.target)
    for way in (0.09, -0.08):  # ahead of it, and where the hand has to come down
        put_object(env, other, here + [*(direction_of(env, task.side) * way), 0])
        assert not has_room(env, task.target, task.side)


def test_the_plan_leads_from_behind_the_thing_past_it(env: TabletopEnv) -> None:
    env.reset(FULL_SCENE)
    for side in ("left", "right"):
        begin, end = (point.position for point in list(plan_push(env, Task("push", "", "orange", side=side)))[-3:-1])
        ahead, here = direction_of(env, side), env.position("orange")[:2]
        assert (begin[:2] - here) @ ahead < -0.03 and (end[:2] - here) @ ahead > 0.05
        assert begin[2] == end[2] < 0.06

"""Waypoints and the geometry of a hand among things."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.worlds.tabletop.conftest import FULL_SCENE, put_object
from wamviz.worlds.tabletop import TabletopEnv
from wamviz.worlds.tabletop.planning import (
    Waypoint,
    clear_toaster,
    crowding,
    distance_to_segment,
    held_offset,
    present_yaw,
    reachable_yaw,
)


def test_waypoints_are_checked() -> None:
    for bad in ({"position": np.zeros(2)}, {"tolerance": 0.0}, {"tolerance": math.nan}):
        with pytest.raises(ValueError, match="tolerance"):
            Waypoint(**{"position": np.zeros(3), "yaw": 0.0, "gripper": 0.0, **bad})


@pytest.mark.parametrize(
    ("point", "distance"), [((0.5, 0.2), 0.2), ((-0.3, 0.4), 0.5), ((1.6, -0.8), 1.0), ((1.0, 0.0), 0.0)]
)
def test_distance_to_a_segment(point: tuple, distance: float) -> None:
    a, b = np.zeros(2), np.array([1.0, 0.0])
    assert distance_to_segment(np.array(point), a, b) == pytest.approx(distance, abs=1e-6)
    assert distance_to_segment(np.array(point), b, a) == pytest.approx(distance, abs=1e-6)
    assert distance_to_segment(np.array(point), a, a) == pytest.approx(math.hypot(*point))


@pytest.mark.parametrize("period", [math.pi / 2, math.pi, 2 * math.pi])
def test_a_reachable_yaw_is_an_equivalent_one_within_the_joints_limits(env: TabletopEnv, period: float) -> None:
    env.reset(FULL_SCENE)
    assert present_yaw(env) == pytest.approx(0, abs=0.02)
    for yaw in np.linspace(-2.3, 2.3, 24):
        found = reachable_yaw(env, yaw, period)
        assert abs(found) <= 2.4 and (found - yaw) / period == pytest.approx(round((found - yaw) / period), abs=1e-9)
        assert abs(found) <= period / 2 + 0.05  # from straight ahead, the least turn
    assert reachable_yaw(env, 3.0, 2 * math.pi) == pytest.approx(3.0)  # out of reach, and no equivalent is not


def test_a_way_across_the_toaster_leads_above_it(env: TabletopEnv) -> None:
    env.reset(FULL_SCENE)
    here = env.commanded_pose()[0]
    toaster = np.array([*env.layout.toaster.xy, 0.1])
    beyond = here + 2 * (toaster - here)
    over = list(clear_toaster(env, beyond, 0.3, 1.0))
    assert [point.position[2] >= 0.3 for point in over] == [True, True]
    np.testing.assert_allclose([over[0].position[:2], over[1].position[:2]], [here[:2], beyond[:2]])
    assert {(point.yaw, point.gripper) for point in over} == {(0.3, 1.0)}
    assert list(clear_toaster(env, here - (toaster - here) * 0.3, 0.3, 1.0)) == []


def test_crowding_grows_with_what_stands_near_and_never_counts_the_thing_itself(env: TabletopEnv) -> None:
    env.reset(FULL_SCENE)
    for i, name in enumerate(env.present):
        put_object(env, name, [-1.0, -1.0 + 0.3 * i, 0.02])
    place = np.array([0.5, env.layout.toaster.xy[1] + 0.5, 0.03])
    put_object(env, "orange", place)
    assert crowding(env, "orange", place, 0.0) == 0
    depths = []
    for gap in (0.12, 0.07, 0.05):
        put_object(env, "mug", place + [0, gap, -0.03])
        depths.append(crowding(env, "orange", place, 0.0))
    assert 0 < depths[0] < depths[1] < depths[2]
    put_object(env, "mug", place + [0.12, 0, -0.03])  # across the fingers' axis there is room
    assert crowding(env, "orange", place, 0.0) == 0 < crowding(env, "orange", place, math.pi / 2)


def test_a_held_thing_turns_with_the_hand(env: TabletopEnv) -> None:
    env.reset(FULL_SCENE)
    put_object(env, "orange", env.ee_position() - [0.02, 0, 0])
    now = present_yaw(env)
    np.testing.assert_allclose(held_offset(env, "orange", now), [0.02, 0], atol=1e-3)
    np.testing.assert_allclose(held_offset(env, "orange", now + math.pi / 2), [0, 0.02], atol=1e-3)

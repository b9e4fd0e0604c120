"""What is read off a scene: objects, lever, hand and cameras are where they say."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds.tabletop.conftest import FULL_SCENE, press_lever, put_object
from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import CAMERAS, TabletopEnv

SEED = 1_000_010


def test_absent_objects_stay_out_of_sight(env: TabletopEnv) -> None:
    for seed in range(SEED, SEED + 8):
        env.reset(seed)
        for name in {"mug", "bowl", "red_block", "green_block", "blue_block"} - set(env.present):
            assert env.position(name)[0] < -1.5
        for name in env.present:
            assert env.upright(name) > 0.99 and env.position(name)[2] < 0.05


def test_cameras_look_the_way_they_say(env: TabletopEnv) -> None:
    env.reset(SEED)
    exterior, wrist = (env.camera(name) for name in CAMERAS)
    for camera in (exterior, wrist):
        rotation = camera.world_from_camera[:3, :3]
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(rotation) == pytest.approx(1)
    assert exterior.world_from_camera[2, 2] < 0 and wrist.world_from_camera[2, 2] < -0.9  # both look down
    env.step([0.05, 0, 0, 0, 0, 0, 0])
    assert np.linalg.norm(env.camera("wrist").world_from_camera[:3, 3] - wrist.world_from_camera[:3, 3]) > 0.01
    np.testing.assert_array_equal(env.camera("exterior").world_from_camera, exterior.world_from_camera)


def test_positions_are_copies_and_starts_stay(env: TabletopEnv) -> None:
    """What a caller does with an answer changes no physics."""
    env.reset(FULL_SCENE)
    before = env.snapshot()
    for answer in (env.position("mug"), env.start_position("mug"), env.lever_position(), env.ee_position(),
                   env.ee_rotation(), *env.commanded_pose()):  # fmt: skip
        answer += 1
    np.testing.assert_array_equal(env.snapshot(), before)
    here = env.position("mug")
    put_object(env, "mug", here + [0.1, 0, 0])
    np.testing.assert_array_equal(env.start_position("mug"), here)
    np.testing.assert_allclose(env.position("mug"), here + [0.1, 0, 0])


def test_turns_of_objects_are_read_off_their_quaternions(env: TabletopEnv) -> None:
    env.reset(FULL_SCENE)
    start = env._address["mug"] + 3
    for yaw in (-3.0, -0.4, 0.0, 1.2, 3.1):
        env._data.qpos[start : start + 4] = [np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)]
        assert env.yaw("mug") == pytest.approx(yaw) and env.upright("mug") == pytest.approx(1)
    for tilt in (0.5, np.pi / 2, np.pi):
        env._data.qpos[start : start + 4] = [np.cos(tilt / 2), np.sin(tilt / 2), 0, 0]
        assert env.upright("mug") == pytest.approx(np.cos(tilt))


def test_the_levers_travel_is_counted_downwards(env: TabletopEnv) -> None:
    env.reset(FULL_SCENE)
    press_lever(env, 0.03)
    assert env.lever_travel() == pytest.approx(0.03)
    press_lever(env, -0.001)  # a little above its rest
    assert env.lever_travel() == 0


def test_unknown_names_are_refused_with_the_right_ones(env: TabletopEnv) -> None:
    env.reset(FULL_SCENE)
    for ask in (env.position, env.start_position, env.yaw, env.upright):
        with pytest.raises(WamvizError, match="orange"):
            ask("orang")
    with pytest.raises(WamvizError, match="exterior"):
        env.camera("outside")
    with pytest.raises(WamvizError, match="reset"):
        _ = TabletopEnv(render=False).seed

"""Paths are measured where states tell, added up where steps tell, and never guessed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wamviz.core.camera import TURNS, Camera, Tool
from wamviz.core.rollout import ActionSpace, Rollout
from wamviz.core.rotation import compose, rotation_matrix, rotation_vector
from wamviz.metrics.trajectory import (
    ade_fde,
    commanded_path,
    ee_path,
    measured_path,
    path_length,
    path_pixels,
    tool_path,
)

paths = arrays(np.float32, st.tuples(st.integers(2, 12), st.just(3)), elements=st.floats(-0.5, 0.5, width=32))


def steps_of(path: np.ndarray) -> np.ndarray:
    actions = np.zeros((len(path) - 1, 7), np.float32)
    actions[:, :3] = np.diff(path, axis=0)
    return actions


@given(paths)
def test_added_up_steps_are_the_states(rollout, path):
    states = np.zeros((len(path), 14), np.float32)
    states[:, :3] = path
    commanded = commanded_path(rollout(actions=steps_of(path)), states[0])
    assert np.allclose(commanded, measured_path(rollout(actions=steps_of(path), states=states)), atol=1e-5)


def test_states_are_preferred_and_start_is_needed_only_for_steps(rollout):
    actions, states = steps_of(np.eye(3) * 0.1), np.full((3, 14), 0.3, np.float32)
    assert np.allclose(ee_path(rollout(actions=actions, states=states)), 0.3)
    assert np.allclose(ee_path(rollout(actions=actions))[0], 0)
    assert np.allclose(ee_path(rollout(actions=actions), start=np.array([1.0, 2, 3]))[0], [1, 2, 3])


def test_poses_are_their_own_path(rollout):
    actions = np.random.default_rng(0).normal(size=(4, 7)).astype(np.float32)
    path = commanded_path(rollout(actions=actions, kind="ee_pose"), start=np.zeros(3))
    assert np.allclose(path[1:], actions[:, :3])


def test_joint_angles_are_never_taken_for_a_position():
    space = ActionSpace(tuple(f"j{i}" for i in range(14)), ("rad",) * 14, "joint_position", 50.0)
    aloha = Rollout("recorded", None, 50.0, np.zeros((3, 14)), space, np.zeros((4, 14)))
    assert ee_path(aloha) is None


def test_names_of_states_decide_where_they_are_known(rollout):
    actions, states = np.zeros((2, 7)), np.ones((3, 8))
    named = rollout(actions=actions, states=states, meta={"state_names": [f"joint_{i}" for i in range(8)]})
    assert measured_path(named) is None
    named = rollout(actions=actions, states=states, meta={"state_names": ["ee.x", "ee.y", "ee.z", "g"]})
    assert measured_path(named) is not None


def test_a_video_alone_has_no_path(rollout, scene):
    assert ee_path(rollout(frames=scene(3))) is None


@given(paths, st.floats(0, 1))
def test_a_shifted_path_is_off_by_the_shift(path, shift):
    other = path.astype(float)
    other[1:] += [shift, 0, 0]
    ade, fde = ade_fde(path.astype(float), other, 5.0)
    assert np.isclose(ade, shift, atol=1e-6) and np.isclose(fde, shift, atol=1e-6)


def test_paths_of_two_rates_meet_by_time():
    fine = np.linspace([0, 0, 0], [0.3, 0, 0], 16)
    assert np.allclose(ade_fde(fine[::3], fine, 5.0, 15.0), 0)
    assert ade_fde(fine[:1], fine, 5.0, 15.0) is None


def test_a_path_is_as_long_as_its_parts():
    assert np.isclose(path_length(np.array([[0, 0, 0], [0.3, 0.4, 0], [0.3, 0.4, 1]])), 1.5)


@pytest.fixture
def camera() -> Camera:
    """One metre above the table, looking down."""
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[:3, 3] = [0.5, 0, 1.0]
    return Camera("top", 100, 100, np.array([[100.0, 0, 50], [0, 100, 50], [0, 0, 1]]), pose)


def test_a_point_under_the_camera_is_in_the_middle(rollout, camera):
    states = np.zeros((2, 14), np.float32)
    states[:, 0] = 0.5
    pixels = path_pixels(rollout(actions=np.zeros((1, 7)), states=states), camera)
    assert np.allclose(pixels, 50)


def test_what_lies_behind_the_camera_or_nowhere_has_no_pixel(rollout, camera):
    states = np.zeros((1, 14), np.float32)
    states[0, 2] = 2.0
    assert np.isnan(path_pixels(rollout(actions=np.zeros((1, 7)), states=states), camera)).all()
    assert np.isnan(path_pixels(rollout(actions=np.zeros((3, 7))), camera)).all()


@given(paths, st.floats(0, 1))
def test_displacement_is_symmetric_and_nought_for_the_path_itself(path, shift):
    a, b = path.astype(float), path.astype(float) * (1 + shift)
    assert ade_fde(a, a, 5.0) == (0, 0)
    assert np.allclose(ade_fde(a, b, 5.0), ade_fde(b, a, 5.0))


def said(rotation: np.ndarray, turn: str) -> np.ndarray:
    """A rotation as robots report it: written down here anew, from the textbook."""
    if turn == "rotation_vector":
        return rotation_vector(rotation)
    if turn == "euler_xyz":
        return np.array([
            np.arctan2(rotation[2, 1], rotation[2, 2]), -np.arcsin(np.clip(rotation[2, 0], -1, 1)),
            np.arctan2(rotation[1, 0], rotation[0, 0]),
        ])  # fmt: skip
    about = rotation_vector(rotation)
    half = np.linalg.norm(about) / 2
    xyz = about / max(2 * half, 1e-12) * np.sin(half)
    return np.array([*xyz, np.cos(half)] if turn == "quaternion_xyzw" else [np.cos(half), *xyz])


def flanged(path: np.ndarray, turns: np.ndarray, offset: np.ndarray, turn: str) -> np.ndarray:
    """States (M, 3 + n) of a flange whose tool's tip is at ``path``."""
    rotations = np.stack([rotation_matrix(one) for one in turns])
    return np.concatenate([path - rotations @ offset, [said(one, turn) for one in rotations]], axis=1)


@given(paths, st.sampled_from(sorted(TURNS)), st.integers(0, 2**31))
def test_the_tip_of_a_turned_tool_is_found_however_the_turn_is_said(rollout, path, turn, seed):
    """Round trip: from the tip to the flange and its orientation, and back to the tip."""
    draw = np.random.default_rng(seed)
    offset = draw.uniform(-0.2, 0.2, 3)
    states = flanged(path, draw.uniform(-1.5, 1.5, (len(path), 3)), offset, turn)
    seen = rollout(actions=np.zeros((len(path) - 1, 7)), states=states.astype(np.float32))
    assert np.allclose(tool_path(seen, Tool(tuple(offset), turn)), path, atol=1e-5)
    assert np.allclose(tool_path(seen, None), states[:, :3], atol=1e-6)
    assert np.allclose(tool_path(seen, Tool((0, 0, 0), turn)), states[:, :3], atol=1e-6)


@given(paths, st.integers(0, 2**31))
def test_commanded_steps_turn_the_tool_as_well(rollout, path, seed):
    """Steps and turns added up from the context's state lead to the tip that the states tell."""
    draw = np.random.default_rng(seed)
    steps = draw.uniform(-0.4, 0.4, (len(path) - 1, 3))
    turns = np.stack([compose(steps[:k]) if k else np.zeros(3) for k in range(len(path))])
    offset = np.array([0.02, 0, 0.2])
    states = flanged(path, turns, offset, "rotation_vector")
    actions = np.zeros((len(steps), 7), np.float32)
    actions[:, :3], actions[:, 3:6] = np.diff(states[:, :3], axis=0), steps
    found = tool_path(rollout(actions=actions), Tool(tuple(offset)), states[0].astype(np.float32))
    assert np.allclose(found, path, atol=1e-4)


def test_poses_state_the_turn_themselves(rollout):
    actions = np.zeros((2, 7), np.float32)
    actions[:, 3] = [np.pi / 2, np.pi]  # about x: the hand's z axis points to -y, then down
    told = rollout(actions=actions, kind="ee_pose")
    found = tool_path(told, Tool((0, 0, 0.1), "euler_xyz"), np.zeros(6, np.float32))
    assert np.allclose(found, [[0, 0, 0.1], [0, -0.1, 0], [0, 0, -0.1]], atol=1e-6)


def test_an_offset_in_an_unknown_direction_is_not_guessed(rollout, camera):
    from dataclasses import replace

    tool = Tool((0, 0, 0.1))
    assert tool_path(rollout(actions=np.zeros((2, 7))), tool) is None
    assert tool_path(rollout(actions=np.zeros((2, 7))), tool, np.zeros(3)) is None
    short = rollout(actions=np.zeros((1, 7)), states=np.zeros((2, 5)))
    assert tool_path(short, tool) is None and path_pixels(short, replace(camera, tool=tool)) is None
    lost = rollout(actions=np.zeros((1, 7)), states=np.zeros((2, 7)))
    assert tool_path(lost, Tool((0, 0, 0.1), "quaternion_xyzw")) is None


def test_a_quaternion_and_its_opposite_are_one_turn(rollout):
    states = np.zeros((2, 7), np.float32)
    states[:, 3:] = [[0, 0, np.sqrt(0.5), np.sqrt(0.5)], [0, 0, -np.sqrt(0.5), -np.sqrt(0.5)]]
    found = tool_path(rollout(actions=np.zeros((1, 7)), states=states), Tool((0.1, 0, 0), "quaternion_xyzw"))
    assert np.allclose(found, [[0, 0.1, 0]] * 2, atol=1e-6)


def test_the_tool_is_what_is_drawn(rollout, camera):
    """One metre below a camera of 100 pixels a metre and a tool 0.1 m along x: 10 pixels to the right."""
    from dataclasses import replace

    states = np.zeros((2, 14), np.float32)
    states[:, 0] = 0.5
    seen = rollout(actions=np.zeros((1, 7)), states=states)
    assert np.allclose(path_pixels(seen, replace(camera, tool=Tool((0.1, 0, 0)))), [60, 50], atol=1e-4)

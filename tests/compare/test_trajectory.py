"""Paths are measured where states tell, added up where steps tell, and never guessed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wamviz.compare.trajectory import ade_fde, commanded_path, ee_path, measured_path, path_length, path_pixels
from wamviz.rollout import ActionSpace, Camera, Rollout

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

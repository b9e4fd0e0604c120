"""Kinematics: agreement with MuJoCo, round trips."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from wamviz.core.rotation import rotation_matrix
from wamviz.worlds.tabletop import robot, scene

RNG = np.random.default_rng(7)
POSTURES = RNG.uniform(robot.JOINT_LOW, robot.JOINT_HIGH, (12, 7))


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return scene.new_model()


@pytest.mark.parametrize("q", POSTURES)
def test_forward_kinematics_and_jacobian_are_those_of_mujoco(q: np.ndarray, model: mujoco.MjModel) -> None:
    """The published Denavit-Hartenberg parameters and the MJCF describe the same arm."""
    data = mujoco.MjData(model)
    data.qpos[:7] = q
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)
    site = model.site("tcp").id
    pose, jacobian = robot.forward(q)
    np.testing.assert_allclose(pose[:3, 3], data.site_xpos[site], atol=1e-6)
    np.testing.assert_allclose(pose[:3, :3], data.site_xmat[site].reshape(3, 3), atol=1e-6)
    linear, angular = np.zeros((3, model.nv)), np.zeros((3, model.nv))
    mujoco.mj_jacSite(model, data, linear, angular, site)
    np.testing.assert_allclose(jacobian, np.concatenate([linear, angular])[:, :7], atol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_inverse_kinematics_reaches_the_pose(seed: int) -> None:
    """From the rest posture, every pose of the workspace is reached to a tenth of a millimetre."""
    rng = np.random.default_rng(seed)
    position = rng.uniform([0.35, -0.3, 0.02], [0.65, 0.3, 0.35])
    rotation = rotation_matrix(np.array([0, 0, rng.uniform(-1.5, 1.5)])) @ robot.DOWN
    q = robot.solve(robot.REST, position, rotation, iterations=100)
    pose, _ = robot.forward(q)
    np.testing.assert_allclose(pose[:3, 3], position, atol=1e-4)
    np.testing.assert_allclose(pose[:3, :3], rotation, atol=1e-3)
    assert (q >= robot.JOINT_LOW).all() and (q <= robot.JOINT_HIGH).all()


def test_an_unreachable_pose_stays_within_the_joint_limits() -> None:
    q = robot.solve(robot.REST, np.array([5.0, 5.0, -3.0]), robot.DOWN, iterations=50)
    assert np.isfinite(q).all()
    assert (q >= robot.JOINT_LOW).all() and (q <= robot.JOINT_HIGH).all()

"""The batched inverse kinematics: the simulator's own, for many arms at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wamviz.models.mini.inverse_kinematics import rest_joints, solve_joints
from wamviz.models.mini.kinematics import rotation_matrices, rotation_vectors, tool_pose
from wamviz.worlds.tabletop import robot

DOWN = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64).diag()


@pytest.mark.parametrize("iterations", [1, 4])
def test_inverse_is_the_robots(iterations):
    """Each arm of a batch goes where the robot's own solver takes it alone."""
    joints = torch.from_numpy(robot.REST + np.random.default_rng(0).uniform(-0.3, 0.3, (6, 7)))
    position = tool_pose(joints)[:, :3, 3] + 0.03
    found = solve_joints(joints, position, DOWN.expand(6, 3, 3), iterations)
    for q, start, goal in zip(found, joints, position, strict=True):
        alone = robot.solve(start.numpy(), goal.numpy(), robot.DOWN, iterations)
        np.testing.assert_allclose(q, alone, atol=1e-4)


def test_rest_joints_reach_any_place_over_the_table():
    """From nothing but the tool's pose come joints that have the tool there."""
    places = torch.tensor([[0.3, -0.3, 0.1], [0.5, 0.0, 0.3], [0.7, 0.3, 0.05]], dtype=torch.float64)
    turned = rotation_matrices(torch.tensor([[0, 0, 0.5], [0, 0, 0], [0.1, 0, -0.7]], dtype=torch.float64)) @ DOWN
    pose = tool_pose(rest_joints(places, turned))
    assert (pose[:, :3, 3] - places).norm(dim=-1).max() < 2e-3
    assert rotation_vectors(pose[:, :3, :3] @ turned.mT).norm(dim=-1).max() < 0.02

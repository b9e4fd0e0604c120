"""The batched kinematics: the simulator's own, for many arms at once."""

from __future__ import annotations

import mujoco
import numpy as np
import torch

from wamviz.core.rotation import rotation_matrix
from wamviz.models.mini.kinematics import (
    FINGER_TRAVEL,
    PARTS,
    part_frames,
    rotation_matrices,
    rotation_vectors,
    tool_pose,
)
from wamviz.worlds.tabletop import robot, scene

DOWN = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64).diag()


def some_joints(count: int = 6) -> torch.Tensor:
    rng = np.random.default_rng(0)
    return torch.from_numpy(robot.REST + rng.uniform(-0.3, 0.3, (count, 7)))


def test_forward_is_the_robots():
    """The tool's pose is what the robot's own kinematics say, to a micrometre."""
    joints = some_joints()
    for pose, q in zip(tool_pose(joints), joints, strict=True):
        np.testing.assert_allclose(pose, robot.forward(q.numpy())[0], atol=1e-6)


def test_parts_stand_where_the_simulator_has_them():
    """Every link, the hand and both fingers, at any opening, as MuJoCo's own model has them."""
    model = scene.new_model()
    data = mujoco.MjData(model)
    joints, gripper = some_joints(3), torch.tensor([0.0, 0.4, 1.0], dtype=torch.float64)
    for frames, q, closed in zip(part_frames(joints, gripper), joints, gripper.tolist(), strict=True):
        for i in range(7):
            data.qpos[model.joint(f"joint{i + 1}").qposadr] = q[i]
        for side in ("left", "right"):
            data.qpos[model.joint(f"finger_{side}").qposadr] = (1 - closed) * FINGER_TRAVEL
        mujoco.mj_kinematics(model, data)
        for name, frame in zip(PARTS, frames, strict=True):
            there = data.body(name)
            np.testing.assert_allclose(frame[:3, 3], there.xpos, atol=1e-4, err_msg=name)
            np.testing.assert_allclose(frame[:3, :3], there.xmat.reshape(3, 3), atol=1e-4, err_msg=name)


def test_rotations_come_and_go():
    """Vectors to matrices as the robot does it, and back."""
    vectors = torch.from_numpy(np.random.default_rng(1).uniform(-1.5, 1.5, (20, 3)))
    vectors[0] = 0
    matrices = rotation_matrices(vectors)
    for matrix, vector in zip(matrices, vectors, strict=True):
        np.testing.assert_allclose(matrix, rotation_matrix(vector.numpy()), atol=1e-9)
    torch.testing.assert_close(rotation_vectors(matrices), vectors, atol=1e-6, rtol=1e-6)

"""Robots' action spaces: known numbers of known robots."""

import pytest

from wamviz.core import action_spaces
from wamviz.core.action_spaces import ALOHA_JOINTS, BRIDGE, DROID_JOINTS, DROID_POSE, DROID_VELOCITY, OSC_POSE
from wamviz.core.rollout import ActionSpace

SPACES = {name: value for name, value in vars(action_spaces).items() if isinstance(value, ActionSpace)}


@pytest.mark.parametrize(
    ("space", "dim", "kind", "rate", "closed"),
    [
        (action_spaces.TABLETOP_ACTIONS, 7, "ee_delta", 5, 1),
        (BRIDGE, 7, "ee_delta", 5, 0),
        (DROID_VELOCITY, 8, "joint_velocity", 15, 1),
        (DROID_JOINTS, 8, "joint_position", 15, 1),
        (DROID_POSE, 7, "ee_pose", 15, 1),
        (OSC_POSE, 7, "ee_delta", 20, 1),
    ],
)
def test_one_arm_ends_with_its_gripper(space, dim, kind, rate, closed):
    assert (space.dim, space.kind, space.rate, space.gripper_closed) == (dim, kind, rate, closed)
    assert space.names[space.gripper_index] == "gripper" and space.gripper_index == dim - 1


def test_two_arms_mark_no_single_gripper():
    assert ALOHA_JOINTS.dim == 14 and ALOHA_JOINTS.gripper_index is None
    assert [name for name in ALOHA_JOINTS.names if name.endswith("gripper")] == ["left_gripper", "right_gripper"]


def test_no_two_dimensions_of_a_robot_share_a_name():
    assert len(SPACES) >= 7
    for space in SPACES.values():
        assert len(set(space.names)) == space.dim

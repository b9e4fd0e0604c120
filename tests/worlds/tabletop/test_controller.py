"""The controller: steps add up, and no action winds the command up."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.core.rotation import rotation_matrix, rotation_vector
from wamviz.worlds.tabletop import robot
from wamviz.worlds.tabletop.controller import PACKED, UPDATES, Controller

HOME = np.array([0.45, 0.0, 0.25])


@pytest.fixture
def controller() -> Controller:
    """At home, hand down and open."""
    one = Controller()
    one.begin(HOME)
    return one


def act(controller: Controller, *action: float) -> list[np.ndarray]:
    """The joint targets of one action; the hand follows exactly."""
    targets = list(controller.follow(np.array(action, float)))
    controller.settle(robot.forward(controller.joints)[0][:3, 3])
    return targets


def test_it_begins_at_the_place_with_the_hand_down_and_open(controller: Controller) -> None:
    np.testing.assert_allclose(controller.position, HOME, atol=1e-4)
    np.testing.assert_allclose(controller.rotation, robot.DOWN, atol=1e-3)
    assert controller.gripper == 0


def test_an_action_moves_the_command_by_what_it_says(controller: Controller) -> None:
    targets = act(controller, 0.02, -0.03, 0.01, 0, 0, 0.3, 0.7)
    assert len(targets) == UPDATES and all(joints.shape == (7,) for joints in targets)
    np.testing.assert_allclose(controller.position, HOME + [0.02, -0.03, 0.01], atol=1e-4)
    np.testing.assert_allclose(rotation_vector(controller.rotation @ robot.DOWN.T), [0, 0, 0.3], atol=1e-3)
    assert controller.gripper == 0.7
    pose = robot.forward(targets[-1])[0]
    np.testing.assert_allclose(pose[:3, 3], controller.position, atol=2e-3)
    ways = [np.linalg.norm(robot.forward(joints)[0][:3, 3] - HOME) for joints in targets]
    assert ways == sorted(ways)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_command_stays_within_the_workspace(controller: Controller, axis: int, sign: int) -> None:
    step = np.zeros(7)
    step[axis] = 0.06 * sign
    for _ in range(25):
        act(controller, *step)
    assert (controller.position >= [0.25, -0.5, 0.012]).all() and (controller.position <= [0.8, 0.5, 0.7]).all()


def test_the_hand_leans_no_more_than_it_may(controller: Controller) -> None:
    for _ in range(8):
        act(controller, 0, 0, 0, 0.4, 0, 0, 0)
    tilt = np.arccos(-controller.rotation[2, 2])
    assert tilt <= 0.8 + 1e-6
    np.testing.assert_allclose(controller.rotation @ controller.rotation.T, np.eye(3), atol=1e-9)


def test_a_command_far_from_the_hand_is_pulled_back(controller: Controller) -> None:
    """It may lead by six centimetres, in its own direction."""
    list(controller.follow(np.array([0.05, 0, 0, 0, 0, 0, 0])))
    measured = controller.position - [0.2, 0, 0]
    controller.settle(measured)
    np.testing.assert_allclose(controller.position - measured, [0.06, 0, 0], atol=1e-9)
    near = controller.position.copy()
    controller.settle(near - [0.03, 0, 0])
    np.testing.assert_array_equal(controller.position, near)


def test_a_turn_that_the_joints_do_not_give_is_dropped(controller: Controller) -> None:
    reached = robot.forward(controller.joints)[0][:3, :3]
    controller.rotation = rotation_matrix(np.array([0, 0, 0.05])) @ reached
    controller.settle(controller.position)
    assert np.linalg.norm(rotation_vector(controller.rotation @ reached.T)) == pytest.approx(0.05)
    controller.rotation = rotation_matrix(np.array([0, 0, 0.5])) @ reached
    controller.settle(controller.position)
    np.testing.assert_array_equal(controller.rotation, reached)


def test_packing_carries_the_whole_state(controller: Controller) -> None:
    act(controller, 0.02, 0.01, -0.03, 0.1, -0.1, 0.2, 0.5)
    packed = controller.pack()
    other = Controller()
    other.unpack(packed)
    assert packed.shape == (PACKED,)
    np.testing.assert_array_equal(other.pack(), packed)
    for a, b in zip(act(controller, 0.01, 0, 0, 0, 0, 0.1, 1), act(other, 0.01, 0, 0, 0, 0, 0.1, 1), strict=True):
        np.testing.assert_array_equal(a, b)

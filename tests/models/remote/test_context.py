"""Which camera is sent as which view: named, same name, then role; never one that is not there."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Observation
from wamviz.models.remote import robots
from wamviz.models.remote.context import Wanted, choose_cameras, fit_frame, numbers
from wamviz.models.remote.robots import RobotView

FRAME = np.full((90, 160, 3), 7, np.uint8)


def seen(*names: str) -> Observation:
    return Observation({name: FRAME for name in names}, "go", np.arange(8, dtype=np.float32))


def chosen(robot: robots.Robot, names: tuple[str, ...], **named: str) -> list[str]:
    return list(choose_cameras(Wanted("it", robot.views, robot.state, named, {}), seen(*names)).values())


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("exterior", "wrist"), ["exterior", "wrist"]),
        (("wrist", "exterior"), ["exterior", "wrist"]),
        (("exterior_2_left", "exterior_1_left", "wrist_left"), ["exterior_1_left", "wrist_left"]),
        (("observation.images.wrist_left", "front", "side"), ["front", "observation.images.wrist_left"]),
        (("top", "hand_camera"), ["top", "hand_camera"]),
    ],
)
def test_cameras_are_found_by_name_and_role(names, expected):
    assert chosen(robots.DROID, names) == expected


def test_each_camera_is_one_view_unless_the_user_says_otherwise():
    """Cosmos3 wants two outer views; one camera becomes both only by order."""
    with pytest.raises(WamvizError, match="'exterior_image_2_left' .exterior.; this context has .* exterior, wrist"):
        chosen(robots.COSMOS3_DROID, ("exterior", "wrist"))
    twice = chosen(robots.COSMOS3_DROID, ("exterior", "wrist"), exterior_image_2_left="exterior")
    assert twice == ["wrist", "exterior", "exterior"]


def test_a_named_camera_that_is_not_there_gets_the_nearest_name():
    with pytest.raises(WamvizError, match="Did you mean 'exterior'"):
        chosen(robots.DROID, ("exterior", "wrist"), exterior_image_1_left="exterio")


def test_left_and_right_hands_are_not_mixed_up():
    names = ("cam_right_wrist", "cam_left_wrist", "cam_low", "cam_high")
    assert chosen(robots.ALOHA, names) == ["cam_high", "cam_left_wrist", "cam_right_wrist"]


def test_a_letterbox_keeps_the_proportions_and_a_stretch_does_not():
    tall = np.full((200, 100, 3), 9, np.uint8)
    padded = fit_frame(tall, RobotView("v", "exterior", (224, 224)))
    assert padded.shape == (224, 224, 3) and (padded[:, 56:168] == 9).all() and not padded[:, :56].any()
    assert (fit_frame(tall, RobotView("v", "exterior", (224, 224), "stretch")) == 9).all()
    assert fit_frame(tall, RobotView("v", "exterior", None, "as it is")).shape == tall.shape


def test_places_in_the_state_can_be_told():
    """By the short name; a place that is too long or outside is refused with its numbers."""
    context = Observation({"e": FRAME}, "go", np.arange(20, dtype=np.float32))

    def told(**places):
        return numbers(Wanted("it", (), robots.DROID_STATE, {}, places), context)

    found = told(joint_position=(3, 10), gripper_position=(19, 20))
    assert found["observation/joint_position"].tolist() == [3, 4, 5, 6, 7, 8, 9]
    assert found["observation/gripper_position"].tolist() == [19]
    with pytest.raises(WamvizError, match="'joint_position' is 7 numbers; 3:9 .* is 6 numbers"):
        told(joint_position=(3, 9), gripper_position=(19, 20))
    with pytest.raises(WamvizError, match="is 1 number; 40:41 .* is 0 numbers"):
        told(joint_position=(3, 10), gripper_position=(40, 41))


def test_every_robot_s_actions_are_named_and_its_rate_fits_its_video():
    """The last frame shows the end of the last action."""
    for robot in vars(robots).values():
        if isinstance(robot, robots.Robot) and robot.frames:
            assert np.isclose(robot.frames / robot.fps, robot.chunk / robot.actions.rate)

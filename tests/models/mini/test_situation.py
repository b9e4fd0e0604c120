"""From motion to poses: joints that have the hand where it is foreseen, things moved, and on from there."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from wamviz.models.mini.detector import facing_of
from wamviz.models.mini.inverse_kinematics import solve_joints
from wamviz.models.mini.kinematics import rotation_matrices, rotation_vectors, tool_pose
from wamviz.models.mini.raster import project
from wamviz.models.mini.situation import Situation, assume_held, complete_state, follow_motion
from wamviz.models.mini.warp import THINGS

O, M = len(THINGS), 7 + 3 * len(THINGS)  # noqa: E741 - the axis letter of the modules
DOWN = torch.tensor([1.0, -1.0, -1.0]).diag()


@pytest.fixture
def start(state) -> Situation:
    places = torch.full((1, O, 3), torch.nan)
    places[0, 0], places[0, 1] = torch.tensor([0.4, -0.2, 0.1]), state[0, :3]  # the orange is in the hand
    zeros = torch.zeros(1, O)
    return Situation(state, True, places, torch.full((1, O), 0.01), facing_of(zeros), zeros, torch.zeros(1, 7))


def motion_of(k: int, **parts: object) -> torch.Tensor:
    """Rest with the gripper shut, but for the columns that are named by number."""
    motion = torch.zeros(1, k, M)
    motion[..., 6] = 1
    for column, values in parts.items():
        motion[0, :, int(column[1:])] = torch.as_tensor(values)
    return motion


def closing(k: int) -> torch.Tensor:
    actions = torch.zeros(1, k, 7)
    actions[..., 6] = 1
    return actions


def arm(start, motion):
    """Joints (N, K, 7) of an arm whose hand is a centimetre off the foreseen one: something was in its way."""
    hand = start.state[:, None, :6] + motion[..., :6]
    n, k = hand.shape[:2]
    place = (hand[..., :3] + torch.tensor([0.006, -0.008, 0.0])).flatten(0, 1)
    turned = rotation_matrices(hand[..., 3:].flatten(0, 1)) @ DOWN
    begin = start.state[:, None, 7:].expand(n, k, 7).flatten(0, 1)
    return solve_joints(begin, place, turned, iterations=20).unflatten(0, (n, k))


def follow(start, motion, actions):
    return follow_motion(start, motion, actions, arm(start, motion))


def test_a_state_is_completed_from_what_is_seen(state):
    """Joints that have the tool where it is seen, turned as it is seen."""
    tool, turn = torch.tensor([[0.45, 0.1, 0.2]]), torch.tensor([[0.05, 0.0, 0.6]])
    full = complete_state(tool, turn, torch.tensor([0.3]))
    assert full.shape == (1, 14) and full[0, 6] == pytest.approx(0.3)
    pose = tool_pose(full[:, 7:])
    torch.testing.assert_close(pose[:, :3, 3], tool, atol=2e-3, rtol=0)
    torch.testing.assert_close(rotation_vectors(pose[:, :3, :3] @ DOWN), turn, atol=0.02, rtol=0)


def test_no_motion_changes_nothing(start):
    """Places, turns and joints stay; only doubt grows."""
    poses, after = follow(start, motion_of(6), closing(6))
    torch.testing.assert_close(poses.things, start.places.expand(6, -1, -1), equal_nan=True)
    assert not poses.turns.any()
    assert (tool_pose(poses.joints)[:, :3, 3] - start.state[:, :3]).norm(dim=-1).max() < 1e-3
    assert (after.doubt > start.doubt).all() and after.known


def test_the_hand_goes_where_it_is_foreseen(start):
    """The joints of every pose have the tool at the foreseen place, with the foreseen turn."""
    k = 8
    way = torch.arange(1, k + 1) * 0.015
    motion = motion_of(k, c0=way, c2=-way / 2, c5=way * 4, c6=torch.linspace(-0.5, 1.5, k))
    poses, after = follow(start, motion, closing(k))
    pose = tool_pose(poses.joints)
    assert (pose[:, :3, 3] - (start.state[:, :3] + motion[0, :, :3])).norm(dim=-1).max() < 4e-3
    turn = rotation_vectors(pose[:, :3, :3] @ DOWN)
    assert (turn - (start.state[:, 3:6] + motion[0, :, 3:6])).abs().max() < 0.03
    assert poses.gripper.min() == 0 and poses.gripper.max() == 1
    torch.testing.assert_close(after.state[:, 7:], poses.joints[-1:])
    torch.testing.assert_close(after.state[:, :6], start.state[:, :6] + motion[:, -1, :6])


def test_small_shifts_are_no_motion(start):
    """What is foreseen to move by millimetres stays exactly; what moves by centimetres moves by all of it."""
    poses, after = follow(start, motion_of(2, c7=[0.003, 0.05]), closing(2))
    torch.testing.assert_close(poses.things[0, 0], start.places[0, 0])
    torch.testing.assert_close(poses.things[1, 0], start.places[0, 0] + torch.tensor([0.05, 0, 0]))
    torch.testing.assert_close(after.places[0, 0], poses.things[1, 0])


def test_a_held_thing_turns_along(start):
    """What is in the closed hand is turned by as much as the hand; with the hand open it is not."""
    motion = motion_of(4, c5=[0.1, 0.2, 0.3, 0.4])
    poses, after = follow(start, motion, closing(4))
    torch.testing.assert_close(poses.turns[:, 1], torch.tensor([0.1, 0.2, 0.3, 0.4]), atol=1e-5, rtol=0)
    assert not poses.turns[:, 0].any() and after.turns[0, 1] == pytest.approx(0.4, abs=1e-5)
    assert not follow(start, motion, torch.zeros(1, 4, 7))[0].turns.any()


def test_a_turned_thing_faces_elsewhere(start):
    """How a held mug is turned afterwards is how it was, and the hand's turn more."""
    start.places[0, 2] = start.state[0, :3]
    _, after = follow(start, motion_of(4, c5=[0.1, 0.2, 0.3, 0.4]), closing(4))
    torch.testing.assert_close(after.last_action, closing(4)[:, -1])  # which the arm is still following
    wanted = torch.zeros(1, O)
    wanted[0, 2] = 0.4
    torch.testing.assert_close(after.facing[:, :3], facing_of(wanted)[:, :3], atol=1e-5, rtol=0)


def test_two_chunks_are_one(start):
    """Going on from the situation after the first half ends where the whole ends: nothing is lost between chunks."""
    k = 8
    way = torch.arange(1, k + 1) * 0.01
    whole = motion_of(k, c0=way, c5=way * 5, c10=way, c11=way)
    joints = arm(start, whole)
    _, end = follow_motion(start, whole, closing(k), joints)
    first = whole[:, :4]
    _, between = follow_motion(start, first, closing(4), joints[:, :4])
    rest = whole[:, 4:] - first[:, -1:]
    rest[..., 6] = 1
    _, after = follow_motion(between, rest, closing(4), joints[:, 4:])
    for name in ("state", "places", "facing", "turns"):
        torch.testing.assert_close(getattr(after, name), getattr(end, name), atol=1e-4, rtol=0, equal_nan=True)


def test_samples_do_not_mix(start):
    """Poses come in order of samples, each sample's own."""
    motions = torch.cat([motion_of(3, c0=[0.01, 0.02, 0.03]), motion_of(3, c1=[0.02, 0.04, 0.06])])
    both, after = follow(start.repeat(2), motions, closing(3).repeat(2, 1, 1))
    for i in range(2):
        alone, end = follow(start, motions[i : i + 1], closing(3))
        torch.testing.assert_close(both.joints[3 * i : 3 * i + 3], alone.joints)
        torch.testing.assert_close(after.state[i], end.state[0])


def test_things_are_seen_where_they_are(start, camera):
    """Image points through the camera; those of absent things are numbers, too."""
    seen = start.repeat(3).seen(camera)
    torch.testing.assert_close(seen[2, :2], project(start.places[:, :2], camera)[0][0])
    assert seen.shape == (3, O, 2) and seen.isfinite().all()


def test_what_is_hidden_while_the_hand_is_not_open_is_in_it(start):
    """Only the graspable thing that is doubted most; not the bowl, not what is absent, not with an open hand."""
    places = torch.tensor([0.4, 0.0, 0.02]).repeat(1, O, 1)
    places[0, -1] = torch.nan
    doubt = torch.full((1, O), 0.004)
    bowl, red, green, absent = THINGS.index("bowl"), THINGS.index("red_block"), THINGS.index("green_block"), O - 1
    doubt[0, [bowl, red, green, absent]] = torch.tensor([0.3, 0.06, 0.2, 0.4])
    shut = start.state.clone()
    shut[:, 6] = 0.5
    held, sure = assume_held(shut, places, doubt)
    torch.testing.assert_close(held[0, green], shut[0, :3])
    assert sure[0, green] == pytest.approx(0.01) and sure[0, red] == pytest.approx(0.06)
    others = [i for i in range(O) if i != green]
    torch.testing.assert_close(held[0, others], places[0, others], equal_nan=True)
    for hand, unsure in ((0.0, doubt), (0.5, doubt.clamp_max(0.04))):
        shut[:, 6] = hand
        same, still = assume_held(shut, places, unsure)
        torch.testing.assert_close(same, places, equal_nan=True)
        torch.testing.assert_close(still, unsure)


def test_misshapen_situations_are_refused(start):
    with pytest.raises(ValueError, match="misshapen"):
        replace(start, state=start.state[:, :7])

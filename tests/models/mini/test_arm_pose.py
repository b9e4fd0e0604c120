"""The arm's joints from where its marks are seen, on poses whose joints are known."""

from __future__ import annotations

import torch

from wamviz.models.mini import arm_pose
from wamviz.models.mini.arm import hand_of
from wamviz.models.mini.arm_pose import MARKS, certainty, place_marks, solve_arm, track_arm
from wamviz.models.mini.inverse_kinematics import solve_joints
from wamviz.models.mini.kinematics import tool_pose
from wamviz.models.mini.raster import project

REST = torch.tensor([0.0, -0.35, 0.0, -2.4, 0.0, 2.05, 0.785])


def poses(count: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Joints (N, 7) about the rest posture, and a guess at them that is 0.1 rad off."""
    g = torch.Generator().manual_seed(0)
    joints = REST + 0.25 * torch.randn(count, 7, generator=g)
    return joints, joints + 0.1 * torch.randn(count, 7, generator=g)


def far(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """How far apart hands are, (N,) m."""
    return (hand_of(a) - hand_of(b))[:, :3].norm(dim=-1)


def test_the_tool_is_a_mark():
    joints, _ = poses()
    torch.testing.assert_close(place_marks(joints)[:, MARKS.index("tool")], tool_pose(joints)[:, :3, 3])


def test_marks_that_are_seen_say_where_the_arm_is(camera):
    """Without noise to millimetres; with half a pixel of it to a centimetre, where the guess was off by ten."""
    joints, guess = poses()
    many = camera.expand(len(joints), -1, -1)
    seen, _ = project(place_marks(joints), many)
    sure = torch.ones(seen.shape[:2])
    assert far(guess, joints).median() > 0.05
    assert far(solve_arm(seen, sure, many, guess), joints).median() < 0.002
    noisy = seen + torch.randn(seen.shape, generator=torch.Generator().manual_seed(1)) * 0.5 / 256
    assert far(solve_arm(noisy, sure, many, guess), joints).median() < 0.01


def test_one_mark_that_is_taken_for_another_is_doubted(camera):
    """The hand far away from where the others have it changes little; and what does not count changes nothing."""
    joints, guess = poses()
    many = camera.expand(len(joints), -1, -1)
    seen, _ = project(place_marks(joints), many)
    sure = torch.ones(seen.shape[:2])
    seen[:, 0] += 0.2
    off = far(solve_arm(seen, sure, many, guess), joints)
    sure[:, 0] = 0
    assert off.median() < 0.02 and far(solve_arm(seen, sure, many, guess), joints).median() < 0.005


def test_without_a_mark_the_guess_stays(camera):
    joints, guess = poses(2)
    many = camera.expand(2, -1, -1)
    seen, _ = project(place_marks(joints), many)
    torch.testing.assert_close(solve_arm(seen, torch.zeros(2, len(MARKS)), many, guess), guess)


def test_what_may_lie_anywhere_hardly_counts():
    sure = certainty(torch.tensor([0.0, 0.005, 0.05]))
    torch.testing.assert_close(sure, torch.tensor([1.0, 0.5, 1 / 101]))


def test_a_video_is_followed_from_frame_to_frame(camera):
    """An arm that turns 0.1 rad a frame is followed to a centimetre through half a pixel of noise."""
    path = REST + torch.arange(1, 9)[:, None] * torch.tensor([0.1, 0.02, 0, 0.03, 0, -0.03, 0.05])
    seen, _ = project(place_marks(path), camera.expand(8, -1, -1))
    noisy = seen + torch.randn(seen.shape, generator=torch.Generator().manual_seed(2)) * 0.5 / 256
    followed = track_arm(noisy, torch.ones(8, len(MARKS)), camera, REST[None])
    assert far(followed, path).median() < 0.01 and far(followed, path).max() < 0.03


def test_a_hand_that_may_look_straight_down_is_taken_to(camera, monkeypatch):
    """Through a pixel of noise, such hands are found nearer than they would be without knowing."""
    g = torch.Generator().manual_seed(3)
    spread = torch.tensor([0.12, 0.2, 0.1]) * torch.randn(16, 3, generator=g).clamp(-1, 1)
    down = torch.diag(torch.tensor([1.0, -1.0, -1.0])).expand(16, 3, 3)
    joints = solve_joints(REST.expand(16, 7), torch.tensor([0.5, 0.0, 0.2]) + spread, down, iterations=60)
    many, sure = camera.expand(16, -1, -1), torch.ones(16, len(MARKS))
    seen, _ = project(place_marks(joints), many)
    noisy, guess = seen + torch.randn(seen.shape, generator=g) / 256, joints + 0.05 * torch.randn(16, 7, generator=g)
    found = solve_arm(noisy, sure, many, guess)
    assert far(found, joints).median() < 0.012 and hand_of(found)[:, 3:5].norm(dim=-1).median() < 0.02
    monkeypatch.setattr(arm_pose, "_DOWN", 0.0)
    unknowing = solve_arm(noisy, sure, many, guess)
    assert far(unknowing, joints).mean() > 1.1 * far(found, joints).mean()

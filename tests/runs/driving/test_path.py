"""A drawn path as actions: they lead along it, in limits, and physics follows."""

from __future__ import annotations

import numpy as np
import pytest

from tests.runs.driving.conftest import SEED
from wamviz.core.action_spaces import TABLETOP_ACTIONS
from wamviz.core.errors import InvalidInput
from wamviz.runs.driving.path import HOLD, MOST_CORNERS, REST, away_from_path, even_steps, path_actions
from wamviz.worlds.tabletop import TabletopEnv


@pytest.mark.parametrize("speed", [0.01, 0.03, 0.05])
def test_physics_brings_the_hand_within_a_centimetre_of_the_path(speed: float) -> None:
    """Straight ways, a corner and a closing gripper, in free space."""
    env = TabletopEnv(render=False)
    env.reset(SEED)
    start = env.commanded_pose()[0]
    ways = np.array([[0.05, 0.08, 0.0], [0.08, 0.1, 0.06], [0.0, -0.05, 0.05]])
    corners = np.column_stack([start + ways, [0, 1, 1]])
    actions = path_actions(corners, start, 0.0, TABLETOP_ACTIONS, speed)
    foreseen = env.foresee_hand(actions)
    before = env.snapshot()
    places = []
    for action in actions:
        env.step(action)
        places.append(env.ee_position())
    line = np.concatenate([start[None], corners[:, :3]])
    assert away_from_path(np.stack(places), line).max() < 0.01
    assert np.linalg.norm(places[-1] - line[-1]) < 0.005
    assert env.gripper_command == 1.0
    # What the arm's kinematics say beforehand is what physics does, but for the time that the arm lags behind.
    assert np.linalg.norm(foreseen - np.stack(places), axis=1).max() < 0.03
    assert away_from_path(foreseen, line).max() < 0.002
    env.restore(SEED, before)
    assert np.array_equal(env.snapshot(), before)  # looking ahead has changed nothing


def test_what_the_arm_cannot_reach_is_foreseen() -> None:
    env = TabletopEnv(render=False)
    env.reset(SEED)
    start = env.commanded_pose()[0]
    actions = path_actions([[1.2, 0.0, 0.3, 0.0]], start, 0.0, TABLETOP_ACTIONS)
    assert env.foresee_hand(actions)[-1, 0] < 0.85


def test_steps_are_even_and_lead_from_end_to_end() -> None:
    corners = np.array([[0, 0, 0], [0.1, 0, 0], [0.1, 0.1, 0]])
    steps = even_steps(corners, 0.03)
    assert np.allclose(steps.sum(0), corners[-1]) and np.linalg.norm(steps, axis=1).max() <= 0.03 + 1e-9
    assert even_steps(corners[:1], 0.03).shape == (0, 3)


def test_the_gripper_changes_at_the_corner_and_the_hand_waits_there() -> None:
    start = np.array([0.5, 0.0, 0.2])
    actions = path_actions([[0.5, 0.0, 0.1, 1.0], [0.5, 0.0, 0.2, 1.0]], start, 0.0, TABLETOP_ACTIONS)
    first = int(actions[:, 6].argmax())
    assert np.allclose(actions[:first, :3].sum(0), [0, 0, -0.1], atol=1e-6)
    assert not actions[first : first + HOLD, :6].any() and (actions[first:, 6] == 1).all()
    assert not actions[-REST:, :6].any()


def test_places_are_measured_against_the_nearest_part() -> None:
    line = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0.0]])
    assert np.allclose(away_from_path(np.array([[0.5, 0.2, 0], [2, 1, 0], [1, 0.5, 0]]), line), [0.2, 1, 0])
    assert np.allclose(away_from_path(np.array([[0, 0, 2.0]]), line[:1]), [2])


@pytest.mark.parametrize(
    ("corners", "speed", "why"),
    [
        ([], 0.03, "list of corners"),
        ([[0, 0]], 0.03, "list of corners"),
        ([[0, 0, float("nan"), 0]], 0.03, "list of corners"),
        ("path", 0.03, "list of corners"),
        ([[0, 0, 0, 2]], 0.03, "gripper"),
        ([[0, 0, 0, 0]] * (MOST_CORNERS + 1), 0.03, "corners, not"),
        ([[0, 0, 0, 0]], 0.5, "speed"),
    ],
)
def test_what_is_no_path_is_refused(corners: object, speed: float, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        path_actions(corners, np.zeros(3), 0.0, TABLETOP_ACTIONS, speed)

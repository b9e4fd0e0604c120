"""How the arm answers actions, against the simulator's own controller and physics."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wamviz.models.mini.arm import TAPS, answer_actions, command_joints, fit_lag, hand_of, limit_tilt
from wamviz.models.mini.kinematics import rotation_matrices
from wamviz.worlds.tabletop import TabletopEnv
from wamviz.worlds.tabletop.controller import Controller

UNKNOWN = torch.full((1, 7), torch.nan)
QUICK = torch.ones(TAPS, 7)  # joints that are where they should be at once


def wandering(seed: int, count: int) -> np.ndarray:
    """Actions (count, 7) high above the table, turning now and then."""
    rng = np.random.default_rng(seed)
    actions = np.zeros((count, 7), np.float32)
    actions[:, :3] = np.repeat(rng.uniform(-0.025, 0.025, (count // 4, 3)), 4, axis=0)
    actions[:, 2] = np.abs(actions[:, 2]) * np.where(np.arange(count) < count // 2, 1, -0.5)
    actions[:, 5] = np.repeat(rng.uniform(-0.2, 0.2, count // 4), 4)
    return actions


def play(seed: int, actions: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
    """The scene's state before actions (1, 14) and the states after each (K, 14)."""
    env = TabletopEnv(size=64, render=False)
    env.reset(seed)
    start = env.observe().state
    states = [env.step(action)[0].state for action in actions]
    return torch.from_numpy(start)[None], np.stack(states)


def test_targets_are_those_of_the_controller():
    """The same actions take the joints' targets where the simulator's controller takes them, elbow and all."""
    start, states = play(1_000_003, actions := wandering(1, 16))
    controller, targets = Controller(), []
    controller.begin(start[0, :3].numpy().astype(np.float64))
    controller.joints = start[0, 7:].numpy().astype(np.float64)
    for action in actions.astype(np.float64):
        list(controller.follow(action))
        targets.append(controller.joints.copy())
    behind, found = command_joints(start[:, 7:], torch.from_numpy(actions)[None], UNKNOWN, QUICK)
    assert not behind.any()
    assert np.abs(found[0].numpy() - targets).max() < 0.02  # rad
    away = hand_of(found)[0, :, :3] - hand_of(torch.tensor(np.array(targets), dtype=torch.float32))[:, :3]
    assert away.norm(dim=-1).max() < 0.002  # m


def fitted(seeds: range) -> torch.Tensor:
    """The lag of the simulator's joints."""
    rows = [(*play(seed, wandering(seed, 16)), wandering(seed, 16)) for seed in seeds]
    joints = torch.cat([start[:, 7:] for start, _, _ in rows])
    after = torch.stack([torch.from_numpy(states[:, 7:]) for _, states, _ in rows])
    return fit_lag(joints, after, torch.stack([torch.from_numpy(actions) for _, _, actions in rows]))


def test_the_answer_is_that_of_physics():
    """With a lag fitted to some scenes, the hand is within 3 mm of physics in others, at every step."""
    lag = fitted(range(1_000_010, 1_000_016))
    assert (lag[0] > 0.4).all() and (lag[0] < 0.98).all()  # joints are late ..
    torch.testing.assert_close(lag[-1], torch.ones(7), atol=0.05, rtol=0)  # .. and arrive
    start, states = play(1_000_020, actions := wandering(7, 24))
    joints = answer_actions(start[:, 7:], torch.from_numpy(actions)[None], UNKNOWN, lag)
    off = (hand_of(joints)[0, :, :3].numpy() - states[:, :3]).astype(np.float64)
    assert np.linalg.norm(off, axis=1).max() < 0.003
    assert np.abs(joints[0].numpy() - states[:, 7:]).max() < 0.02


def test_a_last_action_is_still_followed():
    """In the midst of a motion the arm is foreseen better by who knows the last action than by who does not."""
    lag = fitted(range(1_000_010, 1_000_016))
    start, states = play(1_000_021, actions := wandering(8, 24))
    now, given = torch.from_numpy(states[2:3]), torch.from_numpy(actions)
    far = {}
    for name, last in (("known", given[2:3]), ("unknown", UNKNOWN)):
        joints = answer_actions(now[:, 7:], given[None, 3:11], last, lag)
        far[name] = float((hand_of(joints)[0, :, :3] - torch.from_numpy(states[3:11, :3])).norm(dim=-1).mean())
    assert far["known"] < 0.003 < far["unknown"]


def test_nothing_asked_nothing_done():
    """An arm at rest that is sent nowhere stays within what its elbow drifts."""
    start, _ = play(1_000_003, wandering(0, 4))
    joints = answer_actions(start[:, 7:], torch.zeros(1, 8, 7), UNKNOWN, QUICK)
    torch.testing.assert_close(hand_of(joints), hand_of(start[:, None, 7:]).expand(1, 8, 6), atol=1e-3, rtol=0)


@pytest.mark.parametrize("lean", [0.3, 1.4])
def test_the_hand_leans_no_further_than_it_may(lean):
    """A small tilt stays as it is, a large one is turned back to the controller's limit, about the same axis."""
    down = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    tilted = rotation_matrices(torch.tensor([[lean, 0.0, 0.0]])) @ down
    back = torch.from_numpy(limit_tilt(tilted.double().numpy())).float()
    torch.testing.assert_close(float((-back[0, 2, 2]).arccos()), min(lean, 0.8), atol=1e-3, rtol=0)
    torch.testing.assert_close(back[0, :, 0], down[:, 0], atol=1e-5, rtol=0)


def test_samples_do_not_see_each_other():
    """Two arms together are answered as each alone."""
    start, states = play(1_000_003, actions := wandering(3, 8))
    joints = torch.cat([start[:, 7:], torch.from_numpy(states[-1:, 7:])])
    given = torch.from_numpy(np.stack([actions, wandering(4, 8)]))
    last = torch.cat([UNKNOWN, torch.from_numpy(actions[-1:])])
    lag = QUICK * 0.9
    both = answer_actions(joints, given, last, lag)
    for i in range(2):
        one = answer_actions(joints[i : i + 1], given[i : i + 1], last[i : i + 1], lag)
        torch.testing.assert_close(both[i : i + 1], one, atol=1e-5, rtol=1e-4)

"""Agreement counts only where something moves."""

import numpy as np

from wamviz.metrics.consistency import consistency, motion_energy


def test_a_still_video_has_no_motion(scene):
    assert motion_energy(np.repeat(scene(1), 5, axis=0)) == 0
    assert motion_energy(scene(1)) == 0


def test_motion_is_the_mean_change_from_the_context():
    frames = np.zeros((3, 4, 4, 3), np.uint8)
    frames[1:] = 51
    assert np.isclose(motion_energy(frames), 0.2)


def test_actions_that_come_true_are_consistent(rollout, scene):
    actions = np.full((4, 7), 0.02, np.float32)
    states = np.zeros((5, 14), np.float32)
    states[1:, :3] = np.cumsum(actions[:, :3], axis=0)
    found = consistency(rollout(frames=scene(5), actions=actions), rollout("executed", scene(5), actions, states))
    assert found.path_ade < 1e-6 and found.moves_enough


def test_a_still_video_of_moving_actions_is_caught(rollout, scene):
    actions = np.full((4, 7), 0.02, np.float32)
    still = rollout(frames=np.repeat(scene(1), 5, axis=0), actions=actions)
    found = consistency(still, rollout("executed", scene(5), actions, np.zeros((5, 14))))
    assert found.moves_enough is False
    assert found.path_fde > 0.1


def test_a_still_video_of_still_actions_is_the_story(rollout, scene):
    still = np.repeat(scene(1), 5, axis=0)
    found = consistency(rollout(frames=still, actions=np.zeros((4, 7))), rollout("executed", scene(5)))
    assert found.moves_enough is True


def test_what_is_not_known_is_none(rollout, scene):
    found = consistency(rollout(frames=scene(3)), rollout("executed", actions=np.zeros((2, 7))))
    assert found.path_ade is found.stated_length is found.imagined_motion is found.moves_enough is None


def test_the_stated_path_is_judged_beside_a_hand_that_does_not_move(rollout, scene):
    """Actions that come true beat the control by the way that physics took; actions of nothing equal it."""
    actions = np.full((4, 7), 0.02, np.float32)
    states = np.zeros((5, 14), np.float32)
    states[1:, :3] = np.cumsum(actions[:, :3], axis=0)
    executed = rollout("executed", scene(5), actions, states)
    found = consistency(rollout(frames=scene(5), actions=actions), executed)
    assert np.isclose(found.hold_path_ade, np.mean([0.02 * k * np.sqrt(3) for k in range(1, 5)]), atol=1e-6)
    still = consistency(rollout(frames=scene(5), actions=np.zeros((4, 7))), executed)
    assert still.path_ade == still.hold_path_ade

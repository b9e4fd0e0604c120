"""Jerk has known values; limits are those of the action space."""

import numpy as np
import pytest

from wamviz.metrics.motion import jerk, outside_limits


def test_a_cubic_has_constant_jerk():
    """x = t**3 has the third derivative 6, at every rate."""
    for rate in (5.0, 15.0):
        t = np.arange(12) / rate
        assert jerk(np.stack([t**3, 0 * t, 0 * t], 1), rate) == pytest.approx(6.0)


def test_uniform_and_accelerated_motion_have_none():
    t = np.arange(12) / 5
    assert jerk(np.stack([t, t**2, 1 - t], 1), 5.0) == pytest.approx(0, abs=1e-9)
    assert jerk(np.zeros((3, 3)), 5.0) is None


def test_jerk_is_the_same_wherever_it_happens():
    path = np.random.default_rng(0).normal(0, 0.1, (10, 3))
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    assert jerk(path @ turn + [1, 2, 3], 5.0) == pytest.approx(jerk(path, 5.0))


def test_actions_beyond_the_limits_are_counted(rollout):
    """An action counts once however many of its numbers lie outside; the limit itself is inside."""
    actions = np.zeros((4, 7), np.float32)
    limit = np.asarray(rollout(actions=actions).action_space.high, np.float32)
    actions[1], actions[2] = limit, limit * 1.01
    assert outside_limits(rollout(actions=actions)) == 0.25
    assert outside_limits(rollout(frames=np.zeros((2, 8, 8, 3), np.uint8))) is None

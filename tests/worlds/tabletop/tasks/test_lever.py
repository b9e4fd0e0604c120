"""The lever: pressed from four centimetres on, and it stays."""

from __future__ import annotations

import numpy as np
import pytest

from tests.worlds.tabletop.conftest import FULL_SCENE, press_lever
from wamviz.worlds.tabletop import TabletopEnv, Task, progress, success

TASK = Task("lever", "", "lever")


@pytest.mark.parametrize(("travel", "done", "share"), [(0.0, False, 0.0), (0.02, False, 0.5), (0.0399, False, 0.99),
                                                       (0.0401, True, 1.0), (0.055, True, 1.0)])  # fmt: skip
def test_progress_is_the_share_of_the_travel(env: TabletopEnv, travel: float, done: bool, share: float) -> None:
    env.reset(FULL_SCENE)
    press_lever(env, travel)
    assert success(env, TASK) is done and progress(env, TASK) == pytest.approx(share, abs=1e-6)


def test_the_lever_stays_down_and_counts_from_four_centimetres(env: TabletopEnv) -> None:
    """Success is a matter of physics: it flips exactly when the lever's travel passes the threshold."""
    env.reset(FULL_SCENE)
    knob = env.lever_position() + [*env.layout.lever_direction * 0.015, 0]
    for height in (0.25, 0.06):
        for _ in range(16):
            gap = [*knob[:2], height] - env.ee_position()
            yaw = np.arctan2(*env.layout.lever_direction[::-1]) - np.arctan2(*env.ee_rotation()[:2, 0][::-1])
            env.step([*np.clip(gap, -0.05, 0.05), 0, 0, np.clip(yaw, -0.3, 0.3), 1])
            assert success(env, TASK) == (env.lever_travel() >= 0.04)
            assert (progress(env, TASK) == 1) == success(env, TASK)
    assert success(env, TASK)
    for _ in range(6):
        env.step([0, 0, 0.06, 0, 0, 0, 1])
    assert success(env, TASK)

"""What the hand touched first, and that the watch names it while the contact lasts."""

from __future__ import annotations

import numpy as np

from wamviz.worlds.tabletop import TabletopEnv
from wamviz.worlds.tabletop.touch import TouchWatch

SEED = 1_000_010


def test_the_first_touch_is_remembered_until_restore(env: TabletopEnv) -> None:
    """Straight down on the orange: that is what was touched, not what came later."""
    env.reset(SEED)
    assert env.first_touched() is None
    for _ in range(25):
        gap = env.position("orange") - env.ee_position()
        env.step([*np.clip([gap[0], gap[1], 0 if np.hypot(*gap[:2]) > 0.02 else -0.05], -0.05, 0.05), 0, 0, 0, 1])
    assert env.first_touched() == "orange"
    env.restore(SEED, env.snapshot())
    assert env.first_touched() is None


def test_a_hand_in_the_air_touches_nothing(env: TabletopEnv) -> None:
    env.reset(SEED)
    watch = TouchWatch(env._model)
    assert watch.look(env._data) is None and env._data.ncon > 0  # things stand on the table meanwhile

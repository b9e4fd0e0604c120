"""The expert takes over where the model has brought the robot, and the rest is an episode of its own."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.models.mini.entry import checkpoint
from wamviz.training.corpus import read_shard
from wamviz.training.recoveries import collect_recoveries
from wamviz.worlds.tabletop import TabletopEnv, record_rest, success, task_for_seed


def test_the_rest_of_a_task_is_recorded_from_where_it_stands():
    """What is recorded begins at the present state, and ends with the task done."""
    env = TabletopEnv(render=False)
    env.reset(200_000)
    task = task_for_seed(env, "pick")
    for _ in range(5):
        env.step([0.03, 0, 0, 0, 0, 0, 0])
    here = env.observe().state
    episode = record_rest(env, task, np.random.default_rng(0))
    assert np.array_equal(episode.states[0], here) and episode.success and success(env, task)
    assert episode.task == task and len(episode.actions) + 1 == len(episode.states)


def test_a_lever_that_is_down_is_not_pressed_again():
    """Of lever-then-pick only the pick is left once the lever is down."""
    env = TabletopEnv(render=False)
    env.reset(200_004)
    lever = task_for_seed(env, "lever")
    record_rest(env, lever, np.random.default_rng(0))
    down = env.lever_travel()
    both = task_for_seed(env, "lever_then_pick")
    episode = record_rest(env, both, np.random.default_rng(1))
    assert episode.success
    lowest = episode.positions[:, 0, 2].max() - episode.positions[:, 0, 2].min()
    assert down > 0.04 and lowest < 0.01


@pytest.mark.slow
def test_recoveries_begin_where_the_model_left_off(tmp_path):
    """Same seeds, same shard, made once; every kept episode succeeds and is told like the seed's own task."""
    paths = collect_recoveries(checkpoint(), tmp_path, range(300_000, 300_002), workers=1)
    stamp = [path.stat().st_mtime_ns for path in paths]
    assert collect_recoveries(checkpoint(), tmp_path, range(300_000, 300_002), workers=1) == paths
    assert [path.stat().st_mtime_ns for path in paths] == stamp
    for path in paths:
        shard = read_shard(path)
        assert shard.success.all() and len(shard.frames) == 0 and all(shard.own)


def test_other_seeds_are_refused(tmp_path):
    """Validation seeds are not for training."""
    with pytest.raises(ValueError, match="not for training"):
        collect_recoveries(checkpoint(), tmp_path, range(1_000_000, 1_000_001))

"""Episodes that begin with the model's own mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.models.mini.conftest import make_pipeline
from wamviz.training.body import sample_body
from wamviz.training.recoveries import collect_recoveries, drive
from wamviz.worlds.tabletop import TabletopEnv, record_rest, task_for_seed

SEED = 4  # an expert's


@pytest.mark.parametrize("seeds", [range(1_000_000, 1_000_002), range(9_000_000, 9_000_001)])
def test_only_training_seeds_are_driven(tmp_path, seeds):
    """Neither validation nor checks from outside are looked at."""
    with pytest.raises(ValueError, match="not for training"):
        collect_recoveries(tmp_path, tmp_path / "out", seeds)


@pytest.mark.slow
def test_the_model_drives_and_the_expert_takes_over():
    """Each look is eight actions of the model's, the same for the same chance; the expert begins where it left off."""
    env = TabletopEnv(render=False)
    env.reset(SEED)
    camera = torch.tensor(env.camera("exterior").square_projection(), dtype=torch.float32)[None]
    pipeline = make_pipeline(camera, sample_body(0.03))
    ends = []
    for looks in (2, 2, 1):
        env.reset(SEED)
        drive(pipeline, env, "pick up the orange", looks, np.random.default_rng(0))
        assert env.steps == 8 * looks
        ends.append(env.observe().state)
    assert np.array_equal(ends[0], ends[1]) and not np.array_equal(ends[0], ends[2])
    episode = record_rest(env, task_for_seed(env), np.random.default_rng(1))
    assert np.array_equal(episode.states[0], ends[2]) and len(episode.actions) > 0
    assert len(episode.states) == len(episode.positions) == len(episode.yaws) == len(episode.actions) + 1
    env.close()

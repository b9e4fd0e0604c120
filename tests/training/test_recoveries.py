"""Episodes that begin with the model's own mistakes."""

from __future__ import annotations

import types

import numpy as np
import pytest
import torch

from tests.models.mini.conftest import make_pipeline
from tests.training.conftest import make_shard
from wamviz.core.errors import WamvizError
from wamviz.training import recoveries as subject
from wamviz.training.body import sample_body
from wamviz.training.corpus import read_shard
from wamviz.training.moves import Moves
from wamviz.training.recoveries import collect_recoveries, drive, recover_shard, recovery_jobs, recovery_paths
from wamviz.worlds.tabletop import TabletopEnv, record_rest, task_for_seed

SEED = 4  # an expert's


@pytest.mark.parametrize("seeds", [range(1_000_000, 1_000_002), range(9_000_000, 9_000_001)])
def test_only_training_seeds_are_driven(tmp_path, seeds):
    """Neither validation nor checks from outside are looked at."""
    with pytest.raises(WamvizError, match="not for training"):
        collect_recoveries(tmp_path, tmp_path / "out", seeds)


def test_jobs_cover_the_seeds(tmp_path):
    """Shards of the size that is asked for, the last one smaller, and where they are kept."""
    jobs = recovery_jobs(tmp_path / "driver", tmp_path / "out", range(300, 307), shard=5)
    assert [job[2:] for job in jobs] == [(300, 5), (305, 2)] and jobs[0][:2] == (
        str(tmp_path / "driver"),
        str(tmp_path / "out"),
    )
    assert [path.name for path in recovery_paths(jobs)] == ["shard-0000300.npz", "shard-0000305.npz"]


def test_a_shard_without_a_success_is_empty_and_not_recorded_again(tmp_path, monkeypatch):
    """It is a shard like any other: it can be read, learnt from beside others, and is there at the next start."""
    driven = []
    monkeypatch.setattr(subject, "_load", lambda folder: None)
    monkeypatch.setattr(subject, "drive", lambda pipeline, env, *_: driven.append(env.seed))
    monkeypatch.setattr("wamviz.worlds.tabletop.record_rest", lambda *_: types.SimpleNamespace(actions=[]))
    (job,) = recovery_jobs(tmp_path / "driver", tmp_path / "out", range(SEED, SEED + 1))
    (path,) = recovery_paths([job])
    assert recover_shard(job) == recover_shard(job) == str(path) and len(driven) == 1
    shard = read_shard(path)
    assert len(shard.states) == len(shard.frames) == len(shard.seeds) == len(shard.own) == 0
    full = make_shard(tmp_path, 0)
    both, alone = Moves([path, full]), Moves([full])
    assert len(both) == len(alone) and both.rested.dtype == bool
    assert torch.equal(both.states, alone.states) and np.array_equal(both.episode, alone.episode)


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

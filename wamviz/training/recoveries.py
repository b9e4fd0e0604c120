"""Episodes that begin with the model's own mistakes: it drives for a while, then the expert takes over (DAgger).

A policy that saw only the expert's states does not know what to do in its own (Ross et al., arXiv 1011.0686). The
expert is free here, so it shows what to do from wherever the model has brought the robot. No picture is drawn: the
model is told where things are, as far off as its detector would be.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from wamviz.core.errors import WamvizError
from wamviz.training.budget import Deadline
from wamviz.training.corpus import (
    RECOVERY,
    SHARD,
    TRAINING_SEEDS,
    describe,
    record_missing,
    shard_path,
    write_shard,
)

if TYPE_CHECKING:
    from wamviz.models.mini.pipeline import MiniWAMPipeline
    from wamviz.worlds.tabletop import TabletopEnv

_LOOKS = 4  # the most looks that the model drives for
_TAKEN = 8  # actions of each
_DOUBT = 0.005  # m

RecoveryJob = tuple[str, str, int, int]  # pipeline, folder, first seed, episodes


def drive(pipeline: MiniWAMPipeline, env: TabletopEnv, words: str, looks: int, rng: np.random.Generator) -> None:
    """Let the model act from the present state for some looks; it is told the places of things, a little off."""
    from wamviz.models.mini.detector import facing_of
    from wamviz.models.mini.situation import Situation
    from wamviz.training.corpus import THINGS

    camera = pipeline.camera(env.camera("exterior").square_projection())
    for _ in range(looks):
        true, yaws = np.full((len(THINGS), 3), np.nan), np.full(len(THINGS), np.nan)
        true[0], yaws[0] = env.lever_position(), env.layout.toaster.yaw
        for index, name in enumerate(THINGS[1:], start=1):
            if name in env.present:
                true[index], yaws[index] = env.position(name), env.yaw(name)
        places = torch.tensor(true + rng.normal(0, _DOUBT, true.shape), dtype=torch.float32)[None]
        state = torch.tensor(env.observe().state)[None]
        doubt = torch.full((1, len(THINGS)), _DOUBT)
        facing = facing_of(torch.tensor(yaws, dtype=torch.float32)[None])
        no_action = torch.full((1, pipeline.transformer.config.action_dim), torch.nan)
        start = Situation(state, True, places, doubt, facing, torch.zeros(1, len(THINGS)), no_action)
        noises = pipeline.noises(int(rng.integers(2**31)), 1)
        *_, last = pipeline.stream(start, camera, words, mode="act_only", steps=4, generators=noises)
        assert last.actions is not None
        low, high = (np.array(v, np.float32) for v in (env.action_space.low, env.action_space.high))
        for action in np.clip(last.actions[0, :_TAKEN].numpy(), low, high):
            env.step(action)


@functools.lru_cache(maxsize=1)
def _load(folder: Path) -> MiniWAMPipeline:
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    from wamviz.models.mini.pipeline import MiniWAMPipeline

    torch.set_num_threads(1)
    for library in (diffusers_logging, transformers_logging):
        library.disable_progress_bar()
    return MiniWAMPipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)


def recover_shard(job: RecoveryJob) -> str:
    """Record the shard of a job of ``recovery_jobs``, unless it is there, and return its path; it may hold nothing."""
    from wamviz.worlds.tabletop import TabletopEnv, record_rest, success, task_for_seed

    pipeline, folder, first, count = job
    path = shard_path(Path(folder), first)
    if path.exists():
        return str(path)
    env = TabletopEnv(render=False)
    recorded = []
    for seed in range(first, first + count):
        rng = np.random.default_rng([seed, 80])
        env.reset(seed)
        task = task_for_seed(env)
        drive(_load(Path(pipeline)), env, task.instruction, int(rng.integers(1, _LOOKS + 1)), rng)
        if success(env, task):  # nothing is left to be shown
            env.reset(seed)
        episode = record_rest(env, task, rng)
        if len(episode.actions) and episode.success:
            recorded.append((episode, describe(env, episode, 0) | {"style": RECOVERY}))
    env.close()
    return str(write_shard(path, recorded))


def recovery_jobs(pipeline: Path, folder: Path, seeds: range, shard: int = SHARD) -> list[RecoveryJob]:
    """What ``recover_shard`` is given for every ``shard`` of ``seeds``, in order.

    Raises:
        WamvizError: seeds outside the training range.
    """
    if seeds.start not in TRAINING_SEEDS or seeds.stop - 1 not in TRAINING_SEEDS:
        raise WamvizError(f"Seeds {seeds.start}:{seeds.stop} are not for training.", "Use training seeds 0:1000000.")
    folder.mkdir(parents=True, exist_ok=True)
    firsts: Sequence[int] = range(seeds.start, seeds.stop, shard)
    return [(str(pipeline), str(folder), first, min(shard, seeds.stop - first)) for first in firsts]


def recovery_paths(jobs: Sequence[RecoveryJob]) -> list[Path]:
    """Where the shards of jobs are kept."""
    return [shard_path(Path(folder), first) for _, folder, first, _ in jobs]


def collect_recoveries(
    pipeline: Path, folder: Path, seeds: range, *, workers: int = 2, deadline: Deadline | None = None
) -> list[Path]:
    """Record what the expert does after the model in the folder ``pipeline`` has driven, for every seed, into shards.

    An episode in which the expert fails as well is left out.
    """
    jobs = recovery_jobs(pipeline, folder, seeds)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return record_missing(recover_shard, jobs, recovery_paths(jobs), workers, deadline, "recoveries")

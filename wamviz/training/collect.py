"""Training episodes: tabletop seeds to shards on disk.

A shard holds the exterior view of ``SHARD`` consecutive seeds as raw arrays (npz, no pickle), written to a temporary
name and renamed, so that an interrupted collection goes on where it stopped. The recipe (style by seed) is a pure
function of the seed: the same seeds give the same shards.

Seeds: training 0-999,999; validation 1,000,000-1,099,999. Others are refused here.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from wamviz.errors import WamvizError
from wamviz.training.budget import Deadline

SHARD = 20  # episodes a file
TRAINING_SEEDS = range(0, 1_000_000)
VALIDATION_SEEDS = range(1_000_000, 1_100_000)


def style_of(seed: int) -> str:
    """Three quarters expert, the rest perturbed-and-recovered or play, so that failure is seen as well."""
    return ("perturbed", "play", "expert")[min(seed * 2_654_435_761 % 16 // 2, 2)]


@dataclass(frozen=True)
class Shard:
    """Episodes of one file, concatenated; episode i owns frames ``starts[i]:starts[i + 1]``.

    Attributes:
        frames: (F, H, W, 3) uint8.
        states: (F, D) float32.
        actions: (F, A) float32; the action taken *at* each frame, the last row of an episode holds still.
        starts: (n + 1,) int64.
        instructions, kinds, styles: n strings each.
        success: (n,) bool.
        seeds: (n,) int64.
    """

    frames: NDArray[np.uint8]
    states: NDArray[np.float32]
    actions: NDArray[np.float32]
    starts: NDArray[np.int64]
    instructions: list[str]
    kinds: list[str]
    styles: list[str]
    success: NDArray[np.bool_]
    seeds: NDArray[np.int64]


def shard_path(folder: Path, first_seed: int) -> Path:
    """Where the shard that starts at ``first_seed`` is kept."""
    return folder / f"shard-{first_seed:07d}.npz"


def read_shard(path: Path, frames: bool = True) -> Shard:
    """Read one shard; without ``frames`` the pictures are left on disk (an empty array stands in)."""
    with np.load(path, allow_pickle=False) as data:
        words = json.loads(str(data["words"]))
        pictures = data["frames"] if frames else np.zeros((0, 1, 1, 3), np.uint8)
        return Shard(
            pictures, data["states"], data["actions"], data["starts"], words["instructions"], words["kinds"],
            words["styles"], data["success"], data["seeds"],
        )  # fmt: skip


def _collect_shard(job: tuple[str, int, int, int]) -> str:
    folder, first, count, size = job
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("LP_NUM_THREADS", "0")  # the software renderer must not fight over cores either
    from wamviz.training.scenes import scene_path, write_scenes
    from wamviz.worlds.tabletop import TabletopEnv, record_episode

    path = shard_path(Path(folder), first)
    if path.exists() and scene_path(path).exists():
        return str(path)
    env = TabletopEnv(size=size, cameras=("exterior",))
    episodes = [record_episode(env, seed, style=style_of(seed)) for seed in range(first, first + count)]
    frames, actions = [], []
    for episode in episodes:
        frames.append(episode.frames["exterior"])
        rest = np.zeros((1, episode.actions.shape[1]), np.float32)
        rest[0, 6] = episode.actions[-1, 6] if len(episode.actions) else 0.0
        actions.append(np.concatenate([episode.actions, rest]))  # (T + 1, A)
    words = {
        "instructions": [e.instruction for e in episodes],
        "kinds": [e.task.kind if e.task is not None else "" for e in episodes],
        "styles": [e.style for e in episodes],
    }
    temporary = path.with_suffix(".tmp.npz")
    np.savez(
        temporary,
        frames=np.concatenate(frames),
        states=np.concatenate([e.states for e in episodes]).astype(np.float32),
        actions=np.concatenate(actions).astype(np.float32),
        starts=np.cumsum([0, *(len(f) for f in frames)]),
        success=np.array([bool(e.success) for e in episodes]),
        seeds=np.array([e.seed for e in episodes]),
        words=np.array(json.dumps(words)),
    )
    write_scenes(path, env, episodes)
    os.replace(temporary, path)
    env.close()
    return str(path)


def collect(
    folder: Path, seeds: range, *, workers: int = 2, size: int = 128, deadline: Deadline | None = None
) -> list[Path]:
    """Record every seed of ``seeds`` into shards under ``folder`` and return their paths, in order.

    Raises ``WamvizError`` for seeds outside the training and validation ranges.
    """
    allowed = any(seeds.start in r and seeds.stop - 1 in r for r in (TRAINING_SEEDS, VALIDATION_SEEDS))
    if len(seeds) == 0 or not allowed:
        raise WamvizError(
            f"Seeds {seeds.start}:{seeds.stop} are not for training.",
            "Use training seeds 0:1000000 or validation seeds 1000000:1100000.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    firsts = range(seeds.start, seeds.stop, SHARD)
    jobs = [(str(folder), first, min(SHARD, seeds.stop - first), size) for first in firsts]
    context = multiprocessing.get_context("spawn")  # a forked GL context is not usable
    with context.Pool(workers) as pool:
        for _ in tqdm(pool.imap(_collect_shard, jobs), total=len(jobs), desc="episodes", unit="shard"):
            if deadline is not None:
                deadline.check()
    return [shard_path(folder, first) for first in firsts]

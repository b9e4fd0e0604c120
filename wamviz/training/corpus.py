"""The corpus: tabletop seeds to shards on disk, with all that the simulator knows of each step.

A shard holds ``SHARD`` consecutive seeds as raw arrays (npz, no pickle), written to a temporary name and renamed, so
that an interrupted collection goes on where it stopped. Physics is cheap and pictures are dear: every step's state is
kept, and a few of an episode's steps are drawn (none at all for what needs no pictures). What is drawn how is a pure
function of the seed.

Seeds: training 0-999,999; validation 1,000,000-1,099,999. Others are refused here.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from wamviz.core.errors import WamvizError
from wamviz.training.budget import Deadline

if TYPE_CHECKING:
    from wamviz.worlds.tabletop import TabletopEnv, TabletopEpisode

SHARD = 25  # episodes a file
TRAINING_SEEDS = range(0, 1_000_000)
VALIDATION_SEEDS = range(1_000_000, 1_100_000)
THINGS = ("lever", "orange", "mug", "bowl", "red_block", "green_block", "blue_block")
TELLINGS = 10  # ways in which an episode's own task is told
QUESTIONS = 16  # other tasks of the same scene, told once each
RECOVERY = "recovery"  # the style of an episode that begins in the midst of things, see ``recoveries``
OTHER_VIEWS = 0.3  # share of episodes that are seen from somewhere else than the usual camera

ShardJob = tuple[str, int, int, int, int]  # folder, first seed, episodes, pixels a side, frames drawn an episode


def style_of(seed: int) -> str:
    """Three quarters expert, the rest perturbed-and-recovered or play, so that failure is seen as well."""
    return ("perturbed", "play", "expert")[min(seed * 2_654_435_761 % 16 // 2, 2)]


@dataclass(frozen=True)
class Shard:
    """Episodes of one file, concatenated; episode i owns steps ``starts[i]:starts[i + 1]``.

    Attributes:
        states: (S, 14) float32, see the tabletop's ``STATE_NAMES``.
        actions: (S, 7) float32; the action taken *at* each step, the last row of an episode holds still.
        positions: (S, 7, 3) float32 m, of ``THINGS``; NaN where a thing is absent.
        yaws: (S, 7) float32 rad about the vertical, of ``THINGS`` (the toaster's for the lever); NaN likewise.
        starts: (n + 1,) int64.
        cameras: (n, 3, 4) float32, world points in metres to homogeneous image points, the picture being 0..1 wide.
        lights: (n, 3) float32 m, where the light hangs that casts shadows.
        frames: (F, H, W, 3) uint8; shown: (F,) int64, the step that each shows.
        seeds: (n,) int64; success: (n,) bool; kinds, styles: n strings each.
        own: an episode's own task in several words each, nothing for play; questions: its scene's other tasks. Each
            entry is (text, index of what is touched first, index of where to go afterwards).
    """

    states: NDArray[np.float32]
    actions: NDArray[np.float32]
    positions: NDArray[np.float32]
    yaws: NDArray[np.float32]
    starts: NDArray[np.int64]
    cameras: NDArray[np.float32]
    lights: NDArray[np.float32]
    frames: NDArray[np.uint8]
    shown: NDArray[np.int64]
    seeds: NDArray[np.int64]
    success: NDArray[np.bool_]
    kinds: list[str]
    styles: list[str]
    own: list[list[tuple[str, int, int]]]
    questions: list[list[tuple[str, int, int]]]

    def __post_init__(self) -> None:
        if self.positions.shape != (len(self.states), len(THINGS), 3) or len(self.frames) != len(self.shown):
            raise ValueError(f"Positions {self.positions.shape} or frames {self.frames.shape} do not fit the steps.")


_STEPS = ("states", "actions", "positions", "yaws")
_ARRAYS = (*_STEPS, "starts", "cameras", "lights", "frames", "shown", "seeds", "success")


def read_shard(path: Path) -> Shard:
    """Read one shard."""
    with np.load(path, allow_pickle=False) as data:
        words = json.loads(str(data["words"]))
        return Shard(**{name: data[name] for name in _ARRAYS}, **words)


def shard_path(folder: Path, first_seed: int) -> Path:
    """Where the shard that starts at ``first_seed`` is kept."""
    return folder / f"shard-{first_seed:07d}.npz"


def draw_other_view(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64], float] | None:
    """Where else the exterior camera stands for a seed: its position and what it looks at (m), its field of view."""
    rng = np.random.default_rng([seed, 78])
    if rng.random() >= OTHER_VIEWS:
        return None
    turn, rise, far = rng.uniform(-0.45, 0.45), rng.uniform(-0.1, 0.25), rng.uniform(0.92, 1.25)
    target = np.array([0.42, 0.0, 0.10]) + rng.uniform(-0.04, 0.04, 3)
    flat, height = 0.959 * far, 0.56 * far + rise
    angle = np.arctan2(0.62, 0.73) + turn
    position = target + [flat * np.cos(angle), flat * np.sin(angle), height]
    return position, target, float(rng.uniform(36, 46))


def choose_steps(seed: int, steps: int, views: int) -> NDArray[np.int64]:
    """Which of an episode's ``steps`` are drawn: the first, the last, and others by chance, ``views`` at most."""
    if views == 0:
        return np.zeros(0, np.int64)
    rng = np.random.default_rng([seed, 79])
    inner = rng.permutation(np.arange(1, max(1, steps - 1)))[: max(0, views - 2)]
    return np.unique(np.concatenate([[0, steps - 1], inner])).astype(np.int64)


def _words(env: TabletopEnv, seed: int, style: str) -> dict[str, list[Any]]:
    """What can be said in the present scene."""
    from wamviz.worlds.tabletop import tasks

    def entry(text: str, task: tasks.Task) -> tuple[str, int, int]:
        return text, THINGS.index(tasks.first_target(task)), THINGS.index(task.destination or task.target)

    rng = np.random.default_rng([seed, 77])
    own: list[Any] = []
    if style != "play":
        task = tasks.task_for_seed(env)
        instructions = [task.instruction, *(tasks.phrase(env, task, rng) for _ in range(TELLINGS - 1))]
        own = [entry(text, task) for text in instructions]
    kinds = tasks.feasible_kinds(env)
    drawn = [tasks.sample_task(env, rng, kinds[int(rng.integers(len(kinds)))]) for _ in range(QUESTIONS)]
    return {"own": own, "questions": [entry(task.instruction, task) for task in drawn]}


def _record(env: TabletopEnv, seed: int, views: int) -> tuple[TabletopEpisode, dict[str, Any]]:
    """One episode, and what is kept of it beside the episode's own arrays."""
    from wamviz.worlds.tabletop import record_episode

    episode = record_episode(env, seed, style=style_of(seed))
    return episode, describe(env, episode, views)


def describe(env: TabletopEnv, episode: TabletopEpisode, views: int) -> dict[str, Any]:
    """What is kept of an episode beside its own arrays: camera, light, words, and the frames that are drawn of it."""
    seed = episode.seed
    env.reset(seed)
    words = _words(env, seed, episode.style)
    other = draw_other_view(seed)
    if other is not None:
        env.move_camera(*other)
    camera = env.camera("exterior").square_projection()
    steps = choose_steps(seed, len(episode.states), views)
    frames = []
    for step in steps:
        env.restore(seed, episode.snapshots[step])
        frames.append(env.render())
    side = env.size
    return {
        "camera": camera,
        "light": np.array(env.look.key_position),
        "frames": np.array(frames, np.uint8).reshape(-1, side, side, 3),
        "steps": steps,
        "words": words,
    }


def collect_shard(job: ShardJob) -> str:
    """Record the shard of a job of ``shard_jobs``, unless it is there, and return its path."""
    folder, first, count, size, views = job
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("LP_NUM_THREADS", "0")  # the software renderer must not fight over cores either
    from wamviz.worlds.tabletop import TabletopEnv

    path = shard_path(Path(folder), first)
    if path.exists():
        return str(path)
    env = TabletopEnv(size=size, render=False)
    recorded = [_record(env, seed, views) for seed in range(first, first + count)]
    env.close()
    return str(write_shard(path, recorded))


def write_shard(path: Path, recorded: Sequence[tuple[TabletopEpisode, dict[str, Any]]]) -> Path:
    """Write episodes, if any, and what ``describe`` says of each, under a temporary name first."""
    from wamviz.worlds.tabletop import ACTION_SPACE, STATE_NAMES

    episodes, extra = [e for e, _ in recorded], [x for _, x in recorded]
    starts = np.cumsum([0, *(len(e.states) for e in episodes)])
    temporary = path.with_suffix(".tmp.npz")
    np.savez(
        temporary,
        states=_rows([e.states for e in episodes], len(STATE_NAMES)),
        actions=_rows([_with_rest(e.actions) for e in episodes], ACTION_SPACE.dim),
        positions=_rows([e.positions for e in episodes], len(THINGS), 3),
        yaws=_rows([e.yaws for e in episodes], len(THINGS)),
        starts=starts,
        cameras=_rows([x["camera"][None] for x in extra], 3, 4),
        lights=_rows([x["light"][None] for x in extra], 3),
        frames=np.concatenate([x["frames"] for x in extra] or [np.empty((0, 1, 1, 3), np.uint8)]),
        shown=np.concatenate(
            [np.empty(0, np.int64), *(x["steps"] + start for x, start in zip(extra, starts[:-1], strict=True))]
        ),
        seeds=np.array([e.seed for e in episodes], np.int64),
        success=np.array([e.success for e in episodes], bool),
        words=json.dumps(
            {
                "kinds": [e.task.kind if e.task is not None else "" for e in episodes],
                "styles": [x.get("style", e.style) for e, x in recorded],
                "own": [x["words"]["own"] for x in extra],
                "questions": [x["words"]["questions"] for x in extra],
            }
        ),
    )
    os.replace(temporary, path)
    return path


def _rows(parts: list[NDArray[Any]], *shape: int) -> NDArray[np.float32]:
    """Parts (n, ``*shape``) one after another; none of them is (0, ``*shape``)."""
    return np.concatenate(parts).astype(np.float32) if parts else np.empty((0, *shape), np.float32)


def _with_rest(actions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Actions (T, 7) and a last row that holds still, (T + 1, 7)."""
    rest = np.zeros((1, actions.shape[1]), np.float32)
    rest[0, 6] = actions[-1, 6] if len(actions) else 0.0
    return np.concatenate([actions, rest])


def shard_jobs(folder: Path, seeds: range, *, size: int = 256, views: int = 12) -> list[ShardJob]:
    """What ``collect_shard`` is given for every shard of ``seeds``, in order.

    Args:
        size: of the frames, pixels a side; views: frames drawn an episode, at most, 0 for physics alone.

    Raises:
        WamvizError: seeds outside the training and validation ranges.
    """
    allowed = any(seeds.start in r and seeds.stop - 1 in r for r in (TRAINING_SEEDS, VALIDATION_SEEDS))
    if len(seeds) == 0 or not allowed:
        raise WamvizError(
            f"Seeds {seeds.start}:{seeds.stop} are not for training.",
            "Use training seeds 0:1000000 or validation seeds 1000000:1100000.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    firsts: Sequence[int] = range(seeds.start, seeds.stop, SHARD)
    return [(str(folder), first, min(SHARD, seeds.stop - first), size, views) for first in firsts]


def shard_paths(jobs: Sequence[ShardJob]) -> list[Path]:
    """Where the shards of jobs are kept."""
    return [shard_path(Path(folder), first) for folder, first, *_ in jobs]


def collect(
    folder: Path, seeds: range, *, workers: int = 2, size: int = 256, views: int = 12, deadline: Deadline | None = None
) -> list[Path]:
    """Record every seed of ``seeds`` into shards under ``folder`` and return their paths; see ``shard_jobs``."""
    jobs = shard_jobs(folder, seeds, size=size, views=views)
    return record_missing(collect_shard, jobs, shard_paths(jobs), workers, deadline, "episodes")


def record_missing(
    work: Callable[[Any], str],
    jobs: Sequence[Any],
    paths: list[Path],
    workers: int,
    deadline: Deadline | None,
    what: str,
) -> list[Path]:
    """Do the jobs whose shard is not there yet, in as many processes as have something to do; return all ``paths``."""
    missing = [job for job, path in zip(jobs, paths, strict=True) if not path.exists()]
    if missing:
        context = multiprocessing.get_context("spawn")  # a forked GL context is not usable
        with context.Pool(min(workers, len(missing))) as pool:
            for _ in tqdm(pool.imap(work, missing), total=len(missing), desc=what, unit="shard"):
                if deadline is not None:
                    deadline.check()
    return paths

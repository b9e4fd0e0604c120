"""Expert episodes of the tabletop world as a LeRobot v3.0 dataset, recorded by several processes.

Contract: the same seeds give the same episodes in the same order, whatever the number of processes; failures are kept
and flagged. Finished episodes wait beside the dataset's folder: stopped with Ctrl-C, ``generate`` writes a valid
dataset of those (its manifest says that it is incomplete), and the same call again goes on where it stopped.

Every frame carries the world's exact state, so that anything can be executed from it. The last row of an episode holds
the frame after the last action; its own action holds still and is no part of the episode (``closing_row``).
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import platform
import shutil
import signal
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz import __version__
from wamviz.core.errors import WamvizError
from wamviz.core.signals import ignore_sigint, terminable
from wamviz.datasets.files import read_json
from wamviz.datasets.formats.lerobot import layout
from wamviz.datasets.writer.lerobot import assemble, check_free, staging_folder
from wamviz.datasets.writer.staging import DatasetSchema, open_staging, stage_episode, staged
from wamviz.worlds.tabletop import ACTION_SPACE, CAMERAS, STATE_NAMES, TabletopEnv, record_episode, renderer_name

Progress = Callable[[int, int, str], None]  # episodes done, episodes in all, a few words
MANIFEST_FORMAT = 1


class Interrupted(KeyboardInterrupt):
    """Stopped by the user; the text says what is kept and how to go on."""


@dataclass(frozen=True)
class EpisodeRecipe:
    """What episodes look like, beside their seeds.

    Attributes:
        styles: style -> share, e.g. ``{"expert": 0.75, "perturbed": 0.25}``; which one a seed gets depends on it alone.
        size: width and height of the frames, pixels.
        cameras: views, the main one first.
        crf, keyframe_every: video quality (0 best .. 51) and distance of key frames.
    """

    styles: Mapping[str, float]
    size: int = 256
    cameras: tuple[str, ...] = CAMERAS
    crf: int = 23
    keyframe_every: int = 5

    def __post_init__(self) -> None:
        if not self.styles or any(not share > 0 for share in self.styles.values()):
            raise WamvizError(f"A mix of styles needs shares above 0, not {dict(self.styles)}.")
        if not 16 <= self.size <= 1024 or self.size % 2:
            raise WamvizError(f"The size of the frames must be even and lie in 16 .. 1024 pixels, not {self.size}.")
        if not self.cameras:
            raise WamvizError("At least one camera must be recorded.", f"There are: {', '.join(CAMERAS)}.")

    def style_of(self, seed: int) -> str:
        """The style of a seed's episode."""
        names = list(self.styles)
        shares = np.cumsum([self.styles[name] for name in names])
        # A generator of its own: the draw shifts neither the scene nor the task of the seed.
        place = np.random.default_rng([seed, 0x57]).random() * shares[-1]
        return names[min(int(np.searchsorted(shares, place, side="right")), len(names) - 1)]

    def plan(self, snapshot_size: int) -> DatasetSchema:
        """The LeRobot features of such episodes."""
        features: dict[str, dict[str, Any]] = {
            "action": {"dtype": "float32", "shape": [ACTION_SPACE.dim], "names": list(ACTION_SPACE.names)},
            "observation.state": {"dtype": "float32", "shape": [len(STATE_NAMES)], "names": list(STATE_NAMES)},
            layout.SNAPSHOT_KEY: {"dtype": "float64", "shape": [snapshot_size], "names": None},
        }
        if "wrist" in self.cameras:
            features[layout.pose_key("wrist")] = {"dtype": "float64", "shape": [16], "names": None}
        shape = [self.size, self.size, 3]
        features.update({video_key(camera): {"dtype": "video", "shape": shape} for camera in self.cameras})
        about = {"styles": dict(self.styles), "versions": versions()}
        return DatasetSchema(
            features,
            round(ACTION_SPACE.rate),
            "panda",
            crf=self.crf,
            keyframe_every=self.keyframe_every,
            without_stats=(
                layout.SNAPSHOT_KEY,
            ),  # nobody normalises a simulator's state, and it is most of the numbers
            about=about,
        )


EXPERT = EpisodeRecipe(styles={"expert": 1.0})


def video_key(camera: str) -> str:
    """The LeRobot feature of a view."""
    return f"observation.images.{camera}"


def versions() -> dict[str, str]:
    """What the bits of an episode depend on."""
    import av
    import mujoco

    return {
        "wamviz": __version__,
        "mujoco": str(mujoco.__version__),
        "numpy": np.__version__,
        "av": av.__version__,
        "machine": platform.machine(),
        "renderer": renderer_name() or "none",
    }


def generate(
    seeds: Sequence[int],
    out: str | Path,
    *,
    recipe: EpisodeRecipe = EXPERT,
    workers: int = 1,
    progress: Progress | None = None,
    manifest: Mapping[str, Any] | None = None,
) -> Path:
    """Record one episode a seed into the dataset ``out`` and return its folder.

    Args:
        seeds: in the order of the dataset; each at most once.
        out: a folder that does not exist, is empty, or was left incomplete by the same call.
        workers: processes; 1 records in this one.
        progress: called after every episode.
        manifest: further JSON-ready facts for ``meta/wamviz.json``.

    Raises:
        WamvizError: no or repeated seeds, a folder in use, other settings than those it was begun with.
        Interrupted: stopped with Ctrl-C (or SIGTERM); a valid, incomplete dataset is there.
    """
    root, seeds = Path(out), list(seeds)
    if not seeds or len(set(seeds)) != len(seeds):
        raise WamvizError("Give at least one seed, and each only once.")
    if workers < 1:
        raise WamvizError(f"At least one process must record, not {workers}.")
    resuming = is_incomplete(root)
    if not resuming:
        check_free(root)
    plan = recipe.plan(_snapshot_size(seeds[0]))
    staging = staging_folder(root)
    open_staging(staging, plan)
    facts = _manifest(recipe, seeds) | dict(manifest or {})
    keys = {seed: key for key, seed in enumerate(seeds)}
    done = _staged_seeds(staging, keys)
    jobs = [(str(staging), key, seed) for seed, key in keys.items() if seed not in done]
    finished = len(seeds) - len(jobs)
    try:
        with terminable():
            if progress is not None:
                progress(finished, len(seeds), "")
            with closing(_record_all(jobs, recipe, plan, workers)) as notes:
                for note in notes:
                    finished += 1
                    if progress is not None:
                        progress(finished, len(seeds), note)
            assemble(staging, plan, root, facts | {"complete": True}, replace=resuming)
    except KeyboardInterrupt as stop:
        raise Interrupted(_keep(staging, plan, root, facts, len(seeds), resuming)) from stop
    shutil.rmtree(staging, ignore_errors=True)
    return root


def _record_all(
    jobs: list[tuple[str, int, int]], recipe: EpisodeRecipe, plan: DatasetSchema, workers: int
) -> Generator[str, None, None]:
    """Record every job; yields a few words for each as it is finished, in any order.

    Closing it drops what has not begun and waits for the episodes in hand.
    """
    record = functools.partial(_record, recipe, plan)
    workers = min(workers, len(jobs))
    if workers <= 1:
        yield from map(record, jobs)
        return
    spawn = multiprocessing.get_context("spawn")  # a forked graphics context is not usable
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_be_a_worker)
    try:
        with ignore_sigint():  # the processes start here and inherit this: only the parent answers Ctrl-C
            futures = [pool.submit(record, job) for job in jobs]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise WamvizError(
            "A recording process died; perhaps the memory is full.",
            "Run the same command with fewer workers: finished episodes are kept.",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _be_a_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("LP_NUM_THREADS", "0")  # software rendering: the processes are the threads
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # a parent that was killed cannot tell its processes to end
        os._exit(1)


@functools.lru_cache(maxsize=1)
def _env(size: int, cameras: tuple[str, ...]) -> TabletopEnv:
    return TabletopEnv(size=size, cameras=cameras)  # one a process: a graphics context is slow to make


def _record(recipe: EpisodeRecipe, plan: DatasetSchema, job: tuple[str, int, int]) -> str:
    """Record and stage the episode of one seed."""
    staging, key, seed = job
    env = _env(recipe.size, recipe.cameras)
    episode = record_episode(env, seed, style=recipe.style_of(seed))
    cameras = {camera: model.to_json() for camera, model in episode.cameras.items()}
    closing = np.zeros((1, ACTION_SPACE.dim), np.float32)
    if len(episode.actions):
        closing[0, ACTION_SPACE.gripper_index] = episode.actions[-1, ACTION_SPACE.gripper_index]
    rows: dict[str, NDArray[Any]] = {
        "action": np.concatenate([episode.actions, closing]).astype(np.float32),  # (K + 1, 7)
        "observation.state": np.asarray(episode.states, np.float32),  # (K + 1, 14)
        layout.SNAPSHOT_KEY: np.asarray(episode.snapshots, np.float64),  # (K + 1, S)
    }
    if "wrist" in recipe.cameras:
        rows[layout.pose_key("wrist")] = _wrist_poses(seed, rows[layout.SNAPSHOT_KEY])
    frames = {video_key(camera): episode.frames[camera] for camera in recipe.cameras}
    kind = episode.task.kind if episode.task is not None else None
    meta = {"seed": seed, "kind": kind, "success": episode.success, "style": episode.style, "cameras": cameras}
    stage_episode(Path(staging), plan, key, rows, frames, episode.instruction, meta)
    return f"seed {seed}: {kind or episode.style}, {'success' if episode.success else 'failed'}"


@functools.lru_cache(maxsize=1)
def _blind_env() -> TabletopEnv:
    return TabletopEnv(render=False)


def _wrist_poses(seed: int, snapshots: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K + 1, 16) world_from_camera of the wrist camera at every frame."""
    env, poses = _blind_env(), []
    for snapshot in snapshots:
        env.restore(seed, snapshot)
        poses.append(env.camera("wrist").world_from_camera.ravel())
    return np.stack(poses)


def _snapshot_size(seed: int) -> int:
    env = _blind_env()
    env.reset(seed)
    return len(env.snapshot())


def is_incomplete(root: Path) -> bool:
    """Whether ``root`` is a dataset that an interrupted run left."""
    path = root / layout.MANIFEST
    return path.exists() and read_json(path).get("complete") is False


def _staged_seeds(staging: Path, keys: Mapping[int, int]) -> set[int]:
    """The seeds that are staged already; ``WamvizError`` when others than ``keys`` are."""
    done = set()
    for key, folder in staged(staging).items():
        seed = read_json(folder / "episode.json")["meta"].get("seed")
        if keys.get(seed) != key:
            raise WamvizError(
                f"An interrupted run with other seeds (for one, {seed}) is waiting to go on.",
                f"Give the seeds it was begun with, or delete its unfinished part, '{staging}', to start afresh.",
            )
        done.add(seed)
    return done


def _keep(staging: Path, plan: DatasetSchema, root: Path, facts: dict[str, Any], total: int, resuming: bool) -> str:
    """Write what is finished as a valid dataset; returns what to tell the user."""
    count = len(staged(staging))
    if not count:
        shutil.rmtree(staging, ignore_errors=True)
        return "Stopped before the first episode was finished; nothing was written."
    assemble(staging, plan, root, facts | {"complete": False}, replace=resuming)
    return f"Stopped. {count} of {total} episodes are in '{root.name}'; the same command goes on from there."


def _manifest(recipe: EpisodeRecipe, seeds: list[int]) -> dict[str, Any]:
    spans = seeds == list(range(seeds[0], seeds[0] + len(seeds)))
    return {
        "format": MANIFEST_FORMAT,
        "title": "Tabletop expert episodes",
        "world": "tabletop",
        "main_camera": recipe.cameras[0],
        "closing_row": True,
        "action_space": ACTION_SPACE.to_json(),
        "state_names": list(STATE_NAMES),
        "styles": dict(recipe.styles),
        "seeds": f"{seeds[0]}:{seeds[-1] + 1}" if spans else seeds,
        "versions": versions(),
    }

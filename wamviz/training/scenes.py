"""What the simulator knows beyond the frames: where things were, and what else could have been asked for.

Beside every shard lies ``<shard>.scene.npz``. It teaches the model which words mean which things: the same
frame is asked about in many ways (``training/sight.py``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.worlds.tabletop import TabletopEnv, TabletopEpisode, tasks
from wamviz.worlds.tabletop.objects import MOVABLE

THINGS = ("lever", *MOVABLE)
TELLINGS = 10  # ways in which an episode's own task is told
QUESTIONS = 24  # other tasks of the same scene, told once each


@dataclass(frozen=True)
class Question:
    """A sentence and what it is about.

    Attributes:
        text: the instruction.
        first, second: indices into ``THINGS``: what is touched first, and where to go afterwards (the same again where
            there is no such place).
    """

    text: str
    first: int
    second: int


@dataclass(frozen=True)
class Scenes:
    """The scenes of one shard.

    Attributes:
        positions: (F, len(THINGS), 3) float32 metres from the robot's base, NaN where a thing is absent.
        own: an episode's own task in several words each; nothing for play.
        questions: an episode's other possible tasks.
    """

    positions: NDArray[np.float32]
    own: list[list[Question]]
    questions: list[list[Question]]

    def __post_init__(self) -> None:
        if self.positions.shape[1:] != (len(THINGS), 3) or len(self.own) != len(self.questions):
            raise ValueError(f"Positions {self.positions.shape} or lists of words do not fit {len(THINGS)} things.")


def scene_path(shard: Path) -> Path:
    """Where the scenes of a shard are kept."""
    return shard.with_suffix(".scene.npz")


def read_scenes(shard: Path) -> Scenes:
    """Read what lies beside ``shard``."""
    with np.load(scene_path(shard), allow_pickle=False) as data:
        words = json.loads(str(data["words"]))
        return Scenes(
            data["positions"],
            [[Question(*q) for q in episode["own"]] for episode in words],
            [[Question(*q) for q in episode["questions"]] for episode in words],
        )


def write_scenes(shard: Path, env: TabletopEnv, episodes: Sequence[TabletopEpisode]) -> Path:
    """Write what is known about the shard's episodes, which ``env`` recorded, beside it."""
    out = scene_path(shard)
    words = []
    for episode in episodes:
        env.reset(episode.seed)
        words.append(_words(env, episode.seed, episode.style))
    temporary = out.with_suffix(".tmp.npz")
    np.savez(temporary, positions=np.concatenate([e.positions for e in episodes]), words=json.dumps(words))
    os.replace(temporary, out)
    return out


def _words(env: TabletopEnv, seed: int, style: str) -> dict[str, list[Any]]:
    """What can be said in the present scene, as JSON."""
    rng = np.random.default_rng([seed, 77])
    own: list[Any] = []
    if style != "play":
        task = tasks.task_for_seed(env)
        told = [task.instruction, *(tasks.phrase(env, task, rng) for _ in range(TELLINGS - 1))]
        own = [_question(text, task) for text in told]
    kinds = tasks.feasible_kinds(env)
    drawn = [tasks.sample_task(env, rng, kinds[int(rng.integers(len(kinds)))]) for _ in range(QUESTIONS)]
    return {"own": own, "questions": [_question(task.instruction, task) for task in drawn]}


def _question(text: str, task: tasks.Task) -> tuple[str, int, int]:
    return text, THINGS.index(tasks.first_target(task)), THINGS.index(task.destination or task.target)

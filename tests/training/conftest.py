"""Two tiny shards of made-up episodes, their latents and their scenes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from wamviz.training.collect import shard_path
from wamviz.training.scenes import THINGS, scene_path

LENGTHS = (5, 9, 3)


def write_shard(folder: Path, first: int) -> Path:
    """Episodes whose frames, states and actions all carry the global frame number, so that mix-ups show."""
    total = sum(LENGTHS)
    path = shard_path(folder, first)
    number = np.arange(total, dtype=np.float32) + first
    frames = np.random.default_rng(first).integers(0, 255, (total, 32, 32, 3)).astype(np.uint8)
    np.savez(
        path,
        frames=frames,
        states=np.repeat(number[:, None], 14, 1),
        actions=np.repeat(number[:, None], 7, 1),
        starts=np.cumsum([0, *LENGTHS]),
        success=np.ones(len(LENGTHS), bool),
        seeds=np.arange(first, first + len(LENGTHS)),
        words=np.array(
            json.dumps(
                {
                    "instructions": [f"task {first + i}" for i in range(3)],
                    "kinds": ["pick"] * 3,
                    "styles": ["expert"] * 3,
                }
            )
        ),
    )
    latents = np.repeat(number, 8 * 4 * 4).reshape(total, 8, 4, 4).astype(np.float16)
    np.save(path.with_suffix(".latents.npy"), latents)
    # Thing i of frame n stands at (n, i, 0); the last episode is play and has no task of its own.
    positions = np.zeros((total, len(THINGS), 3), np.float32)
    positions[..., 0], positions[..., 1] = number[:, None], np.arange(len(THINGS))
    words = [
        {
            "own": [[f"task {first + i}", 1, 2], [f"the task {first + i}", 1, 2]] if i < 2 else [],
            "questions": [["q", 3, 4]],
        }
        for i in range(3)
    ]
    np.savez(scene_path(path), positions=positions, words=json.dumps(words))
    return path


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    return [write_shard(tmp_path, first) for first in (0, 100)]

"""Two tiny shards of made-up episodes, and their latents."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from wamviz.training.collect import shard_path

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
    return path


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    return [write_shard(tmp_path, first) for first in (0, 100)]

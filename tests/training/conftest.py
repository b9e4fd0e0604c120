"""Shards: two of made-up episodes whose numbers tell where they belong, and a real one of three seeds."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from wamviz.models.mini.detector import MiniDetector
from wamviz.models.mini.painter import MiniPainter
from wamviz.training import parts
from wamviz.training.body import sample_body
from wamviz.training.budget import Deadline
from wamviz.training.corpus import THINGS, collect, shard_path

LENGTHS = (5, 9, 3)
SEEDS = range(1, 4)  # a perturbed pick; play, seen from elsewhere; play
VIEWS, SIDE = 5, 128


def make_shard(folder: Path, first: int) -> Path:
    """Episodes whose states and actions carry the step's number over all episodes, so that mix-ups show.

    Thing i stands at (n / 100, i / 10, 0), turned by n / 1000, at step n; the blue block is absent. The last episode
    is play and untold.
    """
    total = sum(LENGTHS)
    path = shard_path(folder, first)
    number = np.arange(total, dtype=np.float32) + first
    starts = np.cumsum([0, *LENGTHS])
    positions = np.zeros((total, len(THINGS), 3), np.float32)
    positions[..., 0], positions[..., 1] = number[:, None] / 100, np.arange(len(THINGS)) / 10
    positions[:, -1] = np.nan
    camera = np.array([[1, 0, 0, 0.2 + first], [0, 1, 0, 0.1], [0, 0, 0, 1]], np.float32)
    shown = np.sort(np.concatenate([starts[:-1], starts[1:] - 1]))
    told = [[[f"task {first + i}", 1, 2], [f"the task {first + i}", 1, 2]] if i < 2 else [] for i in range(3)]
    np.savez(
        path,
        states=np.repeat(number[:, None], 14, 1),
        actions=np.repeat(number[:, None], 7, 1),
        positions=positions,
        yaws=np.where(np.isnan(positions[..., 0]), np.nan, number[:, None] / 1000).astype(np.float32),
        starts=starts,
        cameras=np.repeat(camera[None], 3, 0),
        lights=np.full((3, 3), first, np.float32),
        frames=np.random.default_rng(first).integers(0, 255, (len(shown), 16, 16, 3)).astype(np.uint8),
        shown=shown,
        seeds=np.arange(first, first + 3),
        success=np.ones(3, bool),
        words=json.dumps(
            {"kinds": ["pick"] * 3, "styles": ["expert"] * 3, "own": told, "questions": [[["q", 3, 4]]] * 3}
        ),
    )
    return path


@pytest.fixture(autouse=True)
def _same_threads() -> Iterator[None]:
    """Training takes every core; the tests after it get back what they had."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def shards(tmp_path: Path) -> list[Path]:
    return [make_shard(tmp_path, first) for first in (0, 100)]


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A real shard; read only."""
    return collect(tmp_path_factory.mktemp("recorded"), SEEDS, workers=1, size=SIDE, views=VIEWS)


class StopAfter(Deadline):
    """A deadline that passes at the ``steps + 1``-th look."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    @property
    def passed(self) -> bool:
        self.left -= 1
        return self.left < 0


MINUTES = {f"{part}_minutes": 0.01 for part in ("painter", "detector", "denoiser", "recovery")}


def make_small_painter(seed: int) -> MiniPainter:
    torch.manual_seed(seed)
    body = sample_body(0.02)
    painter = MiniPainter(widths=(8, 8, 16), counts=list(body.counts))
    for name in ("points", "normals", "albedo"):
        getattr(painter, name).copy_(getattr(body, name))
    return painter


def make_small_detector(data, seed: int) -> MiniDetector:
    torch.manual_seed(seed)
    return MiniDetector(image_size=64, widths=(8, 8, 16), height_mean=[0.05] * 8)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A painter and a detector that learn in seconds on a CPU, of which there is one: the tests have others to do."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0}, raising=False)
    monkeypatch.setattr(parts, "start_painter", make_small_painter)
    monkeypatch.setattr(parts, "start_detector", make_small_detector)

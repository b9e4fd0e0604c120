"""A small dataset whose every number is known, written once for all tests of this room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wamviz.datasets import DatasetSchema, LeRobotWriter

LENGTHS = (6, 11, 3, 8)
TASKS = ("push the lever down", "pick up the orange", "push the lever down", "stack the blocks")
ACTION_NAMES = ["dx", "dy", "gripper"]
PLAN = DatasetSchema(
    features={
        "action": {"dtype": "float32", "shape": [3], "names": ACTION_NAMES},
        "observation.state": {"dtype": "float32", "shape": [5], "names": None},
        "world.snapshot": {"dtype": "float64", "shape": [9], "names": None},
        "camera.wrist.world_from_camera": {"dtype": "float64", "shape": [16], "names": None},
        "next.done": {"dtype": "bool", "shape": [1], "names": None},
        "observation.images.exterior": {"dtype": "video", "shape": [32, 48, 3]},
        "observation.images.wrist": {"dtype": "video", "shape": [32, 32, 3]},
    },
    fps=5,
    robot_type="panda",
    keyframe_every=4,
    without_stats=("world.snapshot",),
)


@dataclass(frozen=True)
class Made:
    """What went into an episode."""

    rows: dict[str, np.ndarray]
    frames: dict[str, np.ndarray]
    task: str
    meta: dict[str, Any]


def make_episode(index: int, length: int, task: str) -> Made:
    rng = np.random.default_rng(index)
    y, x = np.mgrid[:32, :48]
    wide = np.stack(
        [np.stack([(x * 2 + 7 * k) % 230, y * 5 % 220, np.full_like(x, 60 * index % 250)], -1) for k in range(length)]
    )
    poses = np.tile(np.eye(4), (length, 1, 1))
    poses[:, 0, 3] = np.arange(length)  # the wrist camera moves by a metre a frame
    rows = {
        "action": rng.normal(size=(length, 3)).astype(np.float32),
        "observation.state": rng.normal(size=(length, 5)).astype(np.float32),
        "world.snapshot": rng.normal(size=(length, 9)),
        "camera.wrist.world_from_camera": poses.reshape(length, 16),
        "next.done": np.arange(length) == length - 1,
    }
    frames = {"observation.images.exterior": wide, "observation.images.wrist": wide[:, :, :32] // 2}
    camera = {"width": 48, "height": 32, "intrinsics": np.diag([40.0, 40, 1]).tolist()}
    cameras = {
        name: {"name": name, "world_from_camera": np.eye(4).tolist(), **camera, "width": width}
        for name, width in (("exterior", 48), ("wrist", 32))
    }
    meta = {"seed": 100 + index, "kind": "lever", "success": index != 2, "cameras": cameras}
    return Made(rows, {name: f.astype(np.uint8) for name, f in frames.items()}, task, meta)


MADE = tuple(make_episode(i, n, task) for i, (n, task) in enumerate(zip(LENGTHS, TASKS, strict=True)))
MANIFEST = {
    "title": "Small",
    "world": "tabletop",
    "closing_row": True,
    "main_camera": "exterior",
    "action_space": {
        "names": ACTION_NAMES,
        "units": ["m", "m", "1"],
        "kind": "ee_delta",
        "rate": 5.0,
        "gripper_index": 2,
    },
}


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the small dataset; tests that change it make a copy."""
    root = tmp_path_factory.mktemp("datasets") / "small"
    writer = LeRobotWriter(root, PLAN)
    for made in MADE:
        writer.add_episode(made.rows, made.frames, made.task, made.meta)
    return writer.finish(MANIFEST)


@pytest.fixture(scope="session")
def made() -> tuple[Made, ...]:
    """What went into the small dataset."""
    return MADE


@pytest.fixture(scope="session")
def plan() -> DatasetSchema:
    """The plan of the small dataset."""
    return PLAN

"""Runs to draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.action_spaces import TABLETOP_ACTIONS as SPACE
from wamviz.core.rollout import ActionSpace, Rollout
from wamviz.metrics import summarise
from wamviz.runs.store import Run


@pytest.fixture(scope="session")
def make_rollout() -> Callable[..., Rollout]:
    """``make_rollout(origin, seed, video, acting, space, count)``: the hand closes at 0.4 s, opens at 0.8 s."""

    def make(
        origin: str = "imagined",
        seed: int = 0,
        video: bool = True,
        acting: bool = True,
        space: ActionSpace = SPACE,
        count: int = 6,
    ) -> Rollout:
        generator = np.random.default_rng(seed)
        frames = generator.integers(0, 256, (count + 1, 16, 16, 3), dtype=np.uint8)
        actions = generator.uniform(-0.03, 0.03, (count, space.dim)).astype(np.float32)
        if space.gripper_index is not None:
            actions[:, space.gripper_index] = [0, 0, 1, 1, 0, 0][:count]
        states = None
        if origin != "imagined" and space.kind == "ee_delta" and acting:
            states = np.zeros((count + 1, 14), np.float32)
            states[:, :3] = [0.5, 0, 0.3]
            states[1:, :3] += np.cumsum(actions[:, :3], axis=0)
        return Rollout(
            origin,
            frames if video else None,
            5.0,
            actions=actions if acting else None,
            action_space=space if acting else None,
            states=states,
            success=True if origin == "executed" else None,
        )

    return make


@pytest.fixture(scope="session")
def make_run(make_rollout: Callable[..., Rollout]) -> Callable[..., Run]:
    """``make_run(samples=3, **fields)`` with a reference, an execution and metrics."""

    def make(samples: int = 3, **fields: object) -> Run:
        facts: dict = {
            "id": "0" * 16,
            "created": "2026-01-01T00:00:00+00:00",
            "model": "m",
            "weights_digest": "",
            "mode": "joint",
            "instruction": "pick up the orange",
            "seed": 0,
            "steps": 8,
            "samples": samples,
            "source": "",
            "imagined": tuple(make_rollout(seed=i) for i in range(samples)),
            "context": np.zeros((16, 16, 3), np.uint8),
            "reference": make_rollout("recorded", 50),
            "executed": make_rollout("executed", 60),
        }
        facts.update(fields)
        run = Run(**facts)
        return replace(run, metrics=summarise(run))

    return make


@pytest.fixture
def full(make_run: Callable[..., Run]) -> Run:
    """Three samples, a reference and an execution."""
    return make_run()

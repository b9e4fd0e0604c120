"""Rollouts made to order for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.action_spaces import TABLETOP_ACTIONS
from wamviz.core.rollout import ActionSpace, Rollout


def make_space(rate: float = 5.0, kind: str = "ee_delta") -> ActionSpace:
    """The tabletop's action space at any rate; limits grow with the length of a step."""
    step = TABLETOP_ACTIONS.rate / rate
    low, high = ((*(limit * step for limit in limits[:6]), limits[6])
                 for limits in (TABLETOP_ACTIONS.low or (), TABLETOP_ACTIONS.high or ()))  # fmt: skip
    return replace(TABLETOP_ACTIONS, rate=rate, kind=kind, low=low, high=high)


@pytest.fixture(scope="session")
def space() -> Callable[..., ActionSpace]:
    """``space(rate, kind)``."""
    return make_space


@pytest.fixture(scope="session")
def rollout() -> Callable[..., Rollout]:
    """``rollout(origin, frames=..., actions=..., states=..., fps=..., rate=..., kind=...)``."""

    def make(
        origin: str = "imagined",
        frames: object = None,
        actions: object = None,
        states: object = None,
        fps: float = 5.0,
        rate: float = 5.0,
        kind: str = "ee_delta",
        **more: object,
    ) -> Rollout:
        return Rollout(
            origin,
            frames,  # type: ignore[arg-type]
            fps,
            actions=actions,  # type: ignore[arg-type]
            action_space=make_space(rate, kind) if actions is not None or states is not None else None,
            states=states,  # type: ignore[arg-type]
            **more,  # type: ignore[arg-type]
        )

    return make


@pytest.fixture(scope="session")
def scene() -> Callable[..., np.ndarray]:
    """``scene(frames, height, width, seed)``: smooth colours that drift, (T, H, W, 3) uint8."""

    def make(count: int = 6, height: int = 24, width: int = 24, seed: int = 0) -> np.ndarray:
        generator = np.random.default_rng(seed)
        phase, speed = generator.uniform(0, 6, 3), generator.uniform(0.2, 0.8, 3)
        y, x = np.mgrid[0:height, 0:width] / max(height, width)
        waves = [
            127 + 120 * np.sin(9 * x * (c + 1) + 5 * y + phase[c] + speed[c] * t)
            for t in range(count)
            for c in range(3)
        ]
        return np.stack(waves).reshape(count, 3, height, width).transpose(0, 2, 3, 1).astype(np.uint8)

    return make

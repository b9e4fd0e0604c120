"""Fixtures of the tabletop: one environment without frames, one with; both cheap to reset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from wamviz.worlds.tabletop import TabletopEnv, renderer_name

FULL_SCENE = 1_000_010  # a validation seed whose scene holds all six objects


@pytest.fixture(scope="session")
def env() -> TabletopEnv:
    """Physics only; a test that needs a scene resets it."""
    return TabletopEnv(render=False)


@pytest.fixture(scope="session")
def full_scene() -> TabletopEnv:
    """Physics only, in a scene with every object; tests must not step it."""
    scene = TabletopEnv(render=False)
    scene.reset(FULL_SCENE)
    return scene


@pytest.fixture(scope="session")
def seeing_env() -> Iterator[TabletopEnv]:
    """Both cameras, small frames."""
    if renderer_name() is None:
        pytest.skip("nothing can render here (see `python -m wamviz doctor`)")
    scene = TabletopEnv(size=96)
    yield scene
    scene.close()


def put_object(env: TabletopEnv, name: str, position: Sequence[float]) -> None:
    """Move an object to ``position`` (3,) m without physics, as no action could."""
    address = env._address[name]
    env._data.qpos[address : address + 3] = position


def close_hand(env: TabletopEnv) -> None:
    """Take the hand as commanded to be closed, without physics."""
    env._controller.gripper = 1.0


def press_lever(env: TabletopEnv, travel: float) -> None:
    """Push the lever down by ``travel`` m without physics."""
    env._data.qpos[env._lever] = -travel


def offset(a: np.ndarray, *step: float) -> np.ndarray:
    """A point (3,) m moved by a step."""
    return np.asarray(a) + step

"""Fixtures of the tabletop: one environment without frames, one with; both cheap to reset."""

from __future__ import annotations

from collections.abc import Iterator

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

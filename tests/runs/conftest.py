"""A scene that the scripted expert has solved."""

import pytest

from wamviz.worlds.tabletop import TabletopEnv, TabletopEpisode, record_episode

SEED, SIZE = 2_000_000, 48  # a push: the shortest kind


@pytest.fixture(scope="module")
def expert() -> TabletopEpisode:
    """The scripted expert's run of the scene."""
    return record_episode(TabletopEnv(size=SIZE, cameras=("exterior",)), SEED)

"""The expert: it solves every kind and comes back from a push. `benchmarks/expert_success.py` measures how often."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import KINDS, TabletopEnv, first_target, record_episode
from wamviz.worlds.tabletop.expert import STAGES, Waypoint

SEEDS = range(1_000_010, 1_000_016)


@pytest.mark.parametrize("kind", KINDS)
def test_the_expert_solves_every_kind(env: TabletopEnv, kind: str) -> None:
    solved = []
    for seed in SEEDS:
        try:
            episode = record_episode(env, seed, kind)
        except WamvizError:  # this scene does not allow the kind
            continue
        assert episode.task is not None
        solved.append(episode.success and env.first_touched() == first_target(episode.task))
        if len(solved) == 2:
            break
    assert solved == [True, True]


def test_the_expert_recovers_from_a_push(env: TabletopEnv) -> None:
    episodes = [record_episode(env, seed, "place", "perturbed") for seed in (1_000_010, 1_000_016)]
    assert [episode.success for episode in episodes] == [True, True]


def test_pushing_moves_the_thing_the_asked_way_in_the_image(env: TabletopEnv) -> None:
    episode = record_episode(env, 1_000_010, "push")
    assert episode.task is not None and episode.success
    name = episode.task.target
    ends, _ = env.camera("exterior").project(np.stack([env.start_position(name), env.position(name)]))
    moved = ends[1, 0] - ends[0, 0]
    assert moved > 2 if episode.task.side == "right" else moved < -2


def test_stages_cover_every_kind_and_waypoints_are_checked() -> None:
    assert set(STAGES) == set(KINDS)
    with pytest.raises(ValueError, match="tolerance"):
        Waypoint(np.zeros(3), 0.0, 0.0, tolerance=0)

"""The expert: it solves every kind and comes back from a push. `benchmarks/expert_success.py` measures how often."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import KINDS, Expert, TabletopEnv, Task, first_target, record_episode, success
from wamviz.worlds.tabletop.tasks.pick import is_held

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


def test_pushing_moves_the_thing_to_the_wanted_side_of_the_image(env: TabletopEnv) -> None:
    episode = record_episode(env, 1_000_010, "push")
    assert episode.task is not None and episode.success
    name = episode.task.target
    ends, _ = env.camera("exterior").project(np.stack([env.start_position(name), env.position(name)]))
    moved = ends[1, 0] - ends[0, 0]
    assert moved > 2 if episode.task.side == "right" else moved < -2


@pytest.mark.parametrize("notice", [False, True])
def test_what_is_dropped_is_picked_once_more(env: TabletopEnv, notice: bool) -> None:
    """The hand opens on the way up: the expert finds out at once when it is to replan, else at the end of its plan."""
    env.reset(1_000_010)
    task = Task("pick", "", "orange")
    expert = Expert(env, task, np.random.default_rng(0))
    while env.position("orange")[2] - env.start_position("orange")[2] < 0.03:
        env.step(expert.act())
    for _ in range(3):
        env.step(np.zeros(7))
    assert not is_held(env, task)
    if notice:
        expert.replan()
    for _ in range(60):
        action = expert.act()
        if action is None:
            break
        env.step(action)
    assert action is None and success(env, task)

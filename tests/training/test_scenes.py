"""Scenes: what lies beside a shard is what happened in its episodes, and the words fit the things."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.training.scenes import QUESTIONS, TELLINGS, THINGS, Scenes, read_scenes, write_scenes
from wamviz.worlds.tabletop import TabletopEnv, parse, record_episode, tasks

SEEDS, STYLES = np.array([40, 41]), ("expert", "play")


@pytest.fixture(scope="module")
def shard(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenes") / "shard-0000040.npz"
    env = TabletopEnv(render=False)
    write_scenes(path, env, [record_episode(env, int(s), style=t) for s, t in zip(SEEDS, STYLES, strict=True)])
    return path


def test_positions_are_those_of_the_episodes(shard):
    """Frame for frame, the things stand where the recorded episode's physics had them; absent ones are NaN."""
    scenes = read_scenes(shard)
    env = TabletopEnv(render=False)
    episodes = [record_episode(env, int(s), style=style) for s, style in zip(SEEDS, STYLES, strict=True)]
    np.testing.assert_array_equal(scenes.positions, np.concatenate([e.positions for e in episodes]))
    env.restore(40, episodes[0].snapshots[7])
    for i, name in enumerate(THINGS[1:], start=1):
        if name in env.present:
            np.testing.assert_allclose(scenes.positions[7, i], env.position(name), atol=1e-5)
        else:
            assert np.isnan(scenes.positions[7, i]).all()


def test_questions_mean_what_they_say(shard):
    """Every sentence, read by the world's own parser in its scene, names the things that the question points at."""
    scenes = read_scenes(shard)
    env = TabletopEnv(render=False)
    assert [len(own) for own in scenes.own] == [TELLINGS, 0] and [len(q) for q in scenes.questions] == [QUESTIONS] * 2
    for seed, asked in zip(SEEDS, zip(scenes.own, scenes.questions, strict=True), strict=True):
        env.reset(int(seed))
        for question in (*asked[0], *asked[1]):
            task = parse(question.text, env)
            assert THINGS[question.first] == tasks.first_target(task), question
            assert THINGS[question.second] == (task.destination or task.target), question


def test_scenes_of_other_worlds_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        Scenes(np.zeros((3, 2, 3), np.float32), [], [])

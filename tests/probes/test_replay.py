"""Physics says what happened, when, and to what."""

from __future__ import annotations

import numpy as np

from wamviz.core.rollout import WorldState
from wamviz.probes.replay import replay
from wamviz.worlds.tabletop import TabletopEnv, parse, record_episode, suggestions

SEED = 1_000_003


def test_what_the_expert_does_is_seen_to_be_done() -> None:
    env = TabletopEnv(render=False)
    episode = record_episode(env, SEED)
    env.reset(SEED)
    other = next(words for words in suggestions(env) if parse(words, env).target != episode.task.target)
    world = WorldState("tabletop", SEED, episode.snapshots[0])
    seen = replay(world, episode.actions, [episode.instruction, other, "juggle the oranges"])
    assert seen is not None
    assert seen.done[0] is not None and 1 <= seen.done[0] <= len(episode.actions)
    assert seen.done[1:] == (None, None)  # not done, and no task of this scene
    assert seen.wanted == seen.touched
    assert episode.task.target in seen.meant and set(seen.moved) <= set(seen.meant)


def test_who_stands_still_does_nothing() -> None:
    env = TabletopEnv(render=False)
    env.reset(SEED)
    world = WorldState("tabletop", SEED, env.snapshot())
    seen = replay(world, np.zeros((6, 7), np.float32), [suggestions(env)[0]])
    assert seen is not None
    assert (seen.done, seen.touched, seen.moved) == ((None,), None, ())


def test_without_a_world_or_actions_nothing_is_replayed() -> None:
    env = TabletopEnv(render=False)
    env.reset(SEED)
    world = WorldState("tabletop", SEED, env.snapshot())
    assert replay(None, np.zeros((6, 7), np.float32), []) is None
    assert replay(world, None, []) is None
    assert replay(WorldState("kitchen", 0, env.snapshot()), np.zeros((6, 7), np.float32), []) is None

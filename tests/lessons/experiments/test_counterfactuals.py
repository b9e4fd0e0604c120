"""Counterfactuals: another object is really another one, and a paraphrase means the same."""

from __future__ import annotations

from contextlib import closing

import numpy as np

from wamviz.lessons import Lab
from wamviz.lessons.experiments.counterfactuals import KINDS, other_words
from wamviz.worlds.tabletop import TabletopEnv, parse


def test_the_words_change_what_they_say_they_change() -> None:
    for context in Lab().contexts(3, KINDS):
        world = context.observation.world_state
        assert world is not None
        words, (old, new) = other_words(world, context.instruction, 4)
        assert other_words(world, context.instruction, 4)[0] == words
        with closing(TabletopEnv(render=False)) as env:
            env.restore(world.seed, world.snapshot)
            task, same, other = (parse(text, env) for text in (context.instruction, *words.values()))
            assert (same.kind, same.target) == (task.kind, task.target)
            assert other.target != task.target
            assert np.allclose(new, env.position(other.target)) and not np.allclose(new, old)

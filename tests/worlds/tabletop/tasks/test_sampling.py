"""Drawing tasks: always the same for a seed, in the natural mix, and never what the scene does not allow."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import (
    KINDS,
    TASK_MIX,
    TabletopEnv,
    Task,
    feasible_kinds,
    phrase,
    sample_task,
    task_for_seed,
)
from wamviz.worlds.tabletop.tasks import kind_of
from wamviz.worlds.tabletop.tasks.sampling import FRAMES, POLITENESS

SEEDS = range(1_000_010, 1_000_018)


def test_the_task_of_a_seed_is_always_the_same(env: TabletopEnv) -> None:
    other = TabletopEnv(render=False)
    for seed in SEEDS:
        env.reset(seed)
        other.reset(seed)
        assert task_for_seed(env) == task_for_seed(other)
        assert task_for_seed(env, "lever") == task_for_seed(other, "lever")


def test_the_mix_is_the_natural_one(full_scene: TabletopEnv) -> None:
    """In a scene that allows everything, kinds come up as often as ``TASK_MIX`` says."""
    assert sum(TASK_MIX.values()) == pytest.approx(1) and tuple(TASK_MIX) == KINDS
    assert set(feasible_kinds(full_scene)) == set(KINDS)
    rng = np.random.default_rng(0)
    drawn = Counter(sample_task(full_scene, rng).kind for _ in range(600))
    for kind, share in TASK_MIX.items():
        assert drawn[kind] / 600 == pytest.approx(share, abs=0.05)


def test_a_scene_that_does_not_allow_a_kind_says_so(env: TabletopEnv) -> None:
    for seed in range(1_000_000, 1_000_060):
        env.reset(seed)
        if "bowl" not in env.present:
            break
    with pytest.raises(WamvizError, match="It allows: lever"):
        sample_task(env, np.random.default_rng(0), "place")
    with pytest.raises(WamvizError, match="pick"):
        sample_task(env, np.random.default_rng(0), "pik")


def test_some_instructions_are_polite(full_scene: TabletopEnv) -> None:
    """As many as ``POLITENESS`` says, in every frame."""
    rng, task = np.random.default_rng(0), Task("lever", "", "lever")
    plain = {*kind_of(task).phrases["train"]}
    texts = [phrase(full_scene, task, rng) for _ in range(800)]
    drawn = Counter(frame for text in texts for frame in FRAMES if text in {frame.format(s=s) for s in plain})
    assert drawn.total() == 800 and set(drawn) == set(FRAMES)
    assert 1 - drawn["{s}"] / 800 == pytest.approx(POLITENESS, abs=0.04)


def test_an_unknown_split_is_refused(full_scene: TabletopEnv) -> None:
    with pytest.raises(WamvizError, match="heldout"):
        phrase(full_scene, Task("lever", "", "lever"), np.random.default_rng(0), "held-out")

"""Tasks: validity, feasibility, the physical test."""

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
    feasible_tasks,
    first_target,
    progress,
    sample_task,
    success,
    task_for_seed,
)

SEEDS = range(1_000_010, 1_000_018)


def test_no_task_is_done_before_it_begins(env: TabletopEnv) -> None:
    for seed in SEEDS:
        env.reset(seed)
        for kind in KINDS:
            for task in feasible_tasks(env, kind):
                assert not success(env, task), (seed, task)
                assert 0 <= progress(env, task) < 0.2, (seed, task)


def test_the_task_of_a_seed_is_always_the_same(env: TabletopEnv) -> None:
    other = TabletopEnv(render=False)
    for seed in SEEDS:
        env.reset(seed)
        other.reset(seed)
        assert task_for_seed(env) == task_for_seed(other)
        assert task_for_seed(env, "lever") == task_for_seed(other, "lever")


def test_the_mix_is_the_natural_one(full_scene: TabletopEnv) -> None:
    """In a scene that allows everything, kinds come up as often as ``TASK_MIX`` says."""
    assert sum(TASK_MIX.values()) == pytest.approx(1) and set(TASK_MIX) == set(KINDS)
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


@pytest.mark.parametrize(
    "fields",
    [("juggle", "", "orange"), ("pick", "", "bowl"), ("place", "", "mug", "bowl"), ("place", "", "orange"),
     ("stack", "", "red_block", "red_block"), ("push", "", "mug"), ("push", "", "mug", None, "up"),
     ("pick", "", "mug", None, "left"), ("lever", "", "orange")],
)  # fmt: skip
def test_impossible_tasks_cannot_be_made(fields: tuple) -> None:
    with pytest.raises(WamvizError):
        Task(*fields)


def test_what_is_touched_first() -> None:
    assert first_target(Task("lever_then_pick", "", "mug")) == "lever"
    assert first_target(Task("stack", "", "red_block", "blue_block")) == "red_block"


def test_the_lever_stays_down_and_counts_from_four_centimetres(env: TabletopEnv) -> None:
    """Success is a matter of physics: it flips exactly when the lever's travel passes the threshold."""
    env.reset(SEEDS[0])
    task = Task("lever", "", "lever")
    knob = env.lever_position() + [*env.layout.lever_direction * 0.015, 0]
    for height in (0.25, 0.06):
        for _ in range(16):
            gap = [*knob[:2], height] - env.ee_position()
            yaw = np.arctan2(*env.layout.lever_direction[::-1]) - np.arctan2(*env.ee_rotation()[:2, 0][::-1])
            env.step([*np.clip(gap, -0.05, 0.05), 0, 0, np.clip(yaw, -0.3, 0.3), 1])
            assert success(env, task) == (env.lever_travel() >= 0.04)
            assert (progress(env, task) == 1) == success(env, task)
    assert success(env, task)
    for _ in range(6):
        env.step([0, 0, 0.06, 0, 0, 0, 1])
    assert success(env, task)

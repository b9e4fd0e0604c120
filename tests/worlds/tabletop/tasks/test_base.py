"""Tasks: what a task may name, and what the registry holds of each kind."""

from __future__ import annotations

import pytest

from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import KINDS, TabletopEnv, Task, feasible_tasks, first_target, progress, success
from wamviz.worlds.tabletop.tasks import kind_of, register_task, registered_tasks, remaining
from wamviz.worlds.tabletop.tasks.base import find_kind
from wamviz.worlds.tabletop.tasks.lever import Lever

SEEDS = range(1_000_010, 1_000_018)


def test_no_task_is_done_before_it_begins(env: TabletopEnv) -> None:
    for seed in SEEDS:
        env.reset(seed)
        for kind in KINDS:
            for task in feasible_tasks(env, kind):
                assert not success(env, task), (seed, task)
                assert 0 <= progress(env, task) < 0.2, (seed, task)


@pytest.mark.parametrize(
    "fields",
    [("juggle", "", "orange"), ("pick", "", "bowl"), ("place", "", "mug", "bowl"), ("place", "", "orange"),
     ("stack", "", "red_block", "red_block"), ("push", "", "mug"), ("push", "", "mug", None, "up"),
     ("pick", "", "mug", None, "left"), ("pick", "", "mug", None, "up"), ("lever", "", "orange")],
)  # fmt: skip
def test_impossible_tasks_cannot_be_made(fields: tuple) -> None:
    with pytest.raises(WamvizError):
        Task(*fields)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [(("juggle", "", "orange"), "lever.*pick.*place"), (("pick", "", "bowl"), "target of a pick task.*mug"),
     (("push", "", "mug"), "left, right"), (("pick", "", "mug", None, "left"), "It has: none")],
)  # fmt: skip
def test_a_refusal_says_what_a_task_may_name(fields: tuple, reason: str) -> None:
    with pytest.raises(WamvizError, match=reason):
        Task(*fields)


def test_what_is_touched_first() -> None:
    assert first_target(Task("lever_then_pick", "", "mug")) == "lever"
    assert first_target(Task("stack", "", "red_block", "blue_block")) == "red_block"


def test_what_remains_of_a_task_is_all_of_it_before_anything_happened(full_scene: TabletopEnv) -> None:
    for kind in registered_tasks():
        for task in kind.feasible(full_scene):
            assert remaining(full_scene, task) == task


def test_kinds_are_listed_in_their_order_and_found_by_name() -> None:
    kinds = registered_tasks()
    assert tuple(kind.kind for kind in kinds) == KINDS
    assert [kind.order for kind in kinds] == sorted(kind.order for kind in kinds)
    for kind in kinds:
        assert find_kind(kind.kind) is kind


def test_every_kind_has_stages_whose_needs_come_before_them() -> None:
    for kind in registered_tasks():
        assert kind.stages
        for i, stage in enumerate(kind.stages):
            assert stage.needs is None or (stage.needs in kind.stages[:i] and stage.needs.reached is not None)


def test_a_name_is_registered_once_and_needs_phrases_in_both_splits() -> None:
    with pytest.raises(ValueError, match="already Lever"):
        register_task(type("Again", (Lever,), {}))
    for phrases in ({"train": ("look",)}, {"train": ("look",), "heldout": ()}):
        with pytest.raises(ValueError, match="both splits"):
            register_task(type("Look", (Lever,), {"kind": "look", "phrases": phrases}))
    assert kind_of(Task("lever", "", "lever")) is find_kind("lever")
    assert "look" not in {kind.kind for kind in registered_tasks()}

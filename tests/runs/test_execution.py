"""Acting out: what is executed is physics, repeatable to the bit, and judged by the world."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.runs.conftest import SEED, SIZE
from wamviz.core.action_spaces import OSC_POSE
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Rollout, WorldState
from wamviz.models import registry
from wamviz.models.remote.roboarena import SPACES
from wamviz.runs import execution
from wamviz.runs.execution import Acted, act_out, why_not
from wamviz.worlds.tabletop import ACTION_SPACE, TabletopEpisode


def executed(events: Iterator[Acted | Rollout]) -> tuple[list[Acted], Rollout]:
    *steps, last = events
    assert isinstance(last, Rollout) and all(isinstance(step, Acted) for step in steps)
    return steps, last  # type: ignore[return-value]


def test_an_executed_rollout_knows_what_its_pixels_show(expert: TabletopEpisode) -> None:
    """Masks of every frame and what was moved go along, so that the picture can be judged; small frames have none."""
    from wamviz.metrics import summarise
    from wamviz.metrics.masks import unpack_masks

    state = WorldState("tabletop", SEED, expert.snapshots[0])
    _, rollout = executed(act_out(state, expert.actions, expert.instruction, size=128))
    seen = rollout.meta["seen"]
    masks = unpack_masks(seen["masks"])
    assert masks is not None and masks.shape == (len(expert.actions) + 1, 128, 128) and (masks[0] == 1).any()
    assert expert.task is not None and expert.task.target in seen["moved"]
    perfect = Rollout("imagined", rollout.frames, 5.0, expert.actions, ACTION_SPACE)
    run = SimpleNamespace(imagined=(perfect,), reference=None, executed=rollout, state=None, mode="joint")
    picture = summarise(run)["picture"]
    assert picture["sharpness"] == 1 and picture["arm_iou"] > 0.9 and picture["objects_moved"] == 1
    _, tiny = executed(act_out(state, expert.actions[:1], expert.instruction, size=SIZE))
    assert "seen" not in tiny.meta


def test_the_experts_actions_give_the_experts_frames_again(expert: TabletopEpisode) -> None:
    state = WorldState("tabletop", SEED, expert.snapshots[2])
    steps, rollout = executed(act_out(state, expert.actions[2:], expert.instruction, size=SIZE))
    assert rollout.origin == "executed" and rollout.success is True
    assert np.array_equal(rollout.frames, expert.frames["exterior"][2:])  # type: ignore[arg-type]
    assert np.array_equal(rollout.states, expert.states[2:])  # type: ignore[arg-type]
    assert np.array_equal(rollout.actions, expert.actions[2:])  # type: ignore[arg-type]
    assert rollout.meta["task"] == expert.task.kind and rollout.meta["clipped"] == 0  # type: ignore[union-attr]
    assert [(step.step, step.steps) for step in steps] == [
        (i + 1, len(expert.actions) - 2) for i in range(len(expert.actions) - 2)
    ]
    assert all(np.array_equal(step.frame, rollout.frames[step.step]) for step in steps)  # type: ignore[index]


def test_a_world_state_without_snapshot_is_the_reset_scene(expert: TabletopEpisode) -> None:
    _, rollout = executed(act_out(WorldState("tabletop", SEED), expert.actions[:2], size=SIZE))
    assert np.array_equal(rollout.frames, expert.frames["exterior"][:3])  # type: ignore[arg-type]


def test_doing_nothing_does_not_succeed() -> None:
    _, rollout = executed(act_out(WorldState("tabletop", SEED), np.zeros((2, 7)), "push the toaster lever", size=SIZE))
    assert rollout.success is False and rollout.meta["task"] == "lever"


@pytest.mark.parametrize("words", ["", "sing a song"])
def test_where_no_task_can_be_read_success_is_unknown_and_a_note_says_so(words: str) -> None:
    _, rollout = executed(act_out(WorldState("tabletop", SEED), np.zeros((1, 7)), words, size=SIZE))
    assert rollout.success is None and "uccess cannot be told" in rollout.meta["note"]


def test_actions_beyond_the_limits_are_counted() -> None:
    actions = np.zeros((2, 7))
    actions[1, 0] = 5.0
    _, rollout = executed(act_out(WorldState("tabletop", SEED), actions, size=SIZE))
    assert rollout.meta["clipped"] == 1
    assert np.array_equal(rollout.actions, actions.astype(np.float32))  # type: ignore[arg-type]


STATE = WorldState("tabletop", SEED)


@pytest.mark.parametrize(
    ("state", "actions", "says"),
    [
        (None, np.zeros((2, 7)), "picture"),
        (WorldState("moon", 1), np.zeros((2, 7)), "moon"),
        (STATE, None, "no actions"),
        (STATE, np.zeros((2, 6)), "7 numbers"),
        (STATE, np.zeros(7), "7 numbers"),
        (STATE, np.full((2, 7), np.nan), "finite"),
        (STATE, np.zeros((0, 7)), "0 actions"),
        (STATE, np.zeros((execution.MAX_ACTIONS + 1, 7)), "401 actions"),
    ],
)
def test_what_cannot_be_executed_is_refused_at_once(
    state: WorldState | None, actions: np.ndarray | None, says: str
) -> None:
    with pytest.raises(WamvizError, match=says):
        act_out(state, actions)  # type: ignore[arg-type]  # not iterated: the refusal comes with the call


def test_the_reason_is_there_before_anybody_presses_the_button() -> None:
    assert why_not(STATE, np.zeros((2, 7), np.float32)) is None
    assert "exact state" in str(why_not(None, np.zeros((2, 7), np.float32)))


def test_stopping_half_way_leaves_nothing_running() -> None:
    events = act_out(STATE, np.zeros((50, 7)), size=SIZE)
    assert isinstance(next(events), Acted)
    events.close()  # type: ignore[attr-defined]
    assert list(events) == []


def test_every_registered_model_that_acts_here_speaks_the_worlds_actions() -> None:
    for entry in registry.entries().values():
        if "tabletop" in entry.capabilities.worlds:
            space = entry.capabilities.action_space
            assert space is not None and space.names == ACTION_SPACE.names and space.units == ACTION_SPACE.units
            assert space.rate == ACTION_SPACE.rate and space.gripper_closed == ACTION_SPACE.gripper_closed


def test_another_robots_seven_numbers_are_not_executed() -> None:
    """Seven numbers fit every hand; what they mean decides, and the sentence says both meanings."""
    actions = np.ones((4, 7), np.float32)
    assert why_not(STATE, actions, ACTION_SPACE) is None
    assert why_not(STATE, actions, replace(ACTION_SPACE, gripper_index=None, low=None, high=None)) is None
    for other, says in {
        OSC_POSE: "0.05 m, 0.5 rad, 1) at 20 Hz",
        replace(OSC_POSE, rate=5.0): "0.05 m",
        SPACES["cartesian_position"]: "ee_pose",
        replace(ACTION_SPACE, rate=15.0): "at 15 Hz",
        replace(ACTION_SPACE, units=("",) * 7): "unit not known",
        replace(ACTION_SPACE, gripper_closed=0.0): "closed at 0",
    }.items():
        assert says in str(why_not(STATE, actions, other))
        with pytest.raises(WamvizError, match="tabletop takes actions of kind ee_delta"):
            act_out(STATE, actions, space=other)

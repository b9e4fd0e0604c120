"""The extension: both parts, in that order; once the lever is down, only the pick is left."""

from __future__ import annotations

import pytest

from tests.worlds.tabletop.conftest import FULL_SCENE, offset, press_lever, put_object
from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import TabletopEnv, Task, parse, progress, success
from wamviz.worlds.tabletop.tasks import remaining

TASK = Task("lever_then_pick", "both", "mug")


@pytest.mark.parametrize(("travel", "height", "share"), [(0, 0, 0), (0.05, 0, 0.5), (0, 0.1, 0.5), (0.02, 0.035, 0.5),
                                                         (0.05, 0.06, 0.93), (0.05, 0.08, 1)])  # fmt: skip
def test_either_part_is_a_half(env: TabletopEnv, travel: float, height: float, share: float) -> None:
    env.reset(FULL_SCENE)
    press_lever(env, travel)
    put_object(env, "mug", offset(env.start_position("mug"), 0, 0, height))
    assert progress(env, TASK) == pytest.approx(share, abs=0.01) and success(env, TASK) is (share == 1)


def test_only_the_pick_remains_once_the_lever_is_down(env: TabletopEnv) -> None:
    env.reset(FULL_SCENE)
    press_lever(env, 0.03)
    assert remaining(env, TASK) == TASK
    press_lever(env, 0.045)
    assert remaining(env, TASK) == Task("pick", "both", "mug")


@pytest.mark.parametrize("text", [
    "push the lever, then pick up the mug", "pick up the mug after you push the lever",
    "after pushing the lever, pick up the mug", "before picking up the mug, push the lever",
    "push the lever before you pick up the mug", "pick up the mug, but push the lever first",
    "first push the lever and then pick up the mug",
])  # fmt: skip
def test_the_lever_comes_first_in_time_whatever_the_order_of_words(full_scene: TabletopEnv, text: str) -> None:
    assert parse(text, full_scene) == Task("lever_then_pick", text, "mug")


@pytest.mark.parametrize("text", [
    "pick up the mug, then push the lever", "push the lever after you pick up the mug",
    "after picking up the mug, push the lever", "before pushing the lever, pick up the mug",
    "pick up the mug before you push the lever", "push the lever, but pick up the mug first",
])  # fmt: skip
def test_the_other_way_round_the_hand_would_be_full(full_scene: TabletopEnv, text: str) -> None:
    with pytest.raises(WamvizError, match="the hand is then full"):
        parse(text, full_scene)

"""Turns to things: the short way, and the one with room for the fingers, which is what the scripted expert takes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from wamviz.models.mini import relations
from wamviz.models.mini.detector import facing_of
from wamviz.models.mini.relations import turns_to, turns_to_grasp
from wamviz.training.corpus import THINGS
from wamviz.worlds.tabletop import TabletopEnv, objects, planning
from wamviz.worlds.tabletop.tasks.pick import choose_grasp

GRASPED = ("orange", *objects.BLOCKS)


def facing(**angles: float) -> Tensor:
    """(1, O, 2): things by name, turned by rad, the rest not known."""
    yaws = [angles.get(name, math.nan) for name in THINGS]
    return facing_of(torch.tensor([yaws]))


def scene(env: TabletopEnv) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What ``turns_to_grasp`` is given of a scene."""
    places, yaws = np.full((len(THINGS), 3), np.nan), np.full(len(THINGS), np.nan)
    places[0], yaws[0] = env.lever_position(), env.layout.toaster.yaw
    for index, name in enumerate(THINGS[1:], start=1):
        if name in env.present:
            places[index], yaws[index] = env.position(name), env.yaw(name)
    there = torch.from_numpy(~np.isnan(places).any(1))[None]
    at = torch.tensor(places, dtype=torch.float32)[None].nan_to_num()
    hand = torch.tensor([[planning.present_yaw(env)]], dtype=torch.float32)
    return facing_of(torch.tensor(yaws, dtype=torch.float32)[None]), hand, at, there


def test_the_hand_turns_the_short_way() -> None:
    """To a cube's nearest side, to face the lever, not at all for what is round or was not seen to be turned."""
    seen = 0.7 * facing(lever=-2.0, orange=1.0, red_block=1.5, green_block=-0.2)
    turns = turns_to(seen, torch.tensor([[0.1]]))[0]
    wanted = torch.tensor([-2.0 + math.pi - 0.1, 0.0, 0.0, 0.0, 1.5 - math.pi / 2 - 0.1, -0.3, 0.0])
    torch.testing.assert_close(turns, wanted, atol=1e-5, rtol=0)


def test_what_the_hand_is_taken_for_is_what_the_world_has() -> None:
    """The figures of the geometry are those of the tabletop and its planner."""
    for index, name in enumerate(THINGS[1:], start=1):
        shape = objects.SHAPES[name]
        assert relations._RADIUS[index] == pytest.approx(shape.radius - 0.005)
        assert relations._HEIGHT[index] == pytest.approx(shape.height)
    assert relations._FINGER == planning._OPEN_FINGER and relations._PALM == planning._PALM_HALF
    assert relations._PALM_HEIGHT == planning._PALM_CLEARANCE and relations._MAX_YAW == planning._MAX_YAW
    assert [THINGS[index] for index in relations._GRASPED] == list(GRASPED)


def test_it_turns_where_the_expert_turns() -> None:
    """In scenes of all kinds, for everything that is grasped around its middle; ties apart."""
    env = TabletopEnv(render=False)
    same = count = round_the_other_way = 0
    for seed in range(5000, 5060):
        env.reset(seed)
        seen, hand, at, there = scene(env)
        turns, short = turns_to_grasp(seen, hand, at, there)[0], turns_to(seen, hand)[0]
        for name in set(GRASPED) & set(env.present):
            index = THINGS.index(name)
            grip, yaw = choose_grasp(env, name)
            mine = float(turns[index] + hand[0, 0])
            count += 1
            same += abs(mine - yaw) < 0.02 or planning.crowding(env, name, grip, mine) == 0.0
            round_the_other_way += abs(float(turns[index] - short[index])) > 0.1
            assert abs(mine) <= 2.4
    env.close()
    assert same == count > 150 and round_the_other_way > 20


def test_room_is_what_decides() -> None:
    """A mug where a finger would come down turns the hand round; one that is not there, or far off, does not."""
    seen, hand = facing(red_block=0.1), torch.zeros(1, 1)
    at = torch.zeros(1, len(THINGS), 3)
    at[0, 4] = torch.tensor([0.5, 0.0, 0.0215])
    there = torch.tensor([[name in ("red_block", "mug") for name in THINGS]])
    for place, present, wanted in (
        ((0.5, 0.09), True, 0.1 - math.pi / 2),
        ((0.5, 0.09), False, 0.1),
        ((0.5, 0.3), True, 0.1),
        ((0.59, 0.0), True, 0.1),
    ):
        at[0, 2, :2] = torch.tensor(place)
        there[0, 2] = present
        assert float(turns_to_grasp(seen, hand, at, there)[0, 4]) == pytest.approx(wanted, abs=1e-5)

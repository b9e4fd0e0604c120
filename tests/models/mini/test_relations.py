"""Turns to things: the short way, and the one with room for the fingers, which is what the scripted expert takes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from wamviz.models.mini import relations
from wamviz.models.mini.detector import facing_of
from wamviz.models.mini.relations import sure_turns, turns_to, turns_to_grasp
from wamviz.training.corpus import THINGS
from wamviz.worlds.tabletop import TabletopEnv, objects, planning
from wamviz.worlds.tabletop.tasks.pick import choose_grasp

GRASPED = ("orange", *objects.BLOCKS)


def facing(**angles: float) -> Tensor:
    """(1, O, 2): things by name, turned by rad, the rest not known."""
    yaws = [angles.get(name, math.nan) for name in THINGS]
    return facing_of(torch.tensor([yaws]))


def scene(env: TabletopEnv) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """What ``turns_to_grasp`` is given of a scene."""
    places, yaws = np.full((len(THINGS), 3), np.nan), np.full(len(THINGS), np.nan)
    places[0], yaws[0] = env.lever_position(), env.layout.toaster.yaw
    for index, name in enumerate(THINGS[1:], start=1):
        if name in env.present:
            places[index], yaws[index] = env.position(name), env.yaw(name)
    there = torch.from_numpy(~np.isnan(places).any(1))[None]
    at = torch.tensor(places, dtype=torch.float32)[None].nan_to_num()
    hand = torch.tensor([[planning.present_yaw(env)]], dtype=torch.float32)
    tool = torch.tensor(env.ee_position(), dtype=torch.float32)[None]
    return facing_of(torch.tensor(yaws, dtype=torch.float32)[None]), hand, tool, at, there


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
        seen, hand, tool, at, there = scene(env)
        near = turns_to(seen, hand)
        turns, short = turns_to_grasp(near, seen, hand, tool, at, there)[0], near[0]
        for name in set(GRASPED) & set(env.present):
            index = THINGS.index(name)
            grip, yaw = choose_grasp(env, name)
            mine = float(turns[index] + hand[0, 0])
            count += 1
            room = 0.008 if abs(float(turns[index])) < 0.15 else 0.0  # a hand in line stays unless it pays
            same += abs(mine - yaw) < 0.02 or planning.crowding(env, name, grip, mine) <= room
            round_the_other_way += abs(float(turns[index] - short[index])) > 0.1
            assert abs(mine) <= 2.4
    env.close()
    assert same == count > 150 and round_the_other_way > 20


def crowded(
    mug: tuple[float, float], present: bool = True, hand: tuple[float, float, float] = (0.4, 0.0, 0.3)
) -> float:
    """The turn of a hand at ``hand`` to a cube at (0.5, 0) m, turned by 0.1 rad, with a mug on the table."""
    at = torch.zeros(1, len(THINGS), 3)
    at[0, 4], at[0, 2, :2] = torch.tensor([0.5, 0.0, 0.0215]), torch.tensor(mug)
    there = torch.tensor([[name == "red_block" or (present and name == "mug") for name in THINGS]])
    seen, yaw = facing(red_block=0.1), torch.zeros(1, 1)
    turns = turns_to_grasp(turns_to(seen, yaw), seen, yaw, torch.tensor([hand]), at, there)
    return float(turns[0, 4])


def test_room_is_what_decides() -> None:
    """A mug where a finger would come down turns the hand round; one that is not there, or elsewhere, does not."""
    assert crowded((0.5, 0.09)) == pytest.approx(0.1 - math.pi / 2, abs=1e-5)
    for elsewhere in (crowded((0.5, 0.09), present=False), crowded((0.5, 0.3)), crowded((0.59, 0.0))):
        assert elsewhere == pytest.approx(0.1, abs=1e-5)


def test_a_hand_in_line_stays_so_where_a_little_is_in_its_way() -> None:
    """What is seen is a little off: nobody turns to and fro for less than 8 mm of room."""
    assert crowded((0.5, 0.164)) == pytest.approx(0.1, abs=1e-5)
    assert crowded((0.5, 0.155)) == pytest.approx(0.1 - math.pi / 2, abs=1e-5)


def test_a_hand_turns_no_more_once_it_is_around_a_thing() -> None:
    """What is held, or about to be, is carried past other things as it is."""
    assert crowded((0.5, 0.09), hand=(0.5, 0.01, 0.05)) == pytest.approx(0.1, abs=1e-5)


def test_what_is_surely_a_turn() -> None:
    """Large turns, smoothly and alike to both sides, to what is grasped or pressed; a mug's depends on its handle."""
    turns = torch.tensor([[-1.5, 0.05, 1.5, 1.5, -0.05, 0.2, 1.5]])
    torch.testing.assert_close(
        sure_turns(turns), torch.tensor([[-1.5, 0.0, 0.0, 0.0, 0.0, 0.1, 1.5]]), atol=2e-3, rtol=0
    )

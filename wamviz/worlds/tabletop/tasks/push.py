"""An object is to be pushed to one side of the exterior image."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput
from wamviz.worlds.tabletop import referring
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.grammar import SIDES, Reading, resolve_one_of
from wamviz.worlds.tabletop.objects import BLOCK_HALF, ORANGE_RADIUS, SHAPES
from wamviz.worlds.tabletop.planning import CLOSED, Waypoint, clear_toaster, crowding, reachable_yaw
from wamviz.worlds.tabletop.tasks.base import Stage, TabletopTask, Task, register_task

VERBS = {"push", "slide", "nudge", "move", "shove", "shift", "scoot", "poke", "drag"}
PUSHED = 0.05  # m along the wanted direction

_RUN_UP, _TRAVEL = 0.09, 0.12  # m of free space behind and ahead of a thing to be pushed
_X, _Y = (0.28, 0.72), (-0.38, 0.42)  # m, where the hand can push
_LANE = 0.045  # m, half width of the lane that the closed fingers and the thing sweep
_PALM_LANE = 0.065  # the same for the palm, which only tall things meet
_TALL = 0.065  # m


def direction_of(env: TabletopEnv, side: str | None) -> NDArray[np.float64]:
    """(2,) unit vector on the table towards a side of the exterior image."""
    return env.image_right() * (1 if side == "right" else -1)


def has_room(env: TabletopEnv, name: str, side: str) -> bool:
    """Whether there is room to get behind a thing and to push it."""
    direction = direction_of(env, side)
    here = env.position(name)[:2]
    begin, end = here - direction * _RUN_UP, here + direction * _TRAVEL
    if not all(_X[0] < p[0] < _X[1] and _Y[0] < p[1] < _Y[1] for p in (begin, end)):
        return False
    obstacles = [(env.layout.toaster.xy, 0.09, _PALM_LANE)]
    for other in env.present:
        if other != name:
            lane = _PALM_LANE if SHAPES[other].height > _TALL else _LANE
            obstacles.append((env.position(other)[:2], SHAPES[other].radius, lane))
    for centre, radius, lane in obstacles:
        along = np.clip((centre - begin) @ direction, 0, _RUN_UP + _TRAVEL)
        if np.linalg.norm(begin + along * direction - centre) < radius + lane:
            return False
    return True


def distance_pushed(env: TabletopEnv, task: Task) -> float:
    """Metres that the target has moved in the wanted direction since the start."""
    moved = (env.position(task.target) - env.start_position(task.target))[:2]
    return float(moved @ direction_of(env, task.side))


def plan_push(env: TabletopEnv, task: Task) -> Iterator[Waypoint]:
    """Down behind the thing, along the direction, and up."""
    name = task.target
    direction = direction_of(env, task.side)
    here = env.position(name)[:2]
    radius = {"orange": ORANGE_RADIUS, "mug": 0.05}.get(name, BLOCK_HALF * 1.3)
    # Fingers a little apart cradle a round thing; the mug needs room under the palm.
    gripper, height = (0.5 if name in ("orange", "mug") else CLOSED), (0.054 if name == "mug" else 0.03)
    done = float((here - env.start_position(name)[:2]) @ direction)
    begin, end = here - direction * (radius + 0.035), here + direction * max(0.02, 0.07 - done)
    ahead = math.atan2(direction[1], direction[0])
    # The palm lies across the way, or along it where there is no room across and the thing is low.
    turns = [ahead] if name == "mug" else [ahead, ahead + math.pi / 2]
    depths = [sum(crowding(env, name, np.array([*p, height]), yaw) for p in (begin, here, end)) for yaw in turns]
    along = len(turns) == 2 and depths[0] > depths[1] + 0.005
    yaw = reachable_yaw(env, turns[along], math.pi)
    if along and name == "orange":
        gripper, height = CLOSED, 0.036
    yield from clear_toaster(env, np.array([*begin, 0.14]), yaw, gripper)
    yield Waypoint(np.array([*begin, 0.14]), yaw, gripper, 0.015)
    yield Waypoint(np.array([*begin, height]), yaw, gripper, 0.012)
    yield Waypoint(np.array([*end, height]), yaw, gripper, 0.015)
    yield Waypoint(np.array([*end, 0.14]), yaw, gripper, 0.03)


@register_task
class Push(TabletopTask):
    """Done when the object has moved more than 5 cm to the wanted side."""

    kind = "push"
    lasts = 27
    order = 3
    share = 0.15
    verbs = VERBS
    precedence = 30
    sides = SIDES
    stages = (Stage(plan_push),)
    suggests_two = True
    phrases = {
        "train": (
            "push {x} to the {side}",
            "push {x} {side}",
            "slide {x} to the {side}",
            "slide {x} {side}",
            "nudge {x} to the {side}",
            "move {x} to the {side}",
            "move {x} {side}",
            "shove {x} to the {side}",
            "push {x} towards the {side}",
            "slide {x} towards the {side}",
            "nudge {x} towards the {side}",
            "shift {x} to the {side}",
            "push {x} over to the {side}",
            "give {x} a push to the {side}",
            "move {x} a bit to the {side}",
            "push {x} a little to the {side}",
        ),
        "heldout": (
            "shift {x} towards the {side}",
            "nudge {x} {side}",
            "slide {x} over to the {side}",
            "give {x} a nudge to the {side}",
            "shove {x} a little to the {side}",
        ),
    }

    def feasible(self, env: TabletopEnv) -> list[Task]:
        here = [name for name in self.targets if name in env.present]
        return [Task(self.kind, "", name, side=side) for name in here for side in SIDES if has_room(env, name, side)]

    def parse(self, env: TabletopEnv, reading: Reading) -> Task | None:
        if len(reading.things) != 1 or not reading.words & VERBS:
            return None
        thing = reading.things[0][1]
        if len(reading.sides) == 1:
            name = resolve_one_of(env, thing, self.targets, "pushed")
            return Task(self.kind, reading.text, name, side=next(iter(reading.sides)))
        referring.resolve(env, thing)  # an absent object is the better explanation
        raise InvalidInput(
            f"'{reading.text}' does not say one way.", f"Say 'push {thing.text} to the left' or '... to the right'."
        )

    def success(self, env: TabletopEnv, task: Task) -> bool:
        return distance_pushed(env, task) > PUSHED

    def advance(self, env: TabletopEnv, task: Task) -> float:
        """Share of the distance that counts."""
        return distance_pushed(env, task) / PUSHED

"""A block is to be stood on another block."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from wamviz.core.errors import InvalidInput
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.grammar import Reading, resolve_one_of
from wamviz.worlds.tabletop.objects import BLOCK_HALF, BLOCKS
from wamviz.worlds.tabletop.planning import (
    CLOSED,
    OPEN,
    Waypoint,
    clear_toaster,
    held_offset,
    present_yaw,
    reachable_yaw,
)
from wamviz.worlds.tabletop.referring import plain_name
from wamviz.worlds.tabletop.tasks import pick, place
from wamviz.worlds.tabletop.tasks.base import Stage, TabletopTask, Task, register_task

STACK_OFFSET, STACK_LOW, STACK_HIGH = 0.03, 0.030, 0.055  # m between the middles, across and up


def plan_stack(env: TabletopEnv, task: Task) -> Iterator[Waypoint]:
    """Over the other block, turned as it is, down, and open."""
    base = str(task.destination)
    yaw = reachable_yaw(env, env.yaw(base) - env.yaw(task.target) + present_yaw(env), math.pi / 2)
    foot = env.position(base)
    goal = foot[:2] + held_offset(env, task.target, yaw)
    grip_height = float(env.ee_position()[2] - env.position(task.target)[2])
    above = np.array([*goal, 0.16])
    low = np.array([*goal, foot[2] + 2 * BLOCK_HALF + 0.003 + grip_height])
    yield from clear_toaster(env, above, yaw, CLOSED)
    yield Waypoint(above, yaw, CLOSED, 0.008, hold=1)
    yield Waypoint(low, yaw, CLOSED, 0.006, hold=1)
    yield Waypoint(low, yaw, OPEN, 0.05, hold=2)
    yield Waypoint(above, yaw, OPEN, 0.03)


@register_task
class Stack(TabletopTask):
    """Done when the block stands on the other one and the hand has let go."""

    kind = "stack"
    lasts = 45
    order = 4
    share = 0.1
    verbs = place.VERBS
    precedence = 21  # after place: what can be put neither in nor on is refused here
    targets = BLOCKS
    destinations = BLOCKS
    stages = (pick.GRASP, Stage(plan_stack, needs=pick.GRASP))
    phrases = {
        "train": (
            "stack {x} on {y}",
            "stack {x} on top of {y}",
            "put {x} on {y}",
            "put {x} on top of {y}",
            "place {x} on {y}",
            "place {x} on top of {y}",
            "pick up {x} and put it on {y}",
            "pick {x} up and stack it on {y}",
            "set {x} on {y}",
            "set {x} down on {y}",
            "build a tower with {x} on {y}",
            "make a tower with {x} on top of {y}",
            "take {x} and put it on top of {y}",
            "move {x} onto {y}",
            "put {x} onto {y}",
            "grab {x} and place it on {y}",
        ),
        "heldout": (
            "stack {x} onto {y}",
            "set {x} on top of {y}",
            "take {x} and stack it on {y}",
            "place {x} onto {y}",
            "build a tower with {x} on top of {y}",
        ),
    }

    def feasible(self, env: TabletopEnv) -> list[Task]:
        blocks = [name for name in self.targets if name in env.present]
        return [Task(self.kind, "", a, b) for a in blocks for b in blocks if a != b]

    def parse(self, env: TabletopEnv, reading: Reading) -> Task | None:
        carrying = place.read_carrying(env, reading)
        if carrying is None:
            return None
        if carrying.end not in BLOCKS or carrying.preposition != "on":
            raise InvalidInput(
                f"Nothing can be put {carrying.preposition} {plain_name(carrying.end)}.",
                "Things go in the bowl, and blocks go on other blocks.",
            )
        name = resolve_one_of(env, carrying.thing, self.targets, "stacked")
        if name == carrying.end:
            raise InvalidInput(f"{plain_name(name).capitalize()} cannot be stacked on itself.")
        return Task(self.kind, reading.text, name, carrying.end)

    def success(self, env: TabletopEnv, task: Task) -> bool:
        offset = env.position(task.target) - env.position(str(task.destination))
        near = float(np.linalg.norm(offset[:2]))
        return near < STACK_OFFSET and STACK_LOW < offset[2] < STACK_HIGH and place.is_released(env)

    def advance(self, env: TabletopEnv, task: Task) -> float:
        """Lifting is the first half, carrying the second."""
        return place.carry(env, task)

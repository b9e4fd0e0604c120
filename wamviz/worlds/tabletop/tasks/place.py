"""An object is to be put into the bowl."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from wamviz.core.errors import InvalidInput
from wamviz.worlds.tabletop import referring
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.grammar import EXAMPLES, Reading, resolve_one_of
from wamviz.worlds.tabletop.objects import BLOCK_HALF, PLACEABLE
from wamviz.worlds.tabletop.planning import CLOSED, OPEN, Waypoint, clear_toaster, held_offset, present_yaw
from wamviz.worlds.tabletop.referring import NounPhrase
from wamviz.worlds.tabletop.tasks import pick
from wamviz.worlds.tabletop.tasks.base import Stage, TabletopTask, Task, register_task

VERBS = {"put", "place", "drop", "set", "move", "bring", "fill", "lay", "transfer", "carry", "deposit"} | pick.VERBS
VERBS |= {"stack", "build", "tower", "balance", "pile"}
IN_BOWL_RADIUS, IN_BOWL_HEIGHT = 0.055, 0.08  # m, of the object's middle
_RELEASED = 0.5  # gripper command below this


@dataclass(frozen=True)
class Carrying:
    """What "put this there" names.

    Attributes:
        thing: the noun phrase of what is to be moved.
        preposition: ``in`` or ``on``.
        end: the object at which it should end, or ``"toaster"``; "" where that is no object.
    """

    thing: NounPhrase
    preposition: str
    end: str


def read_carrying(env: TabletopEnv, reading: Reading) -> Carrying | None:
    """What an instruction wants carried, and where to; None where it wants nothing carried.

    Raises:
        InvalidInput: the place is absent or ambiguous, or more than one thing is to be moved.
    """
    found = reading.find_destination()
    moved = [thing for index, thing in reading.things if found is None or index != found[1]]
    if found is None or not moved or not reading.words & VERBS:
        return None
    preposition, at = found
    goal = reading.parts[at]
    end = referring.resolve(env, goal) if isinstance(goal, NounPhrase) else ""
    if len(moved) > 1:
        raise InvalidInput(f"One thing at a time: '{reading.text}' names {len(moved)}.", EXAMPLES)
    return Carrying(moved[0], preposition, end)


def is_released(env: TabletopEnv) -> bool:
    """Whether the hand has let go."""
    return env.gripper_command < _RELEASED


def carry(env: TabletopEnv, task: Task) -> float:
    """Share of lifting and of carrying an object to where it should end, 0 .. 1; either counts for a half."""
    start = env.start_position(task.target)[:2]
    goal = env.position(str(task.destination))[:2]
    whole = max(2 * BLOCK_HALF, float(np.linalg.norm(goal - start)))
    carried = 1 - float(np.linalg.norm(goal - env.position(task.target)[:2])) / whole
    return float((pick.lift(env, task.target) + np.clip(carried, 0, 1)) / 2)


def plan_drop(env: TabletopEnv, task: Task) -> Iterator[Waypoint]:
    """Over the bowl with what is held, down, and open."""
    yaw = present_yaw(env)
    goal = env.position("bowl")[:2] + held_offset(env, task.target, yaw)
    above, low = np.array([*goal, 0.19]), np.array([*goal, 0.10])
    yield from clear_toaster(env, above, yaw, CLOSED)
    yield Waypoint(above, yaw, CLOSED, 0.012)
    yield Waypoint(low, yaw, CLOSED, 0.01, hold=1)
    yield Waypoint(low, yaw, OPEN, 0.05, hold=2)
    yield Waypoint(above, yaw, OPEN, 0.03)


@register_task
class Place(TabletopTask):
    """Done when the object lies inside the bowl's rim, low, and the hand has let go."""

    kind = "place"
    lasts = 48
    order = 2
    share = 0.2
    verbs = VERBS
    precedence = 20
    targets = PLACEABLE
    destinations = ("bowl",)
    stages = (pick.GRASP, Stage(plan_drop, needs=pick.GRASP))
    phrases = {
        "train": (
            "put {x} in {y}",
            "place {x} in {y}",
            "put {x} into {y}",
            "place {x} inside {y}",
            "drop {x} in {y}",
            "drop {x} into {y}",
            "pick up {x} and put it in {y}",
            "pick {x} up and place it in {y}",
            "move {x} into {y}",
            "move {x} to {y}",
            "take {x} and put it in {y}",
            "set {x} in {y}",
            "lift {x} and drop it in {y}",
            "fill {y} with {x}",
            "bring {x} to {y}",
            "grab {x} and put it into {y}",
        ),
        "heldout": (
            "place {x} into {y}",
            "take {x} and drop it into {y}",
            "lift {x} and place it inside {y}",
            "bring {x} into {y}",
            "set {x} inside {y}",
        ),
    }

    def feasible(self, env: TabletopEnv) -> list[Task]:
        if "bowl" not in env.present:
            return []
        return [Task(self.kind, "", name, "bowl") for name in self.targets if name in env.present]

    def parse(self, env: TabletopEnv, reading: Reading) -> Task | None:
        carrying = read_carrying(env, reading)
        if carrying is None or carrying.end != "bowl":
            return None
        name = resolve_one_of(env, carrying.thing, self.targets, "put into the bowl")
        return Task(self.kind, reading.text, name, "bowl")

    def success(self, env: TabletopEnv, task: Task) -> bool:
        here = env.position(task.target)
        near = float(np.linalg.norm((here - env.position(str(task.destination)))[:2]))
        return near < IN_BOWL_RADIUS and 0 < here[2] < IN_BOWL_HEIGHT and is_released(env)

    def advance(self, env: TabletopEnv, task: Task) -> float:
        """Lifting is the first half, carrying the second."""
        return carry(env, task)

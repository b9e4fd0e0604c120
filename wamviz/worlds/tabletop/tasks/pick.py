"""An object is to be grasped and lifted."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.grammar import Reading, resolve_one_of
from wamviz.worlds.tabletop.objects import MUG_RADIUS
from wamviz.worlds.tabletop.planning import (
    CLOSED,
    OPEN,
    Waypoint,
    clear_toaster,
    crowding,
    present_yaw,
    reachable_yaw,
)
from wamviz.worlds.tabletop.tasks.base import Stage, TabletopTask, Task, register_task

VERBS = {"pick", "lift", "grab", "grasp", "take", "raise", "get", "hold", "collect", "fetch", "seize"}
LIFTED = 0.07  # m above where it stood

_ABOVE = 0.10  # m, height of the approach over a grasp
_LIFT = 0.17  # m
_MUG_PREOPEN = 0.45  # gripper command; the finger outside the mug must not hit the thing next to it


def lift(env: TabletopEnv, name: str) -> float:
    """By how much an object has been lifted, as a share of what counts, 0 .. 1."""
    return float(np.clip(_height_gained(env, name) / LIFTED, 0, 1))


def is_lifted(env: TabletopEnv, name: str) -> bool:
    """Whether an object is 7 cm or more above where it stood."""
    return _height_gained(env, name) > LIFTED


def is_held(env: TabletopEnv, task: Task) -> bool:
    """Whether the target is between the closed fingers."""
    if env.gripper_command < 0.5:
        return False
    reach = 0.10 if task.target == "mug" else 0.04
    return float(np.linalg.norm(env.position(task.target) - env.ee_position())) < reach


def plan_grasp(env: TabletopEnv, task: Task) -> Iterator[Waypoint]:
    """From above onto the target, close, and up."""
    grip, yaw = choose_grasp(env, task.target)
    ready = _MUG_PREOPEN if task.target == "mug" else OPEN
    above = grip + [0, 0, _ABOVE]
    yield from clear_toaster(env, above, yaw, ready)
    yield Waypoint(above, yaw, ready, 0.012)
    yield Waypoint(grip, yaw, ready, 0.006, hold=1)
    yield Waypoint(grip, yaw, CLOSED, 0.05, hold=2)
    yield Waypoint(grip + [0, 0, _LIFT], yaw, CLOSED, 0.02)


def choose_grasp(env: TabletopEnv, name: str) -> tuple[NDArray[np.float64], float]:
    """The grasp (TCP position (3,) m, yaw rad) with most room for the hand, then with the least turning."""
    here, turn = env.position(name), env.yaw(name)
    options: list[tuple[NDArray[np.float64], float]] = []
    if name == "mug":  # one finger inside, one outside, away from the handle at local +x
        for k in range(-2, 3):
            angle = turn + math.pi + k * math.pi / 5
            rim = (MUG_RADIUS - 0.0015) * np.array([math.cos(angle), math.sin(angle)])
            options.append((np.array([here[0] + rim[0], here[1] + rim[1], 0.068]), angle - math.pi / 2))
    elif name == "orange":
        options = [(np.array([here[0], here[1], 0.03]), k * math.pi / 6) for k in range(-3, 3)]
    else:
        height = max(here[2] - 0.002, 0.02)
        options = [(np.array([here[0], here[1], height]), turn + k * math.pi / 2) for k in (0, 1)]

    def cost(option: tuple[NDArray[np.float64], float]) -> float:
        yaw = reachable_yaw(env, option[1], math.pi)
        return 100 * crowding(env, name, option[0], yaw) + abs(yaw - present_yaw(env)) / 10

    grip, yaw = min(options, key=cost)
    return grip, reachable_yaw(env, yaw, math.pi)


def _height_gained(env: TabletopEnv, name: str) -> float:
    """Metres above where an object stood at the start."""
    return float(env.position(name)[2] - env.start_position(name)[2])


GRASP = Stage(plan_grasp, reached=is_held, lasts=True)


@register_task
class Pick(TabletopTask):
    """Done when the object is lifted by more than 7 cm."""

    kind = "pick"
    lasts = 24
    order = 1
    share = 0.25
    verbs = VERBS
    precedence = 40
    stages = (GRASP,)
    suggests_two = True
    phrases = {
        "train": (
            "pick up {x}",
            "pick {x} up",
            "lift {x}",
            "lift {x} up",
            "lift up {x}",
            "grab {x}",
            "grab {x} and lift it",
            "grasp {x}",
            "take {x}",
            "raise {x}",
            "get {x}",
            "pick {x} off the table",
            "lift {x} off the table",
            "raise {x} from the table",
            "take hold of {x} and lift it",
            "grasp {x} and raise it",
            "pick up {x} and hold it",
        ),
        "heldout": (
            "grasp {x} and lift it up",
            "take {x} off the table",
            "raise {x} up",
            "get hold of {x} and lift it",
            "pick up {x} from the table",
        ),
    }

    def parse(self, env: TabletopEnv, reading: Reading) -> Task | None:
        if len(reading.things) != 1 or not reading.words & VERBS or reading.sides:
            return None
        return Task(self.kind, reading.text, resolve_one_of(env, reading.things[0][1], self.targets, "picked up"))

    def success(self, env: TabletopEnv, task: Task) -> bool:
        return is_lifted(env, task.target)

    def advance(self, env: TabletopEnv, task: Task) -> float:
        """Share of the height at which the object counts as lifted."""
        return lift(env, task.target)

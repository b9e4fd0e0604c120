"""The toaster's lever is to be pushed down."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from wamviz.core.errors import InvalidInput
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.grammar import SWITCH_ON, Reading
from wamviz.worlds.tabletop.objects import LEVER_PRESSED, LEVER_TOP, LEVER_TRAVEL
from wamviz.worlds.tabletop.planning import CLOSED, Waypoint, clear_toaster, reachable_yaw
from wamviz.worlds.tabletop.referring import NounPhrase
from wamviz.worlds.tabletop.tasks.base import Stage, TabletopTask, Task, register_task

VERBS = {"push", "press", "lower", "pull", "move", "make", "depress", "slide"} | SWITCH_ON


def names_lever(reading: Reading) -> bool:
    """Whether an instruction is about working the toaster, alone or before something else."""
    alone = len(reading.parts) == 1 and isinstance(reading.parts[0], NounPhrase) and reading.parts[0].text == "toast"
    return reading.lever_at is not None and bool(reading.words & VERBS or alone)


def is_pressed(env: TabletopEnv) -> bool:
    """Whether the lever is down by 4 cm or more."""
    return env.lever_travel() >= LEVER_PRESSED


def plan_press(env: TabletopEnv, task: Task) -> Iterator[Waypoint]:
    """Down on the lever's knob with closed fingers, and up again."""
    out = env.layout.lever_direction
    knob = env.lever_position()
    knob[:2] += out * 0.015  # far enough out for the palm to pass the toaster's edge
    # With the hand's x axis away from the toaster, the wrist camera stays outside it: no half turns here.
    yaw = reachable_yaw(env, math.atan2(out[1], out[0]), 2 * math.pi)
    above = knob + [0, 0, 0.09]
    low = np.array([knob[0], knob[1], LEVER_TOP - LEVER_TRAVEL - 0.012])
    yield from clear_toaster(env, above, yaw, CLOSED)
    yield Waypoint(above, yaw, CLOSED, 0.015)
    yield Waypoint(knob + [0, 0, 0.03], yaw, CLOSED, 0.012)
    yield Waypoint(low, yaw, CLOSED, 0.012, hold=1)
    yield Waypoint(low + [0, 0, 0.14], yaw, CLOSED, 0.03)


PRESS = Stage(plan_press, reached=lambda env, task: is_pressed(env))


@register_task
class Lever(TabletopTask):
    """Done when the lever is pressed by 4 cm or more; it stays down."""

    kind = "lever"
    lasts = 21
    order = 0
    share = 0.2
    verbs = VERBS
    precedence = 10
    targets = ("lever",)
    stages = (PRESS,)
    phrases = {
        "train": (
            "push the toaster lever",
            "push down the lever of the toaster",
            "press the toaster lever down",
            "push the lever down",
            "press the lever on the toaster",
            "lower the toaster lever",
            "start the toaster",
            "turn on the toaster",
            "switch on the toaster",
            "press down on the toaster lever",
            "make toast",
            "make some toast",
            "toast the bread",
            "move the toaster lever down",
            "pull the lever of the toaster down",
            "lower the bread into the toaster",
            "push the toaster handle down",
            "turn the toaster on",
        ),
        "heldout": (
            "press the lever of the toaster down",
            "lower the lever on the toaster",
            "pull down the toaster lever",
            "move the lever down",
            "press down on the toaster handle",
        ),
    }

    def feasible(self, env: TabletopEnv) -> list[Task]:
        return [Task(self.kind, "", "lever")]

    def parse(self, env: TabletopEnv, reading: Reading) -> Task | None:
        if not names_lever(reading) or reading.things:
            return None
        if reading.words & {"up", "off"}:
            raise InvalidInput("The lever can only be pushed down; it stays there.", "Try: 'push the toaster lever'.")
        return Task(self.kind, reading.text, "lever")

    def success(self, env: TabletopEnv, task: Task) -> bool:
        return is_pressed(env)

    def advance(self, env: TabletopEnv, task: Task) -> float:
        """Share of the travel at which the lever counts as pressed."""
        return min(1.0, env.lever_travel() / LEVER_PRESSED)

"""Two tasks in one sentence: the lever first, then an object is to be picked up."""

from __future__ import annotations

from wamviz.core.errors import InvalidInput
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.grammar import Reading, resolve_one_of
from wamviz.worlds.tabletop.objects import LEVER_PRESSED
from wamviz.worlds.tabletop.referring import plain_name
from wamviz.worlds.tabletop.tasks import lever, pick
from wamviz.worlds.tabletop.tasks.base import TabletopTask, Task, register_task


def is_lever_first(reading: Reading, lever_at: int, thing_at: int) -> bool:
    """Whether the lever comes first in time, whatever the order of words."""
    words = [part if isinstance(part, str) else "" for part in reading.parts]
    if "after" in words:
        after = words.index("after")
        return after < lever_at and not after < thing_at < lever_at
    if "before" in words:
        before = words.index("before")
        return before < thing_at and not before < lever_at < thing_at
    if "first" in words and words.index("first") > min(lever_at, thing_at):  # "..., but push the lever first"
        return lever_at > thing_at
    return lever_at < thing_at


@register_task
class LeverThenPick(TabletopTask):
    """Done when the lever is pressed and the object is lifted."""

    kind = "lever_then_pick"
    lasts = 41
    order = 5
    share = 0.1
    composed = True
    verbs = lever.VERBS | pick.VERBS
    precedence = 11
    stages = (lever.PRESS, pick.GRASP)
    phrases = {
        "train": (
            "push the toaster lever, then pick up {x}",
            "push down the lever and then lift {x}",
            "first push the toaster lever, then grab {x}",
            "press the toaster lever and pick up {x}",
            "after pushing the toaster lever, pick up {x}",
            "start the toaster, then take {x}",
            "turn on the toaster and then pick up {x}",
            "first start the toaster and then grab {x}",
            "push the lever down, then lift {x}",
            "lower the toaster lever, then grasp {x}",
            "make toast, then pick up {x}",
            "start the toaster and lift {x}",
            "before picking up {x}, push the toaster lever",
            "pick up {x} after pushing the toaster lever",
            "press the lever, then raise {x} off the table",
            "switch on the toaster, then get {x}",
            "push the toaster lever and then pick {x} up",
        ),
        "heldout": (
            "press the toaster lever down, then lift {x} up",
            "first turn on the toaster, then pick up {x}",
            "after pushing the lever, grab {x}",
            "make some toast and then take {x}",
            "lower the lever of the toaster and pick {x} up",
        ),
    }

    def parse(self, env: TabletopEnv, reading: Reading) -> Task | None:
        at = reading.lever_at
        if at is None or not lever.names_lever(reading) or not reading.things:
            return None
        index, thing = reading.things[0]
        if len(reading.things) > 1 or not reading.words & pick.VERBS or reading.sides:
            raise InvalidInput(
                f"After the lever, one thing can be picked up and no more ('{reading.text}').",
                "Try: 'push the toaster lever, then pick up the orange'.",
            )
        name = resolve_one_of(env, thing, self.targets, "picked up")
        if not is_lever_first(reading, at, index):
            raise InvalidInput(
                f"'{reading.text}' asks for the lever after {plain_name(name)}; the hand is then full.",
                f"Try: 'push the toaster lever, then pick up {plain_name(name)}'.",
            )
        return Task(self.kind, reading.text, name)

    def success(self, env: TabletopEnv, task: Task) -> bool:
        return lever.is_pressed(env) and pick.is_lifted(env, task.target)

    def advance(self, env: TabletopEnv, task: Task) -> float:
        """The lever is the first half, the lift the second."""
        return (min(1.0, env.lever_travel() / LEVER_PRESSED) + pick.lift(env, task.target)) / 2

    def first_target(self, task: Task) -> str:
        return "lever"

    def remaining(self, env: TabletopEnv, task: Task) -> Task:
        """Only the pick once the lever is down: it stays there."""
        return Task("pick", task.instruction, task.target) if lever.is_pressed(env) else task

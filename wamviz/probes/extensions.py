"""Extensions made from a reference task of a tabletop scene, by templates.

A template is a function of the scene and its reference task that returns a prompt, or None where the scene has nothing
for it. ``then`` composes two tasks in an order that training never showed (``HELD_OUT``), because an extension that
was trained on is none; the others vary the reference. What physics can judge stands in the prompt's ``parts``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from wamviz.core.errors import unknown_name
from wamviz.probes.probe import Prompt
from wamviz.worlds.tabletop import TabletopEnv, Task, feasible_tasks, phrase
from wamviz.worlds.tabletop.objects import MOVABLE
from wamviz.worlds.tabletop.referring import plain_name
from wamviz.worlds.tabletop.tasks.base import kind_of

# What follows a reference of each kind. Of all compositions training knows lever-then-pick alone.
HELD_OUT = {"lever": "place", "push": "pick", "pick": "lever", "place": "lever", "stack": "lever"}
Template = Callable[[TabletopEnv, Task, np.random.Generator], Prompt | None]
TEMPLATES: dict[str, Template] = {}


def template(make: Template) -> Template:
    """Decorator: make a template known under its function's name."""
    TEMPLATES[make.__name__] = make
    return make


def extend(env: TabletopEnv, task: Task, seed: int, names: Sequence[str] = ()) -> tuple[Prompt, ...]:
    """The extensions of a reference ``task`` in the present scene; templates that the scene has nothing for are left
    out.

    Args:
        seed: of the choice of words and objects.
        names: of templates, all of them where none is named.

    Raises:
        NotFound: no such template.
    """
    for name in names:
        if name not in TEMPLATES:
            raise unknown_name("template", name, TEMPLATES)
    made = (TEMPLATES[name](env, task, np.random.default_rng([seed, k])) for k, name in enumerate(names or TEMPLATES))
    return tuple(prompt for prompt in made if prompt is not None)


@template
def then(env: TabletopEnv, task: Task, rng: np.random.Generator) -> Prompt | None:
    """The reference, and afterwards a task of a kind that never followed it in training, with another object."""
    if task.kind not in HELD_OUT:
        return None
    later = [
        one for one in feasible_tasks(env, HELD_OUT[task.kind]) if task.target not in (one.target, one.destination)
    ]
    if not later:
        return None
    second = _plainly(env, later[int(rng.integers(len(later)))])
    first = _plainly(env, task)
    return Prompt("then", f"{first}, then {second}", "then", (first, second))


@template
def swapped_object(env: TabletopEnv, task: Task, rng: np.random.Generator) -> Prompt | None:
    """The same task with another object of the scene."""
    others = [other for other in feasible_tasks(env, task.kind) if other.target != task.target]
    if not others:
        return None
    words = _plainly(env, others[int(rng.integers(len(others)))])
    return Prompt("swapped-object", words, "swapped_object", (words,))


@template
def reversed_direction(env: TabletopEnv, task: Task, rng: np.random.Generator) -> Prompt | None:
    """The same push to the other side."""
    others = [one for one in feasible_tasks(env, task.kind) if one.target == task.target and one.side != task.side]
    if task.side is None or not others:
        return None
    words = _plainly(env, others[0])
    return Prompt("reversed-direction", words, "reversed_direction", (words,))


@template
def paraphrase(env: TabletopEnv, task: Task, rng: np.random.Generator) -> Prompt | None:
    """The same task in a phrasing that training never used."""
    words = phrase(env, task, rng, "heldout")
    return Prompt("paraphrase", words, "paraphrase", (words,))


@template
def no_op(env: TabletopEnv, task: Task, rng: np.random.Generator) -> Prompt | None:
    """Nothing is to be done."""
    words = ("do nothing", "stay where you are", "do not move anything")
    return Prompt("no-op", words[int(rng.integers(len(words)))], "no_op", still=True)


@template
def impossible(env: TabletopEnv, task: Task, rng: np.random.Generator) -> Prompt | None:
    """Something that cannot be done here: the toaster stands fast."""
    return Prompt("impossible", "pick up the toaster", "impossible", still=True)


@template
def wrong_object(env: TabletopEnv, task: Task, rng: np.random.Generator) -> Prompt | None:
    """Something is named that is not on the table."""
    absent = [name for name in MOVABLE if name not in env.present]
    if not absent:
        return None
    name = absent[int(rng.integers(len(absent)))]
    return Prompt("wrong-object", f"pick up {plain_name(name)}", "wrong_object", still=True)


def _plainly(env: TabletopEnv, task: Task) -> str:
    """The task in the first phrasing that training used, which says it most plainly."""
    if task.instruction:
        return task.instruction
    words = kind_of(task).phrases["train"][0]
    return words.format(x=plain_name(task.target), y=plain_name(task.destination or ""), side=task.side)

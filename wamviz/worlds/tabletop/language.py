"""Understanding instructions: from free text to a task of the present scene.

Contract: ``parse`` understands every sentence that ``phrase`` can say, in both splits, and reasonable variants
(case, punctuation, politeness, word order). What it does not understand it refuses with a reason that teaches.
It does not guess: an ambiguous or absent object is an error. Whether the robot can do it is not judged here.
"""

from __future__ import annotations

import re

from wamviz.core.errors import InvalidInput
from wamviz.worlds.tabletop import objects, referring
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.grammar import EXAMPLES, SIDES, read_instruction
from wamviz.worlds.tabletop.referring import NounPhrase, plain_name
from wamviz.worlds.tabletop.tasks import FRAMES, Task, registered_tasks

_MAX_LENGTH = 400
_NEGATIONS = {"not", "don't", "dont", "never", "no", "without", "avoid", "nothing", "can't", "cannot"}
_DESCRIBING = (
    "the orange fruit mug cup coffee bowl dish block cube toaster leftmost rightmost on left right "
    "nearest closest to farthest from"
)


def parse(instruction: str, env: TabletopEnv) -> Task:
    """Read an instruction as a task for the present scene.

    Args:
        instruction: free English text, at most 400 characters.
        env: the scene to which its words refer.

    Raises:
        InvalidInput: not understood, ambiguous, naming something absent, or asking for what no task here does.

    >>> env = TabletopEnv(render=False)
    >>> _ = env.reset(seed=1_000_000)
    >>> parse("Please pick up the orange!", env).kind
    'pick'
    """
    text = instruction.strip()
    if not text:
        raise InvalidInput("The instruction is empty.", EXAMPLES)
    if len(text) > _MAX_LENGTH:
        raise InvalidInput(f"The instruction is longer than {_MAX_LENGTH} characters.", EXAMPLES)
    kinds = registered_tasks()
    reading = read_instruction(text, {verb for kind in kinds for verb in kind.verbs})
    if reading.words & _NEGATIONS:
        raise InvalidInput(f"'{text}' says what not to do; say what to do instead.", EXAMPLES)
    for kind in sorted(kinds, key=lambda kind: kind.precedence):
        task = kind.parse(env, reading)
        if task is not None:
            return task
    for _, thing in reading.things:
        referring.resolve(env, thing)  # an absent object is the better explanation
    here = f"Try: {', '.join(repr(other) for other in suggestions(env)[:4])}. {referring.contents(env)}"
    if not reading.things and any(isinstance(part, NounPhrase) and part.head == "toaster" for part in reading.parts):
        raise InvalidInput(f"'{text}' is not understood: the toaster stands fast, only its lever moves.", here)
    raise InvalidInput(f"'{text}' is not an instruction that this world understands.", here)


def known_words() -> frozenset[str]:
    """Every word that ``phrase`` can use, in either split, in lower case."""
    texts = [text for kind in registered_tasks() for templates in kind.phrases.values() for text in templates]
    texts += [*FRAMES, *SIDES, *objects.MUG_COLOURS, *objects.BOWL_COLOURS, *objects.BLOCK_COLOURS, _DESCRIBING]
    text = " ".join(re.sub(r"\{\w+\}", " ", entry) for entry in texts)
    return frozenset(re.findall(r"[a-z]+", text.lower()))


def suggestions(env: TabletopEnv) -> list[str]:
    """Instructions that make sense in the present scene, composed extensions last; all of them parse."""
    chosen: list[str] = []
    for kind in sorted(registered_tasks(), key=lambda kind: kind.composed):
        tasks = kind.feasible(env)
        for task in (tasks[0], tasks[-1]) if kind.suggests_two and len(tasks) > 1 else tasks[:1]:
            x, y = plain_name(task.target), plain_name(task.destination or "")
            chosen.append(kind.phrases["train"][0].format(x=x, y=y, side=task.side))
    return chosen

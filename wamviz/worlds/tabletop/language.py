"""Understanding instructions: from free text to a task of the present scene.

Contract: ``parse`` understands every sentence that ``phrase`` can say, in both splits, and reasonable variants
(case, punctuation, politeness, word order). What it does not understand it refuses with a reason that teaches.
It does not guess: an ambiguous or absent object is an error. Whether the robot can do it is not judged here.

The text is cut into noun phrases and the words between them; the kind follows from verbs and prepositions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import objects, referring
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.objects import BLOCKS, PICKABLE, PLACEABLE
from wamviz.worlds.tabletop.phrases import FRAMES, KINDS, SIDES, TEMPLATES
from wamviz.worlds.tabletop.referring import NounPhrase, plain_name
from wamviz.worlds.tabletop.tasks import Task, feasible_tasks, phrase

__all__ = ["known_words", "parse", "phrase", "suggestions"]

_MAX_LENGTH = 400
_PICK = {"pick", "lift", "grab", "grasp", "take", "raise", "get", "hold", "collect", "fetch", "seize"}
_PUT = {"put", "place", "drop", "set", "move", "bring", "fill", "lay", "transfer", "carry", "deposit"} | _PICK
_STACK = {"stack", "build", "tower", "balance", "pile"} | _PUT
_PUSH = {"push", "slide", "nudge", "move", "shove", "shift", "scoot", "poke", "drag"}
_SWITCH_ON = {"start", "turn", "switch", "activate", "use"}
_LEVER = {"push", "press", "lower", "pull", "move", "make", "depress", "slide"} | _SWITCH_ON
_INTO, _ONTO = {"in", "into", "inside", "within", "to"}, {"on", "onto", "atop", "over", "above", "upon"}
_NEGATIONS = {"not", "don't", "dont", "never", "no", "without", "avoid", "nothing", "can't", "cannot"}
_SIDE_WORDS = {f"{side}{ending}": side for side in SIDES for ending in ("", "ward", "wards")}
_FURNITURE = ("lever", "toaster", "bread")
_EXAMPLES = "Try: 'push the toaster lever', 'pick up the orange' or 'push the mug to the left'."


@dataclass(frozen=True)
class _Reading:
    """An instruction taken apart.

    Attributes:
        text: as it was given.
        parts: words and noun phrases in order.
        things: index and noun phrase of everything but the toaster and its parts.
        lever_at: index of the part that speaks of working the toaster, or None.
    """

    text: str
    parts: tuple[str | NounPhrase, ...]
    things: tuple[tuple[int, NounPhrase], ...]
    lever_at: int | None

    def __post_init__(self) -> None:
        if not self.parts:
            raise WamvizError(f"'{self.text}' holds no words.", _EXAMPLES)

    @property
    def words(self) -> set[str]:
        """The words between the noun phrases."""
        return {part for part in self.parts if isinstance(part, str)}

    @property
    def sides(self) -> set[str]:
        """Directions among the words."""
        return {_SIDE_WORDS[word] for word in self.words if word in _SIDE_WORDS}


def parse(instruction: str, env: TabletopEnv) -> Task:
    """Read an instruction as a task for the present scene.

    Args:
        instruction: free English text, at most 400 characters.
        env: the scene to which its words refer.

    Raises:
        WamvizError: not understood, ambiguous, naming something absent, or asking for what no task here does.

    >>> env = TabletopEnv(render=False)
    >>> _ = env.reset(seed=1_000_000)
    >>> parse("Please pick up the orange!", env).kind
    'pick'
    """
    text = instruction.strip()
    if not text:
        raise WamvizError("The instruction is empty.", _EXAMPLES)
    if len(text) > _MAX_LENGTH:
        raise WamvizError(f"The instruction is longer than {_MAX_LENGTH} characters.", _EXAMPLES)
    reading = _read(text)
    if reading.words & _NEGATIONS:
        raise WamvizError(f"'{text}' says what not to do; say what to do instead.", _EXAMPLES)
    for understand in (_as_lever, _as_put, _as_push, _as_pick):
        task = understand(env, reading)
        if task is not None:
            return task
    for _, thing in reading.things:
        referring.resolve(env, thing)  # an absent object is the better explanation
    here = f"Try: {', '.join(repr(other) for other in suggestions(env)[:4])}. {referring.contents(env)}"
    if not reading.things and any(isinstance(part, NounPhrase) and part.head == "toaster" for part in reading.parts):
        raise WamvizError(f"'{text}' is not understood: the toaster stands fast, only its lever moves.", here)
    raise WamvizError(f"'{text}' is not an instruction that this world understands.", here)


# ---------------------------------------------------------------------- taking apart


def _stem(word: str) -> str:
    """A verb without -ing, so that "after pushing" is read like "push"."""
    if not word.endswith("ing") or len(word) < 6:
        return word
    verbs = _STACK | _PUSH | _LEVER
    return next((form for form in (word[:-3], word[:-3] + "e", word[:-4]) if form in verbs), word)


def _read(text: str) -> _Reading:
    plain = re.sub(r"\bright (now|away)\b", " ", text.lower().replace("’", "'"))
    tokens = [_stem(word) for word in re.findall(r"[a-z]+(?:['-][a-z]+)*", plain)]
    parts: list[str | NounPhrase] = []
    i = 0
    while i < len(tokens):
        following = tokens[i + 1] if i + 1 < len(tokens) else ""
        is_verb = (tokens[i] == "toast" and following in ("the", "some", "bread")) or (
            tokens[i] == "switch" and following in ("on", "the")
        )
        found = None if is_verb else referring.read(tokens, i)
        if found is None:
            parts.append("make" if is_verb and tokens[i] == "toast" else tokens[i])
            i += 1
        else:
            noun_phrase, i = found
            parts.append(noun_phrase)
    things = tuple((k, p) for k, p in enumerate(parts) if isinstance(p, NounPhrase) and p.head not in _FURNITURE)
    lever_at = next((k for k in range(len(parts)) if _works_toaster(parts, k)), None)
    return _Reading(text, tuple(parts), things, lever_at)


def _works_toaster(parts: list[str | NounPhrase], i: int) -> bool:
    """Whether a part speaks of working the toaster, not of a place beside it."""
    part = parts[i]
    if isinstance(part, str) or part.head not in _FURNITURE:
        return False
    if part.head != "toaster":
        return True
    before = [word for word in parts[max(0, i - 2) : i] if isinstance(word, str)]
    return bool(_SWITCH_ON & set(before))


# ---------------------------------------------------------------------- one function a family of tasks


def _as_lever(env: TabletopEnv, reading: _Reading) -> Task | None:
    """``lever`` and ``lever_then_pick``."""
    words, at = reading.words, reading.lever_at
    alone = len(reading.parts) == 1 and isinstance(reading.parts[0], NounPhrase) and reading.parts[0].text == "toast"
    if at is None or not (words & _LEVER or alone):
        return None
    if not reading.things:
        if words & {"up", "off"}:
            raise WamvizError("The lever can only be pushed down; it stays there.", "Try: 'push the toaster lever'.")
        return Task("lever", reading.text, "lever")
    index, thing = reading.things[0]
    if len(reading.things) > 1 or not words & _PICK or reading.sides:
        raise WamvizError(
            f"After the lever, one thing can be picked up and no more ('{reading.text}').",
            "Try: 'push the toaster lever, then pick up the orange'.",
        )
    name = _one_of(env, thing, PICKABLE, "picked up")
    if not _lever_first(reading, at, index):
        raise WamvizError(
            f"'{reading.text}' asks for the lever after {plain_name(name)}; the hand is then full.",
            f"Try: 'push the toaster lever, then pick up {plain_name(name)}'.",
        )
    return Task("lever_then_pick", reading.text, name)


def _lever_first(reading: _Reading, lever_at: int, thing_at: int) -> bool:
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


def _as_put(env: TabletopEnv, reading: _Reading) -> Task | None:
    """``place`` and ``stack``."""
    found = _destination(reading)
    moved = [thing for index, thing in reading.things if found is None or index != found[1]]
    if found is None or not moved or not reading.words & _STACK:
        return None
    where, at = found
    goal = reading.parts[at]
    end = referring.resolve(env, goal) if isinstance(goal, NounPhrase) else ""
    if len(moved) > 1:
        raise WamvizError(f"One thing at a time: '{reading.text}' names {len(moved)}.", _EXAMPLES)
    if end == "bowl":
        return Task("place", reading.text, _one_of(env, moved[0], PLACEABLE, "put into the bowl"), "bowl")
    if end in BLOCKS and where == "on":
        name = _one_of(env, moved[0], BLOCKS, "stacked")
        if name == end:
            raise WamvizError(f"{plain_name(name).capitalize()} cannot be stacked on itself.")
        return Task("stack", reading.text, name, end)
    raise WamvizError(
        f"Nothing can be put {where} {plain_name(end)}.", "Things go in the bowl, and blocks go on other blocks."
    )


def _destination(reading: _Reading) -> tuple[str, int] | None:
    """``("in" or "on", index)`` of the last noun phrase after a preposition of place."""
    parts = reading.parts
    for i in range(len(parts) - 1, 0, -1):
        part, before = parts[i], parts[i - 1]
        if isinstance(part, str) or part.head in ("lever", "bread"):
            continue
        if before in _ONTO or (before == "of" and i > 1 and parts[i - 2] == "top"):
            return "on", i
        if before in _INTO:
            return "in", i
    if "fill" in parts and "with" in parts:
        return next((("in", i) for i, _ in reading.things if i < parts.index("with")), None)
    return None


def _as_push(env: TabletopEnv, reading: _Reading) -> Task | None:
    """``push``."""
    if len(reading.things) != 1 or not reading.words & _PUSH:
        return None
    thing = reading.things[0][1]
    if len(reading.sides) == 1:
        name = _one_of(env, thing, PICKABLE, "pushed")
        return Task("push", reading.text, name, side=next(iter(reading.sides)))
    referring.resolve(env, thing)
    raise WamvizError(
        f"'{reading.text}' does not say one way.", f"Say 'push {thing.text} to the left' or '... to the right'."
    )


def _as_pick(env: TabletopEnv, reading: _Reading) -> Task | None:
    """``pick``."""
    if len(reading.things) != 1 or not reading.words & _PICK or reading.sides:
        return None
    return Task("pick", reading.text, _one_of(env, reading.things[0][1], PICKABLE, "picked up"))


def _one_of(env: TabletopEnv, thing: NounPhrase, allowed: tuple[str, ...], what: str) -> str:
    """The object that a noun phrase means, if it is one of ``allowed``."""
    name = referring.resolve(env, thing, allowed)
    if name not in allowed:
        can = ", ".join(plain_name(other) for other in allowed if other in env.present)
        raise WamvizError(f"{plain_name(name).capitalize()} cannot be {what}.", f"These can: {can or 'none here'}.")
    return name


# ---------------------------------------------------------------------- vocabulary and suggestions


def known_words() -> frozenset[str]:
    """Every word that ``phrase`` can use, in either split, in lower case."""
    texts = [template for splits in TEMPLATES.values() for templates in splits.values() for template in templates]
    texts += [*FRAMES, *SIDES, *objects.MUG_COLOURS, *objects.BOWL_COLOURS, *objects.BLOCK_COLOURS]
    texts += ["the orange fruit mug cup coffee bowl dish block cube toaster leftmost rightmost on left right"]
    texts += ["nearest closest to farthest from"]
    text = " ".join(re.sub(r"\{\w+\}", " ", entry) for entry in texts)
    return frozenset(re.findall(r"[a-z]+", text.lower()))


def suggestions(env: TabletopEnv) -> list[str]:
    """Instructions that make sense in the present scene, the composed extension last; all of them parse."""
    chosen: list[str] = []
    for kind in KINDS:
        tasks = feasible_tasks(env, kind)
        for task in (tasks[0], tasks[-1]) if kind in ("pick", "push") and len(tasks) > 1 else tasks[:1]:
            x, y = plain_name(task.target), plain_name(task.destination or "")
            chosen.append(TEMPLATES[kind]["train"][0].format(x=x, y=y, side=task.side))
    return chosen

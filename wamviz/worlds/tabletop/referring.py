"""Referring expressions: from an object to the phrases that single it out, and from a phrase back to the object.

Contract: ``descriptions(env, name)`` lists phrases that mean exactly that object in the present scene, plainest
first; ``read`` finds a phrase in tokens; ``resolve`` says which object it means or raises an error with the
reason (absent, ambiguous, wrong colour). Left and right are those of the exterior image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wamviz.core.errors import InvalidInput, NotFound
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.objects import BLOCKS, MOVABLE, PICKABLE

HEADS = {
    "orange": "orange", "fruit": "orange", "mug": "mug", "cup": "mug", "bowl": "bowl", "dish": "bowl",
    "block": "block", "cube": "block", "brick": "block", "object": "object", "thing": "object", "item": "object",
    "lever": "lever", "handle": "lever", "switch": "lever", "knob": "lever", "toaster": "toaster",
    "bread": "bread", "toast": "bread", "slice": "bread", "slices": "bread",
}  # fmt: skip
COLOURS = (
    "red", "green", "blue", "orange", "white", "yellow", "purple", "teal", "pink", "black", "brown", "grey", "gray",
    "silver", "turquoise", "violet",
)  # fmt: skip
_DETERMINERS = {"the", "a", "an", "that", "this"}
_EMPTY_ADJECTIVES = {"coffee", "small", "little", "ripe", "round", "toy", "wooden", "single", "only", "toaster"}
_SIDES = {f"{side}{ending}": side for side in ("left", "right") for ending in ("", "most", "-hand")}
_DISTANCES = {"nearest": "near", "closest": "near", "farthest": "far", "furthest": "far"}

# The least difference for a superlative to be used when speaking; listening takes any difference.
_CLEAR_SIDE = 0.05  # of the image's width
_CLEAR_DISTANCE = 0.04  # m


@dataclass(frozen=True)
class NounPhrase:
    """A phrase such as "the red block" or "the block nearest the toaster", not yet looked up in a scene.

    Attributes:
        head: ``orange mug bowl block object lever toaster bread``.
        text: the words as they stood.
        colour: a colour word, or None.
        side: ``left`` or ``right``, or None.
        distance: ``near`` or ``far`` from ``anchor``, or None.
        anchor: the phrase after "nearest" and the like, or None.
    """

    head: str
    text: str
    colour: str | None = None
    side: str | None = None
    distance: str | None = None
    anchor: NounPhrase | None = None

    def __post_init__(self) -> None:
        if (self.distance is None) != (self.anchor is None):
            raise ValueError("A phrase has both a distance and an anchor, or neither.")


# ---------------------------------------------------------------------- listening


def read(tokens: Sequence[str], start: int) -> tuple[NounPhrase, int] | None:
    """Read a noun phrase that begins at ``tokens[start]``; returns it and the index after it, or None."""
    found = _read_simple(tokens, start)
    if found is None:
        return None
    phrase, i = found
    words = list(tokens[i : i + 4])
    if phrase.head == "lever" and words[:1] in (["of"], ["on"], ["at"]):
        owner = _read_simple(tokens, i + 1)
        if owner is not None and owner[0].head == "toaster":
            return NounPhrase("lever", " ".join(tokens[start : owner[1]])), owner[1]
        return phrase, i
    side, after = _read_side(tokens, i)
    if side is not None:
        return NounPhrase(phrase.head, " ".join(tokens[start:after]), phrase.colour, side), after
    for skip in ("that", "which", "is"):
        if words and words[0] == skip:
            i, words = i + 1, words[1:]
    if words and (words[0] in _DISTANCES or words[:2] == ["next", "to"]):
        j = i + 1
        if j < len(tokens) and tokens[j] in ("to", "from"):
            j += 1
        anchor = _read_simple(tokens, j)
        if anchor is not None:
            text = " ".join(tokens[start : anchor[1]])
            distance = _DISTANCES.get(words[0], "near")
            return NounPhrase(phrase.head, text, phrase.colour, phrase.side, distance, anchor[0]), anchor[1]
    return found


def _read_simple(tokens: Sequence[str], start: int) -> tuple[NounPhrase, int] | None:
    """Determiner, adjectives and head, without what may follow."""
    i, colour, side = start, None, None
    while i < len(tokens) and tokens[i] in _DETERMINERS:
        i += 1
    while i < len(tokens):
        word = tokens[i]
        following = tokens[i + 1] if i + 1 < len(tokens) else ""
        is_adjective = following in HEADS or following in COLOURS or following in _EMPTY_ADJECTIVES
        if word in HEADS and not (is_adjective and word in ("orange", "toaster")):
            return NounPhrase(HEADS[word], " ".join(tokens[start : i + 1]), colour, side), i + 1
        if word in COLOURS and (word != "orange" or following != "fruit"):
            colour = word
        elif word in _SIDES and (i > start or word.endswith("most")):
            side = _SIDES[word]
        elif word not in _EMPTY_ADJECTIVES and word != "orange":
            return None
        i += 1
    return None


def _read_side(tokens: Sequence[str], i: int) -> tuple[str | None, int]:
    """Read "(that is) on the left (side)"; returns the side and the index after it, or None and ``i``."""
    j = i
    for skip in ("that", "which", "is"):
        if j < len(tokens) and tokens[j] == skip:
            j += 1
    if list(tokens[j : j + 2]) not in (["on", "the"], ["at", "the"]) or j + 2 >= len(tokens):
        return None, i
    side = tokens[j + 2]
    j += 3
    if side not in ("left", "right"):
        return None, i
    if j < len(tokens) and tokens[j] == "side":
        return side, j + 1
    if j < len(tokens) and (tokens[j] in HEADS or tokens[j] in COLOURS or tokens[j] in _EMPTY_ADJECTIVES):
        return None, i  # "on the left block" names a place to put something
    return side, j


def colour_of(env: TabletopEnv, name: str) -> str:
    """The colour word of an object in this scene."""
    if name == "mug":
        return env.look.mug_colour
    if name == "bowl":
        return env.look.bowl_colour
    return name.removesuffix("_block")


def plain_name(name: str) -> str:
    """An object id as words: ``"red_block"`` is "the red block"."""
    return f"the {name.replace('_', ' ')}"


def contents(env: TabletopEnv) -> str:
    """A sentence that says what is on the table."""
    return f"On the table: the toaster, {_listing(env.present)}." if env.present else "On the table: the toaster."


def _listing(names: Sequence[str]) -> str:
    words = [plain_name(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def resolve(env: TabletopEnv, phrase: NounPhrase, among: Sequence[str] = MOVABLE) -> str:
    """The object that a phrase means in the present scene, or ``"lever"``/``"toaster"``.

    Args:
        env: the scene.
        phrase: from ``read``.
        among: what "object" may mean.

    Raises:
        NotFound: nothing fits; the text says what there is.
        InvalidInput: more than one thing fits.
    """
    if phrase.head in ("lever", "toaster", "bread"):
        return "toaster" if phrase.head == "toaster" else "lever"
    there = contents(env)
    kinds = {"block": BLOCKS, "object": tuple(n for n in PICKABLE if n in among)}.get(phrase.head, (phrase.head,))
    fits = [name for name in env.present if name in kinds]
    if not fits:
        raise NotFound(f"There is no {phrase.head} in this scene ('{phrase.text}').", there)
    if phrase.colour is not None:
        matching = [name for name in fits if colour_of(env, name) == phrase.colour.replace("gray", "grey")]
        if not matching:
            colours = " and ".join(sorted({colour_of(env, name) for name in fits}))
            raise NotFound(
                f"There is no {phrase.colour} {phrase.head} in this scene.",
                f"The {phrase.head}{'s are' if len(fits) > 1 else ' is'} {colours}. {there}",
            )
        fits = matching
    if phrase.side is not None:
        fits = [_by_side(env, fits, phrase.side)[0]]
    if phrase.anchor is not None:
        anchor = resolve(env, phrase.anchor)
        fits = [name for name in fits if name != anchor] or fits
        fits = [_by_distance(env, fits, anchor, phrase.distance or "near")[0]]
    if len(fits) > 1:
        raise InvalidInput(f"'{phrase.text}' could mean {_listing(fits)}.", "Add a colour, 'leftmost' or 'rightmost'.")
    return fits[0]


# ---------------------------------------------------------------------- speaking


def _by_side(env: TabletopEnv, names: Sequence[str], side: str) -> tuple[str, float]:
    """The object farthest to one side of the exterior image, and its lead over the next (share of the width)."""
    camera = env.camera("exterior")
    pixels, _ = camera.project(np.stack([env.position(name) for name in names]))
    along = pixels[:, 0] / camera.width * (1 if side == "right" else -1)
    order = np.argsort(-along, kind="stable")
    lead = float(along[order[0]] - along[order[1]]) if len(names) > 1 else float("inf")
    return names[int(order[0])], lead


def _by_distance(env: TabletopEnv, names: Sequence[str], anchor: str, distance: str) -> tuple[str, float]:
    """The object nearest to or farthest from the anchor, and its lead over the next (m)."""
    centre = env.layout.toaster.xy if anchor in ("toaster", "lever") else env.position(anchor)[:2]
    gaps = np.array([np.linalg.norm(env.position(name)[:2] - centre) for name in names])
    order = np.argsort(gaps if distance == "near" else -gaps, kind="stable")
    lead = float(abs(gaps[order[0]] - gaps[order[1]])) if len(names) > 1 else float("inf")
    return names[int(order[0])], lead


def descriptions(env: TabletopEnv, name: str) -> list[str]:
    """Phrases that mean ``name`` and nothing else in the present scene, the plainest first."""
    colour = colour_of(env, name)
    fixed = {
        "orange": ["the orange", "the orange fruit", "the fruit"],
        "mug": ["the mug", "the cup", f"the {colour} mug", f"the {colour} cup", "the coffee mug"],
        "bowl": ["the bowl", f"the {colour} bowl", "the dish", f"the {colour} dish"],
    }
    if name in fixed:
        return fixed[name]
    phrases = [f"the {colour} block", f"the {colour} cube"]
    blocks = [other for other in env.present if other in BLOCKS]
    if len(blocks) == 1:
        return [*phrases, "the block"]
    for side in ("left", "right"):
        best, lead = _by_side(env, blocks, side)
        if best == name and lead >= _CLEAR_SIDE:
            phrases += [f"the {side}most block", f"the block on the {side}"]
    for anchor in ("toaster", *(other for other in env.present if other not in BLOCKS)):
        for distance, words in (("near", ("nearest", "closest to")), ("far", ("farthest from",))):
            best, lead = _by_distance(env, blocks, anchor, distance)
            if best == name and lead >= _CLEAR_DISTANCE:
                phrases += [f"the block {word} the {anchor}" for word in words]
    return phrases

"""The same task in words that training never used: held-out phrasings, typos, and synonyms from outside the vocabulary.

``reword`` changes the words and never what they mean. Whatever judges a task keeps the original words.
"""

from __future__ import annotations

import string

import numpy as np

from wamviz.core.errors import unknown_name

WORDINGS = ("usual", "heldout", "typos", "synonyms")

# Words of the task language, and what people say instead; none of these is in ``language.known_words``.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "pick": ("hoist", "fetch", "collect"),
    "lift": ("hoist", "elevate"),
    "grab": ("snatch", "seize", "clutch"),
    "grasp": ("seize", "clutch"),
    "take": ("fetch", "collect"),
    "raise": ("elevate", "hoist"),
    "get": ("fetch", "obtain"),
    "put": ("deposit", "lay"),
    "place": ("deposit", "lay", "position"),
    "drop": ("dump", "toss"),
    "set": ("lay", "rest"),
    "bring": ("carry", "transport"),
    "stack": ("pile", "balance"),
    "push": ("scoot", "poke", "budge"),
    "slide": ("scoot", "drag"),
    "nudge": ("poke", "scoot"),
    "shove": ("scoot", "budge"),
    "shift": ("scoot", "budge"),
    "press": ("depress", "squeeze"),
    "lower": ("depress", "sink"),
    "start": ("activate", "launch"),
    "lever": ("knob", "plunger"),
    "handle": ("knob",),
    "orange": ("tangerine", "clementine"),
    "mug": ("beaker", "tumbler"),
    "cup": ("beaker", "tumbler"),
    "bowl": ("basin", "tub"),
    "block": ("brick",),
    "cube": ("brick",),
}


def misspell(text: str, rng: np.random.Generator) -> str:
    """One letter of one longer word left out, doubled, swapped with its neighbour or replaced by another.

    >>> misspell("pick up the orange", np.random.default_rng(1))
    'pick up the orang'
    """
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) > 3]
    if not long:
        return text
    which = long[int(rng.integers(len(long)))]
    word = words[which]
    at = int(rng.integers(len(word) - 1))
    letter = string.ascii_lowercase[int(rng.integers(26))]
    words[which] = (
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + letter + word[at + 1 :],
    )[int(rng.integers(4))]
    return " ".join(words)


def replace_word(text: str, rng: np.random.Generator) -> str:
    """One word of ``text`` that has a synonym, replaced by it; as it was where none has."""
    words = text.split(" ")
    known = [i for i, word in enumerate(words) if word.strip(",.?") in SYNONYMS]
    if not known:
        return text
    which = known[int(rng.integers(len(known)))]
    bare = words[which].strip(",.?")
    choices = SYNONYMS[bare]
    words[which] = words[which].replace(bare, choices[int(rng.integers(len(choices)))])
    return " ".join(words)


def reword(text: str, wording: str, rng: np.random.Generator) -> str:
    """``text`` with a typo or a synonym; other wordings come from ``tasks.phrase`` and stay as they are.

    Raises:
        InvalidInput: unknown wording.
    """
    if wording not in WORDINGS:
        raise unknown_name("wording", wording, WORDINGS)
    if wording == "typos":
        return misspell(text, rng)
    return replace_word(text, rng) if wording == "synonyms" else text

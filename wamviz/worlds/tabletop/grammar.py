"""The grammar of instructions: free text cut into noun phrases and the words between them.

What a cut-up instruction asks for, each class in ``tasks`` decides for itself; this module has what several need.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from wamviz.core.errors import InvalidInput
from wamviz.worlds.tabletop import referring
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.referring import NounPhrase, plain_name

SIDES = ("left", "right")  # of the exterior image
SWITCH_ON = frozenset({"start", "turn", "switch", "activate", "use"})
EXAMPLES = "Try: 'push the toaster lever', 'pick up the orange' or 'push the mug to the left'."

_INTO, _ONTO = {"in", "into", "inside", "within", "to"}, {"on", "onto", "atop", "over", "above", "upon"}
_SIDE_WORDS = {f"{side}{ending}": side for side in SIDES for ending in ("", "ward", "wards")}
_FURNITURE = ("lever", "toaster", "bread")


@dataclass(frozen=True)
class Reading:
    """An instruction taken apart.

    Attributes:
        text: the instruction itself.
        parts: words and noun phrases in order; at least one.
        things: index and noun phrase of everything but the toaster and its parts.
        lever_at: index of the part that speaks of working the toaster, or None.
    """

    text: str
    parts: tuple[str | NounPhrase, ...]
    things: tuple[tuple[int, NounPhrase], ...]
    lever_at: int | None

    def __post_init__(self) -> None:
        if not self.parts:
            raise InvalidInput(f"'{self.text}' holds no words.", EXAMPLES)

    @property
    def words(self) -> set[str]:
        """The words between the noun phrases."""
        return {part for part in self.parts if isinstance(part, str)}

    @property
    def sides(self) -> set[str]:
        """Directions among the words, each ``left`` or ``right``."""
        return {_SIDE_WORDS[word] for word in self.words if word in _SIDE_WORDS}

    def find_destination(self) -> tuple[str, int] | None:
        """``("in" or "on", index)`` of the last noun phrase after a preposition of place."""
        parts = self.parts
        for i in range(len(parts) - 1, 0, -1):
            part, before = parts[i], parts[i - 1]
            if isinstance(part, str) or part.head in ("lever", "bread"):
                continue
            if before in _ONTO or (before == "of" and i > 1 and parts[i - 2] == "top"):
                return "on", i
            if before in _INTO:
                return "in", i
        if "fill" in parts and "with" in parts:
            return next((("in", i) for i, _ in self.things if i < parts.index("with")), None)
        return None


def read_instruction(text: str, verbs: Collection[str]) -> Reading:
    """Take an instruction apart.

    Args:
        text: free English text.
        verbs: of every task, in their plain form: "pushing" is read as "push" where that is one of them.

    Raises:
        InvalidInput: there is no word in it.
    """
    plain = re.sub(r"\bright (now|away)\b", " ", text.lower().replace("’", "'"))
    tokens = [_stem(word, verbs) for word in re.findall(r"[a-z]+(?:['-][a-z]+)*", plain)]
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
    return Reading(text, tuple(parts), things, lever_at)


def resolve_one_of(env: TabletopEnv, thing: NounPhrase, allowed: tuple[str, ...], participle: str) -> str:
    """The object that a noun phrase means, if it is one of ``allowed``.

    Raises:
        InvalidInput: it is another thing, which "cannot be" ``participle``; or nothing, or more than one thing, fits.
    """
    name = referring.resolve(env, thing, allowed)
    if name not in allowed:
        can = ", ".join(plain_name(other) for other in allowed if other in env.present)
        raise InvalidInput(
            f"{plain_name(name).capitalize()} cannot be {participle}.", f"These can: {can or 'none here'}."
        )
    return name


def _stem(word: str, verbs: Collection[str]) -> str:
    """A verb without -ing, so that "after pushing" is read like "push"."""
    if not word.endswith("ing") or len(word) < 6:
        return word
    return next((form for form in (word[:-3], word[:-3] + "e", word[:-4]) if form in verbs), word)


def _works_toaster(parts: list[str | NounPhrase], i: int) -> bool:
    """Whether a part speaks of working the toaster, not of a place next to it."""
    part = parts[i]
    if isinstance(part, str) or part.head not in _FURNITURE:
        return False
    if part.head != "toaster":
        return True
    before = [word for word in parts[max(0, i - 2) : i] if isinstance(word, str)]
    return bool(SWITCH_ON & set(before))

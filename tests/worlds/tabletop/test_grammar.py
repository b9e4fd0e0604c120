"""The grammar: instructions fall into words and noun phrases, places and directions are found."""

from __future__ import annotations

import pytest

from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import TabletopEnv
from wamviz.worlds.tabletop.grammar import read_instruction, resolve_one_of
from wamviz.worlds.tabletop.objects import BLOCKS
from wamviz.worlds.tabletop.referring import NounPhrase

VERBS = {"push", "take", "put"}


def parts_of(text: str) -> list[str]:
    """The parts of an instruction, noun phrases in brackets by their head."""
    parts = read_instruction(text, VERBS).parts
    return [part if isinstance(part, str) else f"[{part.head}]" for part in parts]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Push the MUG, please!", ["push", "[mug]", "please"]),
        ("pick up the orange right now", ["pick", "up", "[orange]"]),
        ("after pushing, taking and putting", ["after", "push", "take", "and", "put"]),
        ("sing the king", ["sing", "the", "king"]),
        ("toast the bread", ["make", "[bread]"]),
        ("toast", ["[bread]"]),
        ("switch on the toaster", ["switch", "on", "[toaster]"]),
        ("press the switch", ["press", "[lever]"]),
        ("don’t push", ["don't", "push"]),
    ],
)
def test_instructions_fall_into_words_and_things(text: str, parts: list[str]) -> None:
    assert parts_of(text) == parts


def test_a_text_without_words_is_refused() -> None:
    with pytest.raises(WamvizError, match="no words"):
        read_instruction("?! 12", VERBS)


@pytest.mark.parametrize(
    ("text", "place"),
    [("put the mug in the bowl", ("in", 3)), ("put the mug on top of the block", ("on", 5)), ("push the mug", None),
     ("fill the bowl with the orange", ("in", 1)), ("put the mug on the lever", None),
     ("take the mug into the bowl on the block", ("on", 5))],
)  # fmt: skip
def test_the_last_place_is_the_destination(text: str, place: tuple[str, int] | None) -> None:
    assert read_instruction(text, VERBS).find_destination() == place


@pytest.mark.parametrize(
    ("text", "lever_at"),
    [("push the lever", 1), ("push the mug to the toaster", None), ("start the toaster", 1), ("turn on the toaster", 2),
     ("use a big fine toaster", None), ("push the mug", None)],
)  # fmt: skip
def test_the_toaster_counts_as_its_lever_where_it_is_switched(text: str, lever_at: int | None) -> None:
    assert read_instruction(text, VERBS).lever_at == lever_at


def test_sides_and_things_are_listed() -> None:
    reading = read_instruction("slide the mug leftwards, then right, past the toaster", VERBS)
    assert reading.sides == {"left", "right"} and [thing.head for _, thing in reading.things] == ["mug"]
    assert {"slide", "then", "past"} <= reading.words


def test_an_object_that_does_not_fit_is_named_with_those_that_do(full_scene: TabletopEnv) -> None:
    red = NounPhrase("block", "the red block", "red")
    assert resolve_one_of(full_scene, red, BLOCKS, "stacked") == "red_block"
    with pytest.raises(WamvizError, match="The mug cannot be stacked. These can: the red block, the green block"):
        resolve_one_of(full_scene, NounPhrase("mug", "the mug"), BLOCKS, "stacked")

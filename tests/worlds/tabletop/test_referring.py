"""Referring expressions: phrases that mean one object, and the object that a phrase means."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import TabletopEnv, parse
from wamviz.worlds.tabletop.referring import NounPhrase, colour_of, descriptions, read, resolve

SEEDS = (1_000_000, 1_000_003, 1_000_010, 1_000_014)


def test_descriptions_single_out_their_object(env: TabletopEnv) -> None:
    """No phrase is offered for two objects of a scene."""
    for seed in SEEDS:
        env.reset(seed)
        phrases = [text for name in env.present for text in descriptions(env, name)]
        assert len(phrases) == len(set(phrases))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_description_is_read_back_as_its_object(env: TabletopEnv, seed: int) -> None:
    env.reset(seed)
    for name in env.present:
        for text in descriptions(env, name):
            tokens = text.split()
            found = read(tokens, 0)
            assert found is not None and found[1] == len(tokens), text
            assert resolve(env, found[0]) == name, text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the red block", NounPhrase("block", "the red block", "red")),
        ("orange", NounPhrase("orange", "orange")),
        ("the orange fruit", NounPhrase("orange", "the orange fruit")),
        ("an orange block", NounPhrase("block", "an orange block", "orange")),
        ("the leftmost block", NounPhrase("block", "the leftmost block", None, "left")),
        ("the block on the right side", NounPhrase("block", "the block on the right side", None, "right")),
        ("the toaster lever", NounPhrase("lever", "the toaster lever")),
        ("the lever of the toaster", NounPhrase("lever", "the lever of the toaster")),
        ("the block next to the mug",
         NounPhrase("block", "the block next to the mug", None, None, "near", NounPhrase("mug", "the mug"))),
        ("the cube that is farthest from the red block",
         NounPhrase("block", "the cube that is farthest from the red block", None, None, "far",
                    NounPhrase("block", "the red block", "red"))),
    ],
)  # fmt: skip
def test_noun_phrases_are_taken_apart(text: str, expected: NounPhrase) -> None:
    assert read(text.split(), 0) == (expected, len(text.split()))


def test_what_is_no_noun_phrase_is_not_read() -> None:
    for text in ("pick up the mug", "the", "", "red", "left"):
        assert read(text.split(), 0) is None


def test_colours_are_those_of_the_scene(full_scene: TabletopEnv) -> None:
    assert colour_of(full_scene, "red_block") == "red"
    assert (colour_of(full_scene, "mug"), colour_of(full_scene, "bowl")) == ("yellow", "white")
    with pytest.raises(WamvizError, match="The mug is yellow"):
        resolve(full_scene, NounPhrase("mug", "the black mug", "black"))


def test_a_distance_needs_an_anchor() -> None:
    with pytest.raises(ValueError, match="both"):
        NounPhrase("block", "the nearest block", distance="near")


def test_left_and_right_are_those_of_the_exterior_image(full_scene: TabletopEnv) -> None:
    camera = full_scene.camera("exterior")
    blocks = ("red_block", "green_block", "blue_block")
    pixels, _ = camera.project(np.stack([full_scene.position(name) for name in blocks]))
    leftmost = blocks[int(np.argmin(pixels[:, 0]))]
    assert parse("pick up the leftmost block", full_scene).target == leftmost
    middle = full_scene.position("orange")
    step = np.append(full_scene.image_right() * 0.05, 0)
    ends, _ = camera.project(np.stack([middle, middle + step]))
    assert ends[1, 0] > ends[0, 0] + 1 and abs(ends[1, 1] - ends[0, 1]) < 2

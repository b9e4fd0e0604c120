"""Rewording: one word at most changes, and what replaces it is new to the model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import known_words
from wamviz.worlds.tabletop.wordings import SYNONYMS, misspell, replace_word, reword

SENTENCE = "pick up the orange and put it in the bowl, please"


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_a_typo_hurts_one_longer_word(seed):
    """Short words, the number of words and their order stay; what is hurt differs by a letter in length at most."""
    before, after = SENTENCE.split(), misspell(SENTENCE, np.random.default_rng(seed)).split()
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(changed) <= 1 and all(len(a) > 3 and abs(len(a) - len(b)) <= 1 for a, b in changed)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_a_synonym_replaces_one_word(seed):
    """Exactly one word changes, into one of its synonyms; punctuation stays."""
    before, after = SENTENCE.split(), replace_word(SENTENCE, np.random.default_rng(seed)).split()
    ((a, b),) = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert b.strip(",") in SYNONYMS[a.strip(",")] and b.endswith(",") == a.endswith(",")


def test_synonyms_are_new_words_for_known_ones():
    """What is replaced belongs to the task language, what comes instead does not."""
    known = known_words()
    assert set(SYNONYMS) <= known
    assert not {word for choices in SYNONYMS.values() for word in choices} & known


def test_wordings():
    """The usual words stay; an unknown wording is refused with the right ones."""
    rng = np.random.default_rng(0)
    assert reword(SENTENCE, "usual", rng) == reword(SENTENCE, "heldout", rng) == SENTENCE
    assert reword(SENTENCE, "typos", rng) != SENTENCE != reword(SENTENCE, "synonyms", rng)
    assert reword("go", "typos", rng) == reword("go", "synonyms", rng) == "go"
    with pytest.raises(WamvizError, match="synonyms"):
        reword(SENTENCE, "synonym", rng)

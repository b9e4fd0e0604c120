"""Sentences as people type them, while training."""

from __future__ import annotations

import numpy as np
from wamviz.training.old_words import NONSENSE, TYPOS, typed

SENTENCE = "pick up the orange and put it in the bowl"


def test_the_same_seed_makes_the_same_typos():
    """Typos are as repeatable as the rest of training."""
    a, b = (typed([SENTENCE] * 50, np.random.default_rng(4)) for _ in range(2))
    assert a == b and len(set(a)) > 3


def test_a_share_is_misspelt():
    """About the stated share differs, each by one word (a swap of equal letters may change nothing)."""
    texts = typed([SENTENCE] * 4000, np.random.default_rng(0))
    hurt = [text for text in texts if text != SENTENCE]
    assert TYPOS + NONSENSE - 0.04 < len(hurt) / 4000 < TYPOS + NONSENSE + 0.02
    for text in hurt:
        assert sum(a != b for a, b in zip(text.split(), SENTENCE.split(), strict=True)) == 1


def test_silence_stays_silent():
    """Play has no words, and none are made up."""
    assert typed([""] * 200, np.random.default_rng(0)) == [""] * 200

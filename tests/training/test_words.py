"""Sentences as people type them, while training."""

from __future__ import annotations

import numpy as np
import torch

from wamviz.models.mini.text import EMPTY, MAX_TOKENS, build_tokenizer
from wamviz.training.words import NONSENSE, TYPOS, add_typos, tokenise

SENTENCE = "pick up the orange and put it in the bowl"


def test_the_same_seed_makes_the_same_typos():
    """Typos are as repeatable as the rest of training."""
    a, b = (add_typos([SENTENCE] * 50, np.random.default_rng(4)) for _ in range(2))
    assert a == b and len(set(a)) > 3


def test_a_share_is_misspelt():
    """About the stated share differs, each by one word (a swap of equal letters may change nothing)."""
    texts = add_typos([SENTENCE] * 4000, np.random.default_rng(0))
    hurt = [text for text in texts if text != SENTENCE]
    assert TYPOS + NONSENSE - 0.04 < len(hurt) / 4000 < TYPOS + NONSENSE + 0.02
    for text in hurt:
        assert sum(a != b for a, b in zip(text.split(), SENTENCE.split(), strict=True)) == 1


def test_silence_stays_silent():
    """Play has no words, and none are made up."""
    assert add_typos([""] * 200, np.random.default_rng(0)) == [""] * 200


def test_tokens_are_padded_and_masked():
    """Short sentences are padded and masked, none is too long, and silence has tokens of its own."""
    tokenizer = build_tokenizer(SENTENCE.split())
    ids, words = tokenise(tokenizer, ["pick up", SENTENCE, "", "pick " * 100])
    assert ids.shape == words.shape == (4, MAX_TOKENS)
    assert [int(count) for count in words.sum(1)][:2] == [2, len(SENTENCE.split())] and words[3].all()
    assert not ids[0, 2:].any() and torch.equal(ids[2][words[2]], torch.tensor(tokenizer(EMPTY)["input_ids"]))

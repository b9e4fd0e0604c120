"""Sentences as tokens, some of them as people type them."""

from __future__ import annotations

import string

import numpy as np
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from wamviz.models.mini.text import EMPTY, MAX_TOKENS
from wamviz.worlds.tabletop.wordings import misspell

TYPOS = 0.15  # share of sentences with one, while training
NONSENSE = 0.05  # share of sentences with a word that the model never met


def add_typos(texts: list[str], rng: np.random.Generator) -> list[str]:
    """Sentences as people type them: some with a typo, some with a word that the model never met.

    Unknown words fall apart into letters, so a word of random letters stands for all of them: the rest of the sentence
    has to do.
    """
    return [_add_typo(text, float(rng.random()), rng) for text in texts]


def _add_typo(text: str, chance: float, rng: np.random.Generator) -> str:
    if chance < TYPOS:
        return misspell(text, rng)
    if chance > TYPOS + NONSENSE or not text:
        return text
    words = text.split(" ")
    noise = "".join(string.ascii_lowercase[i] for i in rng.integers(26, size=int(rng.integers(4, 9))))
    words[int(rng.integers(len(words)))] = noise
    return " ".join(words)


def tokenise(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Instructions to (B, L) ids and a (B, L) bool mask; an empty text becomes ``[EMPTY]``."""
    batch = tokenizer(
        [text or EMPTY for text in texts], padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
    )
    return batch["input_ids"], batch["attention_mask"].bool()

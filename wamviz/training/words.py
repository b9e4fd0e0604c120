"""What every training stage shares: the trained whole, and sentences as tokens, some of them misspelt."""

from __future__ import annotations

import string

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, T5EncoderModel

from wamviz.models.mini.text import EMPTY, MAX_TOKENS
from wamviz.models.mini.transformer import MiniWAMTransformer
from wamviz.worlds.tabletop.wordings import misspell


class Denoiser(nn.Module):
    """The trained whole: text encoder and transformer under one ``state_dict``."""

    def __init__(self, transformer: MiniWAMTransformer, text_encoder: T5EncoderModel) -> None:
        super().__init__()
        self.transformer, self.text_encoder = transformer, text_encoder

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self.transformer.kind.device

    def read(self, tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> tuple[Tensor, Tensor]:
        """Sentences to word features (B, L, text_dim) and their mask (B, L)."""
        ids, words = (x.to(self.device) for x in tokenise(tokenizer, texts))
        return self.text_encoder(input_ids=ids, attention_mask=words).last_hidden_state, words


def autocast(device: torch.device) -> torch.autocast:
    """Computing in bfloat16 where that is safe."""
    return torch.autocast(device.type, torch.bfloat16)


TYPOS = 0.15  # share of sentences told with one, while training
NONSENSE = 0.05  # share of sentences with a word that is not understood


def typed(texts: list[str], rng: np.random.Generator) -> list[str]:
    """Sentences as people type them: some with a typo, some with a word that the model never met.

    Unknown words fall apart into letters, so a word of random letters stands for all of them: the rest of the sentence
    has to do.
    """
    return [_typed(text, float(rng.random()), rng) for text in texts]


def _typed(text: str, chance: float, rng: np.random.Generator) -> str:
    if chance < TYPOS:
        return misspell(text, rng)
    if chance > TYPOS + NONSENSE or not text:
        return text
    words = text.split(" ")
    noise = "".join(string.ascii_lowercase[i] for i in rng.integers(26, size=int(rng.integers(4, 9))))
    words[int(rng.integers(len(words)))] = noise
    return " ".join(words)


def tokenise(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Instructions to (B, L) ids and a (B, L) bool mask; an empty text becomes the one token ``[EMPTY]``."""
    batch = tokenizer(
        [text or EMPTY for text in texts], padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
    )
    return batch["input_ids"], batch["attention_mask"].bool()

"""What every training stage shares: the trained whole, and sentences as tokens."""

from __future__ import annotations

from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, T5EncoderModel

from wamviz.models.mini.text import EMPTY, MAX_TOKENS
from wamviz.models.mini.transformer import MiniWAMTransformer


class Denoiser(nn.Module):
    """The trained whole: text encoder and transformer under one ``state_dict``."""

    def __init__(self, transformer: MiniWAMTransformer, text_encoder: T5EncoderModel) -> None:
        super().__init__()
        self.transformer, self.text_encoder = transformer, text_encoder


def tokenise(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Instructions to (B, L) ids and a (B, L) bool mask; an empty text becomes the one token ``[EMPTY]``."""
    batch = tokenizer(
        [text or EMPTY for text in texts], padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
    )
    return batch["input_ids"], batch["attention_mask"].bool()

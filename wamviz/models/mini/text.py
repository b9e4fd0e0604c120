"""The words of mini-WAM: a WordPiece tokenizer over the task language and a T5 encoder, both from transformers.

Whole words of the task language are single tokens; anything else falls apart into letters, so that a typo still
reaches the model and an unknown word can be named to the user.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

MAX_TOKENS = 32
PAD, UNKNOWN, EMPTY = "[PAD]", "[UNK]", "[EMPTY]"


def build_tokenizer(words: Iterable[str]) -> PreTrainedTokenizerFast:
    """A lower-casing WordPiece tokenizer whose vocabulary is ``words`` and single letters."""
    letters = list(string.ascii_lowercase + string.digits)
    pieces = [PAD, UNKNOWN, EMPTY, *letters, *(f"##{c}" for c in letters), *",.'-!?"]
    known = sorted({w.lower() for w in words} - set(pieces))
    vocabulary = {piece: index for index, piece in enumerate([*pieces, *known])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=40))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, unk_token=UNKNOWN, model_max_length=MAX_TOKENS
    )


def build_encoder(vocabulary: int, width: int = 192, layers: int = 2) -> T5EncoderModel:
    """A fresh encoder; relative positions, so that word order matters and length does not."""
    return T5EncoderModel(
        T5Config(
            vocab_size=vocabulary,
            d_model=width,
            d_kv=32,
            d_ff=4 * width,
            num_layers=layers,
            num_heads=width // 32,
            dropout_rate=0.0,
            feed_forward_proj="gated-gelu",
            is_encoder_decoder=False,
            use_cache=False,
            pad_token_id=0,
        )
    )


def words_of(text: str) -> list[str]:
    """The words of an instruction, lower-cased."""
    return re.findall(r"[a-z0-9']+", text.lower())


def unknown_words(tokenizer: PreTrainedTokenizerFast, text: str) -> list[str]:
    """Words of ``text`` that the model never met, in order, each once."""
    vocabulary = tokenizer.get_vocab()
    met = dict.fromkeys(w for w in words_of(text) if w.strip("'") not in vocabulary and len(w) > 1)
    return list(met)

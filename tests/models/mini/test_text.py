"""Words in, features out; unknown words are named, not hidden."""

from __future__ import annotations

import torch

from wamviz.models.mini.text import build_encoder, build_tokenizer, unknown_words

TOKENIZER = build_tokenizer(["pick", "up", "the", "orange", "lever"])


def test_known_words_are_single_tokens():
    """Every word of the task language is one token, whatever its case."""
    assert TOKENIZER.tokenize("Pick up the ORANGE") == ["pick", "up", "the", "orange"]


def test_a_typo_falls_into_letters_but_not_into_unknown():
    """A misspelt word still reaches the model."""
    pieces = TOKENIZER.tokenize("ornage")
    assert len(pieces) == 6 and "[UNK]" not in pieces


def test_unknown_words_are_named_once_in_order():
    """Words outside the vocabulary, each once; known ones and single letters never."""
    assert unknown_words(TOKENIZER, "Pick up the banana, the Teapot and a banana") == ["banana", "teapot", "and"]
    assert unknown_words(TOKENIZER, "pick up the orange") == []


def test_padding_does_not_change_features():
    """The same sentence alone and beside a longer one has the same features."""
    torch.manual_seed(0)
    encoder = build_encoder(len(TOKENIZER), width=32, layers=2).eval()

    def features(texts):
        batch = TOKENIZER(texts, padding=True, return_tensors="pt")
        with torch.inference_mode():
            out = encoder(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        return out.last_hidden_state

    alone, beside = features(["pick up"]), features(["pick up", "pick up the orange lever"])
    torch.testing.assert_close(alone[0], beside[0, : alone.shape[1]], atol=1e-5, rtol=1e-4)

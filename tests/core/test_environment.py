"""What is said to the libraries, and that a person's own word is told from it."""

from __future__ import annotations

import os

import pytest

from wamviz.core.environment import OURS, QUIET, offline, prepare


def test_our_default_keeps_the_libraries_offline_and_is_no_persons_word(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.constants import ENV_VARS_TRUE_VALUES

    monkeypatch.delenv("HF_HUB_OFFLINE")
    prepare()
    assert os.environ["HF_HUB_OFFLINE"] == QUIET["HF_HUB_OFFLINE"] == OURS
    assert OURS.upper() in ENV_VARS_TRUE_VALUES and not offline()


@pytest.mark.parametrize(("word", "forbids"), [("1", True), ("ON", True), ("true", True), ("0", False), ("", False)])
def test_a_persons_word_stands(word: str, forbids: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", word)
    prepare()
    assert os.environ["HF_HUB_OFFLINE"] == word and offline() is forbids

"""Wordings: whether an unknown word does as the usual ones or as none."""

from __future__ import annotations

from wamviz.lessons.experiments.wordings import nearer_to


def test_what_lies_nearer_is_named_and_nothing_where_it_cannot_be_told() -> None:
    usual, nonsense = [5.0, 6.0, 5.0, 6.0, 5.0], [30.0, 31.0, 29.0, 30.0, 32.0]
    assert nearer_to({"usual": usual, "nonsense": nonsense, "synonyms": [6.0] * 5}) == "usual"
    assert nearer_to({"usual": usual, "nonsense": nonsense, "synonyms": [28.0] * 5}) == "nonsense"
    assert nearer_to({"usual": usual, "nonsense": nonsense, "synonyms": [6.0, 30.0, 6.0, 29.0, 18.0]}) == ""

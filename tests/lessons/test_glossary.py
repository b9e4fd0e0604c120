"""Terms are found in a text, and one that nobody explains is refused."""

from __future__ import annotations

import pytest

from wamviz.core.errors import InvalidInput, NotFound
from wamviz.lessons import Term, terms_in
from wamviz.lessons.glossary import check_terms

WAM = Term("wam", "WAM", "It shows and acts.", "DreamZero", "https://arxiv.org/abs/2602.15922")


def test_terms_are_found_in_order_with_and_without_words_of_their_own() -> None:
    assert list(terms_in("[[wam]], [[vla|VLAs]] and [not] [[ this ]]")) == ["wam", "vla"]


def test_an_unknown_term_is_refused_with_the_nearest() -> None:
    check_terms("a [[wam]]", {"wam": WAM}, "it")
    with pytest.raises(NotFound, match="Did you mean 'wam'"):
        check_terms("a [[wamm]]", {"wam": WAM}, "it")


def test_a_term_has_a_paper_with_a_link_or_neither() -> None:
    assert Term("ood", "OOD", "Unlike the examples.").url == ""
    for paper, url in (("A", ""), ("", "https://a"), ("A", "http://a")):
        with pytest.raises(InvalidInput, match="https"):
            Term("ood", "OOD", "Unlike the examples.", paper, url)
    with pytest.raises(InvalidInput, match="what it means"):
        Term("ood", "OOD", " ")

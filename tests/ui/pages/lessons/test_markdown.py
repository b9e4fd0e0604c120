"""Our own Markdown becomes nodes, never HTML; terms explain themselves on hover and focus."""

from __future__ import annotations

from wamviz.lessons import Term
from wamviz.ui.pages.lessons.markdown import render

TERMS = {"wam": Term("wam", "WAM", "It shows and acts.", "DreamZero", "https://arxiv.org/abs/2602.15922")}


def test_blocks_and_emphasis() -> None:
    made = render("One **two** *three*\nfour `five`.\n\n> said\n\n- a\n- b\n  more\n\n1. c\n\n### Six", TERMS)
    assert [node[0] for node in made] == ["p", "blockquote", "ul", "ol", "h3"]
    assert made[0][2:] == ["One ", ["strong", {}, "two"], " ", ["em", {}, "three"], " four ", ["code", {}, "five"], "."]
    assert made[2][2:] == [["li", {}, "a"], ["li", {}, "b more"]]


def test_a_table_has_heads_for_its_columns_and_rows() -> None:
    (made,) = render("| a | b |\n|---|---|\n| 1 | **2** |", TERMS)
    table = made[2]
    assert table[2] == ["thead", {}, ["tr", {}, ["th", {"scope": "col"}, "a"], ["th", {"scope": "col"}, "b"]]]
    assert table[3][2] == ["tr", {}, ["th", {"scope": "row"}, "1"], ["td", {}, ["strong", {}, "2"]]]


def test_what_is_not_understood_stays_text() -> None:
    (made,) = render("<img src=x onerror=alert(1)> [a](javascript:alert(1)) ${7*6}", TERMS)
    assert made[2:] == ["<img src=x onerror=alert(1)> [a](javascript:alert(1)) ${7*6}"]


def test_a_term_is_described_by_its_explanation_each_time_under_an_id_of_its_own() -> None:
    (made,) = render("A [[wam]], [[wam|world-action model]].", TERMS)
    first, second = made[3][2], made[5][2]  # each with the mark that follows it: no line begins with one
    assert made[3][0] == made[5][0] == "span" and (made[3][3], made[5][3]) == (",", ".")
    assert made[4] == " " and len(made) == 6
    assert first[2][2] == "WAM" and second[2][2] == "world-action model"
    for one in (first, second):
        button, tip = one[2], one[3]
        assert button[0] == "button" and button[1]["aria-describedby"] == tip[1]["id"]
        assert "It shows and acts." in str(tip) and "2602.15922" in str(tip)
    assert first[3][1]["id"] != second[3][1]["id"]


def test_no_space_comes_between_lines_of_japanese() -> None:
    assert render("世界行動\nモデル", TERMS)[0][2:] == ["世界行動モデル"]

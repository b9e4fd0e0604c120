"""Rubrics are files; what is misspelt in one is told, and only its own questions can be answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wamviz.core.errors import Damaged, WamvizError
from wamviz.probes.rubric import ANSWERS, find_rubric, read_rubric, shipped_rubrics


def test_the_shipped_rubric_asks_what_the_article_observed() -> None:
    rubric = find_rubric()
    assert "article" in shipped_rubrics() and rubric.name == "article"
    assert [question.key for question in rubric.questions] == [
        "same_robot", "same_gripper", "objects_persist", "contact_moves", "order_kept", "reference_done",
        "extension_done", "stopped",
    ]  # fmt: skip
    assert list(ANSWERS) == ["yes", "partly", "no", "cannot tell"] and ANSWERS["cannot tell"] is None


def test_a_rubric_of_ones_own_is_a_file(tmp_path: Path) -> None:
    file = write(tmp_path, {"name": "mine", "questions": [{"key": "spills", "text": "Does it spill?"}]})
    rubric = find_rubric(str(file))
    assert rubric.name == "mine" and rubric.questions[0].text == "Does it spill?"
    rubric.check({"spills": "partly"})
    with pytest.raises(WamvizError, match="Did you mean 'spills'"):
        rubric.check({"spill": "yes"})
    with pytest.raises(WamvizError, match="Unknown answer 'maybe'"):
        rubric.check({"spills": "maybe"})


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        ({"questions": []}, "A rubric of 0 questions"),
        ({"questions": [{"key": "a", "text": "A?"}] * 2}, "two questions called 'a'"),
        ({"questions": [{"key": "A b", "text": "A?"}]}, "no key of a question"),
        ({"questions": [{"key": "a"}]}, "lacks its 'key' or its 'text'"),
        ({"questions": [{"key": "a", "text": "A?", "hint": "x"}]}, "'hint'"),
        ({"question": []}, "is no rubric"),
        ({"questions": [{"key": "a", "text": "A?"}], "form": 2}, "newer form"),
        ({"questions": [{"key": "a", "text": "A?"}], "titel": ""}, "Did you mean 'title'"),
    ],
)
def test_what_is_wrong_in_a_file_is_told(tmp_path: Path, plain: dict[str, Any], words: str) -> None:
    with pytest.raises(WamvizError, match=words):
        read_rubric(write(tmp_path, plain))


def test_what_is_no_rubric_is_told(tmp_path: Path) -> None:
    (tmp_path / "torn.json").write_text("{")
    with pytest.raises(Damaged, match="no JSON"):
        read_rubric(tmp_path / "torn.json")
    with pytest.raises(WamvizError, match="Did you mean 'article'"):
        find_rubric("artcle")


def write(folder: Path, plain: dict[str, Any]) -> Path:
    file = folder / "rubric.json"
    file.write_text(json.dumps(plain))
    return file

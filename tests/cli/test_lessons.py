"""The command ``lessons`` lists, compares and counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wamviz.cli import main
from wamviz.lessons import Answer, AnswerStore, load_course

ADA = "0" * 31 + "a"


def test_it_lists_the_lessons_of_a_language(capsys: pytest.CaptureFixture[str]) -> None:
    for language in ("en", "ja"):
        assert main(["lessons", "--language", language]) == 0
        told = capsys.readouterr().out
        assert all(lesson.title in told for lesson in load_course(language))
    assert main(["lessons", "--language", "fr"]) == 2
    assert "Allowed: en, ja" in capsys.readouterr().err


def test_it_says_that_the_languages_agree(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lessons", "--check"]) == 0
    assert "the same lessons" in capsys.readouterr().out


def test_it_counts_right_answers_before_and_after(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind, option in (("before", "no"), ("after", "yes")):
        AnswerStore().keep(Answer(ADA, "cost", kind, option, "longer", option == "yes"))
    assert main(["lessons", "--answers"]) == 0
    found = json.loads(capsys.readouterr().out)["cost"]
    assert (found["pupils"], found["right_before"], found["right_after"]) == (1, 0, 1)
    assert (home / "lessons" / "answers.jsonl").is_file()

"""Answers are kept on this machine, nameless; the first one counts, and before and after are paired by pupil."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wamviz.core.errors import InvalidInput, NotFound
from wamviz.lessons import Answer, AnswerStore, before_and_after

ADA, BOB = "0" * 31 + "a", "0" * 31 + "b"


def test_the_first_answer_counts_and_comes_back(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path / "deep" / "answers.jsonl")
    assert store.read() == [] and store.of(ADA) == {}
    store.keep(Answer(ADA, "cost", "prediction", "ten"))
    store.keep(Answer(ADA, "cost", "prediction", "two"))
    store.keep(Answer(BOB, "cost", "prediction", "two"))
    assert {place: answer.option for place, answer in store.of(ADA).items()} == {("cost", "prediction", ""): "ten"}
    assert len(AnswerStore(store.file).read()) == 3


def test_nothing_but_the_answer_a_number_and_the_day_is_written(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path / "answers.jsonl")
    store.keep(Answer(ADA, "cost", "after", "no", "ladder", True, "ja"))
    line = json.loads(store.file.read_text(encoding="utf-8"))
    assert set(line) == {"pupil", "lesson", "kind", "option", "question", "right", "language", "day"}
    assert len(line["day"]) == len("2026-01-01")


def test_a_torn_line_costs_only_itself(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path / "answers.jsonl")
    store.keep(Answer(ADA, "cost", "prediction", "ten"))
    with store.file.open("a") as file:
        file.write('{"pupil": "torn\n[1]\n{"kind": 3}\n')
    store.keep(Answer(BOB, "cost", "prediction", "ten"))
    assert [answer.pupil for answer in store.read()] == [ADA, BOB]


@pytest.mark.parametrize("pupil", ["", "Ada", "0" * 33, "../../etc", None])
def test_a_pupil_is_a_random_number(pupil: str) -> None:
    with pytest.raises(InvalidInput, match="32 hexadecimal"):
        Answer(pupil, "cost", "prediction", "ten")
    with pytest.raises(NotFound, match="kind of answer"):
        Answer(ADA, "cost", "guess", "ten")


def test_before_and_after_counts_those_who_answered_both_times() -> None:
    told = [
        Answer(ADA, "cost", "before", "no", "ladder", False), Answer(ADA, "cost", "after", "yes", "ladder", True),
        Answer(BOB, "cost", "before", "yes", "ladder", True),
    ]  # fmt: skip
    (found,) = before_and_after(told).values()
    assert (found["pupils"], found["right_before"], found["right_after"]) == (1, 0, 1)
    assert before_and_after([]) == {}

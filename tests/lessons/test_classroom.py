"""A class is kept nameless: numbers in the order of joining, first answers, late ones marked, no cell that computes."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wamviz.core.errors import Busy, InvalidInput, NotFound
from wamviz.lessons import Answer, ClassStore, classroom
from wamviz.lessons.classroom import export_csv, plain_cell, read_class

ADA, BOB = "0" * 31 + "a", "0" * 31 + "b"


@pytest.fixture
def store(tmp_path: Path) -> ClassStore:
    return ClassStore("Physik 8b", tmp_path)


def test_learners_are_numbered_and_known_again_after_a_restart(store: ClassStore, tmp_path: Path) -> None:
    assert (store.join(ADA), store.join(BOB), store.join(ADA)) == (1, 2, 1)
    again = ClassStore("Physik 8b", tmp_path)
    assert again.code == store.code and len(again.code) == classroom.CODE and again.number(BOB) == 2
    assert ClassStore("8c", tmp_path).learners() == [] and store.learners() == [1, 2]


def test_the_first_answer_counts_and_only_of_those_who_joined(store: ClassStore) -> None:
    with pytest.raises(NotFound, match="not joined"):
        store.keep(Answer(ADA, "cost", "prediction", "ten"))
    store.join(ADA)
    store.join(BOB)
    for option in ("ten", "two"):
        store.keep(Answer(ADA, "cost", "prediction", option))
    store.keep(Answer(BOB, "cost", "after", "no", "ladder", False, "ja"))
    assert [(one.learner, one.answer.option) for one in store.answers()] == [(1, "ten"), (2, "no")]
    assert store.of(BOB)["cost", "after", "ladder"].right is False and store.of(ADA)["cost", "prediction", ""].day
    assert {answer.option for answer in store.read()} == {"ten", "no"}


def test_what_comes_after_the_reveal_is_no_prediction(store: ClassStore) -> None:
    store.join(ADA)
    store.join(BOB)
    store.keep(Answer(ADA, "cost", "prediction", "ten"))
    assert store.waits("cost")
    for _ in range(2):
        store.reveal("cost", True)
    store.keep(Answer(BOB, "cost", "prediction", "two"))
    store.keep(Answer(BOB, "words", "prediction", "two"))
    assert [one.late for one in store.answers()] == [False, True, False]
    assert store.revealed() == {"cost"} and not store.waits("cost") and store.waits("words")
    store.reveal("cost", False)
    assert store.waits("cost")


def test_thirty_may_join_and_answer_at_once(store: ClassStore) -> None:
    pupils = [f"{k:032x}" for k in range(30)]

    def arrive(pupil: str) -> int:
        number = store.join(pupil)
        store.keep(Answer(pupil, "cost", "prediction", "ten"))
        return number

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(arrive, pupils)) == list(range(1, 31))
    assert len(store.answers()) == 30


def test_only_a_class_that_exists_is_read(store: ClassStore, tmp_path: Path) -> None:
    store.join(ADA)
    store.keep(Answer(ADA, "cost", "prediction", "ten"))
    assert [answer.option for answer in read_class("Physik 8b", tmp_path)] == ["ten"]
    for name in ("8c", "../Physik 8b"):
        with pytest.raises(NotFound, match="Unknown class"):
            read_class(name, tmp_path)
    assert len(list(tmp_path.glob("*.db"))) == 1


def test_a_class_has_an_end(store: ClassStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classroom, "MOST", 1)
    store.join(ADA)
    with pytest.raises(Busy, match="1 learners"):
        store.join(BOB)
    assert store.join(ADA) == 1


@pytest.mark.parametrize("name", ["", "../../etc", "a/b", "a.b", " a", "x" * 41, "a\n", "a\0"])
def test_a_name_of_a_class_leads_to_no_other_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no name of a class"):
        ClassStore(name, tmp_path)
    assert ClassStore("物理 8-b_1", tmp_path).file.parent == tmp_path


@pytest.mark.parametrize("pupil", ["", "Ada", "0" * 33])
def test_a_pupil_is_a_random_number(pupil: str, store: ClassStore) -> None:
    with pytest.raises(InvalidInput, match="32 hexadecimal"):
        store.join(pupil)


def test_a_spreadsheet_computes_nothing_of_an_export(store: ClassStore) -> None:
    store.join(ADA)
    store.keep(Answer(ADA, "=cmd|'/c calc'!A0", "after", "@SUM(1)", "-1", True, "+en"))
    texts = {("=cmd|'/c calc'!A0", "after", "-1", "@SUM(1)"): ("=1+1", 'a, "b"\nc')}
    head, row = csv.reader(io.StringIO(export_csv(store.answers(), texts)))
    assert len(head) == len(row) and not any(cell.startswith(classroom.FORMULA) for cell in row)
    cells = dict(zip(head, row, strict=True))
    assert (cells["learner"], cells["right"], cells["after_reveal"]) == ("1", "yes", "no")
    assert cells["asked"] == "'=1+1" and cells["answered"] == 'a, "b"\nc'
    assert ADA not in export_csv(store.answers(), texts) and plain_cell("") == ""

"""What a visitor sees of a lesson: nothing of the claim before the measurement, reasons after an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from wamviz.core.errors import NotFound
from wamviz.lessons import LANGUAGES, Answer, AnswerStore, Figure, Finding, all_experiments
from wamviz.lessons.experiment import Curve, Measure, Progress
from wamviz.runs.store import Store
from wamviz.ui.bench import Bench
from wamviz.ui.jobs import Switch
from wamviz.ui.pages.lessons import trial, view
from wamviz.ui.pages.lessons.events import read_answer, read_values
from wamviz.ui.pages.lessons.view import Desk
from wamviz.ui.run_repository import RunRepository

ADA, LESSON = "0" * 31 + "a", "inverse-dynamics"


@pytest.fixture
def store(tmp_path: Path) -> AnswerStore:
    return AnswerStore(tmp_path / "answers.jsonl")


def desk(store: AnswerStore, language: str = "en") -> Desk:
    return trial.open_desk(LESSON, language, ADA, store)


def answer_all(store: AnswerStore, kinds: str) -> None:
    lesson = desk(store).lesson
    for kind in kinds.split():
        if kind in ("before", "after"):
            for one in lesson.questions:
                if kind == "after" or one.before:
                    store.keep(read_answer(lesson, ADA, kind, one.id, one.options[0].id))
        elif kind == "prediction":
            store.keep(read_answer(lesson, ADA, kind, "", lesson.prediction.options[0].id))
        else:
            store.keep(Answer(ADA, LESSON, kind, "open"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_claim_and_the_questions_come_after_the_measurement(store: AnswerStore, language: str) -> None:
    fresh = desk(store, language)
    assert not fresh.predicted and view.reveal(fresh) == [] == view.questions(fresh)
    answer_all(store, "before prediction")
    assert desk(store, language).predicted and view.reveal(desk(store, language)) == []
    answer_all(store, "measured")
    shown = str(view.reveal(desk(store, language)))
    assert fresh.lesson.sections["claim"][0] in shown and fresh.say[f"status_{fresh.lesson.status}"] in shown


def test_reasons_come_with_the_answer_and_what_was_chosen_stays(store: AnswerStore) -> None:
    answer_all(store, "before prediction measured")
    lesson = desk(store).lesson
    assert all(option.why not in str(view.questions(desk(store))) for one in lesson.questions for option in one.options)
    answer_all(store, "after")
    shown = str(view.questions(desk(store)))
    assert all(option.why in shown for one in lesson.questions for option in one.options)
    assert "aria-disabled" in shown and view.done_of(lesson, desk(store).answers) == 1


def test_an_answer_that_the_lesson_does_not_offer_is_refused(store: AnswerStore) -> None:
    lesson = desk(store).lesson
    with pytest.raises(NotFound, match="option"):
        read_answer(lesson, ADA, "prediction", "", "both")
    with pytest.raises(NotFound, match="question"):
        read_answer(lesson, ADA, "after", "nowhere", "yes")


@pytest.mark.parametrize("language", LANGUAGES)
def test_controls_have_the_lessons_words_and_the_experiments_bounds(store: AnswerStore, language: str) -> None:
    at = desk(store, language)
    told = view.controls(at)["controls"]
    experiment = all_experiments()[at.lesson.experiment]
    values = {one["name"]: one["value"] for one in told}
    assert experiment.read(values) == experiment.read({}) == values
    assert {one["label"] for one in told} <= set(at.lesson.labels.values())
    for one in told:
        for value in [option for option, _ in one.get("options", ())] or [one["low"], one["high"]]:
            assert experiment.read({one["name"]: value})[one["name"]] == value


@pytest.mark.parametrize("text", ["", "[]", "{", "7", '{"scenes": ' + "1" * 5000 + "}"])
def test_what_is_no_list_of_values_turns_nothing(text: str) -> None:
    assert read_values(text) == {}


def finding() -> Finding:
    bars = Figure("error", "%", (Measure("act_only", 5.0, 4.0, 6.0, 5), Measure("recorded", 3.0)))
    curves = (Curve("from_now", (1.0, 2.0), (9.0, 8.0)), Curve("from_outcome", (1.0, 2.0), (4.0, 3.0)))
    return Finding((bars, Figure("learning", "%", curves=curves, x_name="demonstrations")), "open", "", None, 5)


def test_every_number_stands_in_a_table_beside_what_was_predicted(store: AnswerStore) -> None:
    answer_all(store, "before prediction")
    at = desk(store)
    words = str(view.found(at, finding()))
    assert at.lesson.prediction.options[0].text in words and at.say["cannot_tell"] in words
    assert at.lesson.verdicts["open"] in words
    table = str(view.numbers(at, finding()))
    for text in ("5.00 %", "4.00 … 6.00", "3.00 %", at.say["too_few"], "9.00 %"):
        assert text in table


def test_a_run_of_the_experiment_is_kept_as_measured_and_a_stopped_one_is_not(
    store: AnswerStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(values: object, lab: object) -> Iterator[Progress | Finding]:
        yield Progress(0, 1)
        lab.check()  # type: ignore[attr-defined]
        yield finding()

    known = all_experiments()["known_ending"]
    monkeypatch.setitem(all_experiments(), "known_ending", replace(known, work=work))
    repository, switch = RunRepository(Store(tmp_path / "runs")), Switch()
    switch.turn_off()
    told = list(trial.measure(LESSON, "en", ADA, {}, store, repository, switch, Bench()))
    assert desk(store).say["stopped"] in str(told[-1]) and not desk(store).measured
    told = list(trial.measure(LESSON, "en", ADA, {}, store, repository, Switch(), Bench()))
    assert told[-1]["finding"] == finding() and told[-1]["stage"] is None and desk(store).measured
    told = list(trial.measure(LESSON, "en", ADA, {"scenes": 99}, store, repository, Switch(), Bench()))
    assert "2 .. 30" in str(told[-1])

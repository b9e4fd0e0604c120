"""What stands on the teacher's page and in the learners' panel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wamviz.lessons import LANGUAGES, Answer, ClassAnswer, Place, load_course, load_words
from wamviz.ui.classroom import view
from wamviz.ui.classroom.view import Board

COURSE = load_course("en")
LESSON = COURSE[0]
FIRST, SECOND = LESSON.prediction.options[:2]


def said(learner: int, kind: str, option: str, question: str = "", late: bool = False) -> ClassAnswer:
    return ClassAnswer(learner, Answer(f"{learner:032x}", LESSON.id, kind, option, question), late)


def room(language: str = "en", **fields) -> Board:
    course = load_course(language)
    return replace(Board("8b", "http://x/join/ABC", course, course[0], load_words(language)[0], (1, 2, 3)), **fields)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_teacher_sees_predictions_before_the_reveal_and_the_class_does_not(language: str) -> None:
    here = room(language, answers=(said(1, "prediction", FIRST.id),))
    text = here.course[0].prediction.options[0].text
    assert text in str(view.board(here)) and "reveal:1" in str(view.board(here))
    projected = replace(here, presenting=True)
    assert text not in str(view.board(projected)) and here.say["class_hidden"] in str(view.board(projected))
    assert text not in str(view.learner_panel(here, 2))
    revealed = replace(here, revealed=frozenset([here.lesson.id]))
    assert all(text in str(shown) for shown in (view.board(revealed), view.learner_panel(revealed, 2)))
    assert "reveal:0" in str(view.board(revealed))


def test_a_prediction_after_the_reveal_is_not_counted() -> None:
    answers = (said(1, "prediction", FIRST.id), said(2, "prediction", SECOND.id, late=True))
    assert room(answers=answers).counts("prediction") == {FIRST.id: 1}


def test_every_option_has_its_count_and_the_right_one_its_mark() -> None:
    question = LESSON.questions[0]
    shown = str(view.bars(question.shown, {question.right: 3, question.shown[0].id: 1} | {question.right: 3}, question,
                          "Right."))  # fmt: skip
    assert "3 (" in shown and shown.count("✓ Right.") == 1 and shown.count("progress") == len(question.options)
    assert "0%" not in str(view.bars(question.shown, {}))  # of nobody there is no share


def test_a_step_follows_from_what_was_answered() -> None:
    questions = LESSON.questions
    before = [said(1, "before", one.options[0].id, one.id) for one in questions if one.before]
    told = [*before, said(1, "prediction", FIRST.id)]
    steps = ["predict", "measure", "wait", "answer", "done"]
    after = [said(1, "after", one.options[0].id, one.id) for one in questions]
    measured = [*told, said(1, "measured", "open")]
    held, shown = frozenset[str](), frozenset([LESSON.id])
    found = [
        room(answers=answers, revealed=revealed).desk(1, LESSON.id).step
        for answers, revealed in (([], held), (told, held), (measured, held), (measured, shown),
                                  ([*measured, *after], shown))
    ]  # fmt: skip
    assert found == steps
    seats = str(view.board(room(answers=told, places={1: Place(LESSON.id, True), 2: Place(LESSON.id, False)})))
    assert "measures" in seats and seats.count("(away)") == 2
    assert "Nobody has joined" in str(view.board(room(learners=())))

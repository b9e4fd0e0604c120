"""A lesson refuses to exist half-finished, and says what it lacks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wamviz.core.errors import InvalidInput, NotFound
from wamviz.lessons import Option, Prediction, Question, load_course
from wamviz.lessons.lesson import Reading

YES, NO = Option("yes", "Yes", "It is."), Option("no", "No", "It is not.")


def test_a_question_needs_a_right_option_of_its_own_and_a_reason_for_each() -> None:
    assert Question("is-it", "Is it?", (YES, NO), "yes").right == "yes"
    with pytest.raises(NotFound, match="Allowed: yes, no"):
        Question("is-it", "Is it?", (YES, NO), "maybe")
    with pytest.raises(InvalidInput, match="does not explain option 'no'"):
        Question("is-it", "Is it?", (YES, Option("no", "No")), "yes")
    with pytest.raises(InvalidInput, match="two options 'yes'"):
        Question("is-it", "Is it?", (YES, YES), "yes")


def test_the_place_of_an_option_does_not_tell_that_it_is_right() -> None:
    questions = [one for lesson in load_course("en") for one in lesson.questions]
    places = [[option.id for option in one.shown].index(one.right) for one in questions]
    assert all(sorted(one.shown, key=str) == sorted(one.options, key=str) for one in questions)
    assert max(places.count(place) for place in set(places)) <= len(places) / 2


def test_a_prediction_is_a_choice() -> None:
    with pytest.raises(InvalidInput, match="at least two options"):
        Prediction("What?", (YES,))


@pytest.mark.parametrize("url", ["http://arxiv.org", "javascript:alert(1)", "https://a b", "", 'https://a"b'])
def test_a_reading_is_a_plain_https_link(url: str) -> None:
    with pytest.raises(InvalidInput, match="https"):
        Reading("Paper", url)


def test_a_lesson_is_checked_as_a_whole() -> None:
    lesson = load_course("en")[0]
    with pytest.raises(NotFound, match="status"):
        replace(lesson, status="proven")
    with pytest.raises(InvalidInput, match="3 questions"):
        replace(lesson, questions=lesson.questions[:2])
    with pytest.raises(InvalidInput, match="also asked before"):
        replace(lesson, questions=tuple(replace(one, before=False) for one in lesson.questions))
    with pytest.raises(InvalidInput, match="sections"):
        replace(lesson, sections={})
    with pytest.raises(NotFound, match="question"):
        lesson.question("nowhere")

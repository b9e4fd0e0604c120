"""Every language has the same course; what differs is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wamviz.lessons import LANGUAGES, differences, load_course
from wamviz.lessons.translation import _lessons, structure


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_the_lessons_questions_terms_and_words_of_the_first(language: str) -> None:
    assert differences(language) == []


def test_a_right_answer_that_was_moved_and_a_lesson_that_lacks_are_found() -> None:
    course = load_course("en")
    first = course[0].questions[0]
    other = next(option.id for option in first.options if option.id != first.right)
    changed = replace(course[0], questions=(replace(first, right=other), *course[0].questions[1:]))
    assert "questions" in next(iter(_lessons(course, (changed, *course[1:]))))
    assert next(iter(_lessons(course, course[1:]))).startswith("The lessons are")
    assert structure(course[0]) != structure(changed)

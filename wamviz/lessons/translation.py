"""Whether two languages have the same course: the same lessons, questions, options, right answers, terms and words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wamviz.lessons.glossary import terms_in
from wamviz.lessons.lesson import Lesson
from wamviz.lessons.loader import LANGUAGES, load_course, load_words


def differences(language: str) -> list[str]:
    """What a language has otherwise than the first one, a sentence each; nothing where they agree.

    Raises:
        WamvizError: a file of either cannot be read.
    """
    first = next(iter(LANGUAGES))
    return [*_lessons(load_course(first), load_course(language)), *_words(first, language)]


def _lessons(ours: tuple[Lesson, ...], theirs: tuple[Lesson, ...]) -> Iterator[str]:
    if [one.id for one in ours] != [one.id for one in theirs]:
        yield f"The lessons are {', '.join(one.id for one in theirs)}, not {', '.join(one.id for one in ours)}."
        return
    for one, other in zip(ours, theirs, strict=True):
        mine, its = structure(one), structure(other)
        for part in mine:
            if mine[part] != its[part]:
                yield f"Lesson {one.number}, {part}: {its[part]} instead of {mine[part]}."


def structure(lesson: Lesson) -> dict[str, Any]:
    """Everything of a lesson that does not depend on the language."""
    return {
        "place": (lesson.id, lesson.number, lesson.minutes, lesson.experiment, lesson.status),
        "prediction": [option.id for option in lesson.prediction.options],
        "questions": [(one.id, one.right, one.before, [o.id for o in one.options]) for one in lesson.questions],
        "reading": [one.url for one in lesson.reading],
        "labels": sorted(lesson.labels),
        "terms": sorted({term for _, body in lesson.sections.values() for term in terms_in(body)}),
    }


def _words(first: str, language: str) -> Iterator[str]:
    (ours, our_terms), (theirs, their_terms) = load_words(first), load_words(language)
    for what, mine, its in (("word of the page", ours, theirs), ("term", our_terms, their_terms)):
        for name in sorted(set(mine) ^ set(its)):
            yield f"{'No' if name in mine else 'An unknown'} {what} '{name}'."
    for key in sorted(set(our_terms) & set(their_terms)):
        if our_terms[key].url != their_terms[key].url:
            yield f"Term '{key}' has another paper."

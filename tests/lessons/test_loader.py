"""The course out of its files: complete in every language, and what is mistaken is told with the file's name."""

from __future__ import annotations

import pytest

from wamviz.core.errors import Damaged, InvalidInput, NotFound, WamvizError
from wamviz.lessons import LANGUAGES, all_experiments, load_course, load_words
from wamviz.lessons.glossary import terms_in
from wamviz.lessons.lesson import VERDICTS
from wamviz.lessons.loader import TEXT, find_lesson, parse_lesson

FIRST = next(iter(LANGUAGES))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_lesson_is_there_in_order_and_all_its_words_resolve(language: str) -> None:
    course, (page, terms) = load_course(language), load_words(language)
    assert len(course) == len({lesson.id for lesson in course}) == len([p for p in TEXT.iterdir() if p.is_dir()])
    assert [lesson.number for lesson in course] == sorted({lesson.number for lesson in course})
    for lesson in course:
        assert 10 <= lesson.minutes <= 15
        assert set(lesson.verdicts) == set(VERDICTS)
        assert set(lesson.labels) == set(all_experiments()[lesson.experiment].labels)
        for _, body in lesson.sections.values():
            assert set(terms_in(body)) <= set(terms)
        assert f"status_{lesson.status}" in page and f"status_{lesson.status}_means" in page
        assert lesson.reading
        assert find_lesson(lesson.id, language) is lesson
    assert len(terms) >= 28


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(NotFound, match="language 'xx'.*Allowed: en"):
        load_course("xx")
    with pytest.raises(NotFound, match="lesson 'nowhere'"):
        find_lesson("nowhere", FIRST)


def original() -> str:
    """The first lesson's text."""
    return (sorted(path for path in TEXT.iterdir() if path.is_dir())[0] / f"{FIRST}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "kind", "words"),
    [
        ("+++\n", "", Damaged, "no front matter"),
        ('id = "', 'id = ', Damaged, "no TOML"),
        ("minutes = ", "hours = ", InvalidInput, "hours"),
        ('experiment = "', 'experiment = "x', NotFound, "experiment"),
        ("[labels]\n", '[labels]\nstray = "x"\n', InvalidInput, "nothing uses: 'stray'"),
        ("{#limits}", "{#other}", InvalidInput, "sections"),
        ("{#limits}\n", "{#limits}\n\nA [[wamm]].\n", NotFound, "Did you mean 'wam'"),
        ("before = true\n", "", InvalidInput, "before"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_the_file_and_the_way_out(
    old: str, new: str, kind: type[WamvizError], words: str
) -> None:
    with pytest.raises(kind) as told:
        parse_lesson(original().replace(old, new, 1), FIRST, "mine/en.md")
    assert words in str(told.value) and "mine/en.md" in str(told.value)


def test_a_lesson_read_twice_is_the_same() -> None:
    assert parse_lesson(original(), FIRST) == parse_lesson(original(), FIRST) == load_course(FIRST)[0]

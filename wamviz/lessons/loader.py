"""The course out of its files: ``text/NN_name/LANGUAGE.md``, TOML between ``+++`` lines and Markdown below.

Contract: only files of this package are read. What is missing, mistaken or unknown is refused with the file's name; no
value is guessed. The course and its words of a language are read once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from wamviz.core.errors import Damaged, InvalidInput, WamvizError, unknown_name
from wamviz.lessons.glossary import Term, check_terms
from wamviz.lessons.lesson import Lesson, Option, Prediction, Question, Reading
from wamviz.lessons.registry import all_experiments

TEXT = Path(__file__).parent / "text"
LANGUAGES = {"en": "English", "ja": "日本語"}  # the first is the one that others are compared with
HEADING = re.compile(r"^## (.+?) \{#(\w+)\}$", re.MULTILINE)


def load_course(language: str) -> tuple[Lesson, ...]:
    """Every lesson in a language, in order.

    Raises:
        NotFound: there is no such language.
        WamvizError: a file is not as it should be.
    """
    check_language(language)
    return _course(language)


@cache
def _course(language: str) -> tuple[Lesson, ...]:
    folders = sorted(path for path in TEXT.iterdir() if path.is_dir())
    return tuple(read_lesson(folder / f"{language}.md", language) for folder in folders)


def find_lesson(name: str, language: str) -> Lesson:
    """The lesson of that id, or ``NotFound``."""
    course = load_course(language)
    for lesson in course:
        if lesson.id == name:
            return lesson
    raise unknown_name("lesson", name, [lesson.id for lesson in course])


@cache
def load_words(language: str) -> tuple[Mapping[str, str], Mapping[str, Term]]:
    """What the page itself says in a language, and the glossary by key."""
    check_language(language)
    table = read_toml((TEXT / f"{language}.toml").read_text(encoding="utf-8"), f"{language}.toml")
    terms = {name: _built(Term, {"key": name, **fields}, f"{language}.toml") for name, fields in table["terms"].items()}
    return dict(table["page"]), terms


def check_language(language: str) -> None:
    """Raise ``NotFound`` unless there are lessons in ``language``."""
    if language not in LANGUAGES:
        raise unknown_name("language", language, LANGUAGES)


def read_lesson(path: Path, language: str) -> Lesson:
    """One lesson out of its file.

    Raises:
        Damaged: it is not there, or its front matter is no TOML.
        InvalidInput: something in it is missing or mistaken.
    """
    name = f"{path.parent.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Damaged(f"The lesson {name} cannot be read.", "Each lesson has a file a language.") from error
    return parse_lesson(text, language, name)


def parse_lesson(text: str, language: str, name: str = "the lesson") -> Lesson:
    """One lesson out of its text; ``name`` is what mistakes are reported of."""
    parts = text.split("+++\n")
    if len(parts) != 3 or parts[0].strip():
        raise Damaged(f"{name} has no front matter.", "It begins with TOML between two lines of +++.")
    table = read_toml(parts[1], name)
    sections = _sections(parts[2])
    for _, body in sections.values():
        check_terms(body, load_words(language)[1], name)
    found = {
        **table,
        "language": language,
        "sections": sections,
        "prediction": _choice(Prediction, table.get("prediction"), name),
        "questions": tuple(_choice(Question, one, name) for one in table.get("questions", ())),
        "reading": tuple(_built(Reading, one, name) for one in table.get("reading", ())),
    }
    lesson: Lesson = _built(Lesson, found, name)
    _check_experiment(lesson, name)
    return lesson


def read_toml(text: str, name: str) -> dict[str, Any]:
    """A table of TOML, or ``Damaged`` with the file's name."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Damaged(f"{name} is no TOML: {error}.") from error


def _sections(text: str) -> dict[str, tuple[str, str]]:
    """Title and Markdown of each section by its name."""
    parts = HEADING.split(text)
    titles, names, bodies = parts[1::3], parts[2::3], parts[3::3]
    return {name: (title, body.strip()) for title, name, body in zip(titles, names, bodies, strict=True)}


def _choice(kind: type, table: Any, name: str) -> Any:
    if not isinstance(table, dict):
        raise InvalidInput(f"{name} lacks its {kind.__name__.lower()}.")
    options = tuple(_built(Option, one, name) for one in table.get("options", ()))
    return _built(kind, {**table, "options": options}, name)


def _built(kind: type, fields: Mapping[str, Any], name: str) -> Any:
    """A dataclass out of a table; whatever is wrong is told with the file's name."""
    try:
        return kind(**fields)
    except TypeError as error:  # a field that is missing or that does not exist
        raise InvalidInput(f"{name}: {str(error).replace('__init__() ', '')}.") from error
    except WamvizError as error:
        raise error.with_text(message=f"{name}: {error.message}") from error


def _check_experiment(lesson: Lesson, name: str) -> None:
    known = all_experiments()
    if lesson.experiment not in known:
        raise unknown_name(f"experiment of {name}:", lesson.experiment, known)
    experiment = known[lesson.experiment]
    needed, given = set(experiment.labels), set(lesson.labels)
    if needed != given:
        wrong = sorted(needed ^ given)[0]
        kind = "lacks the label" if wrong in needed else "has a label that nothing uses:"
        raise InvalidInput(f"{name} {kind} '{wrong}'.", f"Labels of {experiment.name}: {', '.join(sorted(needed))}.")
    options = {option.id for option in lesson.prediction.options}
    if not set(experiment.answers) <= options:
        raise InvalidInput(
            f"{name} does not offer every prediction that {experiment.name} can confirm.",
            f"Needed: {', '.join(experiment.answers)}.",
        )

"""The pieces of a lesson, checked when they are built: what is predicted, asked, measured, claimed and read.

Contract: plain frozen dataclasses over text in one language. A lesson refuses to exist where a question has no right
option, a wrong one no explanation, or a link no https; the message says which. It knows no file, no model and no page.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wamviz.core.errors import InvalidInput, unknown_name

NAME = re.compile(r"[a-z][a-z0-9_-]*")
SECTIONS = ("idea", "try", "claim", "limits")  # of a lesson's text, in the order in which they are shown
STATUSES = ("hypothesis", "reported", "described", "arithmetic")  # how far the article itself vouches for its claim
VERDICTS = ("holds", "broken", "open")  # what a measurement can say of a claim
QUESTIONS = 3


@dataclass(frozen=True)
class Option:
    """One answer that can be given.

    Attributes:
        id: by which it is kept, the same in every language.
        text: what is read.
        why: what is said to somebody who chose it; may be empty for a prediction.
    """

    id: str
    text: str
    why: str = ""

    def __post_init__(self) -> None:
        check_name(self.id, "option")
        if not self.text.strip():
            raise InvalidInput(f"Option '{self.id}' has no text.")


@dataclass(frozen=True)
class Prediction:
    """What is to be predicted before anything is measured."""

    ask: str
    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        _check_choice(self.ask, self.options, "The prediction")


@dataclass(frozen=True)
class Question:
    """A question with one right option and an explanation for each.

    Attributes:
        before: whether it is also asked before the lesson, so that what changed can be seen.
    """

    id: str
    ask: str
    options: tuple[Option, ...]
    right: str
    before: bool = False

    def __post_init__(self) -> None:
        check_name(self.id, "question")
        _check_choice(self.ask, self.options, f"Question '{self.id}'")
        if self.right not in [option.id for option in self.options]:
            raise unknown_name(f"right option of question '{self.id}':", self.right, [one.id for one in self.options])
        dumb = [option.id for option in self.options if not option.why.strip()]
        if dumb:
            raise InvalidInput(f"Question '{self.id}' does not explain option '{dumb[0]}'.", "Give it a 'why'.")

    @property
    def shown(self) -> tuple[Option, ...]:
        """The options in an order that tells nothing, the same for everybody and in every language."""
        return tuple(sorted(self.options, key=lambda option: zlib.crc32(f"{self.id}1:{option.id}".encode())))


@dataclass(frozen=True)
class Reading:
    """Where to go on; ``url`` is opened only by whoever presses it."""

    title: str
    url: str
    note: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"https://[^\s\"<>]+", self.url):
            raise InvalidInput(f"'{self.url}' is no link of a reading.", "Links begin with https://.")


@dataclass(frozen=True)
class Lesson:
    """One lesson in one language.

    Attributes:
        id: in addresses and kept answers; number: its place; minutes: how long it takes.
        experiment: name of a registered experiment.
        status: of ``STATUSES``, how far the article vouches for the claim.
        sections: Markdown by name of ``SECTIONS``, the title in front.
        labels: what the experiment's figures, measures, controls and their options are called.
        verdicts: a sentence for each of ``VERDICTS``.
    """

    id: str
    number: int
    title: str
    summary: str
    minutes: int
    language: str
    experiment: str
    status: str
    prediction: Prediction
    questions: tuple[Question, ...]
    reading: tuple[Reading, ...]
    sections: Mapping[str, tuple[str, str]]
    labels: Mapping[str, str] = field(default_factory=dict)
    verdicts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_name(self.id, "lesson")
        if self.status not in STATUSES:
            raise unknown_name("status", self.status, STATUSES)
        if tuple(self.sections) != SECTIONS:
            raise InvalidInput(f"The sections are {', '.join(self.sections)}.", f"In order: {', '.join(SECTIONS)}.")
        if len(self.questions) != QUESTIONS or not any(question.before for question in self.questions):
            raise InvalidInput(
                f"A lesson has {QUESTIONS} questions, one of them also asked before.", "Mark it 'before = true'."
            )
        _check_unique([question.id for question in self.questions], "question")
        if set(self.verdicts) != set(VERDICTS):
            raise InvalidInput(f"The verdicts are {', '.join(self.verdicts)}.", f"Needed: {', '.join(VERDICTS)}.")

    def question(self, name: str) -> Question:
        """The question of that id, or ``NotFound``."""
        for question in self.questions:
            if question.id == name:
                return question
        raise unknown_name("question", name, [question.id for question in self.questions])


def check_name(name: str, what: str) -> None:
    """Raise ``InvalidInput`` unless ``name`` can stand in an address and in a file."""
    if not NAME.fullmatch(name):
        raise InvalidInput(f"'{name}' is no name of a {what}.", "Use small letters, digits, - and _.")


def _check_choice(ask: str, options: Sequence[Option], what: str) -> None:
    if not ask.strip() or len(options) < 2:
        raise InvalidInput(f"{what} needs words and at least two options.")
    _check_unique([option.id for option in options], "option")


def _check_unique(names: Sequence[str], what: str) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidInput(f"There are two {what}s '{twice}'.", "Name one of them otherwise.")

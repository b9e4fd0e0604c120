"""One visitor at one lesson: the words, what was answered, and how far that opens the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wamviz.lessons.answers import Answer
from wamviz.lessons.glossary import Term
from wamviz.lessons.lesson import Lesson

Answers = Mapping[tuple[str, str, str], Answer]


@dataclass(frozen=True)
class Desk:
    """One visitor at one lesson.

    Attributes:
        lesson: in the visitor's language.
        course: all lessons in that language.
        say: what the page itself says, by name.
        terms: the glossary.
        answers: the visitor's own, by place.
        waits: whether the claim waits for the teacher of a class.
    """

    lesson: Lesson
    course: Sequence[Lesson]
    say: Mapping[str, str]
    terms: Mapping[str, Term]
    answers: Answers
    waits: bool = False

    def answer(self, kind: str, question: str = "") -> Answer | None:
        """The visitor's first answer at a place of this lesson."""
        return self.answers.get((self.lesson.id, kind, question))

    @property
    def predicted(self) -> bool:
        """Whether everything that comes before the experiment was answered."""
        before = [question for question in self.lesson.questions if question.before]
        return self.answer("prediction") is not None and all(self.answer("before", one.id) for one in before)

    @property
    def measured(self) -> bool:
        """Whether the experiment was run (or passed over)."""
        return self.answer("measured") is not None

    @property
    def step(self) -> str:
        """What comes next: ``predict``, ``measure``, ``wait`` (for the teacher), ``answer`` or ``done``."""
        if not self.predicted:
            return "predict"
        if not self.measured:
            return "measure"
        if self.waits:
            return "wait"
        return "done" if all(self.answer("after", one.id) for one in self.lesson.questions) else "answer"

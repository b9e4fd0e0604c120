"""What pupils answered, on this machine alone: one line of JSON an answer, under a random number a browser.

Contract: nothing that could name a person is kept: no address, no text of theirs, no hour, only the day. The first
answer counts; a line that is cut short or not ours is left out when read. Nothing here is ever sent anywhere.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from wamviz.core.environment import home
from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.runs.accumulator import wilson

KINDS = ("before", "prediction", "measured", "after")
PUPIL = re.compile(r"[0-9a-f]{32}")
_lock = threading.Lock()


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        pupil: 32 random hexadecimal digits, of a browser.
        lesson, question: ids; the question is "" of a prediction and of a measurement.
        kind: of ``KINDS``.
        option: what was chosen; of a measurement, its verdict.
        right: whether that was right; None where there is no right one.
        day: ISO date.
    """

    pupil: str
    lesson: str
    kind: str
    option: str
    question: str = ""
    right: bool | None = None
    language: str = ""
    day: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.pupil, str) or not PUPIL.fullmatch(self.pupil):
            raise InvalidInput("A pupil is 32 hexadecimal digits.", "Reload the page.")
        if self.kind not in KINDS:
            raise unknown_name("kind of answer", self.kind, KINDS)

    @property
    def place(self) -> tuple[str, str, str]:
        """What it answers: (lesson, kind, question)."""
        return self.lesson, self.kind, self.question


class AnswerStore:
    """The kept answers.

    Args:
        file: where; ``lessons/answers.jsonl`` in wamviz's home when None.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or home() / "lessons" / "answers.jsonl"

    def keep(self, answer: Answer) -> None:
        """Append an answer, dated today."""
        dated = {**asdict(answer), "day": datetime.now(UTC).date().isoformat()}
        with _lock:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a", encoding="utf-8") as out:
                out.write(json.dumps(dated, ensure_ascii=False) + "\n")

    def read(self) -> list[Answer]:
        """Every answer, oldest first."""
        try:
            lines = self.file.read_text(encoding="utf-8").splitlines()
        except OSError:
            return []
        found = []
        for line in lines:
            try:
                found.append(Answer(**json.loads(line)))
            except (ValueError, TypeError):  # torn, or of another program
                continue
        return found

    def of(self, pupil: str) -> dict[tuple[str, str, str], Answer]:
        """A pupil's first answers by place."""
        return first_answers(answer for answer in self.read() if answer.pupil == pupil)

    def waits(self, lesson: str) -> bool:
        """Whether the claim of a lesson waits for a teacher: never, for whoever learns alone."""
        return False


def first_answers(answers: Iterable[Answer]) -> dict[tuple[str, str, str], Answer]:
    """The first answer at each place."""
    found: dict[tuple[str, str, str], Answer] = {}
    for answer in answers:
        found.setdefault(answer.place, answer)
    return found


def before_and_after(answers: Iterable[Answer]) -> dict[str, Mapping[str, object]]:
    """By lesson, of the question that is asked twice, how often it was answered right before and after.

    Only pupils who answered both times are counted; with 95 % Wilson intervals. It is no study: nobody was drawn at
    random, and there is no group without the lesson.
    """
    by_pupil: dict[str, list[Answer]] = {}
    for answer in answers:
        by_pupil.setdefault(answer.pupil, []).append(answer)
    pupils, before, after = Counter[str](), Counter[str](), Counter[str]()
    for mine in by_pupil.values():
        first = first_answers(mine)
        for (lesson, kind, question), answer in first.items():
            again = first.get((lesson, "after", question))
            if kind == "before" and again is not None:
                pupils[lesson] += 1
                before[lesson] += bool(answer.right)
                after[lesson] += bool(again.right)
    return {
        lesson: {
            "pupils": count, "right_before": before[lesson], "before_ci95": wilson(before[lesson], count),
            "right_after": after[lesson], "after_ci95": wilson(after[lesson], count),
        }
        for lesson, count in sorted(pupils.items())
    }  # fmt: skip

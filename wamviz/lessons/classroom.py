"""A class and what it answered: a SQLite file on this machine, under made-up labels, and what was revealed to it.

Contract: a learner is a number in the order of joining, known by the random number of a browser; no name, no address
and no hour is kept. The first answer at a place counts and is never changed. What was answered after the reveal stays
marked as such, because it is no prediction. Several threads may write at once. It knows no page.
"""

from __future__ import annotations

import csv
import io
import re
import secrets
import sqlite3
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wamviz.core.database import open_database
from wamviz.core.environment import home
from wamviz.core.errors import Busy, InvalidInput, NotFound, unknown_name
from wamviz.lessons.answers import Answer

NAME = re.compile(r"\w[\w -]{0,39}")
LETTERS = "23456789BCDFGHJKMNPQRTVWXY"  # none that is taken for another, none that makes a word
CODE = 6  # letters: 26 ** 6 codes are too many to try
MOST = 200  # learners
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet computes a cell that begins so
MIGRATIONS = (
    "CREATE TABLE class (code TEXT NOT NULL);"
    "CREATE TABLE learners (number INTEGER PRIMARY KEY, pupil TEXT NOT NULL UNIQUE);"
    "CREATE TABLE revealed (lesson TEXT PRIMARY KEY);"
    "CREATE TABLE answers (id INTEGER PRIMARY KEY, learner INTEGER NOT NULL, lesson TEXT NOT NULL, kind TEXT NOT NULL, "
    "question TEXT NOT NULL, option TEXT NOT NULL, right INTEGER, language TEXT NOT NULL, day TEXT NOT NULL, "
    "late INTEGER NOT NULL, UNIQUE (learner, lesson, kind, question));",
)


@dataclass(frozen=True)
class ClassAnswer:
    """One learner's answer.

    Attributes:
        learner: their number, from 1; late: whether it came when the lesson was revealed already.
    """

    learner: int
    answer: Answer
    late: bool


class ClassStore:
    """The class of a name, begun anew or gone on with.

    Args:
        name: letters of any language, digits, spaces, - and _; at most 40.
        folder: where classes are kept; ``classes`` in wamviz's home when None.

    Raises:
        InvalidInput: that is no name.
    """

    def __init__(self, name: str, folder: Path | None = None) -> None:
        if not NAME.fullmatch(name):
            raise InvalidInput(
                f"'{name[:60]}' is no name of a class.", "Up to 40 letters, digits, spaces, - and _, a letter first."
            )
        self.name, self.file = name, (folder or home() / "classes") / f"{name}.db"
        with self._open() as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute("SELECT 1 FROM class").fetchone() is None:
                code = "".join(secrets.choice(LETTERS) for _ in range(CODE))
                connection.execute("INSERT INTO class VALUES (?)", (code,))
            (self.code,) = connection.execute("SELECT code FROM class").fetchone()

    # --- who ----------------------------------------------------------------------------------------------------------

    def join(self, pupil: str) -> int:
        """The number of a learner, who gets one with the first call.

        Raises:
            Busy: the class is full.
        """
        Answer(pupil, "", "prediction", "")  # its form is checked there
        with self._open() as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            known = _number(connection, pupil)
            if known is not None:
                return known
            (count,) = connection.execute("SELECT COUNT(*) FROM learners").fetchone()
            if count >= MOST:
                raise Busy(f"The class has {MOST} learners already.", "Begin another class with another name.")
            added = connection.execute("INSERT INTO learners (pupil) VALUES (?)", (pupil,)).lastrowid
            return int(added or 0)

    def number(self, pupil: str) -> int | None:
        """The number of whoever has joined, or None."""
        with self._open() as connection:
            return _number(connection, pupil)

    def learners(self) -> list[int]:
        """The number of everybody who ever joined."""
        with self._open() as connection:
            return [number for (number,) in connection.execute("SELECT number FROM learners ORDER BY number")]

    # --- what they answered -------------------------------------------------------------------------------------------

    def keep(self, answer: Answer) -> None:
        """Keep a learner's answer, dated today, unless there is one at its place.

        Raises:
            NotFound: nobody of that number has joined.
        """
        day = datetime.now(UTC).date().isoformat()
        with self._open() as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            learner = _number(connection, answer.pupil)
            if learner is None:
                raise NotFound("This browser has not joined the class.", "Open the class's link again.")
            right = None if answer.right is None else int(answer.right)
            connection.execute(
                "INSERT OR IGNORE INTO answers (learner, lesson, kind, question, option, right, language, day, late) "
                "SELECT ?, ?, ?, ?, ?, ?, ?, ?, EXISTS (SELECT 1 FROM revealed WHERE lesson = ?)",
                (learner, answer.lesson, answer.kind, answer.question, answer.option, right, answer.language, day,
                 answer.lesson),
            )  # fmt: skip

    def of(self, pupil: str) -> dict[tuple[str, str, str], Answer]:
        """A learner's answers by place."""
        return {one.answer.place: one.answer for one in self._read("WHERE pupil = ?", pupil)}

    def answers(self) -> list[ClassAnswer]:
        """Everybody's, oldest first."""
        return self._read("")

    def read(self) -> list[Answer]:
        """The same without numbers, as ``before_and_after`` takes them."""
        return [one.answer for one in self.answers()]

    def _read(self, where: str, *values: str) -> list[ClassAnswer]:
        query = (
            "SELECT learner, late, pupil, lesson, kind, option, question, right, language, day "
            f"FROM answers JOIN learners ON number = learner {where} ORDER BY id"
        )
        with self._open() as connection:
            rows = list(connection.execute(query, values))
        return [
            ClassAnswer(
                learner,
                Answer(pupil, lesson, kind, option, question, None if right is None else bool(right), language, day),
                bool(late),
            )
            for learner, late, pupil, lesson, kind, option, question, right, language, day in rows
        ]

    # --- what was revealed --------------------------------------------------------------------------------------------

    def reveal(self, lesson: str, shown: bool) -> None:
        """Show a lesson's claim and the class's predictions to everybody, or hide them again."""
        change = "INSERT OR IGNORE INTO revealed VALUES (?)" if shown else "DELETE FROM revealed WHERE lesson = ?"
        with self._open() as connection, connection:
            connection.execute(change, (lesson,))

    def revealed(self) -> set[str]:
        """The lessons that were revealed."""
        with self._open() as connection:
            return {lesson for (lesson,) in connection.execute("SELECT lesson FROM revealed")}

    def waits(self, lesson: str) -> bool:
        """Whether the claim of a lesson waits for the teacher."""
        return lesson not in self.revealed()

    def _open(self) -> AbstractContextManager[sqlite3.Connection]:
        return open_database(self.file, MIGRATIONS, "answers of the class", "It lies in the folder of classes.")


def read_class(name: str, folder: Path | None = None) -> list[Answer]:
    """The answers of a class that exists.

    Raises:
        NotFound: there is none of that name.
    """
    names = [file.stem for file in (folder or home() / "classes").glob("*.db")]
    if name not in names:
        raise unknown_name("class", name, names)
    return ClassStore(name, folder).read()


def _number(connection: sqlite3.Connection, pupil: str) -> int | None:
    row = connection.execute("SELECT number FROM learners WHERE pupil = ?", (pupil,)).fetchone()
    return None if row is None else int(row[0])


def export_csv(answers: list[ClassAnswer], texts: Mapping[tuple[str, str, str, str], tuple[str, str]]) -> str:
    """The answers as a table that a spreadsheet opens, a row each, and computes nothing of.

    Args:
        texts: what was asked and what was chosen, in words, by (lesson, kind, question, option).
    """
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(("learner", "lesson", "kind", "question", "option", "right", "after_reveal", "language", "day",
                    "asked", "answered"))  # fmt: skip
    for one in answers:
        answer = one.answer
        right = "" if answer.right is None else "yes" if answer.right else "no"
        row = (str(one.learner), answer.lesson, answer.kind, answer.question, answer.option, right,
               "yes" if one.late else "no", answer.language, answer.day,
               *texts.get((*answer.place, answer.option), ("", "")))  # fmt: skip
        table.writerow([plain_cell(text) for text in row])
    return out.getvalue()


def plain_cell(text: str) -> str:
    """A text as a cell that is shown as it is, and never computed.

    >>> plain_cell("=1+2"), plain_cell("1+2")
    ("'=1+2", '1+2')
    """
    return f"'{text}" if text.startswith(FORMULA) else text

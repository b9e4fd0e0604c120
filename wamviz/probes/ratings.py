"""What people said of samples, kept so that none of it is ever lost: a SQLite file beside the results.

Contract: rows are only ever added (triggers refuse anything else), the last word of a rater on a sample is what counts,
and earlier ones stay to be counted as second passes. Several people and processes may write at once, see
``core.database``. A sample is known by the key of its cell, see ``suite_run.Cell``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wamviz.core.database import open_database
from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.probes.rubric import Rubric

FILE = "ratings.db"  # in the folder of the results
MOST_NAME, MOST_NOTE = 60, 2000  # characters
LEFT, RIGHT, TIE = "left", "right", "tie"
CHOICES = (LEFT, RIGHT, TIE)
BY_MODEL = " (model)"  # how the name of a rater ends that is none of people's


def _append_only(table: str) -> str:
    return "".join(
        f"CREATE TRIGGER {table}_no_{act} BEFORE {act} ON {table} "
        "BEGIN SELECT RAISE(ABORT, 'What was said is never changed: add what is said now.'); END;"
        for act in ("update", "delete")
    )


# Each takes a file one version further. What was shipped is never changed here; what is new is a new one.
MIGRATIONS = (
    "CREATE TABLE ratings (id INTEGER PRIMARY KEY, time TEXT NOT NULL, rater TEXT NOT NULL, rubric TEXT NOT NULL, "
    "sample TEXT NOT NULL, run TEXT NOT NULL, answers TEXT NOT NULL, note TEXT NOT NULL);"
    "CREATE INDEX ratings_of ON ratings (sample, rater);" + _append_only("ratings"),
    "CREATE TABLE votes (id INTEGER PRIMARY KEY, time TEXT NOT NULL, rater TEXT NOT NULL, left_sample TEXT NOT NULL, "
    "right_sample TEXT NOT NULL, choice TEXT NOT NULL, reason TEXT NOT NULL);" + _append_only("votes"),
)


@dataclass(frozen=True)
class Rating:
    """What one person said of one sample.

    Attributes:
        rater: a name; rubric: whose questions; sample: key of the cell; run: what was looked at.
        answers: a word of ``rubric.ANSWERS`` by the question's key; note: whatever else.
        time: UTC, ISO 8601; "" until it is kept.
    """

    rater: str
    rubric: str
    sample: str
    run: str
    answers: Mapping[str, str]
    note: str = ""
    time: str = ""


@dataclass(frozen=True)
class Vote:
    """Which of two samples one person found better, not knowing whose they were.

    Attributes:
        left, right: keys of the cells, as they stood on the screen; choice: left, right or tie; reason: in words.
    """

    rater: str
    left: str
    right: str
    choice: str
    reason: str = ""
    time: str = ""


class Ratings:
    """The ratings and votes of a folder of results; the file is made with the first of them.

    Args:
        folder: of the results.
    """

    def __init__(self, folder: str | Path) -> None:
        self.file = Path(folder).expanduser() / FILE

    def rate(self, rating: Rating, rubric: Rubric, by_model: bool = False) -> None:
        """Keep what a person said, or a model that rates in people's place (``by_model``).

        Raises:
            InvalidInput: no name, no answer, one to what the rubric does not ask, or a person by a model's name.
        """
        if not by_model and rating.rater.rstrip().endswith(BY_MODEL.strip()):
            raise InvalidInput(f"'{rating.rater}' is how a model is named.", "Write your own name.")
        rubric.check(dict(rating.answers))
        if not rating.answers:
            raise InvalidInput("No question was answered.", "Answer one at least; 'cannot tell' is an answer.")
        row = (_now(), check_rater(rating.rater), rubric.name, rating.sample, rating.run,
               json.dumps(dict(rating.answers)), _note(rating.note))  # fmt: skip
        self._add("INSERT INTO ratings (time, rater, rubric, sample, run, answers, note) VALUES (?,?,?,?,?,?,?)", row)

    def vote(self, vote: Vote) -> None:
        """Keep a vote.

        Raises:
            InvalidInput: no name, no such choice, or a sample beside itself.
        """
        if vote.choice not in CHOICES:
            raise unknown_name("choice", vote.choice, CHOICES)
        if vote.left == vote.right:
            raise InvalidInput("A sample cannot be better than itself.", "A pair is of two samples.")
        row = (_now(), check_rater(vote.rater), vote.left, vote.right, vote.choice, _note(vote.reason))
        self._add(
            "INSERT INTO votes (time, rater, left_sample, right_sample, choice, reason) VALUES (?,?,?,?,?,?)", row
        )

    def ratings(self) -> list[Rating]:
        """Everything that was ever said of single samples, in the order in which it was said."""
        rows = self._rows("SELECT rater, rubric, sample, run, answers, note, time FROM ratings ORDER BY id")
        return [
            Rating(rater, rubric, sample, run, json.loads(answers), note, time)
            for rater, rubric, sample, run, answers, note, time in rows
        ]

    def votes(self) -> list[Vote]:
        """Every vote, in the order in which they were given."""
        rows = self._rows("SELECT rater, left_sample, right_sample, choice, reason, time FROM votes ORDER BY id")
        return [Vote(*row) for row in rows]

    def _add(self, insert: str, row: Sequence[str]) -> None:
        with self._open() as connection, connection:
            connection.execute(insert, row)

    def _rows(self, query: str) -> list[tuple[str, ...]]:
        if not self.file.is_file():
            return []
        with self._open() as connection:
            return list(connection.execute(query))

    def _open(self) -> AbstractContextManager[sqlite3.Connection]:
        return open_database(self.file, MIGRATIONS, "ratings", "It lies in the folder of results.")


def newest(ratings: Sequence[Rating]) -> list[Rating]:
    """The last word of each rater on each sample."""
    return list({(one.rater, one.sample): one for one in ratings}.values())


def of_people(ratings: Sequence[Rating]) -> list[Rating]:
    """Those that no model gave."""
    return [one for one in ratings if not one.rater.endswith(BY_MODEL)]


def of_models(ratings: Sequence[Rating]) -> list[Rating]:
    """Those that models gave."""
    return [one for one in ratings if one.rater.endswith(BY_MODEL)]


def check_rater(name: str) -> str:
    """A rater's name as it is kept.

    Raises:
        InvalidInput: it is empty or too long.
    """
    kept = " ".join(name.split())
    if not 1 <= len(kept) <= MOST_NAME or not kept.isprintable():
        raise InvalidInput("A rating needs the name of its rater.", f"1 .. {MOST_NAME} characters; initials will do.")
    return kept


def _note(text: str) -> str:
    if len(text) > MOST_NOTE:
        raise InvalidInput(f"The note has {len(text)} characters.", f"{MOST_NOTE} fit.")
    return text.strip()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

"""No rating is lost: not to another rater, a second pass, an older file, two writers or a mistake."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from wamviz.core.database import split_statements
from wamviz.core.errors import Damaged, WamvizError
from wamviz.probes.ratings import FILE, MIGRATIONS, Rating, Ratings, Vote, newest
from wamviz.probes.rubric import find_rubric

RUBRIC = find_rubric()


def said(rater: str, sample: str = "a", answer: str = "yes", note: str = "") -> Rating:
    return Rating(rater, RUBRIC.name, sample, "0" * 16, {"same_robot": answer}, note)


def test_what_was_said_is_read_back_and_the_last_word_counts(tmp_path: Path) -> None:
    ratings = Ratings(tmp_path)
    assert ratings.ratings() == [] and ratings.votes() == [] and not ratings.file.exists()
    ratings.rate(said("Ada", answer="no", note="  the '); DROP TABLE ratings; arm <b>bends</b> "), RUBRIC)
    ratings.rate(said("Grace"), RUBRIC)
    ratings.rate(said(" Ada ", answer="partly"), RUBRIC)
    kept = Ratings(tmp_path).ratings()
    assert [(one.rater, one.answers["same_robot"]) for one in kept] == [
        ("Ada", "no"), ("Grace", "yes"), ("Ada", "partly"),
    ]  # fmt: skip
    assert kept[0].note == "the '); DROP TABLE ratings; arm <b>bends</b>" and kept[0].time
    assert {(one.rater, one.answers["same_robot"]) for one in newest(kept)} == {("Ada", "partly"), ("Grace", "yes")}


def test_nothing_is_changed_or_deleted(tmp_path: Path) -> None:
    ratings = Ratings(tmp_path)
    ratings.rate(said("Ada"), RUBRIC)
    ratings.vote(Vote("Ada", "a", "b", "tie", "both melt"))
    with closing(sqlite3.connect(ratings.file)) as connection:
        for act in ("DELETE FROM ratings", "UPDATE ratings SET rater='x'", "DELETE FROM votes"):
            with pytest.raises(sqlite3.IntegrityError, match="never changed"):
                connection.execute(act)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert len(ratings.ratings()) == 1 and ratings.votes()[0].reason == "both melt"


def test_an_older_file_is_taken_along_and_a_newer_one_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        for statement in split_statements(MIGRATIONS[0]):
            connection.execute(statement)
        connection.execute("PRAGMA user_version=1")
        connection.execute("INSERT INTO ratings VALUES (1,'2026','Ada','article','a','r','{\"same_robot\":\"no\"}','')")
        connection.commit()
    ratings = Ratings(tmp_path)
    ratings.vote(Vote("Ada", "a", "b", "left"))
    assert ratings.ratings()[0].answers == {"same_robot": "no"} and len(ratings.votes()) == 1
    with closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(WamvizError, match="Update wamviz"):
        ratings.ratings()


def test_two_raters_may_write_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda k: Ratings(tmp_path).rate(said(f"rater {k % 4}", str(k)), RUBRIC), range(40)))
    assert {one.sample for one in Ratings(tmp_path).ratings()} == {str(k) for k in range(40)}


def test_what_is_no_rating_is_refused(tmp_path: Path) -> None:
    ratings = Ratings(tmp_path)
    with pytest.raises(WamvizError, match="name of its rater"):
        ratings.rate(said("  "), RUBRIC)
    with pytest.raises(WamvizError, match="No question was answered"):
        ratings.rate(Rating("Ada", "article", "a", "r", {}), RUBRIC)
    with pytest.raises(WamvizError, match="Unknown answer"):
        ratings.rate(said("Ada", answer="meh"), RUBRIC)
    with pytest.raises(WamvizError, match="2000 fit"):
        ratings.rate(said("Ada", note="x" * 2001), RUBRIC)
    with pytest.raises(WamvizError, match="better than itself"):
        ratings.vote(Vote("Ada", "a", "a", "left"))
    with pytest.raises(WamvizError, match="Unknown choice 'both'"):
        ratings.vote(Vote("Ada", "a", "b", "both"))
    assert ratings.ratings() == [] and ratings.votes() == []


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all, and long enough to be looked at" * 40)
    with pytest.raises(Damaged, match="cannot be used"):
        Ratings(tmp_path).ratings()

"""A file of another version is taken along whole, or left as it was."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wamviz.core.database import open_database
from wamviz.core.errors import Damaged, Unavailable, WamvizError

FIRST = "CREATE TABLE words (word TEXT UNIQUE);CREATE INDEX words_of ON words (word);"
SECOND = "CREATE TABLE notes (note TEXT);"


def add(file: Path, word: str, migrations: tuple[str, ...] = (FIRST,)) -> None:
    with open_database(file, migrations, "words") as connection, connection:
        connection.execute("INSERT INTO words VALUES (?)", (word,))


def words(file: Path, migrations: tuple[str, ...] = (FIRST,)) -> set[str]:
    with open_database(file, migrations, "words") as connection:
        return {word for (word,) in connection.execute("SELECT word FROM words")}


def test_a_file_grows_with_the_program_and_an_older_program_leaves_it_alone(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "words.db"
    add(file, "arm")
    add(file, "hand", (FIRST, SECOND))
    assert words(file, (FIRST, SECOND)) == {"arm", "hand"}
    with pytest.raises(WamvizError, match="words are of version 2, and this wamviz knows 1. Update"):
        words(file)


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "words.db"
    add(file, "arm")
    with pytest.raises(Unavailable, match="cannot be used"):
        words(file, (FIRST, SECOND + "CREATE TABLE words (word TEXT);"))
    assert words(file, (FIRST, SECOND)) == {"arm"}  # SECOND alone can still be made


def test_many_may_open_and_write_a_new_file_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda k: add(tmp_path / "words.db", str(k)), range(40)))
    assert words(tmp_path / "words.db") == {str(k) for k in range(40)}


def test_what_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "words.db").write_text("dear robot " * 100)
    with pytest.raises(Damaged, match="words.db"):
        words(tmp_path / "words.db")

"""SQLite files that several threads and processes write to, and that grow with the program's versions.

Contract: ``open_database`` opens a file (write-ahead log) and takes it through the migrations that it has not seen;
``PRAGMA user_version`` says how many it has. A file of a newer version is refused. It knows no table.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from wamviz.core.errors import Damaged, Unavailable, WamvizError

WAIT_S = 30.0  # that one writer waits for another


@contextmanager
def open_database(file: Path, migrations: Sequence[str], what: str, hint: str = "") -> Iterator[sqlite3.Connection]:
    """A connection to ``file``, which is made where it is not there.

    Args:
        migrations: scripts; each takes a file one version further, and what was shipped is never changed.
        what: what the file holds, in the plural, and hint: where it lies; both for the errors.

    Raises:
        WamvizError: it is damaged, cannot be written, or is of a newer version than ``migrations`` know.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(file, timeout=WAIT_S)) as connection:
            migrate(connection, migrations, what)
            yield connection
    except sqlite3.DatabaseError as error:
        kind = Unavailable if isinstance(error, sqlite3.OperationalError) else Damaged
        raise kind(f"'{file.name}' cannot be used: {error}.", hint) from error
    except OSError as error:
        raise Unavailable(f"'{file.name}' cannot be written: {error.strerror}.") from error


def migrate(connection: sqlite3.Connection, migrations: Sequence[str], what: str) -> None:
    """Take a file to the newest version, all of it or nothing; whoever comes second finds it done.

    Raises:
        WamvizError: it is of a newer version than this one knows.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == len(migrations):
        return
    if version > len(migrations):
        raise WamvizError(
            f"The {what} are of version {version}, and this wamviz knows {len(migrations)}.", "Update wamviz."
        )
    connection.execute("PRAGMA journal_mode=WAL")
    usual, connection.isolation_level = connection.isolation_level, None  # the transaction is ours
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for step in migrations[version:]:
            for statement in split_statements(step):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    finally:
        connection.isolation_level = usual


def split_statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: ``executescript`` would end the transaction around them.

    >>> list(split_statements("CREATE TABLE a (b);CREATE TABLE c (d);"))
    ['CREATE TABLE a (b);', 'CREATE TABLE c (d);']
    """
    statement = ""
    for part in script.split(";")[:-1]:
        statement += part + ";"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""

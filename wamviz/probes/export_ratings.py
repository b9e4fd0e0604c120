"""Ratings and votes as tables for other programs: CSV and Parquet with the same rows and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from wamviz.core.errors import NotFound
from wamviz.probes.ratings import Ratings
from wamviz.probes.rubric import ANSWERS
from wamviz.probes.suite_run import CellDone, read_cells

SAMPLE = ("probe", "prompt", "contender", "sample")  # what is said of a cell
RATINGS = ("time", "rater", "rubric", *SAMPLE, "run", "question", "answer", "value", "note", "key")
VOTES = ("time", "rater", "left", "right", "choice", "reason", "left_contender", "right_contender", "probe", "prompt")


def rating_rows(ratings: Ratings, cells: Mapping[str, CellDone]) -> list[dict[str, Any]]:
    """A row an answer, with every pass of every rater; a sample that is in no cell any more keeps its key alone."""
    rows = []
    for one in ratings.ratings():
        asked = _asked(cells.get(one.sample))
        for question, answer in one.answers.items():
            rows.append(
                {"time": one.time, "rater": one.rater, "rubric": one.rubric, **asked, "run": one.run,
                 "question": question, "answer": answer, "value": ANSWERS.get(answer), "note": one.note,
                 "key": one.sample}
            )  # fmt: skip
    return rows


def vote_rows(ratings: Ratings, cells: Mapping[str, CellDone]) -> list[dict[str, Any]]:
    """A row a vote, and whose the two samples were."""
    rows = []
    for one in ratings.votes():
        left, right = _asked(cells.get(one.left)), _asked(cells.get(one.right))
        rows.append(
            {**vars(one), "left_contender": left["contender"], "right_contender": right["contender"],
             "probe": left["probe"], "prompt": left["prompt"]}
        )  # fmt: skip
    return rows


def export_ratings(folder: str | Path, out: str | Path | None = None) -> list[Path]:
    """Write ratings.csv, ratings.parquet, votes.csv and votes.parquet; returns where they are.

    Args:
        folder: of the results.
        out: where the tables go; beside the results when None.

    Raises:
        NotFound: nobody has rated or voted there.
    """
    ratings, cells = Ratings(folder), {cell.key: cell for cell in read_cells(folder)}
    tables = {"ratings": (rating_rows(ratings, cells), RATINGS), "votes": (vote_rows(ratings, cells), VOTES)}
    if not any(rows for rows, _ in tables.values()):
        raise NotFound(f"Nobody has rated anything in '{folder}'.", f"Do it: python -m wamviz probe rate {folder}")
    target = Path(out if out is not None else folder).expanduser()
    target.mkdir(parents=True, exist_ok=True)
    return [path for name, (rows, columns) in tables.items() for path in _write(target / name, rows, columns)]


def _asked(cell: CellDone | None) -> dict[str, Any]:
    return {name: None if cell is None else getattr(cell, name) for name in SAMPLE}


def _write(stem: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[Path]:
    frame = pd.DataFrame(rows, columns=list(columns))
    kinds = {name: {"sample": "Int64", "value": "float64"}.get(name, "string") for name in columns}
    frame = frame.astype(kinds)
    text, table = stem.with_suffix(".csv"), stem.with_suffix(".parquet")
    frame.to_csv(text, index=False)
    frame.to_parquet(table, index=False)
    return [text, table]

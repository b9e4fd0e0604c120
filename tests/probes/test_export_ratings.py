"""CSV and Parquet hold the same rows, every pass of every rater among them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.probes.conftest import Echo
from wamviz.core.errors import WamvizError
from wamviz.probes import Suite, run_suite
from wamviz.probes.export_ratings import export_ratings
from wamviz.probes.ratings import Rating, Ratings, Vote
from wamviz.probes.rubric import find_rubric


def test_every_answer_is_a_row_that_says_what_it_is_of(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cells = list(run_suite(suite, out))
    ratings, rubric = Ratings(out), find_rubric()
    for answer in ("no", "cannot tell"):
        answers = {"same_robot": answer, "stopped": "yes"}
        ratings.rate(Rating("Ada", rubric.name, cells[0].key, cells[0].run, answers, 'a "note", with\nlines'), rubric)
    ratings.rate(
        Rating("Ada", rubric.name, "f" * 24, "e" * 16, {"stopped": "no"}, "gone"), rubric
    )  # of a cell that is gone
    ratings.vote(Vote("Grace", cells[1].key, cells[0].key, "left", "sharper"))
    files = export_ratings(out, tmp_path / "tables")
    assert [file.name for file in files] == ["ratings.csv", "ratings.parquet", "votes.csv", "votes.parquet"]
    table = pd.read_parquet(files[1])
    text = pd.read_csv(files[0], dtype=table.dtypes.to_dict())
    pd.testing.assert_frame_equal(text, table, check_dtype=False)
    assert list(table["answer"]) == ["no", "yes", "cannot tell", "yes", "no"]
    assert table["value"].tolist()[:2] == [0.0, 1.0] and pd.isna(table["value"][2])
    assert (table["probe"][0], table["contender"][0], table["sample"][0]) == ("one", "echo:joint", 0)
    assert pd.isna(table["probe"][4]) and table["key"][4] == "f" * 24
    votes = pd.read_parquet(files[3])
    assert votes[["choice", "left_contender", "reason"]].values.tolist() == [["left", "echo:joint", "sharper"]]


def test_where_nobody_rated_it_says_how(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    list(run_suite(suite, tmp_path / "out"))
    with pytest.raises(WamvizError, match="probe rate"):
        export_ratings(tmp_path / "out")

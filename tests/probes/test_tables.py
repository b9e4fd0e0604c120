"""The tables say what people said, how sure it is, and why one is empty."""

from __future__ import annotations

from pathlib import Path

from tests.probes.conftest import Echo
from wamviz.probes import Suite, run_suite
from wamviz.probes.ratings import Rating, Ratings
from wamviz.probes.results import read_results
from wamviz.probes.rubric import find_rubric
from wamviz.probes.tables import Table, all_tables, power, rated, to_markdown

RUBRIC = find_rubric()


def test_without_people_every_table_says_so(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    list(run_suite(suite, tmp_path / "out"))
    tables = {table.title: table for table in all_tables(read_results(tmp_path / "out"))}
    assert tables["Rated by people"].rows == () and "Nobody has rated" in tables["Rated by people"].note
    assert "Nobody has voted" in tables["Blind votes"].note
    assert "nobody knows how far raters agree" in tables["Raters against raters"].note
    assert all("too few samples" in row[2] for row in tables["Judges against people"].rows)
    assert len(tables["Judges by rule"].rows) == 2
    for table in tables.values():
        assert all(len(row) == len(table.columns) for row in table.rows), table.title


def test_the_last_word_of_each_rater_is_counted_with_its_interval(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cells = list(run_suite(suite, out))
    for k, cell in enumerate(cells):
        for answer in ("no", "yes" if k < 9 else "partly"):
            Ratings(out).rate(Rating("Ada", "article", cell.key, cell.run, {"same_robot": answer}), RUBRIC)
    table = rated(read_results(out))
    assert table.rows == (("Is it the same robot all along?", "echo:joint", "75% [47%, 91%]", "9", "3", "0"),)
    assert "By Ada." in table.note  # Wilson 1927 for 9 of 12: 0.468 .. 0.911


def test_markdown_keeps_words_in_their_cells() -> None:
    text = to_markdown(Table("T", ("a", "b"), (("x | y", "<script>\nz"),), "n"))
    assert "| x \\| y | &lt;script> z |" in text and text.endswith("n\n")
    assert ("50% from 60%", "388", "519") in power().rows


def test_a_model_that_rates_has_a_table_of_its_own(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for cell in run_suite(suite, out):
        said = Rating("eye (model)", "article", cell.key, cell.run, {"same_robot": "yes"})
        Ratings(out).rate(said, RUBRIC, by_model=True)
    tables = {table.title: table for table in all_tables(read_results(out))}
    assert tables["Rated by people"].rows == () and tables["Rated by models"].rows[0][3] == "12"
    assert "By eye (model)." in tables["Rated by models"].note
    assert ("eye (model)", "same robot", "too few samples (0 rated)") in tables["Judges against people"].rows

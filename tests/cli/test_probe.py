"""``probe`` as it is typed: listed, run, rated, exported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wamviz.probes.ratings import Rating, Ratings
from wamviz.probes.rubric import find_rubric
from wamviz.probes.suite_run import read_cells

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """One probe of a tabletop scene, for a model that needs no weights."""
    probe = {
        "name": "still",
        "context": "tabletop:1000100",
        "reference": {"instruction": "do nothing", "still": True},
        "contenders": ["copy-last-frame:video"],
        "samples": 2,
    }
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "still.json").write_text(json.dumps(probe))
    return folder


def test_a_suite_is_run_rated_and_exported(wamviz, suite, tmp_path):
    out = tmp_path / "out"
    status, text, err = wamviz("probe", "run", suite, "--out", out)
    assert status == 0 and "2 samples, 0 failed" in text, err
    status, _, err = wamviz("probe", "export-ratings", out)
    assert status == 2 and "probe rate" in err
    cell, rubric = read_cells(out)[0], find_rubric()
    Ratings(out).rate(Rating("Ada", rubric.name, cell.key, cell.run, {"same_robot": "yes"}), rubric)
    status, text, err = wamviz("probe", "export-ratings", out, "--out", tmp_path / "tables")
    assert status == 0, err
    assert {Path(line).name for line in text.splitlines()} == {
        "ratings.csv", "ratings.parquet", "votes.csv", "votes.parquet",
    }  # fmt: skip


@pytest.mark.parametrize("words", [["report"], ["report", "a", "b"], ["report", "--compare", "a"]])
def test_a_report_is_of_one_folder_and_a_comparison_of_two(wamviz, words):
    status, _, err = wamviz("probe", *words)
    assert status == 2 and "Write: python -m wamviz probe report" in err


def test_rating_needs_results(wamviz, tmp_path):
    status, _, err = wamviz("probe", "rate", tmp_path)
    assert status == 2 and "There are no results" in err


def test_the_shipped_suites_are_listed(wamviz):
    status, text, _ = wamviz("probe", "list")
    assert status == 0 and "tabletop: 30 probes" in text and "toaster: 1 probes" in text


def test_a_model_is_asked_at_an_address_that_answers(wamviz, suite, tmp_path):
    out = tmp_path / "out"
    assert wamviz("probe", "run", suite, "--out", out)[0] == 0
    status, _, err = wamviz("probe", "ask", out, "--url", "http://127.0.0.1:1/v1", "--model", "eye")
    assert status != 0 and "Connection refused: http://127.0.0.1:1/v1" in err
    status, _, err = wamviz(
        "probe", "ask", out, "--url", "http://127.0.0.1:1/v1", "--model", "eye", "--token-env", "NO"
    )
    assert status == 2 and "NO is not set" in err

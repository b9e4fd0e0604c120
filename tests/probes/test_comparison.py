"""Two runs of one suite are compared on what both have, and what turned is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.probes.conftest import Echo
from wamviz.core.errors import WamvizError
from wamviz.core.plain import dumps
from wamviz.probes import Suite, run_suite
from wamviz.probes.comparison import compare_results, write_comparison
from wamviz.probes.suite_run import CELLS


@pytest.fixture
def two(suite: Suite, echo: Echo, tmp_path: Path) -> tuple[Path, Path]:
    """A run in which nothing was done, and one in which the first probe's samples were."""
    folders = tmp_path / "first", tmp_path / "second"
    for folder in folders:
        cells = list(run_suite(suite, folder))
        with (folder / CELLS).open("a", encoding="utf-8") as file:
            for cell in cells:
                done = float(folder == folders[1] and cell.probe == "one")
                file.write(dumps({**vars(cell), "verdicts": {"done": done, "moves": 0.0}}) + "\n")
    return folders


def test_what_turned_is_named_and_differences_have_intervals(two: tuple[Path, Path]) -> None:
    tables = {table.title: table for table in compare_results(*two)}
    (done,) = (row for row in tables["What changed"].rows if row[1] == "done")
    assert done[:3] == ("echo:joint", "done", "50% [0%, 100%]") and done[3:] == ("2", "no difference told")
    turned = tables["Samples that turned"].rows
    assert len(turned) == 6 and {row[0] for row in turned} == {"won"} and {row[2] for row in turned} == {"one"}
    backwards = {table.title: table for table in compare_results(*two[::-1])}
    assert {row[0] for row in backwards["Samples that turned"].rows} == {"lost"}


def test_it_is_one_file_without_scripts_in_which_words_are_words(two: tuple[Path, Path]) -> None:
    page, words = write_comparison(*two)
    text = page.read_text(encoding="utf-8")
    assert page.parent == two[1] and "<script" not in text and "&lt;script&gt;bow" in text and "http" not in text
    assert words.read_text(encoding="utf-8").startswith("# first and second")


def test_what_has_nothing_in_common_is_refused(two: tuple[Path, Path], suite: Suite, tmp_path: Path) -> None:
    other = Suite("other", (replace(suite.probes[0], name="elsewhere"),))
    list(run_suite(other, tmp_path / "third"))
    with pytest.raises(WamvizError, match="no probe in common"):
        compare_results(two[0], tmp_path / "third")

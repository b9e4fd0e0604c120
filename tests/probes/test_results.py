"""Folders of results are found by name, and a name leads nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.probes.conftest import Echo
from wamviz.core.errors import WamvizError
from wamviz.probes import Prompt, Suite, run_suite
from wamviz.probes.results import ResultsShelf, read_results, use_rubric


def test_results_know_whose_cell_is_what(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    list(run_suite(suite, tmp_path / "out"))
    results = read_results(tmp_path / "out")
    assert results.contenders == ["echo:joint"] and len(results.of("echo:joint", "then")) == 6
    assert {results.instruction(cell) for cell in results.of("echo:joint", "reference")} == {"wave"}
    own = replace(suite.probes[0], extensions=(Prompt("own-1", "bow"),))  # no template is no reference
    assert replace(results, suite=Suite("small", (own,))).kinds["one", "own-1"] == "extension"
    assert len(results.by_key) == 12 and results.store.has(results.cells[0].run)


def test_the_same_questions_go_on_in_the_same_place(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    shelf = ResultsShelf(tmp_path / "probes")
    assert shelf.names() == []
    name, folder = shelf.place(suite)
    assert shelf.place(suite) == (name, folder) and name.startswith("small-")
    more = Suite("small", tuple(replace(probe, samples=9, contenders=()) for probe in suite.probes))
    assert shelf.place(more)[0] == name
    assert shelf.place(Suite("small", (replace(suite.probes[0], context="tabletop:1"), suite.probes[1])))[0] != name
    list(run_suite(suite, folder))
    assert shelf.names() == [name] and shelf.folder(name) == folder


def test_named_folders_come_first_and_keep_apart(suite: Suite, tmp_path: Path) -> None:
    others = [tmp_path / "a" / "My Results", tmp_path / "b" / "my-results"]
    shelf = ResultsShelf(tmp_path / "probes", others)
    assert shelf.names() == ["my-results", "my-results-2"] and shelf.folder("my-results-2") == others[1]
    for name in ("../b", "", "my-result"):
        with pytest.raises(WamvizError, match="Unknown results"):
            shelf.folder(name)


def test_results_may_have_questions_of_their_own(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    list(run_suite(suite, tmp_path / "out"))
    assert read_results(tmp_path / "out").rubric.name == "article"
    mine = tmp_path / "mine.json"
    mine.write_text('{"name": "mine", "questions": [{"key": "spills", "text": "Does it spill?"}]}')
    use_rubric(tmp_path / "out", mine)
    mine.unlink()
    assert read_results(tmp_path / "out").rubric.name == "mine"
    with pytest.raises(WamvizError, match="There is no rubric"):
        use_rubric(tmp_path / "out", mine)

"""The report holds everything in one file, says what failed, and shows words as words."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.probes.conftest import Echo
from wamviz.core.errors import WamvizError
from wamviz.core.plain import dumps
from wamviz.probes import Prompt, Suite, report, run_suite
from wamviz.probes.figure import probe_figure
from wamviz.probes.ratings import Rating, Ratings
from wamviz.probes.report import write_report
from wamviz.probes.results import read_results
from wamviz.probes.rubric import find_rubric
from wamviz.probes.suite_run import CELLS


def test_a_report_is_one_file_without_scripts_or_addresses(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    list(run_suite(suite, tmp_path / "out"))
    page, words, table, *figures = write_report(tmp_path / "out")
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text and "&lt;script&gt;bow" in text
    assert not re.search(r'(?:src|href)="(?!data:|#)', text) and "http" not in text
    assert text.count("data:image/jpeg") == 2 and text.count("data:video/mp4") == 4  # two prompts of two probes
    assert "probe run SUITE --models echo:joint --out DIR" in text and "Reuss 2026" in text
    assert "&quot;context&quot;" in text  # the suite itself
    assert "![one-echo-joint](figures/one-echo-joint.png)" in words.read_text(encoding="utf-8")
    for figure in figures:
        with Image.open(figure) as picture:
            assert round(picture.info["dpi"][0]) == 300
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 12 and {row["moves"] for row in rows} == {"0.0"}


def test_what_failed_stands_in_front(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    probe = replace(suite.probes[0], extensions=(Prompt("broken", "a broken one"),))
    list(run_suite(Suite("small", (probe,)), tmp_path / "out"))
    text = write_report(tmp_path / "out")[0].read_text(encoding="utf-8")
    assert "3 failed" in text and text.index("<h2>Failed</h2>") < text.index('id="one"')


def test_the_figure_lays_context_strips_and_paths_side_by_side(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    list(run_suite(suite, tmp_path / "out"))
    results = read_results(tmp_path / "out")
    figure = probe_figure(results, suite.probes[0], "echo:joint")
    assert figure is not None and figure.shape[1] > 2 * figure.shape[0]  # reference over extension, 6 frames each
    assert probe_figure(results, suite.probes[0], "nobody:joint") is None


def test_what_would_make_the_file_too_large_is_left_out_and_told(
    suite: Suite, echo: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(run_suite(suite, tmp_path / "out"))
    monkeypatch.setattr(report.Media.__init__, "__defaults__", (1000,))
    text = write_report(tmp_path / "out")[0].read_text(encoding="utf-8")
    assert "data:image/jpeg" not in text and "are left out" in text


def test_people_and_what_was_never_done_are_told(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cells = list(run_suite(suite, out))
    with (out / CELLS).open("a", encoding="utf-8") as file:
        for cell in cells[:3]:
            file.write(dumps({**vars(cell), "verdicts": {"done": 0.0}}) + "\n")
    rubric = find_rubric()
    Ratings(out).rate(Rating("Ada", "article", cells[0].key, cells[0].run, {"stopped": "yes"}), rubric)
    page, words, *_ = write_report(out)
    text = page.read_text(encoding="utf-8")
    assert "and by 1 person" in text and "Does it stop when told?" in text
    assert text.index("<h2>Never done</h2>") < text.index("<h2>Judges by rule</h2>")
    assert "100% [21%, 100%]" in words.read_text(encoding="utf-8")


def test_without_results_it_says_how_to_make_some(tmp_path: Path) -> None:
    with pytest.raises(WamvizError, match="probe run SUITE --out DIR"):
        write_report(tmp_path)

"""The report holds everything in one file, says what failed, and shows words as words."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.probes.conftest import Echo
from wamviz.core.errors import WamvizError
from wamviz.probes import Prompt, Suite, run_suite
from wamviz.probes.report import write_report


def test_a_report_is_one_file_without_scripts_or_addresses(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    list(run_suite(suite, tmp_path / "out"))
    page, table = write_report(tmp_path / "out")
    text = page.read_text(encoding="utf-8")
    assert "<script" not in text and "&lt;script&gt;bow" in text
    assert not re.search(r'(?:src|href)="(?!data:|#)', text) and "http" not in text
    assert text.count("data:image/jpeg") == 4  # two prompts of two probes
    assert "probe run small --out DIR --models echo:joint" in text
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 12 and {row["moves"] for row in rows} == {"0.0"}


def test_what_failed_stands_in_front(suite: Suite, echo: Echo, tmp_path: Path) -> None:
    probe = replace(suite.probes[0], extensions=(Prompt("broken", "a broken one"),))
    list(run_suite(Suite("small", (probe,)), tmp_path / "out"))
    text = write_report(tmp_path / "out")[0].read_text(encoding="utf-8")
    assert "3 failed" in text and text.index("<h2>Failed</h2>") < text.index('id="one"')


def test_without_results_it_says_how_to_make_some(tmp_path: Path) -> None:
    with pytest.raises(WamvizError, match="probe run SUITE --out DIR"):
        write_report(tmp_path)

"""The training report: the log's validation rows, drawn."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

from wamviz.training.report import SERIES, validation_rows, write_report


def test_report_draws_every_validation_row(tmp_path):
    """One point a row and series, ordered by time; broken lines and training rows are left out."""
    log = tmp_path / "log.jsonl"
    rows = [
        {"phase": f"{stage} validation", "seconds": s, name: 1 - s / 1000}
        for s in (300, 100, 200)
        for stage, name, *_ in SERIES
    ]
    log.write_text(
        "\n".join([json.dumps({"phase": "painter", "seconds": 1}), *map(json.dumps, rows), '{"phase": "painter valid'])
    )
    assert [row["seconds"] for row in validation_rows(log)] == [100] * 3 + [200] * 3 + [300] * 3
    tree = ElementTree.parse(write_report(log, tmp_path))
    lines = tree.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert [len(line.get("points", "").split()) for line in lines] == [3, 3, 3]
    heights = [float(p.split(",")[1]) for p in lines[0].get("points", "").split()]
    assert heights == sorted(heights)  # a falling error goes down the page, where y grows
    assert json.loads((tmp_path / "curves.json").read_text()) == validation_rows(log)


def test_a_run_without_validations_has_an_empty_picture(tmp_path):
    """Nothing was measured: the axes are there, no line is."""
    tree = ElementTree.parse(write_report(tmp_path / "nothing.jsonl", tmp_path))
    assert all(not line.get("points") for line in tree.findall(".//{http://www.w3.org/2000/svg}polyline"))

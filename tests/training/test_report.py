"""The training report: the log's validation rows, drawn."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

from wamviz.training.report import validation_rows, write_report


def test_report_draws_every_validation_row(tmp_path):
    """One point a row and series, ordered by time; broken lines and training rows are left out."""
    log = tmp_path / "log.jsonl"
    figures = {"forward": 0.4, "action": 0.5}
    rows = [{"phase": "wam validation", "seconds": s, "video": 1 - s / 1000, **figures} for s in (300, 100, 200)]
    log.write_text(
        "\n".join([json.dumps({"phase": "wam", "seconds": 1}), *map(json.dumps, rows), '{"phase": "wam valid'])
    )
    assert [row["seconds"] for row in validation_rows(log)] == [100, 200, 300]
    tree = ElementTree.parse(write_report(log, tmp_path))
    lines = tree.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert [len(line.get("points", "").split()) for line in lines] == [3, 3, 3]
    heights = [float(p.split(",")[1]) for p in lines[0].get("points", "").split()]
    assert heights == sorted(heights)  # a falling error goes down the page, where y grows

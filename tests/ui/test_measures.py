"""The table of metrics: what matters first, the rest on request, every number explained."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wamviz.compare import METRIC_NOTES
from wamviz.store import read_run
from wamviz.ui.measures import MEASURES, table
from wamviz.ui.shelf import EXAMPLE


@pytest.fixture(scope="module")
def nodes() -> list[Any]:
    return table(read_run(EXAMPLE))


def test_every_measure_is_explained():
    """A number without a line that says what it means is not shown."""
    assert all(measure.key in METRIC_NOTES for measure in MEASURES)
    assert len({(measure.part, measure.key) for measure in MEASURES}) == len(MEASURES)


def test_what_matters_stands_open_and_the_rest_is_folded(nodes):
    """Each measure that the example has is in exactly one of the two tables."""
    tags = [node[0] for node in nodes]
    assert tags[:2] == ["table", "details"]
    shown, folded = (json.dumps(node, ensure_ascii=False) for node in nodes[:2])
    for measure in MEASURES:
        title = json.dumps(measure.title, ensure_ascii=False)
        assert (title in shown, title in folded) == (not measure.further, measure.further), measure


def test_better_and_worse_are_said_in_words(nodes):
    """The example beats copying the last frame, and the cell says by how much."""
    rows = nodes[0][-1][2:]
    first = next(row for row in rows if "PSNR" in json.dumps(row))
    assert first[-1][1]["class"] == "wz-better" and first[-1][2].endswith("dB better")

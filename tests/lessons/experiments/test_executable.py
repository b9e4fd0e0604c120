"""Executable: what is worst is named when it can be told."""

from __future__ import annotations

import pytest

from wamviz.lessons import Finding, Lab, all_experiments
from wamviz.lessons.experiments.executable import worst


def test_the_worst_is_named_when_it_can_be_told() -> None:
    shares = {"sharp": [70.0] * 6, "arm": [90.0] * 6, "objects": [100.0], "works": [0.0] * 6}
    assert worst(shares) == "works"
    assert worst({**shares, "works": [0.0, 100.0] * 3}) == ""
    assert worst({"sharp": [], "arm": [], "objects": [], "works": [0.0] * 6}) == ""


@pytest.mark.slow
def test_the_shown_run_was_executed_and_measured() -> None:
    values = {"scenes": 2, "task": "composed", "steps": "2"}
    (found,) = [one for one in all_experiments()["executable"].run(values, Lab()) if isinstance(one, Finding)]
    assert found.run is not None and found.run.executed is not None and found.run.steps == 2
    assert found.run.instruction.endswith("then press the toaster lever")
    assert found.run.metrics["execution"] is not None

"""Physics and picture are judged apart: a success that the video does not show is not shown as one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.ui.test_stage_values import rollout, run
from wamviz.ui import run_view
from wamviz.ui.agreement import agreement
from wamviz.ui.stage import stage_value

GOOD = {"sharpness": 0.8, "arm_iou": 0.9, "copy_arm_iou": 0.4, "objects_moved": 1.0, "objects": 1}


def executed(success: bool | None = True, **picture: Any) -> Any:
    done = rollout("executed", success=success)
    return run(executed=done, metrics={"picture": {**GOOD, **picture}} if picture.get("known", True) else {})


@pytest.mark.parametrize(
    ("picture", "kind", "words"),
    [
        ({}, "good", "agrees with the simulator: the moved object is shown where the simulator has it"),
        ({"objects_moved": 0.0}, "warm", "in part: the moved object is not shown where the simulator has it"),
        ({"objects": 3, "objects_moved": 2 / 3}, "warm", "2 of 3 moved objects are shown"),
        ({"arm_iou": 0.5, "objects_moved": 0.0, "sharpness": 0.1}, "warm", "does not agree with the simulator"),
        ({"objects": 0, "objects_moved": None}, "good", "the simulator's by 90% (40% if nothing moved)"),
        ({"arm_iou": None, "objects_moved": None}, "idle", "measured in part: what moves is 80% as sharp"),
        ({"known": False}, "idle", "was not measured"),
    ],
)
def test_the_picture_is_judged_by_what_it_shows(picture: dict[str, Any], kind: str, words: str) -> None:
    found = agreement(executed(**picture))
    assert found.kind == kind and words in f"{found.sentence} {found.detail}"


def test_physics_and_picture_stand_beside_each_other() -> None:
    text = json.dumps(run_view.verdict(executed(objects_moved=0.0)))
    assert "In the simulator the task succeeded." in text and "agrees with the simulator in part" in text
    assert "In the simulator the task failed." in json.dumps(run_view.verdict(executed(success=False)))
    assert run_view.verdict(run()) == []


def test_the_status_after_acting_out_is_green_only_where_the_video_shows_it() -> None:
    assert "wz-good" in json.dumps(run_view.executed(executed()))
    assert "wz-good" not in json.dumps(run_view.executed(executed(objects_moved=0.0)))
    assert "wz-good" not in json.dumps(run_view.executed(executed(success=False)))


def test_the_executed_pane_speaks_of_the_task() -> None:
    panes = stage_value(executed(success=False), str).panes
    assert panes["executed"].verdict == "task failed"

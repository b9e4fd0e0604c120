"""What the page's buttons start: runs that are kept, the same as the command line's, or a sentence."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from wamviz.models import registry
from wamviz.models.baselines import HOLD_STILL
from wamviz.runs.closed_loop import LoopStep, run_closed_loop
from wamviz.runs.store import Run, Store
from wamviz.ui.jobs import Switch
from wamviz.ui.pages.drive import asks
from wamviz.ui.pages.drive.scene_card import scene_card
from wamviz.ui.run_repository import RunRepository

SCENE = 2_000_100


@pytest.fixture
def repository(tmp_path):
    return RunRepository(Store(tmp_path / "runs"), tmp_path / "none")


def words(nodes) -> str:
    return json.dumps(nodes, ensure_ascii=False)


def test_the_job_is_the_command_lines_closed_loop() -> None:
    """The same scene, mode and seed: the same actions and pictures to the bit, by whichever way."""
    model = registry.load("mini-wam", "auto")
    plain = run_closed_loop(model, SCENE, None, "joint", limit=10)
    *steps, run = asks.loop_on_card(
        "mini-wam", "joint", Switch(), seed=SCENE, instruction="", execute=8, sampling_seed=0, limit=10
    )
    assert isinstance(run, Run) and run.executed is not None
    assert np.array_equal(run.executed.actions, plain.executed.actions)
    assert np.array_equal(run.executed.frames, plain.executed.frames)
    assert np.array_equal(run.imagined[0].frames, plain.imagined.frames)
    assert [step.taken for step in steps if isinstance(step, LoopStep) and step.doing == "imagining"] == [0, 8]


def test_a_model_that_drives_ends_as_a_kept_run(repository, monkeypatch) -> None:
    loop = asks.loop_on_card
    monkeypatch.setattr(asks, "loop_on_card", lambda *args, **options: loop(*args, **options, limit=3))
    question = asks.Question(SCENE, "push the toaster lever", HOLD_STILL.model_id, "joint", 2, 0)
    parts = list(asks.drive_model(question, repository, Switch(), None, "light"))
    kept = repository.load(parts[-1]["run"])
    assert kept.executed is not None and kept.executed.success is False and len(kept.executed.actions) == 3
    assert "Not done in 0.6 s and 2 looks" in words(parts[-1]["status"])
    assert "at most" in words(parts[3]["status"]) and "stage" in parts[-1]
    assert len(asks.loop_report(kept)) == 3  # words, a row a look, a note


def test_a_stopped_drive_keeps_nothing(repository) -> None:
    switch = Switch()
    parts = []
    question = asks.Question(SCENE, "", HOLD_STILL.model_id, "joint", 2, 0)
    for told in asks.drive_model(question, repository, switch, None, "light"):
        parts.append(told)
        switch.turn_off()
    assert "nothing was kept" in words(parts[-1 if "status" in parts[-1] else -2]) and not repository.list()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({0: None}, "seed of the scene is missing"),
        ({0: 1.5}, "whole number"),
        ({2: "nobody"}, "Unknown model"),
        ({3: "video"}, "does not give actions"),
        ({4: 0}, "at least one action"),
    ],
)
def test_what_cannot_be_driven_is_said(repository, change, why) -> None:
    question = [SCENE, "", HOLD_STILL.model_id, "joint", 2, 0]
    for place, value in change.items():
        question[place] = value
    parts = list(asks.drive_model(asks.Question(*question), repository, Switch(), None, "light"))
    told = words(parts[-1] if "status" in parts[-1] else parts[-2])
    assert why in told or "has no mode" in told or "Unknown mode" in told


@pytest.mark.parametrize("drawn", ["", "{", "[1]", '{"model": "hold-still", "actions": []}', '{"model": "nobody"}'])
def test_what_is_no_drawing_is_said(repository, drawn) -> None:
    parts = list(asks.drive_path(drawn, lambda _: pytest.fail("asked"), repository, Switch(), None, "light"))
    assert "wz-bad" in words(parts[-1]["status"])


def test_the_hands_way_is_held_against_the_drawn_one() -> None:
    states = np.zeros((3, 14))
    states[:, 0] = [0.4, 0.45, 0.5]
    states[1, 1] = 0.01
    run = SimpleNamespace(executed=SimpleNamespace(states=states))
    assert "within 1.0 cm" in words(asks.path_report(run, [[0.51, 0, 0, 0]]))
    assert "ended 1.0 cm" in words(asks.path_report(run, [[0.51, 0, 0, 0]]))
    assert asks.path_report(run, []) == []


def test_a_scene_is_shown_with_its_tasks() -> None:
    told = words(scene_card(SCENE))
    assert "pick up the green block" in told and "data:image/jpeg" in told
    assert "whole number" in words(scene_card(0.5)) and "missing" in words(scene_card(None))

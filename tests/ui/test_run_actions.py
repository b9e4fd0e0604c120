"""What the main page's handlers yield, without a browser."""

from __future__ import annotations

import pytest

from wamviz.core.errors import WamvizError
from wamviz.datasets import shipped
from wamviz.runs.store import Store
from wamviz.ui import run_actions
from wamviz.ui.jobs import Switch
from wamviz.ui.run_repository import RunRepository
from wamviz.ui.scenes import Scenes


def test_asked_again_a_run_is_shown_with_its_execution(tmp_path):
    """The same question is the same run: what physics made of it stays in every part of the page."""
    try:
        scenes = Scenes(shipped())
    except WamvizError as error:
        pytest.skip(str(error))
    repository = RunRepository(Store(tmp_path / "runs"), tmp_path / "no-example")
    scene = scenes.world(1000100)
    form = dict(instruction="wait", model="hold-still", mode="act_only", seed=0, samples=1, steps=1)
    *_, first = run_actions.imagine(scene, 0, form, scenes, repository, Switch(), None, "light")
    assert first["stage"].panes["executed"].samples == () and first["verdict"] == []
    *_, executed = run_actions.execute(first["run"], repository, Switch(), "light")
    *_, again = run_actions.imagine(scene, 0, form, scenes, repository, Switch(), first["run"], "light")
    assert again["run"] == first["run"]
    assert again["stage"].panes["executed"] == executed["stage"].panes["executed"]
    assert again["verdict"] == executed["verdict"] and again["verdict"] != []

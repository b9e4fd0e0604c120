"""The whole recipe, tiny: it stops at its limit, goes on, and leaves weights that imagine."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from wamviz.errors import WamvizError
from wamviz.models.mini.entry import capabilities
from wamviz.models.mini.wam import MiniWAM
from wamviz.models.protocol import collect
from wamviz.rollout import ImagineRequest, Observation
from wamviz.training.__main__ import main
from wamviz.training.budget import OutOfTime
from wamviz.training.pipeline import PRESETS, Recipe, run

MINUTES = {f"{stage}_minutes": 0.01 for stage in ("vae", "sight", "video", "wam")}
SIZE = {"width": 48, "action_width": 32, "heads": 3, "layers": 2}


@pytest.mark.slow
def test_a_stopped_recipe_goes_on_and_its_weights_imagine(tmp_path):
    """From nothing to a pipeline folder with curves, samples and statistics; the limit only interrupts it."""
    recipe = Recipe(
        tmp_path / "work", tmp_path / "out", episodes=2, held_out=1, batch=2, size=SIZE, workers=1, device="cpu",
        graded=0, limit=0.001, **MINUTES,
    )  # fmt: skip
    with pytest.raises(OutOfTime):
        run(recipe)
    assert not recipe.out.exists()
    folder = run(replace(recipe, limit=None))
    assert {"curves.svg", "curves.json", "samples.png", "familiar.safetensors", "training.json"} <= {
        path.name for path in folder.iterdir()
    }
    assert len(json.loads((folder / "curves.json").read_text())) >= 1
    stamp = (recipe.work / "wam" / "training.safetensors").stat().st_mtime_ns
    model = MiniWAM(folder, capabilities(), "cpu")
    context = Observation({"exterior": np.zeros((64, 64, 3), np.uint8)}, "pick up the orange", np.zeros(14, np.float32))
    (rollout,) = collect(model, ImagineRequest(context)).rollouts
    assert rollout.frames.shape == (17, 128, 128, 3) and rollout.actions.shape == (16, 7)
    assert run(replace(recipe, limit=None)) == folder  # nothing left to do but to write it again
    assert (recipe.work / "wam" / "training.safetensors").stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"episodes": 0}, "at least one episode"), ({"wam_minutes": 0}, "above 0"), ({"limit": 0}, "--limit")],
)
def test_bad_recipes_are_refused(tmp_path, wrong, says):
    """Budgets and counts are checked before anything is recorded."""
    with pytest.raises(WamvizError) as caught:
        Recipe(tmp_path, tmp_path, **wrong)
    assert says in str(caught.value)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_recipes(tmp_path, preset):
    """Every preset is a valid recipe of stages that leave a place for one another."""
    recipe = Recipe(tmp_path, tmp_path, **PRESETS[preset])
    assert recipe.wam_minutes > recipe.video_minutes > 0


def test_the_command_line_teaches(capsys):
    """An unknown preset names the nearest one; exit status 2."""
    assert main(["--preset", "gpus"]) == 2
    assert "gpu" in capsys.readouterr().err


def test_the_command_line_says_that_it_goes_on(monkeypatch, capsys):
    """At the limit the exit status is that of "try again", and the words say so."""

    def stop(recipe: Recipe) -> None:
        assert recipe.limit == 1.5 and recipe.batch == PRESETS["gpu"]["batch"] and recipe.episodes == 12
        raise OutOfTime

    monkeypatch.setattr("wamviz.training.__main__.run", stop)
    assert main(["--preset", "gpu", "--limit", "1.5", "--episodes", "12"]) == 75
    assert "goes on" in capsys.readouterr().err

"""The whole recipe, tiny: it stops at its limit, goes on, and leaves weights that imagine."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.training.conftest import MINUTES
from wamviz.core.rollout import ImagineRequest, Observation
from wamviz.models.mini.entry import capabilities
from wamviz.models.mini.wam import MiniWAM
from wamviz.models.protocol import collect
from wamviz.training.budget import OutOfTime
from wamviz.training.pipeline import run
from wamviz.training.recipe import Recipe


@pytest.mark.slow
def test_a_stopped_recipe_goes_on_and_its_weights_imagine(tmp_path, small_parts):
    """From nothing to a pipeline folder with curves, samples and statistics; the limit only interrupts it."""
    recipe = Recipe(
        tmp_path / "work", tmp_path / "out", episodes=2, moves=1, held_out=2, views=4, batch=4, pictures=2, workers=2,
        recoveries=2, device="cpu", graded=0, limit=0.001, **MINUTES,
    )  # fmt: skip
    with pytest.raises(OutOfTime):
        run(recipe)
    assert not recipe.out.exists()
    folder = run(replace(recipe, limit=None))
    names = {path.name for path in folder.iterdir()}
    assert {"curves.svg", "curves.json", "samples.png", "familiar.safetensors", "training.json"} <= names
    assert not (tmp_path / "out.tmp").exists() and not list(folder.rglob("*.bin"))
    assert {row["phase"] for row in json.loads((folder / "curves.json").read_text())} == {
        f"{part} validation" for part in ("painter", "detector", "denoiser")
    }
    told = json.loads((folder / "training.json").read_text())
    assert told["episodes"] == 2 and told["moves"] == 1
    config = json.loads((folder / "transformer" / "config.json").read_text())
    assert len(config["camera"]) == 12 and "_name_or_path" not in config
    stamps = [(recipe.work / f"{part}.safetensors").stat().st_mtime_ns for part in ("painter", "detector", "denoiser")]
    model = MiniWAM(folder, capabilities(), "cpu")
    context = Observation({"exterior": np.zeros((64, 64, 3), np.uint8)}, "pick up the orange")
    (rollout,) = collect(model, ImagineRequest(context, horizon=3, steps=2)).rollouts
    assert rollout.frames.shape == (4, 256, 256, 3) and rollout.actions.shape == (3, 7)
    assert model.ood_score(context.frame) > 1  # a black picture
    assert run(replace(recipe, limit=None)) == folder  # nothing left to do but to write it again
    assert stamps == [
        (recipe.work / f"{part}.safetensors").stat().st_mtime_ns for part in ("painter", "detector", "denoiser")
    ]

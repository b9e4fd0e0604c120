"""The whole recipe, tiny: it stops at its limit, goes on, and leaves weights that imagine."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ImagineRequest, Observation
from wamviz.models.mini.detector import MiniDetector
from wamviz.models.mini.entry import capabilities
from wamviz.models.mini.painter import MiniPainter
from wamviz.models.mini.wam import MiniWAM
from wamviz.models.protocol import collect
from wamviz.training import pipeline as module
from wamviz.training.__main__ import OPTIONS, main
from wamviz.training.body import sample_body
from wamviz.training.budget import OutOfTime
from wamviz.training.pipeline import PRESETS, Recipe, run

MINUTES = {f"{part}_minutes": 0.01 for part in ("painter", "detector", "denoiser", "recovery")}


def small_painter(seed: int) -> MiniPainter:
    torch.manual_seed(seed)
    body = sample_body(0.02)
    painter = MiniPainter(widths=(8, 8, 16), counts=list(body.counts))
    for name in ("points", "normals", "albedo"):
        getattr(painter, name).copy_(getattr(body, name))
    return painter


def small_detector(data, seed: int) -> MiniDetector:
    torch.manual_seed(seed)
    return MiniDetector(image_size=64, widths=(8, 8, 16), height_mean=[0.05] * 8)


@pytest.mark.slow
def test_a_stopped_recipe_goes_on_and_its_weights_imagine(tmp_path, monkeypatch):
    """From nothing to a pipeline folder with curves, samples and statistics; the limit only interrupts it."""
    monkeypatch.setattr(module, "start_painter", small_painter)
    monkeypatch.setattr(module, "start_detector", small_detector)
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
    assert model.unfamiliarity(context.frame) > 1  # a black picture
    assert run(replace(recipe, limit=None)) == folder  # nothing left to do but to write it again
    assert stamps == [
        (recipe.work / f"{part}.safetensors").stat().st_mtime_ns for part in ("painter", "detector", "denoiser")
    ]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"episodes": 0}, "at least one episode"),
        ({"moves": 0}, "at least one episode"),
        ({"denoiser_minutes": 0}, "above 0"),
        ({"limit": 0}, "--limit"),
    ],
)
def test_bad_recipes_are_refused(tmp_path, wrong, says):
    """Budgets and counts are checked before anything is recorded."""
    with pytest.raises(WamvizError) as caught:
        Recipe(tmp_path, tmp_path, **wrong)
    assert says in str(caught.value)


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_recipes(tmp_path, preset):
    """Every preset is a valid recipe that leaves every part some time."""
    recipe = Recipe(tmp_path, tmp_path, **PRESETS[preset])
    assert min(recipe.painter_minutes, recipe.detector_minutes, recipe.denoiser_minutes) > 0


def test_every_choice_of_a_recipe_has_an_option():
    """What a recipe can be told, the command line can tell it, in the same type."""
    choices = {field.name: field for field in fields(Recipe) if field.name not in ("work", "out")}
    assert set(OPTIONS) == set(choices)
    for name, (kind, _) in OPTIONS.items():
        assert kind.__name__ in str(choices[name].type), name


def test_the_painter_starts_with_the_robots_body(monkeypatch):
    """Fresh weights know the whole surface, and the same seed starts the same."""
    monkeypatch.setattr(module, "sample_body", lambda: sample_body(0.03))
    painter, again = module.start_painter(0), module.start_painter(0)
    assert torch.equal(painter.points, sample_body(0.03).points) and sum(painter.config.counts) == len(painter.points)
    for one, other in zip(painter.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


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

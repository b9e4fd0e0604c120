"""``python -m wamviz.training``."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest

from wamviz.training.__main__ import OPTIONS, main
from wamviz.training.budget import OutOfTime
from wamviz.training.recipe import PRESETS, Recipe


def test_every_choice_of_a_recipe_has_an_option():
    """What a recipe can be told, the command line can tell it, in the same type."""
    choices = {field.name: field for field in fields(Recipe) if field.name not in ("work", "out")}
    assert set(OPTIONS) == set(choices)
    for name, (kind, _) in OPTIONS.items():
        assert kind.__name__ in str(choices[name].type), name


def test_the_command_line_teaches(capsys):
    """An unknown preset names the nearest one; exit status 2."""
    assert main(["--preset", "gpus"]) == 2
    assert "gpu" in capsys.readouterr().err


def test_the_command_line_says_that_it_goes_on(monkeypatch, capsys):
    """At the limit the exit status is that of "try again", and the words say so."""

    def stop(recipe: Recipe) -> None:
        assert recipe.limit == 1.5 and recipe.batch == PRESETS["gpu"]["batch"] and recipe.episodes == 12
        raise OutOfTime

    monkeypatch.setattr("wamviz.training.pipeline.run", stop)
    assert main(["--preset", "gpu", "--limit", "1.5", "--episodes", "12"]) == 75
    assert "goes on" in capsys.readouterr().err


def test_switches_and_folders_reach_the_recipe(monkeypatch, tmp_path, capsys):
    """Overlap can be had without the preset, and turned off with it; the archive's folder is a path."""
    seen = []

    def run(recipe: Recipe):
        seen.append(recipe)
        return recipe.out

    monkeypatch.setattr("wamviz.training.pipeline.run", run)
    assert main(["--overlap", "--parts", str(tmp_path)]) == 0 == main(["--preset", "gpu", "--no-overlap"])
    assert [recipe.overlap for recipe in seen] == [True, False] and seen[0].parts == tmp_path
    assert seen[0].episodes == Recipe(tmp_path, tmp_path).episodes
    assert capsys.readouterr().out.splitlines() == [f"mini-WAM: {recipe.out}" for recipe in seen]


@pytest.mark.slow
def test_training_needs_neither_the_page_nor_videos():
    """A machine that trains has what requirements-training.txt names beside PyTorch and transformers."""
    others = ("av", "gradio", "plotly", "websockets", "ftfy", "google_crc32c")
    code = f"""
import sys
sys.modules.update(dict.fromkeys({others}))
import wamviz.training.pipeline, wamviz.training.recoveries, wamviz.models.mini.pipeline, wamviz.worlds.tabletop
"""
    subprocess.run([sys.executable, "-c", code], check=True)

"""What a training run may be told."""

from __future__ import annotations

import pytest

from wamviz.core.errors import WamvizError
from wamviz.training.recipe import PRESETS, Recipe


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"episodes": 0}, "at least one episode"),
        ({"moves": 0}, "at least one episode"),
        ({"denoiser_minutes": 0}, "above 0"),
        ({"limit": 0}, "--limit"),
        ({"recoveries": -1}, "--recoveries 0"),
        ({"recovery_minutes": 0}, "--recoveries 0"),
        ({"workers": 0}, "not 0"),
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


def test_the_gpu_preset_fits_its_limit(tmp_path):
    """With a minute for the first shards and one for export, and within ten minutes."""
    recipe = Recipe(tmp_path, tmp_path, **PRESETS["gpu"])
    stages = (recipe.painter_minutes, recipe.detector_minutes, recipe.denoiser_minutes, recipe.recovery_minutes)
    assert recipe.overlap and not recipe.graded and recipe.limit is not None
    assert sum(stages) + 2 <= recipe.limit < 10


def test_the_cpu_preset_is_repeatable(tmp_path):
    """Everything is recorded before anything learns, and nothing is cut short."""
    recipe = Recipe(tmp_path, tmp_path, **PRESETS["cpu"])
    assert not recipe.overlap and recipe.limit is None

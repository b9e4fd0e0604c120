"""Normalised numbers to physical ones and back, from the files that people have."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from wamviz.core.errors import WamvizError
from wamviz.models.diffusion.statistics import Statistics, read

TABLE = {"min": [-1.0, 0.0], "max": [3.0, 0.0], "mean": [1.0, 5.0], "std": [2.0, 0.5], "q01": [0.0, 0.0],
         "q99": [1.0, 2.0]}  # fmt: skip


@given(st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=2))
def test_there_and_back(values):
    """What is made physical and back is what it was."""
    table = Statistics(np.float32([0.5, -2]), np.float32([0.25, 3]))
    model = np.float32(values)
    assert np.allclose(table.model(table.physical(model)), model, atol=1e-6)


@pytest.mark.parametrize(("normalised", "physical"), [("minmax", [3, 0]), ("quantiles", [1, 2]), ("meanstd", [3, 5.5])])
@pytest.mark.parametrize("form", ["lerobot", "bare", "safetensors"])
def test_files_and_formulas(tmp_path, normalised, physical, form):
    """1 is the upper end, or one deviation above the mean, in each of the three forms of file."""
    file = tmp_path / ("stats.safetensors" if form == "safetensors" else "stats.json")
    if form == "safetensors":
        save_file({f"action.{name}": np.float32(row) for name, row in TABLE.items()}, file)
    else:
        file.write_text(json.dumps({"action": TABLE} if form == "lerobot" else TABLE))
    table = read(str(file), normalised, 2)
    assert np.allclose(table.physical(np.ones(2, np.float32)), physical)


def test_a_number_that_never_changed_is_zero_to_the_model(tmp_path):
    file = tmp_path / "stats.json"
    file.write_text(json.dumps(TABLE))
    table = read(str(file), "minmax", 2)
    assert (table.model(np.float32([[3, 9]])) == [[1, 0]]).all()


@pytest.mark.parametrize(
    ("text", "normalised", "why"),
    [
        ("{", "minmax", "cannot be read as statistics"),
        ("[]", "minmax", "holds no statistics"),
        ('{"mean": [0, 0], "std": [1, 1]}', "minmax", "no 'min'.*normalised=meanstd"),
        ('{"min": [0], "max": [1]}', "minmax", "are of 1 numbers; these actions have 2"),
        ('{"min": ["a", 0], "max": [1, 1]}', "minmax", "no lists of numbers"),
        ('{"min": [NaN, 0], "max": [1, 1]}', "minmax", "not finite"),
    ],
)
def test_files_that_do_not_fit_are_refused_in_words(tmp_path, text, normalised, why):
    file = tmp_path / "stats.json"
    file.write_text(text)
    with pytest.raises(WamvizError, match=why):
        read(str(file), normalised, 2)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(WamvizError, match="There is no file .*--set statistics=FILE"):
        read(str(tmp_path / "none.json"), "minmax", 2)

"""Actions as a CSV file: what is written is read back, and the example is legal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wamviz.core.action_spaces import BRIDGE, DROID_JOINTS, OSC_POSE, TABLETOP_ACTIONS
from wamviz.core.rollout import ActionSpace
from wamviz.runs.actions_file import actions_csv, describe_columns, example_actions
from wamviz.runs.conditioning import read_actions

SPACES = [TABLETOP_ACTIONS, OSC_POSE, BRIDGE, DROID_JOINTS]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: f"{space.kind} {space.names[0]}")
def test_the_example_comes_back_to_the_bit(space: ActionSpace, tmp_path: Path) -> None:
    file = tmp_path / "example.csv"
    example = example_actions(space)
    file.write_text(actions_csv(example, space), encoding="utf-8")
    assert np.array_equal(read_actions(file, space), example)
    assert np.array_equal(space.clip(example), example)
    assert len(describe_columns(space)) == space.dim


def test_any_numbers_come_back_to_the_bit(tmp_path: Path) -> None:
    file = tmp_path / "actions.csv"
    actions = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
    file.write_text(actions_csv(actions, TABLETOP_ACTIONS), encoding="utf-8")
    assert np.array_equal(read_actions(file, TABLETOP_ACTIONS), actions)


def test_the_example_goes_down_closes_and_comes_up() -> None:
    example = example_actions(TABLETOP_ACTIONS)
    closes = int(example[:, 6].argmax())
    assert example[:closes, 2].sum() < 0 < example[closes:, 2].sum()

"""Distances of paths, in centimetres."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.lessons.paths import gap, walked


def test_steps_add_up_and_a_shift_is_its_length() -> None:
    steps = np.zeros((4, 7), np.float32)
    steps[:, 0] = 0.01
    path = walked(steps)
    assert path.shape == (5, 3) and path[-1, 0] == pytest.approx(0.04)
    assert gap(path, path) == 0
    assert gap(path, path + np.array([0, 0.02, 0])) == pytest.approx(2.0)
    assert gap(path, 0 * path) == pytest.approx(2.5)

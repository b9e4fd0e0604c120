"""Turns chain as matrices do."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wamviz.core.rotation import compose, matrix, vector

turns = st.lists(st.floats(-1.8, 1.8), min_size=3, max_size=3).map(np.array)


@given(turns)
def test_a_matrix_is_a_rotation_and_comes_back(turn):
    rotation = matrix(turn)
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.isclose(np.linalg.det(rotation), 1)
    assert np.allclose(matrix(vector(rotation)), rotation, atol=1e-6)


@given(turns, turns)
def test_the_later_turn_is_multiplied_from_the_left(first, second):
    assert np.allclose(matrix(compose(np.stack([first, second]))), matrix(second) @ matrix(first), atol=1e-6)


def test_half_a_turn_keeps_its_axis():
    for axis in np.eye(3):
        assert np.allclose(np.abs(vector(matrix(axis * np.pi))), axis * np.pi, atol=1e-6)

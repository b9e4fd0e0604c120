"""Warping: symmetric, blind to pace, and never worse than no warping."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wamviz.core.errors import WamvizError
from wamviz.metrics.timing import warp

numbers = st.floats(-10, 10, width=32)
sequences = arrays(np.float64, st.tuples(st.integers(1, 9), st.just(2)), elements=numbers)


def summed(a: np.ndarray, b: np.ndarray, path: np.ndarray) -> float:
    return float(np.abs(a[path[:, 0]] - b[path[:, 1]]).mean(-1).sum())


def by_the_book(a: np.ndarray, b: np.ndarray) -> float:
    """Sakoe & Chiba's recursion, cell by cell."""
    total = np.full((len(a) + 1, len(b) + 1), np.inf)
    total[0, 0] = 0
    for i in range(len(a)):
        for j in range(len(b)):
            apart = np.abs(a[i] - b[j]).mean()
            total[i + 1, j + 1] = apart + min(total[i, j + 1], total[i + 1, j], total[i, j])
    return float(total[-1, -1])


@given(sequences, sequences)
def test_the_path_is_the_best_one(a, b):
    """Its summed distance is the recursion's; it goes from corner to corner in steps of at most one."""
    path = warp(a, b).path
    assert summed(a, b, path) == pytest.approx(by_the_book(a, b), abs=1e-9)
    assert path[0].tolist() == [0, 0] and path[-1].tolist() == [len(a) - 1, len(b) - 1]
    steps = np.diff(path, axis=0)
    assert ((steps >= 0) & (steps <= 1)).all() and (steps.sum(1) >= 1).all()


@given(sequences, sequences)
def test_it_is_symmetric(a, b):
    assert summed(a, b, warp(a, b).path) == pytest.approx(summed(b, a, warp(b, a).path), abs=1e-9)


@given(sequences, st.integers(1, 4))
def test_pace_costs_nothing(a, times):
    assert warp(np.repeat(a, times, axis=0), a).cost == 0
    assert warp(a, a).shift == 0


@pytest.mark.parametrize(
    ("a", "b"), [(np.zeros((0, 2)), np.zeros((3, 2))), (np.zeros((3, 1)), np.zeros((3, 2))), (np.zeros(3), np.zeros(3))]
)
def test_what_cannot_be_aligned_is_refused(a, b):
    with pytest.raises(WamvizError, match="cannot be aligned"):
        warp(a, b)


def test_cost_and_shift_are_means_over_the_aligned_pairs():
    """By hand: four moments on two, and two moments on one in two dimensions."""
    found = warp(np.array([[0.0], [0], [1], [1]]), np.array([[0.0], [1]]))
    assert found.path.tolist() == [[0, 0], [1, 0], [2, 1], [3, 1]] and (found.cost, found.shift) == (0, 1)
    found = warp(np.array([[0.0, 0.0], [2.0, 4.0]]), np.array([[1.0, 1.0]]))
    assert found.path.tolist() == [[0, 0], [1, 0]] and (found.cost, found.shift) == (1.5, 0.5)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_of_equally_good_alignments_the_shortest_is_taken(count):
    still = np.zeros((count, 2))
    assert warp(still, still).path.tolist() == [[i, i] for i in range(count)]


def test_integers_are_compared_as_numbers():
    """Differences of unsigned integers would wrap around."""
    a, b = np.array([[0], [200]], np.uint8), np.array([[100]], np.uint8)
    assert warp(a, b).cost == 100


def test_a_refusal_names_both_shapes():
    with pytest.raises(WamvizError) as error:
        warp(np.zeros((3, 1)), np.zeros((4, 2)))
    assert str(error.value) == "Sequences of shapes (3, 1) and (4, 2) cannot be aligned."
    for a, b in ((np.zeros((2, 2)), np.zeros((0, 2))), (np.zeros((2, 2)), np.zeros((2, 2, 2)))):
        with pytest.raises(WamvizError, match="cannot be aligned"):
            warp(a, b)

"""Rotations chain as matrices do, and mean what the field's names mean."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamviz.core.camera import TURNS
from wamviz.core.errors import WamvizError
from wamviz.core.rotation import compose, orientation, rotation_matrix, rotation_vector, wrap_angle, yaw_of

vectors = st.lists(st.floats(-1.8, 1.8), min_size=3, max_size=3).map(np.array)
angles = st.floats(-math.pi, math.pi)
QUARTER = math.sqrt(0.5)


def about_axis(axis: int, angle: float) -> np.ndarray:
    """The textbook's matrix of a rotation about one axis."""
    c, s = math.cos(angle), math.sin(angle)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[i, i], matrix[i, j], matrix[j, i], matrix[j, j] = c, -s, s, c
    return matrix


@given(vectors)
def test_a_matrix_is_a_rotation_and_comes_back(vector):
    rotation = rotation_matrix(vector)
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.isclose(np.linalg.det(rotation), 1)
    assert np.allclose(rotation_matrix(rotation_vector(rotation)), rotation, atol=1e-6)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("angle", [-2.0, -0.3, 1e-9, 1e-3, 0.7, 3.0])
def test_a_rotation_about_one_axis_is_the_textbooks(axis, angle):
    vector = np.eye(3)[axis] * angle
    assert np.allclose(rotation_matrix(vector), about_axis(axis, angle), atol=1e-12)
    assert np.allclose(rotation_vector(about_axis(axis, angle)), vector, atol=1e-9)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-7, 1e-4, 1.0, 3.0, np.pi - 1e-7, np.pi])
@pytest.mark.parametrize("axis", [(0, 0, 1), (1, 0, 0), (0.6, -0.8, 0), (-0.6, 0.8, 0), (3**-0.5,) * 3])
def test_vectors_come_back_up_to_half_a_turn(angle, axis):
    """At exactly half a turn the sign of the axis is free."""
    matrix = rotation_matrix(np.array(axis) * angle)
    back = rotation_vector(matrix)
    assert np.allclose(rotation_matrix(back), matrix, atol=1e-6)
    assert np.linalg.norm(back) == pytest.approx(angle, abs=1e-5)
    if 1e-6 < angle < 3.1:
        assert np.allclose(back, np.array(axis) * angle, atol=1e-9)


@given(vectors, vectors)
def test_the_later_rotation_is_multiplied_from_the_left(first, second):
    both = rotation_matrix(compose(np.stack([first, second])))
    assert np.allclose(both, rotation_matrix(second) @ rotation_matrix(first), atol=1e-6)


def test_no_rotations_come_to_none():
    assert np.array_equal(compose(np.zeros((0, 3))), np.zeros(3))


@given(angles, angles, angles)
def test_euler_angles_are_about_fixed_axes_x_first(a, b, c):
    expected = about_axis(2, c) @ about_axis(1, b) @ about_axis(0, a)
    assert np.allclose(orientation(np.array([a, b, c]), "euler_xyz"), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("quaternion", "axis", "angle"),
    [
        ((0, 0, 0, 1), 0, 0.0),
        ((0, 0, 0, -3), 0, 0.0),
        ((QUARTER, 0, 0, QUARTER), 0, math.pi / 2),
        ((0, -2 * QUARTER, 0, 2 * QUARTER), 1, -math.pi / 2),
        ((0, 0, 1, 0), 2, math.pi),
        ((0, 0, math.sin(1.25), math.cos(1.25)), 2, 2.5),
    ],
)
def test_quaternions_of_both_orders_and_any_length(quaternion, axis, angle):
    """x, y, z, w as here, or w first; q and -q are one rotation."""
    expected, last = about_axis(axis, angle), np.array(quaternion, float)
    for sign in (1, -1):
        assert np.allclose(orientation(sign * last, "quaternion_xyzw"), expected, atol=1e-9)
        assert np.allclose(orientation(sign * np.roll(last, 1), "quaternion_wxyz"), expected, atol=1e-9)


def test_a_quaternion_without_length_is_no_orientation():
    assert orientation(np.zeros(4), "quaternion_xyzw") is None
    assert orientation(np.full(4, 1e-5), "quaternion_xyzw") is not None


def test_a_rotation_vector_is_taken_as_it_is_and_unknown_names_are_refused():
    vector = np.array([0.1, -0.2, 0.3])
    assert np.array_equal(orientation(vector, "rotation_vector"), rotation_matrix(vector))
    with pytest.raises(WamvizError, match=", ".join(TURNS)[:20]):
        orientation(np.zeros(4), "quaternion")


@given(angles)
def test_yaw_is_the_angle_about_the_vertical(yaw):
    assert yaw_of(about_axis(2, yaw)) == pytest.approx(yaw, abs=1e-9)
    assert yaw_of(about_axis(2, yaw) @ np.diag([1.0, -1, -1])) == pytest.approx(yaw, abs=1e-9)  # a hand pointing down


def test_angles_are_wrapped_by_whole_periods():
    assert wrap_angle(3 * np.pi / 2) == pytest.approx(-np.pi / 2)
    assert wrap_angle(2.0, np.pi) == pytest.approx(2.0 - np.pi)
    assert wrap_angle(-7.0) == pytest.approx(-7.0 + 2 * np.pi)
    assert wrap_angle(0.25, 0.5) == -0.25 and wrap_angle(-0.25, 0.5) == -0.25

"""A calibrated camera: projecting and back, scaling, and JSON keep every point where it is."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamviz.core.camera import TURNS, Camera, Tool, tool_from_json
from wamviz.core.errors import WamvizError
from wamviz.core.rotation import rotation_matrix

turns = st.tuples(*[st.floats(-3, 3)] * 3)
places = st.tuples(*[st.floats(-2, 2)] * 3)


def camera(turn: tuple[float, ...], place: tuple[float, ...], tool: Tool | None = None) -> Camera:
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation_matrix(np.array(turn)), place
    return Camera("front", 640, 480, np.array([[610.0, 0.5, 318], [0, 605, 243], [0, 0, 1]]), pose, tool)


@given(turns, places)
def test_the_axis_goes_through_the_principal_point(turn, place):
    model = camera(turn, place)
    ahead = model.world_from_camera[:3, 3] + 2 * model.world_from_camera[:3, 2]
    pixels, depth = model.project(ahead[None])
    assert np.allclose(pixels, [[318, 243]]) and np.isclose(depth[0], 2)
    _, behind = model.project((2 * model.world_from_camera[:3, 3] - ahead)[None])
    assert behind[0] < 0


def test_a_cropped_picture_has_a_cropped_projection():
    """Points are seen where the camera sees them, in shares of the middle square, whatever is cut off and scaled."""
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[:3, 3] = 0.1, -0.2, 1.5
    square = Camera("c", 64, 64, np.array([[70.0, 0, 32], [0, 72, 30], [0, 0, 1]]), pose)
    intrinsics = square.intrinsics.copy()
    intrinsics[0, 2] += 32
    wide = replace(square, width=square.width + 64, intrinsics=intrinsics)
    points = np.array([[0.5, 0.0, 0.1], [0.4, -0.2, 0.2]])
    homogeneous = np.concatenate([points, np.ones((2, 1))], 1)
    for camera in (square, wide, wide.resized(48, 24)):
        seen = homogeneous @ camera.square_projection().T
        pixels, _ = square.project(points)
        np.testing.assert_allclose(seen[:, :2] / seen[:, 2:], pixels / square.width, atol=1e-9)


def test_json_and_scaling_keep_the_camera_and_its_tool():
    model = camera((0.3, 1, -2), (1, 2, 3), Tool((0, 0, 0.2), "euler_xyz"))
    back = Camera(**json.loads(json.dumps(model.to_json())))
    assert back.to_json() == model.to_json() and back.tool == model.tool
    assert model.resized(320, 240).tool == model.tool
    assert "tool" not in camera((0, 0, 1), (0, 0, 0)).to_json()


@pytest.mark.parametrize(
    ("tool", "says"),
    [
        ({"offset": [0, 0]}, "three numbers"),
        ({"offset": "up"}, "three numbers"),
        ({"offset": [0, 0, float("nan")]}, "three numbers"),
        ({"offset": [0, 0, 1], "turn": "euler"}, "Did you mean 'euler_xyz'"),
        ({"offset": [0, 0, 1], "turns": "euler_xyz"}, "Did you mean 'turn'"),
        ({}, "needs an 'offset'"),
    ],
)
def test_an_odd_tool_is_explained(tool, says):
    facts = {**camera((0, 0, 1), (0, 0, 0)).to_json(), "tool": tool}
    with pytest.raises(WamvizError, match=says):
        Camera(**facts)


def test_every_turn_has_its_number_of_numbers():
    assert set(TURNS.values()) == {3, 4}


def test_a_tall_picture_is_cropped_above_and_below():
    """The same view in a tall frame: what lies above and below the middle square is outside 0 .. 1."""
    pose = np.diag([1.0, -1.0, -1.0, 1.0])
    pose[2, 3] = 1.5
    square = Camera("c", 64, 64, np.array([[70.0, 0, 30], [0, 72, 33], [0, 0, 1]]), pose)
    intrinsics = square.intrinsics.copy()
    intrinsics[1, 2] += 20
    tall = replace(square, height=square.height + 40, intrinsics=intrinsics)
    points = np.array([[0.1, 0.05, 0.1, 1], [-0.2, 0.3, 0.2, 1], [0.0, -0.4, 0.0, 1]])
    for camera in (square, tall, tall.resized(16, 26)):
        seen = points @ camera.square_projection().T
        there, _ = square.project(points[:, :3])
        np.testing.assert_allclose(seen[:, :2] / seen[:, 2:], there / 64, atol=1e-9)
    assert tall.square_projection().dtype == np.float64


def test_scaling_is_per_axis():
    model = camera((0.3, 1, -2), (1, 2, 3))
    small = model.resized(64, 240)
    assert (small.width, small.height, small.name) == (64, 240, "front")
    points = model.world_from_camera[:3, 3] + [[0.4, 2.0, 0.3], [1.0, 0.5, -1.0]]
    np.testing.assert_allclose(small.project(points)[0], model.project(points)[0] * [0.1, 0.5])


def test_a_point_in_the_cameras_own_plane_gives_no_infinity():
    model = camera((0, 0, 0), (0, 0, 0))
    with np.errstate(all="raise"):
        pixels, depth = model.project(np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 1e-12], [0.0, 0.0, -2.0]]))
    assert np.isfinite(pixels).all() and depth.tolist() == [0, 1e-12, -2]


def test_whole_numbers_become_float64_and_wrong_shapes_are_named():
    model = Camera("c", 4, 4, np.eye(3, dtype=int), np.eye(4, dtype=np.float32))
    assert model.intrinsics.dtype == model.world_from_camera.dtype == np.float64
    for intrinsics, pose in ((np.eye(4), np.eye(4)), (np.eye(3), np.eye(3))):
        expected = f"Camera 'c' needs (3, 3) intrinsics and a (4, 4) pose, not {intrinsics.shape} and {pose.shape}."
        with pytest.raises(WamvizError) as error:
            Camera("c", 4, 4, intrinsics, pose)
        assert str(error.value) == expected


def test_a_refused_tool_says_all_of_what_is_allowed():
    needs = "A tool needs an 'offset': x, y and z in metres in the hand's own axes."
    for odd in ({}, {"turn": "euler_xyz"}, [0, 0, 0.1], "up", None):
        with pytest.raises(WamvizError) as error:
            tool_from_json(odd)
        assert str(error.value) == needs
    with pytest.raises(WamvizError) as error:
        tool_from_json({"offset": [0, 0, 1], "wrist": 1})
    assert str(error.value) == "Unknown key of a tool 'wrist'. Allowed: offset, turn."
    with pytest.raises(WamvizError) as error:
        Tool((0, 0, 1), "spin")
    assert str(error.value) == f"Unknown turn of a tool 'spin'. Allowed: {', '.join(TURNS)}."
    for offset in ((0, 0), ((0, 0, 1),), (0, 0, float("inf")), "abc", (0, 0, 10**400)):
        with pytest.raises(WamvizError) as error:
            Tool(offset)
        assert str(error.value).startswith("A tool's 'offset' needs three numbers, x, y and z in metres")


def test_a_tool_of_any_sequence_is_kept_as_numbers():
    tool = tool_from_json({"offset": np.array([1, 2, 3]), "turn": "quaternion_wxyz"})
    assert tool.offset == (1.0, 2.0, 3.0) and all(type(value) is float for value in tool.offset)
    assert tool.to_json() == {"offset": [1.0, 2.0, 3.0], "turn": "quaternion_wxyz"}
    assert Tool((0, 0, 0.2)).turn == "rotation_vector"
    assert Tool(**tool.to_json()) == tool

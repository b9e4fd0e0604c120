"""A calibrated camera: projecting and back, scaling, and JSON keep every point where it is."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamviz.core.camera import TURNS, Camera, Tool
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

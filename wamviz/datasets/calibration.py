"""Calibration that a person brings: intrinsics, poses of cameras, and where on the hand the fingertips are.

Contract: JSON objects in, ``Camera`` out; whatever does not fit is refused with its name and what is allowed. It stands
in ``wamviz.json`` beside the dataset, under ``layout`` (docs/calibration.md): ::

    {"layout": {"cameras": {"front": {"width": 640, "height": 480,
                                      "intrinsics": [[600, 0, 320], [0, 600, 240], [0, 0, 1]],
                                      "world_from_camera": [[...4], [...4], [...4], [0, 0, 0, 1]]}},
                "tool": {"offset": [0, 0, 0.2], "turn": "euler_xyz"},
                "episode_cameras": {"7": {"front": {...}}}}}

``world`` is the frame in which the dataset's poses are given, mostly the robot's base.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.camera import Camera, Tool
from wamviz.core.errors import InvalidInput, unknown_name

KEYS = ("width", "height", "intrinsics", "world_from_camera", "camera_from_world")
ASPECT = 0.02  # how far the shapes of calibrated and recorded pictures may differ: sides are rounded
SKEW = 1e-2  # how far a pose's axes may be from unit length and right angles: calibrations are rounded
POSE = "four rows of four numbers, the last one 0 0 0 1"


def cameras_from_json(value: object, tool: Tool | None = None) -> dict[str, Camera]:
    """Cameras by name.

    Args:
        value: ``{"front": {"width", "height", "intrinsics", "world_from_camera" or "camera_from_world"}}``.
        tool: what of the hand is drawn in all of them.

    Raises:
        InvalidInput: a key that does not exist, numbers of another shape, or a pose that is none.
    """
    if not isinstance(value, Mapping):
        raise InvalidInput("'cameras' must be a JSON object: the camera's name, then its calibration.")
    return {str(name): _camera(str(name), one, tool) for name, one in value.items()}


def _camera(name: str, value: object, tool: Tool | None) -> Camera:
    if not isinstance(value, Mapping):
        raise InvalidInput(
            f"The calibration of camera '{name}' must be a JSON object.", f"Its keys: {', '.join(KEYS)}."
        )
    for key in value:
        if key not in KEYS:
            raise unknown_name(f"key in the calibration of camera '{name}'", str(key), KEYS)
    width, height = value.get("width", 0), value.get("height", 0)
    if not _side(width) or not _side(height):
        raise InvalidInput(
            f"Camera '{name}' needs 'width' and 'height': the pixels of the pictures with which it was calibrated."
        )
    if ("world_from_camera" in value) == ("camera_from_world" in value):
        raise InvalidInput(
            f"Camera '{name}' needs one pose.",
            f"Give 'world_from_camera' or its inverse 'camera_from_world': {POSE}, in metres, OpenCV axes.",
        )
    inverse = "camera_from_world" in value
    key = "camera_from_world" if inverse else "world_from_camera"
    pose = _pose(name, key, value[key])
    intrinsics = _intrinsics(name, value.get("intrinsics"))
    if inverse:
        pose = np.asarray(np.linalg.inv(pose), np.float64)
    return Camera(name, width, height, intrinsics, pose, tool)


def _side(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= 100_000


def _intrinsics(name: str, value: object) -> NDArray[np.float64]:
    """(3, 3), out of three rows or of ``[fx, fy, cx, cy]``."""
    values = _numbers(value)
    if values.shape == (4,):
        fx, fy, cx, cy = values
        values = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1.0]])
    if values.shape != (3, 3) or not np.allclose(values[2], [0, 0, 1]) or values[1, 0] != 0:
        raise InvalidInput(
            f"The 'intrinsics' of camera '{name}' must be three rows [fx, s, cx], [0, fy, cy], [0, 0, 1] in pixels.",
            "Four numbers [fx, fy, cx, cy] do as well.",
        )
    if values[0, 0] <= 0 or values[1, 1] <= 0:
        raise InvalidInput(
            f"Camera '{name}' has a focal length of {values[0, 0]:g}, {values[1, 1]:g}; both are above 0.",
            "In OpenCV's axes x goes to the right, y down and z forward; other axes belong into the pose.",
        )
    return values


def _pose(name: str, key: str, value: object) -> NDArray[np.float64]:
    values = _numbers(value)
    if values.shape != (4, 4) or not np.allclose(values[3], [0, 0, 0, 1], atol=1e-6):
        raise InvalidInput(f"The '{key}' of camera '{name}' must be {POSE}, in metres.")
    axes = values[:3, :3]
    if not np.allclose(axes @ axes.T, np.eye(3), atol=SKEW) or np.linalg.det(axes) < 0:
        raise InvalidInput(
            f"The upper left 3 x 3 numbers of '{key}' of camera '{name}' are no rotation.",
            "Its columns are of length 1, at right angles and right-handed; the translation is the fourth column.",
        )
    return values


def _numbers(value: object) -> NDArray[np.float64]:
    """An array of finite numbers; an empty one for anything else."""
    try:
        values = np.asarray(value, np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.zeros(0)
    return values if np.isfinite(values).all() else np.zeros(0)


def episode_cameras(value: object, tool: Tool | None = None) -> dict[int, dict[str, Camera]]:
    """Cameras by episode number, for those that were moved between episodes: ``{"7": {"front": {...}}}``."""
    if not isinstance(value, Mapping):
        raise InvalidInput("'episode_cameras' must be a JSON object: an episode's number, then its cameras.")
    found: dict[int, dict[str, Camera]] = {}
    for number, cameras in value.items():
        if not str(number).isdecimal() or len(str(number)) > 9:
            raise InvalidInput(f"'episode_cameras' names its episodes by number, not '{number}'.")
        found[int(number)] = cameras_from_json(cameras, tool)
    return found


def unknown_cameras(value: Mapping[str, Any], cameras: tuple[str, ...]) -> list[str]:
    """Sentences about calibrated cameras that an episode does not have."""
    return [f"It is calibrated: {unknown_name('camera', name, cameras)}" for name in value if name not in cameras]


def aspect_note(camera: Camera, width: int, height: int) -> str | None:
    """Why a calibration does not belong to pictures of ``width`` x ``height`` pixels, or None where it does.

    Pictures that are the calibrated ones scaled have the same shape; others were cut, and nobody knows where.
    """
    if abs(width / height * camera.height / camera.width - 1) <= ASPECT:
        return None
    return (
        f"Camera '{camera.name}' is calibrated with pictures of {camera.width} x {camera.height}, and its frames have "
        f"{width} x {height}: another shape, so nothing is drawn by it. Give the intrinsics of the recorded pictures."
    )

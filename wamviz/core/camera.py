"""A calibrated camera, and where on the hand the point lies that is drawn in its picture.

Contract: a pinhole without distortion; metres and pixels; OpenCV axes. Pixel coordinates are continuous: the upper left
corner of the picture is (0, 0), the middle of its first pixel (0.5, 0.5). Nothing here knows robots or files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput, unknown_name

# How the numbers after x, y, z say which way the hand is turned -> how many numbers that takes.
TURNS = {"rotation_vector": 3, "euler_xyz": 3, "quaternion_xyzw": 4, "quaternion_wxyz": 4}


@dataclass(frozen=True)
class Tool:
    """Where the point to be drawn lies on the hand, for robots whose poses are of the flange, not of the fingertips.

    Attributes:
        offset: (3,) m, in the hand's own axes; some ``(0, 0, 0.2)`` from a flange to the fingertips.
        turn: one of ``TURNS``: how the three or four numbers after x, y, z say the hand's orientation. ``euler_xyz`` is
            roll, pitch, yaw in rad about the fixed axes of the base, in that order.
    """

    offset: tuple[float, float, float]
    turn: str = "rotation_vector"

    def __post_init__(self) -> None:
        try:
            values = np.asarray(self.offset, np.float64)
        except (TypeError, ValueError, OverflowError):
            values = np.zeros(0)
        if values.shape != (3,) or not np.isfinite(values).all():
            raise InvalidInput("A tool's 'offset' needs three numbers, x, y and z in metres in the hand's own axes.")
        object.__setattr__(self, "offset", tuple(float(value) for value in values))
        if self.turn not in TURNS:
            raise unknown_name("turn of a tool", str(self.turn), TURNS)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; ``Tool(**d)`` brings it back."""
        return {"offset": list(self.offset), "turn": self.turn}


def tool_from_json(facts: object) -> Tool:
    """A ``Tool`` from a JSON object, or ``WamvizError`` naming what is odd."""
    if not isinstance(facts, Mapping) or "offset" not in facts:
        raise InvalidInput("A tool needs an 'offset': x, y and z in metres in the hand's own axes.")
    for name in facts:
        if name not in ("offset", "turn"):
            raise unknown_name("key of a tool", str(name), ("offset", "turn"))
    return Tool(**facts)


@dataclass(frozen=True)
class Camera:
    """A calibrated pinhole camera, OpenCV axes (x right, y down, z forward).

    Attributes:
        name: e.g. ``"exterior"``.
        width, height: pixels for which ``intrinsics`` hold.
        intrinsics: (3, 3) float64, pixels.
        world_from_camera: (4, 4) float64, metres; the camera's pose in the world (robot base) frame.
        tool: what of the hand is drawn, or None where the robot's poses are already those of the point to be drawn.
    """

    name: str
    width: int
    height: int
    intrinsics: NDArray[np.float64]
    world_from_camera: NDArray[np.float64]
    tool: Tool | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "intrinsics", np.asarray(self.intrinsics, np.float64))
        object.__setattr__(self, "world_from_camera", np.asarray(self.world_from_camera, np.float64))
        if isinstance(self.tool, Mapping):  # out of JSON
            object.__setattr__(self, "tool", tool_from_json(self.tool))
        if self.intrinsics.shape != (3, 3) or self.world_from_camera.shape != (4, 4):
            raise InvalidInput(
                f"Camera '{self.name}' needs (3, 3) intrinsics and a (4, 4) pose, not "
                f"{self.intrinsics.shape} and {self.world_from_camera.shape}."
            )

    def project(self, points: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Project world points (M, 3) in metres to pixels (M, 2) and depths (M,); depth <= 0 is behind."""
        world = np.concatenate([np.asarray(points, np.float64), np.ones((len(points), 1))], axis=1)
        local = (np.linalg.inv(self.world_from_camera) @ world.T).T[:, :3]  # (M, 3)
        depth = local[:, 2]
        safe = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
        pixels = (self.intrinsics @ (local / safe[:, None]).T).T[:, :2]
        return pixels, depth

    def square_projection(self) -> NDArray[np.float64]:
        """World points in metres to homogeneous points of the picture's middle square, which is 0..1 wide: (3, 4)."""
        side = min(self.width, self.height)
        left, top = (self.width - side) / 2, (self.height - side) / 2
        crop = np.array([[1, 0, -left], [0, 1, -top], [0, 0, side]], np.float64) / side
        return crop @ self.intrinsics @ np.linalg.inv(self.world_from_camera)[:3]

    def resized(self, width: int, height: int) -> Camera:
        """The same camera for an image scaled to ``width`` x ``height``."""
        scale = np.diag([width / self.width, height / self.height, 1.0])
        return replace(self, width=width, height=height, intrinsics=scale @ self.intrinsics)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; ``Camera(**d)`` brings it back."""
        return {
            "name": self.name,
            "width": self.width,
            "height": self.height,
            "intrinsics": self.intrinsics.tolist(),
            "world_from_camera": self.world_from_camera.tolist(),
            **({} if self.tool is None else {"tool": self.tool.to_json()}),
        }

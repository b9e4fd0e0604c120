"""Where things stand: a random arrangement that the robot can reach and the exterior camera can see.

Contract: ``sample_layout(rng, camera)`` depends on the generator and the camera alone. Objects keep clear of one
another, of the toaster, of the lever's approach and of the place that the toaster hides from the camera. An object
for which no place is found is absent, like one that is left out by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import unknown_name
from wamviz.core.rollout import Camera
from wamviz.worlds.tabletop.objects import BLOCKS, LEVER_REACH, MOVABLE, SHAPES, TOASTER_HALF, TOASTER_RADIUS

TOASTER_X, TOASTER_Y = (0.46, 0.60), (-0.20, 0.02)
OBJECT_X, OBJECT_Y = (0.34, 0.66), (-0.30, 0.34)
START = (0.42, 0.0, 0.30)  # of the TCP, jittered by START_JITTER each axis, m
START_JITTER = 0.05

_PRESENCE = 0.82  # of every object but the orange, which is always there
_GAP = 0.03  # between two objects' circles
_TRIES = 300
_EDGE = 0.03  # share of the image kept free at its border
_VIEW_BLOCK = 0.10  # radius of the toaster as an obstacle to the view


@dataclass(frozen=True)
class Placement:
    """Position on the table (m) and turn about z (rad)."""

    x: float
    y: float
    yaw: float

    @property
    def xy(self) -> NDArray[np.float64]:
        """(2,) m."""
        return np.array([self.x, self.y])


@dataclass(frozen=True)
class Layout:
    """One arrangement.

    Attributes:
        toaster: its place; the lever is at its local -x end.
        objects: the present objects by id.
        start: (x, y, z) of the TCP at the start, m.
    """

    toaster: Placement
    objects: Mapping[str, Placement] = field(default_factory=dict)
    start: tuple[float, float, float] = START

    def __post_init__(self) -> None:
        strangers = set(self.objects) - set(MOVABLE)
        if strangers:
            raise unknown_name("object", sorted(strangers)[0], MOVABLE)

    @property
    def lever_direction(self) -> NDArray[np.float64]:
        """(2,) unit vector from the toaster's middle to its lever."""
        return np.array([-math.cos(self.toaster.yaw), -math.sin(self.toaster.yaw)])


def _hidden(xy: NDArray[np.float64], radius: float, toaster: NDArray[np.float64], camera: NDArray[np.float64]) -> bool:
    """Whether the toaster stands between the camera and an object of ``radius`` at ``xy`` on the table."""
    ray = np.append(xy, 0.03) - camera
    t = float((toaster - camera[:2]) @ ray[:2] / (ray[:2] @ ray[:2]))
    if t >= 1:
        return False
    nearest = camera + ray * t
    return math.dist(nearest[:2], toaster) < _VIEW_BLOCK + 0.8 * radius and nearest[2] < 2 * TOASTER_HALF[2] + 0.06


def _in_view(xy: NDArray[np.float64], name: str, camera: Camera) -> bool:
    """Whether the whole object lies inside the image."""
    shape = SHAPES[name]
    around = [(dx, dy) for dx in (-1, 1) for dy in (-1, 1)]
    points = [[*(xy + shape.radius * np.array(d)), z] for d in around for z in (0.0, shape.height)]
    pixels, _ = camera.project(np.array(points))
    low, high = _EDGE * camera.width, (1 - _EDGE) * camera.width
    return bool(pixels.min() > low and pixels.max() < high)


def sample_layout(rng: np.random.Generator, camera: Camera) -> Layout:
    """Draw an arrangement.

    Args:
        rng: all randomness comes from here.
        camera: the exterior camera of this scene, square image.
    """
    position = camera.world_from_camera[:3, 3]
    toaster_xy = np.array([rng.uniform(*TOASTER_X), rng.uniform(*TOASTER_Y)])
    # The lever end looks to +y, give or take, where both the arm and the camera can get at it.
    toaster = Placement(float(toaster_xy[0]), float(toaster_xy[1]), float(rng.uniform(-0.45, 0.45) - math.pi / 2))
    lever = Layout(toaster).lever_direction
    keep_clear = [
        (toaster_xy, TOASTER_RADIUS),
        (toaster_xy + lever * (TOASTER_HALF[0] + 2 * LEVER_REACH), 0.085),
    ]
    places: dict[str, Placement] = {}
    # The large ones first, or there would seldom be room for them.
    for name in ("bowl", "orange", "mug", *(BLOCKS[i] for i in rng.permutation(len(BLOCKS)))):
        present = name == "orange" or rng.random() < _PRESENCE
        yaw = float(rng.uniform(-math.pi, math.pi))
        for _ in range(_TRIES if present else 0):
            xy = np.array([rng.uniform(*OBJECT_X), rng.uniform(*OBJECT_Y)])
            radius = SHAPES[name].radius + _GAP
            if any(math.dist(xy, other) < radius + taken for other, taken in keep_clear):
                continue
            if _hidden(xy, SHAPES[name].radius, toaster_xy, position) or not _in_view(xy, name, camera):
                continue
            places[name] = Placement(float(xy[0]), float(xy[1]), yaw)
            keep_clear.append((xy, SHAPES[name].radius))
            break
    start = np.array(START) + rng.uniform(-START_JITTER, START_JITTER, 3)
    return Layout(toaster, places, (float(start[0]), float(start[1]), float(start[2])))

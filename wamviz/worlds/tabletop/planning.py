"""The parts of the expert's plans: waypoints, and the geometry of a hand among things.

Pure functions of the scene's present state. Frame and units: robot base, metres, radians. TCP is the point between
the finger tips.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wamviz.core.rotation import wrap_angle, yaw_of
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.objects import SHAPES, TOASTER_HALF

OPEN, CLOSED = 0.0, 1.0  # gripper commands

_OVER_TOASTER = 0.30  # TCP height at which a held thing clears the toast
_TOASTER_BERTH = 0.15  # a way that passes the toaster's middle by less leads above it
_PALM_HALF = (0.036, 0.105)  # of the hand across and along the fingers' axis
_PALM_CLEARANCE = 0.036  # the palm's underside above the TCP
_OPEN_FINGER = 0.055  # distance of an open finger from the TCP
_MAX_YAW = 2.4  # joint 7 reaches no further


@dataclass(frozen=True)
class Waypoint:
    """A pose to reach.

    Attributes:
        position: TCP, (3,) m.
        yaw: of the hand, rad.
        gripper: command on the way, 0 open .. 1 closed.
        tolerance: m.
        hold: actions to wait there at least.
    """

    position: NDArray[np.float64]
    yaw: float
    gripper: float
    tolerance: float = 0.012
    hold: int = 0

    def __post_init__(self) -> None:
        if self.position.shape != (3,) or not self.tolerance > 0:
            raise ValueError("A waypoint needs a position (3,) and a tolerance above 0.")


def present_yaw(env: TabletopEnv) -> float:
    """The hand's commanded turn about the vertical, rad."""
    return yaw_of(env.commanded_pose()[1])


def reachable_yaw(env: TabletopEnv, yaw: float, period: float) -> float:
    """The equivalent of ``yaw`` (rad) nearest to the present one, within what joint 7 reaches.

    Args:
        env: the scene.
        yaw: wanted, rad.
        period: turns by which the hand may differ and still do the same, rad; pi for two like fingers.
    """
    now = present_yaw(env)
    turns = [wrap_angle(yaw, period) + k * period for k in range(-4, 5)]
    within = [angle for angle in turns if abs(angle) <= _MAX_YAW] or [wrap_angle(yaw)]
    return min(within, key=lambda angle: abs(angle - now) + 0.3 * abs(angle))


def clear_toaster(env: TabletopEnv, goal: NDArray[np.float64], yaw: float, gripper: float) -> Iterator[Waypoint]:
    """Waypoints that lead above the toaster when the straight way to ``goal`` (3,) m would cross it."""
    here = env.commanded_pose()[0]
    if distance_to_segment(env.layout.toaster.xy, here[:2], goal[:2]) < _TOASTER_BERTH:
        up = max(here[2], _OVER_TOASTER)
        yield Waypoint(np.array([here[0], here[1], up]), yaw, gripper, 0.03)
        yield Waypoint(np.array([goal[0], goal[1], _OVER_TOASTER]), yaw, gripper, 0.03)


def crowding(env: TabletopEnv, name: str, grip: NDArray[np.float64], yaw: float) -> float:
    """By how many metres the open hand at ``grip`` (3,) m, turned by ``yaw``, would reach into things but ``name``."""
    across, along = np.array([math.cos(yaw), math.sin(yaw)]), np.array([math.sin(yaw), -math.cos(yaw)])
    others = [other for other in env.present if other != name]
    obstacles = [(env.position(o)[:2], SHAPES[o].radius - 0.005, SHAPES[o].height) for o in others]
    lever = env.layout.lever_direction
    for k in (-0.8, 0.0, 0.8, 1.4):  # the toaster and its lever as a row of circles
        obstacles.append((env.layout.toaster.xy + k * TOASTER_HALF[0] * lever, 0.06 if k < 1 else 0.02, 0.19))
    depth = 0.0
    for centre, radius, height in obstacles:
        offset = centre - grip[:2]
        local = np.array([offset @ across, offset @ along])
        if height > grip[2] + _PALM_CLEARANCE:
            outside = np.maximum(np.abs(local) - _PALM_HALF, 0)
            depth += max(0.0, radius + 0.008 - float(np.linalg.norm(outside)))
        for side in (-_OPEN_FINGER, _OPEN_FINGER):
            depth += max(0.0, radius + 0.018 - math.dist(local, (0.0, side)))
    return depth


def held_offset(env: TabletopEnv, name: str, yaw: float) -> NDArray[np.float64]:
    """Where the TCP will be relative to the held thing, (2,) m, once the hand has turned to ``yaw`` (rad)."""
    offset = (env.ee_position() - env.position(name))[:2]
    turn = yaw - yaw_of(env.ee_rotation())
    c, s = math.cos(turn), math.sin(turn)
    return np.array([c * offset[0] - s * offset[1], s * offset[0] + c * offset[1]])


def distance_to_segment(point: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Distance of a point from the segment a-b, all (2,) m."""
    way = b - a
    t = float(np.clip((point - a) @ way / (way @ way + 1e-9), 0, 1))
    return float(np.linalg.norm(a + t * way - point))

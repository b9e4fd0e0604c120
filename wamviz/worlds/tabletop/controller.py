"""From actions to joint targets: the commanded pose, its limits, and the inverse kinematics that follow it.

An action moves the command, not the measured pose, so small steps add up without drift. The command is
held within the workspace, near straight down, near the hand and within what the joints can give: no action, however
wrong, winds it up. ``pack``/``unpack`` carry the whole state of the controller.

What it does not know: physics. The environment asks for targets and says where the hand really is.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from wamviz.core.rotation import rotation_matrix, rotation_vector
from wamviz.worlds.tabletop import robot

UPDATES = 5  # inverse-kinematics updates an action
PACKED = 3 + 9 + 7 + 1

_WORKSPACE_LOW, _WORKSPACE_HIGH = np.array([0.25, -0.50, 0.012]), np.array([0.80, 0.50, 0.70])
_MAX_TILT = 0.8  # rad between the hand and straight down
_MAX_LEAD = 0.06  # m that the command may run ahead of the hand
_MAX_TURN_LEAD = 0.1  # rad that the commanded turn may differ from what the joint targets give


class Controller:
    """Holds a commanded TCP pose and the joint targets that give it.

    Attributes:
        position: (3,) m.
        rotation: (3, 3).
        joints: (7,) rad, the targets.
        gripper: 0 open .. 1 closed.
    """

    def __init__(self) -> None:
        self.position: NDArray[np.float64] = np.zeros(3)
        self.rotation: NDArray[np.float64] = robot.DOWN.copy()
        self.joints: NDArray[np.float64] = robot.REST.copy()
        self.gripper = 0.0

    def begin(self, position: NDArray[np.float64]) -> None:
        """Start at a TCP position (3,) m, hand straight down and open."""
        self.joints = robot.solve(robot.REST, position, robot.DOWN, iterations=60)
        pose, _ = robot.forward(self.joints)
        self.position, self.rotation, self.gripper = pose[:3, 3].copy(), pose[:3, :3].copy(), 0.0

    def follow(self, action: NDArray[np.float64]) -> Iterator[NDArray[np.float64]]:
        """Take an action (7,) within its limits; yields the joint targets (7,) of each update in turn."""
        here, facing = self.position, self.rotation
        goal = np.clip(here + action[:3], _WORKSPACE_LOW, _WORKSPACE_HIGH)
        turn = rotation_vector(_limit_tilt(rotation_matrix(action[3:6]) @ facing) @ facing.T)
        self.gripper = float(action[6])
        for k in range(1, UPDATES + 1):
            part = k / UPDATES
            rotation = rotation_matrix(part * turn) @ facing
            self.joints = robot.solve(self.joints, here + part * (goal - here), rotation, iterations=2)
            yield self.joints
        self.position, self.rotation = goal, rotation_matrix(turn) @ facing

    def settle(self, reading: NDArray[np.float64]) -> None:
        """Pull the command back to what can be followed, the hand being at ``reading`` (3,) m."""
        lead = self.position - reading
        far = float(np.linalg.norm(lead))
        if far > _MAX_LEAD:  # the command may lead a little (that is how it presses), not run away
            self.position = reading + lead * (_MAX_LEAD / far)
        # A turn that the joints cannot follow is dropped, or it would drag the position along.
        reached = robot.forward(self.joints)[0][:3, :3]
        if float(np.linalg.norm(rotation_vector(self.rotation @ reached.T))) > _MAX_TURN_LEAD:
            self.rotation = reached

    def pack(self) -> NDArray[np.float64]:
        """The controller's whole state, (20,) float64."""
        return np.concatenate([self.position, self.rotation.ravel(), self.joints, [self.gripper]])

    def unpack(self, packed: NDArray[np.float64]) -> None:
        """Bring back what ``pack`` gave."""
        position, rotation, joints, gripper = (part.copy() for part in np.split(packed, [3, 12, 19]))
        self.position, self.rotation, self.joints = position, rotation.reshape(3, 3), joints
        self.gripper = float(gripper[0])


def _limit_tilt(rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn a rotation back until the hand leans no more than ``_MAX_TILT`` from straight down."""
    axis = rotation[:, 2]
    tilt = float(np.arccos(np.clip(-axis[2], -1, 1)))
    if tilt <= _MAX_TILT:
        return rotation
    lean = np.cross(axis, [0.0, 0.0, -1.0])
    norm = float(np.linalg.norm(lean))
    if norm < 1e-9:  # looking straight up; any way back will do
        return robot.DOWN.copy()
    return rotation_matrix(lean / norm * (tilt - _MAX_TILT)) @ rotation

"""What can be read off a scene at any moment: where things, lever and hand are, and how the cameras are placed.

Metres and radians in the robot's base frame. Everything here is the simulator's own state, without noise.
"""

from __future__ import annotations

from collections.abc import Mapping

import mujoco
import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.core.rollout import Camera
from wamviz.worlds.tabletop import contract, controller, robot, scene
from wamviz.worlds.tabletop.appearance import Appearance, look_at
from wamviz.worlds.tabletop.layout import Layout
from wamviz.worlds.tabletop.objects import MOVABLE

_DISPLACED = 0.015  # m an object moves before it counts as touched without a contact


class SceneQueries:
    """The questions that a scene answers; changing it is ``TabletopEnv``'s.

    Attributes:
        size: width and height of the frames, pixels.
        look: colours, light and the exterior camera's place in the present scene.
        layout: where its things stood at first.
    """

    size: int
    look: Appearance
    layout: Layout

    def __init__(self) -> None:
        self._model = model = scene.new_model()
        self._data = mujoco.MjData(model)
        self._controller = controller.Controller()
        self._seed: int | None = None
        self._steps = 0
        self._start: Mapping[str, NDArray[np.float64]] = {}
        self._first_touched: str | None = None
        self._tcp = model.site("tcp").id
        self._address = {name: int(model.jnt_qposadr[model.body(name).jntadr[0]]) for name in MOVABLE}
        self._lever = int(model.jnt_qposadr[model.joint("lever").id])

    @property
    def seed(self) -> int:
        """The seed of the present scene."""
        return self._require_scene()

    @property
    def steps(self) -> int:
        """Actions since the reset."""
        return self._steps

    @property
    def gripper_command(self) -> float:
        """The last commanded gripper value, 0 open .. 1 closed."""
        return self._controller.gripper

    def commanded_pose(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The pose that the controller holds: position (3,) m and rotation (3, 3)."""
        return self._controller.position.copy(), self._controller.rotation.copy()

    def foresee_hand(self, actions: NDArray[np.float32]) -> NDArray[np.float64]:
        """Where the arm would have the hand after each action (K, 7) with nothing in its way, (K, 3) m.

        Inverse kinematics and the controller's limits alone: no physics, and the scene stays as it is.
        """
        space, arm = contract.ACTION_SPACE, controller.Controller()
        arm.unpack(self._controller.pack())
        places = []
        for action in np.clip(np.asarray(actions, np.float64), space.low, space.high):
            *_, joints = arm.follow(action)
            places.append(robot.forward(joints)[0][:3, 3])
            arm.settle(places[-1])
        return np.stack(places) if places else np.zeros((0, 3))

    def first_touched(self) -> str | None:
        """What the hand touched (or the arm moved) first since the start or the last restore.

        One of the object names, ``"lever"``, ``"toaster"``, or None.
        """
        return self._first_touched

    @property
    def present(self) -> tuple[str, ...]:
        """The objects of this scene, toaster not counted."""
        return tuple(name for name in MOVABLE if name in self.layout.objects)

    def position(self, name: str) -> NDArray[np.float64]:
        """Position of an object's body frame (its middle, or the foot of mug and bowl), (3,) m."""
        start = self._address[self._check_object(name)]
        return self._data.qpos[start : start + 3].copy()

    def start_position(self, name: str) -> NDArray[np.float64]:
        """Where an object was at the start, (3,) m."""
        return self._start[self._check_object(name)].copy()

    def yaw(self, name: str) -> float:
        """An object's turn about z, rad in -pi .. pi."""
        start = self._address[self._check_object(name)]
        w, x, y, z = self._data.qpos[start + 3 : start + 7]
        return float(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))

    def upright(self, name: str) -> float:
        """Cosine of the angle between an object's own z axis and the world's; 1 when it stands."""
        start = self._address[self._check_object(name)]
        _, x, y, _ = self._data.qpos[start + 3 : start + 7]
        return float(1 - 2 * (x * x + y * y))

    def lever_travel(self) -> float:
        """How far the toaster's lever is pressed down, m (0 .. 0.055)."""
        return max(0.0, -float(self._data.qpos[self._lever]))

    def lever_position(self) -> NDArray[np.float64]:
        """The middle of the lever's knob, (3,) m."""
        return self._data.geom_xpos[self._model.geom("lever").id].copy()

    def ee_position(self) -> NDArray[np.float64]:
        """The point between the finger tips, (3,) m."""
        return self._data.site_xpos[self._tcp].copy()

    def ee_rotation(self) -> NDArray[np.float64]:
        """The hand's measured rotation, (3, 3)."""
        return self._data.site_xmat[self._tcp].reshape(3, 3).copy()

    def image_right(self) -> NDArray[np.float64]:
        """(2,) unit vector on the table that points to the right in the exterior image."""
        right = self.camera("exterior").world_from_camera[:2, 0]
        return right / np.linalg.norm(right)

    def camera(self, name: str) -> Camera:
        """Calibration of a camera at the present state (the wrist camera moves with the hand)."""
        if name not in contract.CAMERAS:
            raise unknown_name("camera", name, contract.CAMERAS)
        index = self._model.camera(name).id
        if name == "exterior":
            pose = look_at(self.look.camera_position, self.look.camera_look_at)
        else:
            pose = np.eye(4)
            pose[:3, :3] = self._data.cam_xmat[index].reshape(3, 3) @ np.diag([1.0, -1.0, -1.0])
            pose[:3, 3] = self._data.cam_xpos[index]
        focal = self.size / 2 / np.tan(np.radians(self._model.cam_fovy[index]) / 2)
        intrinsics = np.array([[focal, 0, self.size / 2], [0, focal, self.size / 2], [0, 0, 1]])
        return Camera(name, self.size, self.size, intrinsics, pose)

    def _check_object(self, name: str) -> str:
        if name not in self._address:
            raise unknown_name("object", name, MOVABLE)
        return name

    def _require_scene(self) -> int:
        if self._seed is None:
            raise InvalidInput("There is no scene yet.", "Call reset(seed) first.")
        return self._seed

    def _displaced(self) -> str | None:
        """The object that has moved most since the start, if one has moved at all."""
        moved = {name: float(np.linalg.norm(self.position(name) - self._start[name])) for name in self.present}
        far = max(moved, key=lambda name: moved[name], default=None)
        return far if far is not None and moved[far] > _DISPLACED else None

"""The tabletop world: a Franka Panda at a kitchen table, stepped at 5 Hz with end-effector deltas.

Contract: ``reset(seed)`` builds the scene of a seed, ``step(action)`` runs 0.2 s of physics. The same seed and
actions give the same bits (within one MuJoCo version). ``snapshot``/``restore`` bring a state back exactly, so that
going on from there gives the same bits too.

Axis letters: A = 7 action dims, D = 14 state dims, S snapshot numbers. Frame: the robot's base; x over the table.

What this module does not know: tasks, language, the expert; how an action becomes joint targets (``controller``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.core.rollout import Frames, Observation, WorldState
from wamviz.core.rotation import rotation_vector
from wamviz.worlds.tabletop import controller, robot, scene
from wamviz.worlds.tabletop.appearance import apply, sample_appearance
from wamviz.worlds.tabletop.arm import FINGER_TRAVEL
from wamviz.worlds.tabletop.contract import (
    ACTION_SPACE,
    CAMERAS,
    STREAM_LAYOUT,
    STREAM_LOOK,
    TabletopObservation,
    check_action,
    check_seed,
    stream,
)
from wamviz.worlds.tabletop.layout import sample_layout
from wamviz.worlds.tabletop.objects import MOVABLE
from wamviz.worlds.tabletop.queries import SceneQueries
from wamviz.worlds.tabletop.render import Renderer
from wamviz.worlds.tabletop.touch import TouchWatch

_PHYSICS_STEPS = round(1 / (ACTION_SPACE.rate * scene.TIMESTEP * controller.UPDATES))  # physics steps an update
_SETTLE_STEPS = 75  # 0.3 s for things to come to rest after a reset
_INTEGRATION = mujoco.mjtState.mjSTATE_INTEGRATION


class TabletopEnv(SceneQueries):
    """A scene with physics, in the shape of Gymnasium's API.

    Args:
        size: width and height of the frames, pixels.
        cameras: which of ``("exterior", "wrist")`` to draw, in the order of ``frames``.
        render: False gives physics only: ``frames`` is empty and no graphics library is opened.

    >>> env = TabletopEnv(render=False)
    >>> obs, info = env.reset(seed=1_000_000)
    >>> obs, reward, terminated, truncated, info = env.step([0, 0, -0.02, 0, 0, 0, 0])
    >>> obs.state.shape
    (14,)
    """

    action_space = ACTION_SPACE

    def __init__(self, size: int = 128, cameras: Sequence[str] = CAMERAS, render: bool = True) -> None:
        for name in cameras:
            if name not in CAMERAS:
                raise unknown_name("camera", name, CAMERAS)
        super().__init__()
        self.size = size
        self.cameras = tuple(cameras) if render else ()
        self._renderer: Renderer | None = None
        model = self._model
        self._fingers = [int(model.jnt_qposadr[model.joint(f"finger_{side}").id]) for side in ("left", "right")]
        self._watch = TouchWatch(model)
        self._snapshot_parts = (mujoco.mj_stateSize(model, _INTEGRATION), controller.PACKED, 3 * len(MOVABLE), 1)

    # ------------------------------------------------------------------ the Gym-style API

    def reset(self, seed: int) -> tuple[TabletopObservation, dict[str, Any]]:
        """Build the scene of ``seed`` and return the first observation.

        Raises:
            InvalidInput: the seed is not a whole number in 0 .. 2**63 - 1.
        """
        self._build(check_seed(seed))
        return self._observe(), self._info(clipped=[])

    def _build(self, seed: int) -> None:
        model, data = self._model, self._data
        self._seed = seed
        self.look = sample_appearance(stream(seed, STREAM_LOOK))
        apply(model, self.look)
        self.layout = sample_layout(stream(seed, STREAM_LAYOUT), self.camera("exterior"))
        mujoco.mj_resetData(model, data)
        scene.place_things(model, data, self.layout)
        self._controller.begin(np.array(self.layout.start))
        data.qpos[:7] = data.ctrl[:7] = self._controller.joints
        data.qpos[self._fingers] = data.ctrl[7] = FINGER_TRAVEL
        for _ in range(_SETTLE_STEPS):
            mujoco.mj_step(model, data)
        self._steps = 0
        self._refresh()
        self.mark_start()

    def step(self, action: Any) -> tuple[TabletopObservation, float, bool, bool, dict[str, Any]]:
        """Run one action, 0.2 s.

        Args:
            action: (7,) in ``ACTION_SPACE``'s units; parts beyond the limits are clipped and named in
                ``info["clipped"]``.

        Returns:
            observation, reward (always 0: ``tasks.success`` judges), terminated and truncated (always False:
            the caller decides when a task ends), info.

        Raises:
            InvalidInput: the action has the wrong shape or is not finite, or ``reset`` was not called.
        """
        self._require_scene()
        wanted = check_action(action)
        act = np.clip(wanted, ACTION_SPACE.low, ACTION_SPACE.high)
        clipped = [name for name, a, b in zip(ACTION_SPACE.names, wanted, act, strict=True) if abs(a - b) > 1e-6]
        self._advance(act)
        return self._observe(), 0.0, False, False, self._info(clipped)

    def _advance(self, action: NDArray[np.float64]) -> None:
        """Run the physics of one action within its limits."""
        model, data = self._model, self._data
        data.ctrl[7] = FINGER_TRAVEL * (1 - float(action[6]))
        for joints in self._controller.follow(action):
            data.ctrl[:7] = joints
            mujoco.mj_step(model, data, _PHYSICS_STEPS)
            if self._first_touched is None:
                self._first_touched = self._watch.look(data)
        self._refresh()
        self._controller.settle(data.site_xpos[self._tcp])
        self._steps += 1
        if self._first_touched is None:
            self._first_touched = self._displaced()

    def close(self) -> None:
        """Give the graphics memory back."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    # ------------------------------------------------------------------ state in and out

    def snapshot(self) -> NDArray[np.float64]:
        """The exact state, (S,) float64: physics, controller targets, gripper command, start positions, step count."""
        self._require_scene()
        physics = np.empty(self._snapshot_parts[0])
        mujoco.mj_getState(self._model, self._data, physics, _INTEGRATION)
        start = np.concatenate([self._start[name] for name in MOVABLE])
        return np.concatenate([physics, self._controller.pack(), start, [self._steps]])

    def restore(self, seed: int, snapshot: NDArray[np.float64] | None = None) -> TabletopObservation:
        """Bring back a state of the scene of ``seed``; without a snapshot, the state after ``reset(seed)``.

        ``first_touched`` starts anew. Going on with the same actions gives the same bits.

        Raises:
            InvalidInput: bad seed, or a snapshot that is not one of this world and MuJoCo version.
        """
        number = check_seed(seed)
        if snapshot is None:
            return self.reset(number)[0]
        array = np.asarray(snapshot, np.float64)
        total = sum(self._snapshot_parts)
        if array.shape != (total,) or not np.isfinite(array).all():
            raise InvalidInput(
                f"A tabletop snapshot must hold {total} finite numbers, not shape {array.shape}.",
                f"Snapshots of another MuJoCo version than {mujoco.__version__} do not fit.",
            )
        if self._seed != number:
            self._build(number)
        cuts = np.cumsum(self._snapshot_parts)[:-1]
        physics, command, start, steps = (part.copy() for part in np.split(array, cuts))
        mujoco.mj_setState(self._model, self._data, physics, _INTEGRATION)
        self._controller.unpack(command)
        self._steps = int(steps[0])
        self._start = {name: start[3 * i : 3 * i + 3] for i, name in enumerate(MOVABLE)}
        self._first_touched = None
        self._refresh()
        return self._observe()

    def mark_start(self) -> None:
        """Take the present object positions as the start from which success and touches are judged."""
        self._start = {name: self.position(name) for name in MOVABLE}
        self._first_touched = None

    def observation(self, instruction: str = "") -> Observation:
        """The present as the context of a model: frames, state, calibration and the exact world state.

        Raises:
            InvalidInput: the environment was created with ``render=False``.
            Unavailable: nothing can be rendered here.
        """
        if not self.cameras:
            raise InvalidInput("This environment does not render, so it has no frames for a model.")
        now = self._observe()
        seed = self._require_scene()
        return Observation(
            frames=now.frames,
            instruction=instruction,
            state=now.state,
            world_state=WorldState("tabletop", seed, self.snapshot()),
            cameras={name: self.camera(name) for name in self.cameras},
            source=f"tabletop:{seed}@{self._steps}",
        )

    # ------------------------------------------------------------------ pictures

    def observe(self) -> TabletopObservation:
        """What the robot sees and feels now."""
        self._require_scene()
        return self._observe()

    def move_camera(self, position: Iterable[float], look_at: Iterable[float], fov: float) -> None:
        """Stand the exterior camera somewhere else until the next scene is built.

        Args:
            position, look_at: (3,) m.
            fov: vertical field of view, 20 .. 90 degrees.
        """
        self._require_scene()
        (x, y, z), (u, v, w) = map(float, position), map(float, look_at)
        self.look = replace(self.look, camera_position=(x, y, z), camera_look_at=(u, v, w), camera_fov=float(fov))
        apply(self._model, self.look)
        self._refresh()

    def render(self, camera: str = "exterior") -> Frames:
        """Draw one camera's view now, (size, size, 3) uint8.

        Raises:
            InvalidInput: unknown camera.
            Unavailable: nothing can draw here; the text says what to install.
        """
        return self._ready(camera).draw(self._data, camera)

    def segment(self, camera: str = "exterior", size: int | None = None) -> NDArray[np.uint8]:
        """What stands in each pixel of one camera's view now, (size, size) uint8 into ``SEGMENTS``.

        Args:
            size: pixels a side; the frames' own where None, at most twice that.

        Raises:
            InvalidInput: unknown camera or size.
            Unavailable: nothing can draw here; the text says what to install.
        """
        return self._ready(camera).segment(self._data, camera, size)

    def _ready(self, camera: str) -> Renderer:
        if camera not in CAMERAS:
            raise unknown_name("camera", camera, CAMERAS)
        self._require_scene()
        if self._renderer is None:
            self._renderer = Renderer(self._model, self.size)
        return self._renderer

    # ------------------------------------------------------------------ inner workings

    def _refresh(self) -> None:
        """Bring body, camera and light poses up to date; leaves the solver's warm start alone, as bits depend on it."""
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_comPos(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)

    def _observe(self) -> TabletopObservation:
        data = self._data
        turn = rotation_vector(data.site_xmat[self._tcp].reshape(3, 3) @ robot.DOWN.T)
        closed = 1 - data.qpos[self._fingers].mean() / FINGER_TRAVEL
        state = np.concatenate([data.site_xpos[self._tcp], turn, [np.clip(closed, 0, 1)], data.qpos[:7]])
        return TabletopObservation({name: self.render(name) for name in self.cameras}, state.astype(np.float32))

    def _info(self, clipped: list[str]) -> dict[str, Any]:
        return {
            "seed": self._seed,
            "step": self._steps,
            "clipped": clipped,
            "first_touched": self._first_touched,
            "lever_travel": self.lever_travel(),
        }

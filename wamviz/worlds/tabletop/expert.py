"""The scripted expert: plans waypoints from the true object poses and follows them with 5 Hz actions.

Contract: ``Expert(env, task, rng).act()`` returns the next action, or None when the plan is done; a plan that ended
without success is repeated once. The expert sees the simulator's state, not the frames; it is the source of
training data and of ground truth, not a model. How each task is done stands with the task (``tasks``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wamviz.core.rotation import rotation_matrix, rotation_vector, wrap_angle, yaw_of
from wamviz.worlds.tabletop import robot
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.planning import Waypoint
from wamviz.worlds.tabletop.tasks import Task, kind_of, remaining, success

_CRUISE = (0.040, 0.057)  # m an action, drawn per episode
_PATIENCE = 14  # actions spent on one waypoint before going on


class Expert:
    """Follows a plan for one task.

    Args:
        env: the scene, in the state from which to start.
        task: what to do.
        rng: speed and noise come from here.
        noise: standard deviation of the steps in transit, as a share of half the speed.
    """

    def __init__(self, env: TabletopEnv, task: Task, rng: np.random.Generator, noise: float = 0.15) -> None:
        self._env, self._task, self._rng, self._noise = env, task, rng, noise
        self._speed = float(rng.uniform(*_CRUISE))
        self._stages = list(kind_of(task).stages)
        self._retries = 1
        self._plan: list[Waypoint] = []
        self._next = 0  # index of the waypoint under way
        self._held = self._waited = 0  # actions at a waypoint, and actions without getting nearer
        self._make_plan()

    def act(self) -> NDArray[np.float32] | None:
        """The next action, (7,) float32 in ``ACTION_SPACE``'s units, or None when done."""
        while True:
            if self._next >= len(self._plan):
                if not self._next_stage():
                    return None
                continue
            goal = self._plan[self._next]
            position, rotation = self._env.commanded_pose()
            step = goal.position - position
            distance = float(np.linalg.norm(step))
            turn = wrap_angle(goal.yaw - yaw_of(rotation))
            slack = 0.001 + (0 if goal.hold else goal.tolerance)
            distance_left = float(np.linalg.norm(goal.position - self._env.ee_position()))
            arrived = distance < slack and distance_left < goal.tolerance + 0.01 and abs(turn) < 0.15
            if (arrived and self._held >= goal.hold) or self._waited > _PATIENCE:
                self._next += 1
                self._held = self._waited = 0
                continue
            break
        if arrived:
            self._held += 1
        # Patience counts only while nothing moves: a long way is not a fault.
        self._waited = self._waited + 1 if distance < 0.02 else 0
        speed = self._speed if distance > 0.05 else max(0.02, 0.65 * self._speed)
        move = step * min(1.0, speed / (distance + 1e-9))
        if distance > 0.06:
            move = move + self._rng.normal(0, self._noise * speed / 2, 3)
        # Undo a tilt, if something gave one.
        upright = rotation_vector(_facing(yaw_of(rotation)) @ rotation.T)
        spin = np.clip(upright, -0.2, 0.2) + [0, 0, float(np.clip(turn, -0.35, 0.35))]
        return np.array([*move, *spin, goal.gripper], np.float32)

    def replan(self) -> None:
        """Look again and plan the rest anew, after something outside the plan happened."""
        if not self._stages:
            return
        stage = self._stages[0]
        if stage.lasts and stage.reached is not None and stage.reached(self._env, self._task):
            return
        before = stage.needs
        if before is not None and before.reached is not None and not before.reached(self._env, self._task):
            self._stages.insert(0, before)
        self._make_plan()

    def _next_stage(self) -> bool:
        """Go on to the next stage, or try again; False when there is nothing left to do."""
        finished = self._stages.pop(0) if self._stages else None
        if finished is not None and finished.reached is not None and self._stages and self._retries:
            if not finished.reached(self._env, self._task):
                self._retries -= 1
                self._stages.insert(0, finished)
        if not self._stages:
            if success(self._env, self._task) or not self._retries or not self._within_reach():
                return False
            self._retries -= 1
            self._stages = list(kind_of(remaining(self._env, self._task)).stages)
        self._make_plan()
        return True

    def _within_reach(self) -> bool:
        """Whether the hand can get at the target where it is now."""
        if self._task.target == "lever":
            return True
        x, y, z = self._env.position(self._task.target)
        return 0.28 < x < 0.74 and abs(y) < 0.45 and -0.01 < z < 0.12

    def _make_plan(self) -> None:
        self._plan = list(self._stages[0].plan(self._env, self._task))
        self._next = self._held = self._waited = 0


def _facing(yaw: float) -> NDArray[np.float64]:
    """The hand straight down, turned by ``yaw``."""
    return rotation_matrix(np.array([0.0, 0.0, yaw])) @ robot.DOWN

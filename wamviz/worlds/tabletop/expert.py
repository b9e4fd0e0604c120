"""The scripted expert: plans waypoints from the true object poses and follows them with 5 Hz actions.

Contract: ``Expert(env, task, rng).act()`` returns the next action, or None when the plan is done; a plan that ended
without success is made once more. The expert sees the simulator's state, not the frames; it is the source of
training data and of ground truth, not a model.

Frame and units: robot base, metres, radians. TCP is the point between the finger tips.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wamviz.worlds.tabletop import objects, robot
from wamviz.worlds.tabletop.env import TabletopEnv
from wamviz.worlds.tabletop.objects import LEVER_TOP, LEVER_TRAVEL, MUG_RADIUS, SHAPES, TOASTER_HALF
from wamviz.worlds.tabletop.tasks import Task, success

OPEN, CLOSED = 0.0, 1.0
STAGES = {
    "lever": ("lever",),
    "pick": ("pick",),
    "place": ("pick", "drop"),
    "stack": ("pick", "stack"),
    "push": ("push",),
    "lever_then_pick": ("lever", "pick"),
}

_ABOVE = 0.10  # height of the approach over a grasp
_LIFT = 0.17
_OVER_TOASTER = 0.30  # TCP height at which a held thing clears the toast
_PALM_HALF = (0.036, 0.105)  # of the hand across and along the fingers' axis
_PALM_CLEARANCE = 0.036  # the palm's underside above the TCP
_OPEN_FINGER = 0.055  # distance of an open finger from the TCP
_MUG_PREOPEN = 0.45  # the finger outside the mug must not hit the thing beside it
_MAX_YAW = 2.4  # joint 7 reaches no further
_CRUISE = (0.040, 0.057)  # m an action, drawn per episode
_PATIENCE = 14  # actions spent on one waypoint before going on


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
        self._stages = list(STAGES[task.kind])
        self._retries = 1
        self._plan: list[Waypoint] = []
        self._next = 0  # index of the waypoint under way
        self._held = self._waited = 0
        self._make_plan()

    # ------------------------------------------------------------------ following

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
            turn = robot.wrap(goal.yaw - robot.yaw_of(rotation))
            slack = 0.001 + (0 if goal.hold else goal.tolerance)
            measured = float(np.linalg.norm(goal.position - self._env.ee_position()))
            arrived = distance < slack and measured < goal.tolerance + 0.01 and abs(turn) < 0.15
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
        upright = robot.rotation_vector(_facing(robot.yaw_of(rotation)) @ rotation.T)
        spin = np.clip(upright, -0.2, 0.2) + [0, 0, float(np.clip(turn, -0.35, 0.35))]
        return np.array([*move, *spin, goal.gripper], np.float32)

    def replan(self) -> None:
        """Look again and plan the rest anew, after something outside the plan happened."""
        if self._stages and self._stages[0] == "pick" and self._holding():
            return  # the grasp is made; the remaining waypoints still hold
        if self._stages:
            if self._stages[0] in ("drop", "stack") and not self._holding():
                self._stages.insert(0, "pick")
            self._make_plan()

    def _next_stage(self) -> bool:
        """Go on to the next stage, or try again; False when there is nothing left to do."""
        finished = self._stages.pop(0) if self._stages else None
        missed = (finished == "pick" and not self._holding()) or (finished == "lever" and not self._pressed())
        if finished and missed and self._stages and self._retries:
            self._retries -= 1
            self._stages.insert(0, finished)
        if not self._stages:
            if success(self._env, self._task) or not self._retries or not self._within_reach():
                return False
            self._retries -= 1
            self._stages = list(STAGES[self._task.kind])
            if self._task.kind == "lever_then_pick" and self._pressed():
                self._stages = ["pick"]
        self._make_plan()
        return True

    def _holding(self) -> bool:
        """Whether the target is between the closed fingers."""
        if self._task.target == "lever" or self._env.gripper_command < 0.5:
            return False
        reach = 0.10 if self._task.target == "mug" else 0.04
        return float(np.linalg.norm(self._env.position(self._task.target) - self._env.ee_position())) < reach

    def _pressed(self) -> bool:
        return self._env.lever_travel() >= objects.LEVER_PRESSED

    def _within_reach(self) -> bool:
        if self._task.target == "lever":
            return True
        x, y, z = self._env.position(self._task.target)
        return 0.28 < x < 0.74 and abs(y) < 0.45 and -0.01 < z < 0.12

    # ------------------------------------------------------------------ planning

    def _make_plan(self) -> None:
        stage = self._stages[0]
        make = {
            "lever": self._plan_lever,
            "pick": self._plan_pick,
            "drop": self._plan_drop,
            "stack": self._plan_stack,
            "push": self._plan_push,
        }[stage]
        self._plan = list(make())
        self._next = self._held = self._waited = 0

    def _yaw_now(self) -> float:
        return robot.yaw_of(self._env.commanded_pose()[1])

    def _reachable_yaw(self, yaw: float, period: float) -> float:
        """The equivalent of ``yaw`` nearest to the present one, within what joint 7 reaches."""
        now = self._yaw_now()
        turns = [robot.wrap(yaw, period) + k * period for k in range(-4, 5)]
        within = [angle for angle in turns if abs(angle) <= _MAX_YAW] or [robot.wrap(yaw)]
        return min(within, key=lambda angle: abs(angle - now) + 0.3 * abs(angle))

    def _over(self, goal: NDArray[np.float64], yaw: float, gripper: float) -> Iterator[Waypoint]:
        """Waypoints that lead above the toaster when the straight way to ``goal`` would cross it."""
        here = self._env.commanded_pose()[0]
        centre = self._env.layout.toaster.xy
        if _distance_to_segment(centre, here[:2], goal[:2]) < 0.15:
            up = max(here[2], _OVER_TOASTER)
            yield Waypoint(np.array([here[0], here[1], up]), yaw, gripper, 0.03)
            yield Waypoint(np.array([goal[0], goal[1], _OVER_TOASTER]), yaw, gripper, 0.03)

    def _plan_lever(self) -> Iterator[Waypoint]:
        out = self._env.layout.lever_direction
        knob = self._env.lever_position()
        knob[:2] += out * 0.015  # far enough out for the palm to pass the toaster's edge
        # With the hand's x axis away from the toaster, the wrist camera stays outside it: no half turns here.
        yaw = self._reachable_yaw(math.atan2(out[1], out[0]), 2 * math.pi)
        above = knob + [0, 0, 0.09]
        low = np.array([knob[0], knob[1], LEVER_TOP - LEVER_TRAVEL - 0.012])
        yield from self._over(above, yaw, CLOSED)
        yield Waypoint(above, yaw, CLOSED, 0.015)
        yield Waypoint(knob + [0, 0, 0.03], yaw, CLOSED, 0.012)
        yield Waypoint(low, yaw, CLOSED, 0.012, hold=1)
        yield Waypoint(low + [0, 0, 0.14], yaw, CLOSED, 0.03)

    def _plan_pick(self) -> Iterator[Waypoint]:
        grip, yaw = self._choose_grasp(self._task.target)
        ready = _MUG_PREOPEN if self._task.target == "mug" else OPEN
        above = grip + [0, 0, _ABOVE]
        yield from self._over(above, yaw, ready)
        yield Waypoint(above, yaw, ready, 0.012)
        yield Waypoint(grip, yaw, ready, 0.006, hold=1)
        yield Waypoint(grip, yaw, CLOSED, 0.05, hold=2)
        yield Waypoint(grip + [0, 0, _LIFT], yaw, CLOSED, 0.02)

    def _choose_grasp(self, name: str) -> tuple[NDArray[np.float64], float]:
        """The grasp (TCP position, yaw) with most room for the hand, then with the least turning."""
        here, turn = self._env.position(name), self._env.yaw(name)
        options: list[tuple[NDArray[np.float64], float]] = []
        if name == "mug":  # one finger inside, one outside, away from the handle at local +x
            for k in range(-2, 3):
                angle = turn + math.pi + k * math.pi / 5
                rim = (MUG_RADIUS - 0.0015) * np.array([math.cos(angle), math.sin(angle)])
                options.append((np.array([here[0] + rim[0], here[1] + rim[1], 0.068]), angle - math.pi / 2))
        elif name == "orange":
            options = [(np.array([here[0], here[1], 0.03]), k * math.pi / 6) for k in range(-3, 3)]
        else:
            height = max(here[2] - 0.002, 0.02)
            options = [(np.array([here[0], here[1], height]), turn + k * math.pi / 2) for k in (0, 1)]

        def cost(option: tuple[NDArray[np.float64], float]) -> float:
            yaw = self._reachable_yaw(option[1], math.pi)
            return 100 * self._crowding(name, option[0], yaw) + abs(yaw - self._yaw_now()) / 10

        grip, yaw = min(options, key=cost)
        return grip, self._reachable_yaw(yaw, math.pi)

    def _crowding(self, name: str, grip: NDArray[np.float64], yaw: float) -> float:
        """By how many metres the open hand at a grasp would reach into other things."""
        env = self._env
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

    def _held_offset(self, yaw: float) -> NDArray[np.float64]:
        """Where the TCP will be relative to the held thing, (2,) m, once the hand has turned to ``yaw``."""
        offset = (self._env.ee_position() - self._env.position(self._task.target))[:2]
        turn = yaw - robot.yaw_of(self._env.ee_rotation())
        c, s = math.cos(turn), math.sin(turn)
        return np.array([c * offset[0] - s * offset[1], s * offset[0] + c * offset[1]])

    def _plan_drop(self) -> Iterator[Waypoint]:
        yaw = self._yaw_now()
        goal = self._env.position("bowl")[:2] + self._held_offset(yaw)
        above, low = np.array([*goal, 0.19]), np.array([*goal, 0.10])
        yield from self._over(above, yaw, CLOSED)
        yield Waypoint(above, yaw, CLOSED, 0.012)
        yield Waypoint(low, yaw, CLOSED, 0.01, hold=1)
        yield Waypoint(low, yaw, OPEN, 0.05, hold=2)
        yield Waypoint(above, yaw, OPEN, 0.03)

    def _plan_stack(self) -> Iterator[Waypoint]:
        base = str(self._task.destination)
        yaw = self._reachable_yaw(self._env.yaw(base) - self._env.yaw(self._task.target) + self._yaw_now(), math.pi / 2)
        foot = self._env.position(base)
        goal = foot[:2] + self._held_offset(yaw)
        grip_height = float(self._env.ee_position()[2] - self._env.position(self._task.target)[2])
        above = np.array([*goal, 0.16])
        low = np.array([*goal, foot[2] + 2 * objects.BLOCK_HALF + 0.003 + grip_height])
        yield from self._over(above, yaw, CLOSED)
        yield Waypoint(above, yaw, CLOSED, 0.008, hold=1)
        yield Waypoint(low, yaw, CLOSED, 0.006, hold=1)
        yield Waypoint(low, yaw, OPEN, 0.05, hold=2)
        yield Waypoint(above, yaw, OPEN, 0.03)

    def _plan_push(self) -> Iterator[Waypoint]:
        name = self._task.target
        direction = self._env.image_right() * (1 if self._task.side == "right" else -1)
        here = self._env.position(name)[:2]
        radius = {"orange": objects.ORANGE_RADIUS, "mug": 0.05}.get(name, objects.BLOCK_HALF * 1.3)
        # Fingers a little apart cradle a round thing; the mug needs room under the palm.
        gripper, height = (0.5 if name in ("orange", "mug") else CLOSED), (0.054 if name == "mug" else 0.03)
        done = float((here - self._env.start_position(name)[:2]) @ direction)
        begin, end = here - direction * (radius + 0.035), here + direction * max(0.02, 0.07 - done)
        ahead = math.atan2(direction[1], direction[0])
        # The palm lies across the way, or along it where there is no room across and the thing is low.
        turns = [ahead] if name == "mug" else [ahead, ahead + math.pi / 2]
        crowding = [sum(self._crowding(name, np.array([*p, height]), yaw) for p in (begin, here, end)) for yaw in turns]
        along = len(turns) == 2 and crowding[0] > crowding[1] + 0.005
        yaw = self._reachable_yaw(turns[along], math.pi)
        if along and name == "orange":
            gripper, height = CLOSED, 0.036
        yield from self._over(np.array([*begin, 0.14]), yaw, gripper)
        yield Waypoint(np.array([*begin, 0.14]), yaw, gripper, 0.015)
        yield Waypoint(np.array([*begin, height]), yaw, gripper, 0.012)
        yield Waypoint(np.array([*end, height]), yaw, gripper, 0.015)
        yield Waypoint(np.array([*end, 0.14]), yaw, gripper, 0.03)


def _facing(yaw: float) -> NDArray[np.float64]:
    """The hand straight down, turned by ``yaw``."""
    return robot.rotation_matrix(np.array([0.0, 0.0, yaw])) @ robot.DOWN


def _distance_to_segment(point: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Distance of a point from the segment a-b, all (2,) m."""
    way = b - a
    t = float(np.clip((point - a) @ way / (way @ way + 1e-9), 0, 1))
    return float(np.linalg.norm(a + t * way - point))

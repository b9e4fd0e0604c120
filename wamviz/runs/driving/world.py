"""The real side of a drive: one tabletop that does the same actions in physics.

Contract: nothing is remembered between calls; each restores the exact state that it goes on from, so that the same
actions give the same bits whoever drove in between.

Axis letters: K actions, D = 14 state dims, S snapshot numbers, H/W pixels.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from wamviz.core.media import encode_jpeg
from wamviz.core.rollout import Floats, Frames, WorldState
from wamviz.runs.execution import SIZE, read_task

if TYPE_CHECKING:
    from wamviz.worlds.tabletop import TabletopEnv, Task

QUALITY = 88  # of the JPEG pictures


@dataclass(frozen=True, eq=False)
class Real:
    """The simulated world after an action.

    Attributes:
        state: (D,); snapshot: (S,), what the world goes on from.
        places: (3,) m of the ``"hand"``, the ``"lever"`` and the objects, by name.
        picture: a JPEG of what its camera sees.
        done: whether the task was done by now; None where there is none. progress: 0 .. 1, likewise.
    """

    state: Floats
    snapshot: NDArray[np.float64]
    places: Mapping[str, Floats]
    picture: bytes
    done: bool | None = None
    progress: float | None = None


@dataclass(frozen=True, eq=False)
class Hand:
    """Where a path begins, and where the arm would go.

    Attributes:
        command: (3,) m, where the controller holds the hand; gripper: what it holds, 0 open .. 1 closed.
        foreseen: (K, 3) m, after each action, with nothing in the arm's way.
    """

    command: NDArray[np.float64]
    gripper: float
    foreseen: NDArray[np.float64]


class DriveWorld:
    """One tabletop that serves every drive: a thread of its own restores, acts and draws; calls take turns.

    Args:
        size: pixels of what is drawn.
    """

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._thread = ThreadPoolExecutor(1, "wamviz-drive")
        self._env: TabletopEnv | None = None

    def look(self, state: WorldState, camera: str, task: str) -> tuple[Real, Frames, Task | None, str]:
        """The present, its picture (H, W, 3), the task that ``task`` asks for, and why there is none."""
        return self._thread.submit(self._look, state, camera, task).result()

    def begin(
        self, seed: int, before: Real, actions: Floats, camera: str, task: Task | None
    ) -> Future[list[tuple[Real, Frames]]]:
        """Execute ``actions`` (K, 7) after ``before``: what follows each of them, under way."""
        return self._thread.submit(self._act, seed, before, actions, camera, task)

    def foresee(self, state: WorldState, actions: Floats) -> Hand:
        """Where the hand's command stands, and where the arm would have the hand after each action (K, 7)."""
        return self._thread.submit(self._foresee, state, actions).result()

    def close(self) -> None:
        """Give the graphics memory back, once what is under way is done."""
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def _ready(self) -> TabletopEnv:
        from wamviz.worlds.tabletop import TabletopEnv

        if self._env is None:
            self._env = TabletopEnv(size=self._size, cameras=())  # each picture is asked for, by its camera
        return self._env

    def _look(self, state: WorldState, camera: str, task: str) -> tuple[Real, Frames, Task | None, str]:
        env = self._ready()
        env.restore(state.seed, state.snapshot)
        goal, why = read_task(env, task)
        return (*_see(env, camera, goal, False), goal, why)

    def _act(
        self, seed: int, before: Real, actions: Floats, camera: str, task: Task | None
    ) -> list[tuple[Real, Frames]]:
        env = self._ready()
        env.restore(seed, before.snapshot)
        found = []
        done = bool(before.done)
        for action in actions:
            env.step(action)
            real, frame = _see(env, camera, task, done)
            done = bool(real.done)
            found.append((real, frame))
        return found

    def _foresee(self, state: WorldState, actions: Floats) -> Hand:
        env = self._ready()
        env.restore(state.seed, state.snapshot)
        return Hand(env.commanded_pose()[0], env.gripper_command, env.foresee_hand(actions))

    def _close(self) -> None:
        if self._env is not None:
            self._env.close()
            self._env = None


def _see(env: TabletopEnv, camera: str, task: Task | None, done: bool) -> tuple[Real, Frames]:
    """What there is now; a task once done counts as done."""
    from wamviz.worlds.tabletop import progress, success

    frame, state = env.render(camera), env.observe().state
    places = {"hand": env.ee_position(), "lever": env.lever_position()}
    places |= {name: env.position(name) for name in env.present}
    done = task is not None and (done or success(env, task))
    so_far = None if task is None else 1.0 if done else progress(env, task)
    known = {name: place.astype(np.float32) for name, place in places.items()}
    verdict = done if task is not None else None
    return Real(state, env.snapshot(), known, encode_jpeg(frame, QUALITY), verdict, so_far), frame


_LOCK = threading.Lock()
_worlds: list[DriveWorld] = []


def shared_world() -> DriveWorld:
    """The tabletop that every drive of this process shares."""
    with _LOCK:
        if not _worlds:
            _worlds.append(DriveWorld())
        return _worlds[0]

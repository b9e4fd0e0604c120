"""Drives under way: who may go on with which, how fast, and until when. Plain values in, plain JSON out.

Contract: a session is named by 32 random characters that only its page knows. It ends when it is closed, when nobody
has touched it for ``IDLE_S``, or when it is the longest idle one and another visitor needs its place. A step that comes
while one is under way, or sooner than ``STEPS_A_SECOND`` allow, is dropped and counted, never queued. During a
challenge nothing of physics leaves the server before it is asked to reveal it.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from wamviz.core.errors import Busy, InvalidInput, NotFound
from wamviz.core.media import encode_jpeg
from wamviz.models import registry
from wamviz.runs.driving import Drive, DriveWorld, Moment, check_drivable, keep_drive, open_drive, take_turn
from wamviz.runs.driving.world import QUALITY
from wamviz.runs.sources import Context
from wamviz.runs.store import Run
from wamviz.ui.pictures import as_text

SESSIONS = 6  # each holds up to 60 MB of imagined frames
BRANCHES = 8
IDLE_S = 300.0
SPARED_S = 30.0  # a session that was touched since is never ended for another's sake
STEPS_A_SECOND = 10  # twice what the world's 5 Hz need
BURST = 5
NAME = re.compile(r"[\w-]{32}")


@dataclass
class DriveSession:
    """One visitor's drive and its branches.

    Attributes:
        name: by which its page knows it.
        model: id of the model that imagines.
        branches: each a drive; ``current`` is driven.
        hidden: whether physics is kept from the page.
        missed: steps dropped since the last one that was done.
        touched: when it was used last; allowance: steps that may come at once, as of then.
    """

    name: str
    model: str
    branches: list[Drive]
    hidden: bool
    touched: float
    current: int = 0
    missed: int = 0
    allowance: float = BURST
    paid: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def drive(self) -> Drive:
        """What is driven now."""
        return self.branches[self.current]


class DriveSessions:
    """All of them.

    Args:
        world: where physics does the same, made at the first drive.
        keep: puts a run into the store.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        world: Callable[[], DriveWorld],
        keep: Callable[[Run], Run],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._world, self._keep, self._clock = world, keep, clock
        self._sessions: dict[str, DriveSession] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._sessions)

    # ------------------------------------------------------------------ what a page asks

    def open(self, context: Context, model_id: str, hidden: bool = False, seed: int = 0) -> dict[str, Any]:
        """Begin a drive at ``context``; ``hidden`` makes it a challenge."""
        entry = registry.entry(model_id)
        check_drivable(entry.capabilities)  # before its weights are loaded
        self._make_room()
        with take_turn(entry), registry.borrow(model_id) as model:
            drive = open_drive(model, context, self._world(), seed)
        if hidden and drive.why_not_real:
            raise InvalidInput(f"Nobody could say how it went: {drive.why_not_real}", "Choose a tabletop scene.")
        if hidden and drive.why_no_task:
            raise InvalidInput(f"A challenge needs a task. {drive.why_no_task}", "Say one, e.g. 'pick up the orange'.")
        now = self._clock()
        session = DriveSession(secrets.token_urlsafe(24), model_id, [drive], hidden, now, paid=now)
        with self._lock:
            self._sessions[session.name] = session
        timer = threading.Timer(IDLE_S + 1, self.purge)
        timer.daemon = True
        timer.start()
        return {"session": session.name, **self._state(session), "moments": self._moments(session, 0)}

    def step(self, name: Any, actions: Any, missed: Any = 0) -> dict[str, Any]:
        """Do a few actions; ``missed`` is how many steps the page has dropped itself."""
        session = self._find(name)
        session.missed += _whole(missed, "number of dropped steps", 0, 100)
        if not self._pay(session):
            session.missed += 1
            raise Busy(f"Steps come faster than {STEPS_A_SECOND} a second; this one was dropped.")
        with self._alone(session):
            before = len(session.drive.moments)
            started = time.perf_counter()
            with take_turn(registry.entry(session.model)):
                drive = session.drive.step(_actions(actions))
            took = time.perf_counter() - started
            self._change(session, drive)
            return {**self._state(session), "moments": self._moments(session, before), "seconds": round(took, 4)}

    def rewind(self, name: Any, moment: Any) -> dict[str, Any]:
        """Go back to a moment; what came after it is gone."""
        session = self._find(name)
        with self._alone(session):
            self._change(session, session.drive.branch(_whole(moment, "moment")))
            return self._state(session)

    def branch(self, name: Any, moment: Any) -> dict[str, Any]:
        """Go on from a moment in another way; the branch that it leaves stays."""
        session = self._find(name)
        with self._alone(session):
            if len(session.branches) >= BRANCHES:
                raise InvalidInput(f"A drive has at most {BRANCHES} branches.", "Rewind one of them.")
            session.branches.append(session.drive.branch(_whole(moment, "moment")))
            session.current = len(session.branches) - 1
            return self._state(session)

    def switch(self, name: Any, branch: Any) -> dict[str, Any]:
        """Go on with another branch."""
        session = self._find(name)
        with self._alone(session):
            session.current = _whole(branch, "branch", 0, len(session.branches) - 1)
            return self._state(session)

    def reveal(self, name: Any) -> dict[str, Any]:
        """End a challenge: what really happened on the current branch, from the start."""
        session = self._find(name)
        with self._alone(session):
            session.hidden = False
            return {**self._state(session), "moments": self._moments(session, 0)}

    def keep(self, name: Any) -> dict[str, Any]:
        """Keep the current branch as a run."""
        session = self._find(name)
        with self._alone(session):
            if session.hidden:
                raise InvalidInput("What really happened is still hidden.", "Reveal it first.")
            run = self._keep(keep_drive(session.drive))
            return {**self._state(session), "run": run.id}

    def close(self, name: Any) -> dict[str, Any]:
        """Forget a drive."""
        session = self._find(name)
        with self._lock:
            self._sessions.pop(session.name, None)
        return {}

    def purge(self) -> None:
        """Forget what nobody has touched for long."""
        with self._lock:
            gone = [name for name, one in self._sessions.items() if self._clock() - one.touched > IDLE_S]
            for name in gone:
                del self._sessions[name]

    # ------------------------------------------------------------------ who may, and how fast

    def _find(self, name: Any) -> DriveSession:
        self.purge()
        session = self._sessions.get(name) if isinstance(name, str) and NAME.fullmatch(name) else None
        if session is None:
            raise NotFound("There is no such drive, or it has ended.", "Start another one.")
        session.touched = self._clock()
        return session

    def _make_room(self) -> None:
        self.purge()
        with self._lock:
            if len(self._sessions) < SESSIONS:
                return
            oldest = min(self._sessions.values(), key=lambda one: one.touched)
            if self._clock() - oldest.touched < SPARED_S:
                raise Busy(f"{SESSIONS} people are driving already.", "Try again in a minute.")
            del self._sessions[oldest.name]

    def _pay(self, session: DriveSession) -> bool:
        """Whether a step may come now: ``STEPS_A_SECOND`` on average, ``BURST`` at once."""
        with self._lock:
            now = self._clock()
            session.allowance = min(BURST, session.allowance + (now - session.paid) * STEPS_A_SECOND)
            session.paid = now
            if session.allowance < 1:
                return False
            session.allowance -= 1
            return True

    @contextmanager
    def _alone(self, session: DriveSession) -> Iterator[None]:
        if not session.lock.acquire(blocking=False):
            session.missed += 1
            raise Busy("The step before is still under way; this one was dropped.")
        try:
            yield
        finally:
            session.lock.release()

    # ------------------------------------------------------------------ what a page is told

    def _change(self, session: DriveSession, drive: Drive) -> None:
        session.branches[session.current] = replace(drive, dropped=drive.dropped + session.missed)
        session.missed = 0

    def _state(self, session: DriveSession) -> dict[str, Any]:
        drive = session.drive
        return {
            "branch": session.current,
            "lengths": [len(one.moments) - 1 for one in session.branches],
            "dropped": drive.dropped + session.missed,
            "hidden": session.hidden,
            "task": drive.task,
            "why_not_real": drive.why_not_real,
            "why_no_task": drive.why_no_task,
            "source": drive.context.observation.source,
            "axes": screen_axes(drive),
            "gripper": gripper_now(drive),
        }

    def _moments(self, session: DriveSession, start: int) -> list[dict[str, Any]]:
        return [describe(moment, session.hidden) for moment in session.drive.moments[start:]]


def describe(moment: Moment, hidden: bool) -> dict[str, Any]:
    """A moment for the page; what physics says of it is left out while it is ``hidden``."""
    told: dict[str, Any] = {"dream": as_text(encode_jpeg(moment.frame, QUALITY))}
    if moment.real is None or hidden:
        return told
    drift = moment.drift
    numbers = {} if drift is None else {
        "hand": drift.hand, "thing": drift.thing, "which": drift.which, "picture": drift.picture,
        "hand_px": drift.hand_px, "thing_px": drift.thing_px,
    }  # fmt: skip
    real = moment.real
    return {**told, "real": as_text(real.picture), "done": real.done, "progress": real.progress, **numbers}


def screen_axes(drive: Drive) -> dict[str, list[float]]:
    """What is to the right and away on the picture, as directions on the table: (x, y) of length 1.

    Without a calibrated camera, as somebody sees it who faces the robot.
    """
    seen = drive.context.observation
    camera = seen.cameras.get(seen.main_camera)
    if camera is None:
        return {"right": [0.0, 1.0], "away": [-1.0, 0.0]}
    x, y = (float(value) for value in camera.world_from_camera[:2, 0])
    size = (x * x + y * y) ** 0.5 or 1.0
    return {"right": [x / size, y / size], "away": [-y / size, x / size]}


def gripper_now(drive: Drive) -> float:
    """The last commanded gripper value; before any, whether the hand is nearer to closed (1) or open (0)."""
    if len(drive.actions):
        return float(drive.actions[-1, 6])
    state = drive.context.observation.state
    return float(state is not None and len(state) > 6 and state[6] > 0.1)


def _whole(value: Any, what: str, low: int = 0, high: int = 10**6) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidInput(f"The {what} must be a whole number, {low} .. {high}.")
    return value


def _actions(value: Any) -> list[list[float]]:
    rows = value if isinstance(value, list) else []
    good = rows and all(isinstance(row, list) and row for row in rows)
    if not good or not all(isinstance(x, int | float) and not isinstance(x, bool) for row in rows for x in row):
        raise InvalidInput("The actions must be a list of lists of numbers.")
    if len({len(row) for row in rows}) != 1:
        raise InvalidInput("Every action must hold as many numbers as the others.")
    return rows

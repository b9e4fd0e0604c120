"""The class that this server gives: its links, its teacher's key, and who was seen where.

Contract: what has to outlast the server is in the store; where learners are is only remembered while it runs. Whoever
shows the key is the teacher; whoever showed the code once is a learner, known by the random number of a browser.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from wamviz.core.errors import Unsafe
from wamviz.lessons.classroom import ClassStore

AWAY_S = 20.0  # a page that has not asked for so long is closed, or lies behind another


@dataclass(frozen=True)
class Place:
    """Where a learner was seen last.

    Attributes:
        lesson: its id; here: whether the page is open now.
    """

    lesson: str
    here: bool


class Classroom:
    """A class that is under way.

    Args:
        store: its answers.
        address: of the app as learners reach it, without a slash at its end.
        clock: seconds, for tests.
    """

    def __init__(self, store: ClassStore, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.store, self.address, self.key = store, address, secrets.token_urlsafe(24)
        self._clock, self._lock = clock, threading.Lock()
        self._seen: dict[int, tuple[str, float]] = {}

    @property
    def join_link(self) -> str:
        """What learners open: short enough to be typed off a projector."""
        return f"{self.address}/join/{self.store.code}"

    def check_teacher(self, key: object) -> None:
        """Raise ``Unsafe`` unless ``key`` is the teacher's."""
        if not isinstance(key, str) or not hmac.compare_digest(key.encode(), self.key.encode()):
            raise Unsafe("Only the teacher may ask that.", "The teacher's link stands in the terminal.")

    def admit(self, pupil: str, code: str) -> bool:
        """Let a browser join that shows the class's code, in small letters or large; whether it has joined."""
        if hmac.compare_digest(code.strip().upper().encode(), self.store.code.encode()):
            self.store.join(pupil)
        return self.has(pupil)

    def has(self, pupil: str) -> bool:
        """Whether a browser has joined."""
        return self.store.number(pupil) is not None

    def see(self, pupil: str, lesson: str) -> int | None:
        """Somebody's page at a lesson asked for news: their number, None if they have not joined."""
        number = self.store.number(pupil)
        if number is not None:
            with self._lock:
                self._seen[number] = lesson, self._clock()
        return number

    def places(self) -> dict[int, Place]:
        """Where everybody was seen since the server was started."""
        with self._lock:
            now = self._clock()
            return {number: Place(lesson, now - at < AWAY_S) for number, (lesson, at) in self._seen.items()}

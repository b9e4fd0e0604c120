"""How long a stage may train, and when a command has to stop although the stage is not done."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from wamviz.core.errors import WamvizError


class OutOfTime(Exception):  # noqa: N818 - not an error: the same command goes on from here
    """The command's own limit is reached; everything is on disk."""


@dataclass(frozen=True)
class Budget:
    """A stage's length: minutes of training, because machines differ, or a number of steps, to repeat it exactly.

    Attributes:
        minutes: of training, or None.
        steps: of optimisation, or None. Exactly one of the two is given.
    """

    minutes: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        limits = [x for x in (self.minutes, self.steps) if x is not None]
        if len(limits) != 1 or limits[0] <= 0:
            raise WamvizError("A stage is given either minutes or steps, above 0.")

    def done(self, seconds: float, steps: int) -> float:
        """The share that is spent, 0 .. 1."""
        return min(1.0, seconds / (60 * self.minutes) if self.minutes is not None else steps / (self.steps or 1))


class Deadline:
    """When the whole command should stop.

    Args:
        minutes: from now; None for never.
        soft: a stage that is reached by it ends there with what it has learnt, rather than raise ``OutOfTime``.
    """

    def __init__(self, minutes: float | None = None, soft: bool = False) -> None:
        self.at = None if minutes is None else time.monotonic() + 60 * minutes
        self.soft = soft

    @property
    def minutes_left(self) -> float:
        """Minutes until it passes, 0 afterwards, infinity for never."""
        return math.inf if self.at is None else max(0.0, (self.at - time.monotonic()) / 60)

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return self.at is not None and time.monotonic() > self.at

    def check(self) -> None:
        """Raise ``OutOfTime`` once it has passed."""
        if self.passed:
            raise OutOfTime

"""What an experiment of a lesson is: what can be turned, what is measured, and what the measurement says.

Contract: an ``Experiment`` names everything that a text needs a word for; ``run(values, lab)`` yields ``Progress``
and ends with one ``Finding``. Every number in it was measured in that very run; intervals are 95 % bootstraps over
contexts, because samples of one scene are alike. Names, never sentences: the words are the lesson's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.lessons.lab import Lab
from wamviz.runs.accumulator import bootstrap
from wamviz.runs.store import Run

ENOUGH = 5  # contexts, before a difference is believed


@dataclass(frozen=True)
class Whole:
    """A control that is a whole number, ``low .. high``."""

    name: str
    low: int
    high: int
    default: int

    def read(self, value: Any) -> int:
        """``value`` as this control takes it, or ``InvalidInput``."""
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            raise InvalidInput(f"'{self.name}' is a whole number, not {value!r}.", f"{self.low} .. {self.high}.")
        if not self.low <= value <= self.high:
            raise InvalidInput(f"'{self.name}' is {self.low} .. {self.high}, not {int(value)}.")
        return int(value)

    @property
    def labels(self) -> tuple[str, ...]:
        """What a text has to name."""
        return (self.name,)


@dataclass(frozen=True)
class Choice:
    """A control that is one of a few names."""

    name: str
    options: tuple[str, ...]
    default: str

    def read(self, value: Any) -> str:
        """``value`` as this control takes it, or ``NotFound``."""
        if value not in self.options:
            raise unknown_name(self.name, str(value)[:40], self.options)
        return str(value)

    @property
    def labels(self) -> tuple[str, ...]:
        """What a text has to name."""
        return (self.name, *(f"{self.name}_{option}" for option in self.options))


Control = Whole | Choice


class Progress(NamedTuple):
    """How far along."""

    done: int
    total: int


@dataclass(frozen=True)
class Measure:
    """One measured mean with its 95 % interval, None below two contexts."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    count: int = 1


@dataclass(frozen=True)
class Curve:
    """Measured means over ``x``, with their intervals where known."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y) or len(self.low) not in (0, len(self.y)) or len(self.low) != len(self.high):
            raise InvalidInput(f"Curve '{self.name}' has {len(self.x)} places and {len(self.y)} values.")


@dataclass(frozen=True)
class Figure:
    """What is drawn: bars of ``measures`` or ``curves`` over ``x_name``; ``unit`` is that of the values."""

    name: str
    unit: str
    measures: tuple[Measure, ...] = ()
    curves: tuple[Curve, ...] = ()
    x_name: str = ""
    log_x: bool = False

    def __post_init__(self) -> None:
        if bool(self.measures) == bool(self.curves):
            raise InvalidInput(f"Figure '{self.name}' shows measures or curves, one of the two.")


@dataclass(frozen=True)
class Finding:
    """What came out.

    Attributes:
        figures: everything that was measured.
        verdict: of ``lesson.VERDICTS``, what it says of the claim.
        answer: the option of the prediction that the measurement confirms; "" where it cannot tell.
        run: one of the runs, to be looked at, or None.
        contexts: how many scenes were measured.
    """

    figures: tuple[Figure, ...]
    verdict: str
    answer: str = ""
    run: Run | None = None
    contexts: int = 0


Work = Callable[[Mapping[str, Any], Lab], Iterator[Progress | Finding]]


@dataclass(frozen=True)
class Experiment:
    """An experiment that a lesson can name.

    Attributes:
        name: unique.
        controls: what can be turned.
        shows: names of figures, measures, curves and axes, which a text has to have words for.
        answers: options of a prediction that it can confirm.
        work: runs it.
        timed: whether seconds are measured, so that nothing else may run meanwhile.
    """

    name: str
    controls: tuple[Control, ...]
    shows: tuple[str, ...]
    answers: tuple[str, ...]
    work: Work
    timed: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """Every name that a lesson's text needs a word for."""
        return (*(label for control in self.controls for label in control.labels), *self.shows)

    def run(self, values: Mapping[str, Any], lab: Lab) -> Iterator[Progress | Finding]:
        """Check the values now; the returned iterator does the work and can be closed at any time."""
        return self.work(self.read(values), lab)

    def read(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values by control, as ``work`` takes them; a missing one has its default.

        Raises:
            InvalidInput: there is no such control, or it cannot have that value.
        """
        for name in values:
            if name not in [control.name for control in self.controls]:
                raise unknown_name("control", name, [control.name for control in self.controls])
        return {control.name: control.read(values.get(control.name, control.default)) for control in self.controls}


def mean_of(name: str, values: Sequence[float]) -> Measure:
    """The mean of a value a context, with its interval.

    >>> mean_of("error", [1.0, 3.0]).value
    2.0
    """
    low, high = bootstrap(values) or (None, None)
    return Measure(name, float(np.mean(values)), low, high, len(values))


def smaller(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Whether the first values are smaller, pair by pair: ``holds``, ``broken`` (larger) or ``open``.

    The interval of the mean difference has to leave 0 out. Below ``ENOUGH`` pairs nothing is said: a bootstrap of
    so few is narrower than it should be.

    >>> smaller([1.0, 1.1, 0.9, 1.2, 1.0], [2.0, 2.2, 2.1, 1.9, 2.0]), smaller([1.0, 1.0], [2.0, 2.0])
    ('holds', 'open')
    """
    interval = bootstrap([a - b for a, b in zip(ours, theirs, strict=True)])
    if interval is None or len(ours) < ENOUGH:
        return "open"
    return "holds" if interval[1] < 0 else "broken" if interval[0] > 0 else "open"

"""One progress line on stderr: what is happening, how far it is, how long it will take.

Contract: on a terminal the line rewrites itself; into a file or a pipe a new line is written at most every
few seconds, so that a log stays readable. It knows nothing about what makes the progress.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TextIO

from wamviz.runs.imagine import Eta
from wamviz.runs.sources import HUB


class TerminalProgress:
    """``with Progress("imagine") as progress: progress(3, 16, "video")``."""

    def __init__(
        self,
        label: str,
        *,
        unit: str = "step",
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        every: float = 5.0,
    ) -> None:
        self._label, self._unit, self._clock, self._every = label, unit, clock, every
        self._stream = stream if stream is not None else sys.stderr
        self._terminal = self._stream.isatty()
        self._eta = Eta(clock)
        self._written = 0  # columns of the line that stands on the terminal
        self._last: float | None = None

    def __call__(self, step: int, steps: int, note: str = "") -> None:
        """Tell that ``step`` of ``steps`` are done."""
        left = self._eta.update(step, steps)
        now = self._clock()
        if not self._terminal and self._last is not None and now - self._last < self._every and step < steps:
            return
        self._last = now
        line = f"{self._label}: {self._unit} {step}/{steps}"
        if left is not None and step < steps:
            line += f", {_span(left)} left"
        if note:
            line += f" ({note})"
        self._write(line)

    def _write(self, line: str) -> None:
        if self._terminal:
            self._stream.write("\r" + line.ljust(self._written))
            self._written = len(line)
        else:
            self._stream.write(line + "\n")
        self._stream.flush()

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._written:  # whatever is printed next starts on a line of its own
            self._stream.write("\n")
            self._stream.flush()
            self._written = 0


@contextmanager
def fetching(source: str) -> Iterator[TerminalProgress | None]:
    """The progress of a download for a ``hub:`` name; None for every other source, which needs none."""
    if not source.strip().startswith(HUB):
        yield None
        return
    with TerminalProgress("download", unit="kB") as progress:
        yield progress


def _span(seconds: float) -> str:
    """
    >>> _span(4.24), _span(75), _span(7300)
    ('4.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"

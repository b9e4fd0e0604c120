"""One progress line with an ETA, and the same numbers kept as JSON lines for the report."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from wamviz.training.budget import Budget


class TrainingProgress:
    """Prints a line every few seconds; figures are running means since the last line.

    Args:
        name: what is being trained.
        budget: of the stage; ``spent``: seconds already done.
        log: a JSON-lines file to append to, or None.
    """

    def __init__(
        self, name: str, budget: Budget, spent: float = 0.0, log: Path | None = None, every: float = 10.0
    ) -> None:
        self.name, self.budget, self.log, self.every = name, budget, log, every
        self.last, self.last_elapsed = time.perf_counter(), spent
        self.samples, self.steps = 0, 0
        self.sums: dict[str, float] = {}

    def step(self, done: float, elapsed: float, samples: int, **figures: float) -> None:
        """Count one optimisation step: the share of the budget and the seconds spent after it, its samples."""
        self.samples += samples
        self.steps += 1
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        now = time.perf_counter()
        if now - self.last < self.every:
            return
        means = {name: value / self.steps for name, value in self.sums.items()}
        rate = self.samples / max(elapsed - self.last_elapsed, 1e-9)
        shown = "  ".join(f"{name} {value:.4f}" for name, value in means.items())
        left = elapsed * (1 - done) / max(done, 1e-9)
        print(f"{self.name}: {done:6.1%}  {shown}  {rate:.1f}/s  ETA {left / 60:.1f} min", file=sys.stderr)
        self.note({"phase": self.name, "seconds": round(elapsed, 1), "rate": round(rate, 2), **means})
        self.last, self.last_elapsed, self.samples, self.steps, self.sums = now, elapsed, 0, 0, {}

    def note(self, row: dict[str, object]) -> None:
        """Append one row to the log."""
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(json.dumps(row) + "\n")

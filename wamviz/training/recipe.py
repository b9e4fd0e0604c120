"""What one training run is told: how much to record, how long each part learns, and where all of it is kept.

Nothing heavy is imported here, because every recording process reads it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wamviz.core.errors import WamvizError

HELD_OUT = 1_050_000  # evaluation uses seeds from 1,000,000 up, which these do not touch
MOVES, RECOVERIES = 100_000, 300_000


@dataclass(frozen=True)
class Recipe:
    """One training run.

    Attributes:
        work: where episodes and resumable state are kept (gigabytes).
        out: the pipeline folder that is written at the end.
        parts: a folder for the same once more as one archive in a few small files (``archive``); None for none.
        episodes: with pictures, seeds ``0 .. episodes``; moves: episodes without, seeds from 100,000 on.
        held_out: validation episodes, from seed 1,050,000 on; views: frames drawn an episode.
        painter_minutes, detector_minutes, denoiser_minutes: budgets.
        recoveries: episodes in which the expert takes over from the model, seeds from 300,000 on, 0 for none;
            recovery_minutes: how much longer the denoiser learns from them as well.
        batch: contexts a step of the denoiser and process; pictures: frames a step of painter and detector.
        peak: highest learning rate of the denoiser.
        workers: processes that record, and on a CPU also train the denoiser.
        seed: of everything; device: ``auto`` or a torch device.
        graded: unseen episodes on which every mode is measured at the end; 0 for none.
        limit: minutes after which the command stops, to go on when it is given again; None for never.
        overlap: train on the episodes that are there while others are recorded (``overlap``). The counts are then the
            most that is recorded, budgets shrink to fit the limit, and whatever was learnt by then is exported. What
            comes of it depends on how fast the machine records.
    """

    work: Path
    out: Path
    parts: Path | None = None
    episodes: int = 1500
    moves: int = 6000
    held_out: int = 50
    views: int = 12
    painter_minutes: float = 120
    detector_minutes: float = 90
    denoiser_minutes: float = 120
    recoveries: int = 1000
    recovery_minutes: float = 30
    batch: int = 24
    pictures: int = 12
    peak: float = 1.5e-3
    workers: int = 2
    seed: int = 0
    device: str = "auto"
    graded: int = 200
    limit: float | None = None
    overlap: bool = False

    def __post_init__(self) -> None:
        budgets = (self.painter_minutes, self.detector_minutes, self.denoiser_minutes)
        if min(self.episodes, self.moves, self.held_out) < 1 or min(budgets) <= 0:
            raise WamvizError("A recipe needs at least one episode of each kind and a budget above 0 minutes.")
        if self.recoveries < 0 or (self.recoveries and self.recovery_minutes <= 0):
            raise WamvizError("Recoveries need minutes above 0.", "Give --recoveries 0 for none.")
        if self.workers < 1:
            raise WamvizError(f"At least one process must record, not {self.workers}.")
        if self.limit is not None and self.limit <= 0:
            raise WamvizError(f"A command cannot stop after {self.limit:g} minutes.", "Leave --limit out for no limit.")

    @property
    def log(self) -> Path:
        """The curves of every stage, JSON lines."""
        return self.work / "curves.jsonl"


# What differs where there is a GPU and many cores: minutes are worth a hundred times as much, so none is spent waiting
# for episodes. Two of 16 cores feed the GPU. Measuring needs as long again: it is a command of its own (``grade``).
PRESETS: dict[str, dict[str, Any]] = {
    "cpu": {},
    "gpu": {
        "episodes": 4000,
        "moves": 12000,
        "painter_minutes": 3.0,
        "detector_minutes": 1.5,
        "denoiser_minutes": 1.5,
        "recoveries": 1000,
        "recovery_minutes": 1.5,
        "batch": 512,
        "pictures": 96,
        "workers": 14,
        "device": "cuda",
        "graded": 0,
        "limit": 9.5,
        "overlap": True,
    },
}

"""What every training loop shares: the budget, the learning rate, the progress line, and a state that is on disk.

A loop that was stopped, by its user or by its machine, goes on from its last saved step: weights, optimisers, averages,
the state of every source of chance and the seconds spent come back. With a budget in steps the outcome is the same to
the bit as that of a loop that was never stopped.

The learning rate follows the share of the budget that is spent, and a finished stage may be given a larger budget:
then the share falls, and the rate begins again where the larger budget would have it there. A cosine over 120 minutes
that becomes one of 150 goes on at a tenth of its peak and falls once more, a warm restart (arXiv 1608.03983), which is
what learning from further data needs: at the end of the first cosine the rate is next to nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from wamviz.core.errors import WamvizError
from wamviz.training.budget import Budget, Deadline, OutOfTime
from wamviz.training.progress import TrainingProgress
from wamviz.training.state import Average, load_state, save_state

SAVE_EVERY = 120.0  # s
CLIP = 2.0  # largest norm of a step's gradient
CURVE = 8  # points that a stage's curve has, at least


def held_then_falling(done: float) -> float:
    """Full rate for the first half, then straight down to a fiftieth."""
    return max(0.02, min(1.0, (1 - done) / 0.5))


def cosine(done: float) -> float:
    """Half a cosine from 1 to 0."""
    return 0.5 + 0.5 * math.cos(math.pi * done) + 1e-3


def rank() -> int:
    """The number of this process among those that train together, 0 where it is alone."""
    return int(dist.get_rank()) if dist.is_initialized() else 0


class Loop:
    """One stage of optimisation; iterate over it and call ``descend`` once an iteration.

    Args:
        name: of the stage, in the progress line and the log.
        model: what is trained; its whole ``state_dict`` is kept.
        optimizers: over some of its weights.
        file: where the state is kept, safetensors.
        budget: of the stage; deadline: of the whole command.
        peak: highest learning rate; warm: seconds until it is reached (steps / 10, with a budget in steps).
        shape: share of the peak by share of the budget.
        average: averaged weights that are kept along, or None.
        seed: of ``rng`` (numpy) and ``chance`` (torch, on ``device``).
    """

    def __init__(
        self,
        name: str,
        model: nn.Module,
        optimizers: list[torch.optim.Optimizer],
        file: Path,
        budget: Budget,
        *,
        peak: float,
        warm: float = 20.0,
        shape: Callable[[float], float] = held_then_falling,
        average: Average | None = None,
        seed: int = 0,
        log: Path | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        self.name, self.model, self.optimizers, self.file, self.budget = name, model, optimizers, file, budget
        self.peak, self.warm, self.shape, self.average = peak, warm, shape, average
        self.device = next(model.parameters()).device
        self.rng = np.random.default_rng(seed)
        self.chance = torch.Generator(self.device).manual_seed(seed)
        self.seconds, self.steps, self.begun = 0.0, 0, time.perf_counter()
        self.deadline = deadline or Deadline()
        self.late = False
        self.noted: dict[str, float] = {}
        if file.exists():
            self._resume()
        if rank():
            self.rng = np.random.default_rng([seed, rank(), self.steps])
            self.chance.manual_seed(int(self.rng.integers(2**31)))
        silent = {"log": None, "every": math.inf} if rank() else {"log": log}
        self.progress = TrainingProgress(name, budget, self.seconds, **silent)

    @property
    def done(self) -> float:
        """The share of the budget that is spent."""
        return self.budget.done(self.seconds, self.steps)

    def __iter__(self) -> Iterator[int]:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.begun = time.perf_counter() - self.seconds
        saved, kept = time.perf_counter(), self.steps
        self.model.train()
        try:
            while self.done < 1:
                if self.late or (not dist.is_initialized() and self.deadline.passed):
                    if self.deadline.soft:
                        break
                    raise OutOfTime
                reached = self.steps / 10 if self.budget.minutes is None else self.seconds / self.warm
                for optimizer in self.optimizers:
                    for group in optimizer.param_groups:
                        group["lr"] = self.peak * min(1.0, reached + 0.05) * self.shape(self.done)
                yield self.steps
                if time.perf_counter() - saved > SAVE_EVERY:
                    self.save()
                    saved, kept = time.perf_counter(), self.steps
        finally:
            if self.steps > kept:
                self.save()
            self.model.eval()
        if not all(math.isfinite(value.sum().item()) for value in self.model.parameters()):
            raise WamvizError(
                f"Training of {self.name} diverged.",
                f"Delete {self.file.name} and use a lower --peak than {self.peak}.",
            )

    def descend(self, loss: Tensor, samples: int, **figures: float) -> None:
        """One step of every optimiser down ``loss``, which ``samples`` samples were looked at for."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        learning = [p for optimizer in self.optimizers for group in optimizer.param_groups for p in group["params"]]
        self.seconds = time.perf_counter() - self.begun
        if dist.is_initialized():
            samples *= dist.get_world_size()
            self._share(learning)
        norm = nn.utils.clip_grad_norm_(learning, CLIP)
        for optimizer in self.optimizers:
            optimizer.step()
        if self.average is not None:
            self.average.update(self.model)
        self.steps += 1
        self.progress.step(self.done, self.seconds, samples, **figures, norm=float(norm))

    def _share(self, learning: list[nn.Parameter]) -> None:
        """Replace gradients and the time spent by their means over all processes: all go on, and stop, alike."""
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in learning]
        clock = torch.tensor([self.seconds, self.deadline.passed], dtype=torch.float32, device=self.device)
        flat = torch.cat([*(part.flatten() for part in parts), clock])
        dist.all_reduce(flat)
        flat /= dist.get_world_size()
        self.seconds, self.late = float(flat[-2]), bool(flat[-1] > 0)
        for p, mean in zip(learning, flat[:-2].split([p.numel() for p in learning]), strict=True):
            p.grad = mean.view_as(p).clone()

    def due(self, what: str, every: float) -> bool:
        """Whether ``every`` seconds of training, or an eighth of the minutes, have passed since this last held."""
        if self.budget.minutes is not None:
            every = min(every, 60 * self.budget.minutes / CURVE)
        since = self.noted.setdefault(what, self.seconds)
        if self.seconds - since < every:
            return False
        self.noted[what] = self.seconds
        return True

    def note(self, phase: str, figures: dict[str, float]) -> None:
        """Log and print the figures of a validation."""
        self.progress.note({"phase": phase, "seconds": round(self.seconds, 1), **figures})
        print(phase, {name: round(value, 4) for name, value in figures.items()}, flush=True)

    def validate(self, measure: Callable[[], dict[str, float]]) -> None:
        """Note what ``measure`` says of the averaged weights, and go on with the present ones."""
        if rank():
            return
        assert self.average is not None
        current = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.model.load_state_dict(self.average.weights)
        self.model.eval()
        self.note(f"{self.name} validation", measure())
        self.model.load_state_dict(current)
        self.model.train()

    def save(self) -> None:
        """Write everything that is needed to go on, atomically."""
        if rank():
            return
        extra = {f"model/{name}": value for name, value in self.model.state_dict().items()}
        if self.average is not None:
            extra |= {f"average/{name}": value for name, value in self.average.weights.items()}
            extra["average steps"] = torch.tensor(self.average.steps)
        extra["chance"] = self.chance.get_state()
        state = self.rng.bit_generator.state
        save_state(self.file, self.optimizers, {"spent": self.seconds, "steps": self.steps, "rng": state}, extra)

    def _resume(self) -> None:
        facts, extra = load_state(self.file, self.optimizers)
        self.seconds, self.steps = float(facts["spent"]), int(facts["steps"])
        self.rng.bit_generator.state = facts["rng"]
        self.chance.set_state(extra["chance"])
        kept = {name.removeprefix("model/"): value for name, value in extra.items() if name.startswith("model/")}
        self.model.load_state_dict(kept)
        if self.average is not None:
            self.average.steps = int(extra["average steps"])
            for name in self.average.weights:
                self.average.weights[name].copy_(extra[f"average/{name}"])

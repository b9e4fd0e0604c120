"""Optimiser state and averaged weights on disk, as safetensors and nothing else (never a pickle)."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors.torch import load_file, safe_open, save_file
from torch import Tensor, nn


def save_state(path: Path, optimizers: list[torch.optim.Optimizer], spent: float, extra: dict[str, Tensor]) -> None:
    """Write optimiser tensors, ``extra`` tensors and the seconds ``spent``, atomically."""
    tensors = {f"extra/{name}": value.detach().contiguous() for name, value in extra.items()}
    for number, optimizer in enumerate(optimizers):
        for index, entries in optimizer.state_dict()["state"].items():
            for name, value in entries.items():
                tensors[f"opt{number}/{index}/{name}"] = torch.as_tensor(value).detach().contiguous()
    temporary = path.with_suffix(".tmp")
    save_file({k: v.clone() for k, v in tensors.items()}, temporary, metadata={"spent": repr(spent)})
    os.replace(temporary, path)


def load_state(path: Path, optimizers: list[torch.optim.Optimizer]) -> tuple[float, dict[str, Tensor]]:
    """Restore what ``save_state`` wrote into ``optimizers``; returns the seconds spent and the extra tensors."""
    tensors = load_file(path)
    with safe_open(path, "pt") as file:
        spent = float(file.metadata()["spent"])
    for number, optimizer in enumerate(optimizers):
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith(f"opt{number}/"):
                _, index, name = key.split("/")
                state.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return spent, {key.removeprefix("extra/"): value for key, value in tensors.items() if key.startswith("extra/")}


class Average:
    """Exponential moving average of a model's weights (EMA), with a warm-up so that early steps are forgotten."""

    def __init__(self, model: nn.Module, decay: float = 0.999) -> None:
        self.decay, self.steps = decay, 0
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move the average towards the model."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value, 1 - decay)

"""Optimiser state and averaged weights on disk, as safetensors and nothing else (never a pickle)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, safe_open, save_file
from torch import Tensor, nn


def save_state(
    path: Path, optimizers: list[torch.optim.Optimizer], facts: dict[str, Any], extra: dict[str, Tensor]
) -> None:
    """Write optimiser tensors, ``extra`` tensors and ``facts`` (as JSON), atomically."""
    tensors = {f"extra/{name}": value for name, value in extra.items()}
    for number, optimizer in enumerate(optimizers):
        for index, entries in optimizer.state_dict()["state"].items():
            for name, value in entries.items():
                tensors[f"opt{number}/{index}/{name}"] = torch.as_tensor(value)
    temporary = path.with_suffix(".tmp")
    # Clones, because tied weights share memory, which the format refuses.
    kept = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    save_file(kept, temporary, metadata={"facts": json.dumps(facts)})
    os.replace(temporary, path)


def read_facts(path: Path) -> dict[str, Any]:
    """The facts that ``save_state`` wrote, without the tensors."""
    with safe_open(path, "pt") as file:
        return dict(json.loads(file.metadata()["facts"]))


def load_state(path: Path, optimizers: list[torch.optim.Optimizer]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Restore what ``save_state`` wrote into ``optimizers``; returns the facts and the extra tensors."""
    tensors, facts = load_file(path), read_facts(path)
    for number, optimizer in enumerate(optimizers):
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith(f"opt{number}/"):
                _, index, name = key.split("/")
                state.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return facts, {key.removeprefix("extra/"): value for key, value in tensors.items() if key.startswith("extra/")}


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

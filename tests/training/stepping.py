"""A loop of a few steps, alone or as one of two processes; imports little, because each process imports it anew."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from wamviz.training.budget import Budget
from wamviz.training.loop import Loop

STEPS, TARGETS = 5, (1.0, 3.0)


def make_loop(file: Path) -> Loop:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    return Loop("two", model, [torch.optim.SGD(model.parameters())], file, Budget(steps=STEPS), peak=0.1)


def descend(loop: Loop, targets: tuple[float, ...]) -> None:
    for _ in loop:
        off = [(loop.model(torch.ones(1, 3)) - target).square().mean() for target in targets]
        loop.descend(torch.stack(off).mean(), 1)


def train_one_of_two(rank: int, folder: str) -> None:
    """What each of two processes does; both meet in ``folder``."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    loop = make_loop(Path(folder) / "state.safetensors")
    descend(loop, TARGETS[rank : rank + 1])
    torch.save(loop.rng.random(2).tolist(), f"{folder}/{rank}.pt")
    dist.destroy_process_group()

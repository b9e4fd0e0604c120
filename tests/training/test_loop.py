"""Several processes that train together take one step: down the mean of what each of them saw."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from safetensors.torch import load_file
from torch import nn

from wamviz.training.budget import Budget
from wamviz.training.loop import Loop

STEPS, TARGETS = 5, (1.0, 3.0)


def _loop(file: Path) -> Loop:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    return Loop("two", model, [torch.optim.SGD(model.parameters())], file, Budget(steps=STEPS), peak=0.1)


def _descend(loop: Loop, targets: tuple[float, ...]) -> None:
    for _ in loop:
        off = [(loop.model(torch.ones(1, 3)) - target).square().mean() for target in targets]
        loop.descend(torch.stack(off).mean(), 1)


def _train(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    loop = _loop(Path(folder) / "state.safetensors")
    _descend(loop, TARGETS[rank : rank + 1])
    torch.save(loop.rng.random(2).tolist(), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_step_down_the_mean(tmp_path):
    """The weights are those of one process that sees both losses, one state is written, and chance differs."""
    context = multiprocessing.spawn(_train, (str(tmp_path),), nprocs=2, join=False)
    alone = _loop(tmp_path / "alone.safetensors")
    _descend(alone, TARGETS)
    while not context.join():
        pass
    together = load_file(tmp_path / "state.safetensors")
    for name, value in alone.model.state_dict().items():
        torch.testing.assert_close(together[f"extra/model/{name}"], value)
    assert torch.load(tmp_path / "0.pt", weights_only=True) != torch.load(tmp_path / "1.pt", weights_only=True)

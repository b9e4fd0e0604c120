"""Several processes that train together take one step: down the mean of what each of them saw."""

from __future__ import annotations

import pytest
import torch
import torch.multiprocessing as multiprocessing
from safetensors.torch import load_file
from torch import nn

from tests.training.conftest import StopAfter
from tests.training.stepping import TARGETS, descend, make_loop, train_one_of_two
from wamviz.training.budget import Budget, OutOfTime
from wamviz.training.loop import Loop, cosine


def test_two_processes_step_down_the_mean(tmp_path):
    """The weights are those of one process that sees both losses, one state is written, and chance differs."""
    context = multiprocessing.spawn(train_one_of_two, (str(tmp_path),), nprocs=2, join=False)
    alone = make_loop(tmp_path / "alone.safetensors")
    descend(alone, TARGETS)
    while not context.join():
        pass
    together = load_file(tmp_path / "state.safetensors")
    for name, value in alone.model.state_dict().items():
        torch.testing.assert_close(together[f"extra/model/{name}"], value)
    assert torch.load(tmp_path / "0.pt", weights_only=True) != torch.load(tmp_path / "1.pt", weights_only=True)


def test_a_soft_deadline_ends_a_stage_where_it_is(tmp_path):
    """The stage ends as if it were done, its state is kept, and it goes on from there; others raise."""
    soft, hard = StopAfter(2), StopAfter(2)
    soft.soft = True
    loop = make_loop(tmp_path / "soft.safetensors")
    loop.deadline = soft
    descend(loop, TARGETS)
    assert loop.steps == 2 == make_loop(tmp_path / "soft.safetensors").steps
    loop = make_loop(tmp_path / "hard.safetensors")
    loop.deadline = hard
    with pytest.raises(OutOfTime):
        descend(loop, TARGETS)
    assert loop.steps == 2 == make_loop(tmp_path / "hard.safetensors").steps


def test_short_stages_are_validated_as_often_as_long_ones(tmp_path):
    """Every so many seconds, but at least eight times in the minutes of a stage."""
    for minutes, seconds, due in ((120.0, 170.0, False), (120.0, 180.0, True), (2.0, 14.0, False), (2.0, 15.0, True)):
        loop = make_loop(tmp_path / "none.safetensors")
        loop.budget = Budget(minutes=minutes)
        assert not loop.due("validation", 180)
        loop.seconds = seconds
        assert loop.due("validation", 180) == due


def test_a_larger_budget_takes_the_rate_up_again(tmp_path):
    """A finished cosine goes on at the rate that the larger budget has there, and falls once more."""
    file = tmp_path / "state.safetensors"
    torch.manual_seed(0)
    rates = []
    for steps in (4, 5):
        model = nn.Linear(3, 1)
        optimizer = torch.optim.SGD(model.parameters())
        loop = Loop("more", model, [optimizer], file, Budget(steps=steps), peak=1.0, warm=1.0, shape=cosine)
        for _ in loop:
            rates.append(optimizer.param_groups[0]["lr"] / min(1.0, loop.steps / 10 + 0.05))
            loop.descend(model(torch.ones(1, 3)).square().mean(), 1)
    assert rates == pytest.approx([cosine(0), cosine(1 / 4), cosine(2 / 4), cosine(3 / 4), cosine(4 / 5)])

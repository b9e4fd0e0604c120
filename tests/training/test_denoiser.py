"""Training the denoiser: its noise, its losses, and that it learns, resumes and points at what is meant."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.conftest import StopAfter
from wamviz.models.mini.text import build_encoder, build_tokenizer
from wamviz.models.mini.transformer import HAND, MiniWAMTransformer
from wamviz.training.budget import Budget, OutOfTime
from wamviz.training.denoiser import (
    _MIX,
    Denoiser,
    action_error,
    add_noise,
    denoising_loss,
    draw_level,
    draw_levels,
    misread,
    motion_error,
    optimizers_for,
    pointing_loss,
    train_denoiser,
    validate,
    weigh,
)
from wamviz.training.moves import Moves
from wamviz.training.report import validation_rows
from wamviz.training.state import Average, load_state, save_state

TOKENIZER = build_tokenizer(["task", "the"])
MOTION = HAND + 21


@pytest.fixture
def data(shards) -> Moves:
    """Places within a table's reach, actions of a hand's size."""
    data = Moves(shards, horizon=4)
    data.actions, data.states = data.actions / 1000, data.states / 1000
    data.positions = data.positions / torch.tensor([2.0, 2.0, 1.0])
    return data


def make(data: Moves) -> Denoiser:
    torch.manual_seed(0)
    encoder = build_encoder(len(TOKENIZER), width=32, layers=1)
    net = MiniWAMTransformer(horizon=4, text_dim=32, width=48, heads=3, layers=2, ratio=2, **data.statistics())
    return Denoiser(net, encoder)


def window(data, count=16, **options):
    return data.window(np.arange(count), np.random.default_rng(0), **options)


# ---------------------------------------------------------------------- noise


def test_modes_come_in_their_shares():
    """Given actions, given motion and both in step hold about the shares that are asked; levels are levels."""
    motion, action = draw_levels(20_000, torch.Generator().manual_seed(0))
    in_step = (motion == action) & (motion < 1)
    assert abs(in_step.float().mean() - _MIX["joint"] * 0.875) < 0.02
    assert abs((action == 0).float().mean() - _MIX["forward_dynamics"]) < 0.02
    assert abs((motion < 0.06).float().mean() - _MIX["inverse_dynamics"]) < 0.04
    assert 0 <= motion.min() and motion.max() <= 1 and 0 <= action.min() and action.max() <= 1
    assert not ((motion < 0.06) & (action == 0)).float().mean() > 0.02  # something is nearly always asked for


def test_the_same_generator_draws_the_same_levels():
    one, again = (draw_levels(64, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one[0], again[0]) and torch.equal(one[1], again[1])
    level = draw_level(8000, torch.Generator().manual_seed(1))
    assert abs((level == 1).float().mean() - 0.125) < 0.02


def test_noise_is_mixed_in_by_level():
    """Level 0 is the clean signal, level 1 pure noise, in between the straight line."""
    clean = torch.randn(3, 4, 5)
    noise = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(2))
    out = add_noise(clean, torch.tensor([0.0, 1.0, 0.25]), torch.Generator().manual_seed(2))
    assert torch.equal(out[0], clean[0]) and torch.equal(out[1], noise[1])
    torch.testing.assert_close(out[2], 0.75 * clean[2] + 0.25 * noise[2])


def test_what_is_given_weighs_nothing():
    weights = weigh(torch.tensor([0.0, 0.1, 0.5, 1.0]))
    assert weights[0] == 0 and weights[1] > weights[2] > weights[3] > 0


# ---------------------------------------------------------------------- losses


@pytest.mark.parametrize(("error", "width"), [(action_error, 7), (motion_error, MOTION)])
def test_errors_are_nothing_at_the_truth(error, width):
    """Zero there, with a gradient that is a number; more the farther off; each sample by itself."""
    truth = torch.randn(3, 4, width)
    guess = truth.clone().requires_grad_()
    loss = error(guess, truth)
    assert loss.shape == (3,) and loss.abs().max() < 1e-6
    loss.sum().backward()
    assert guess.grad.isfinite().all() and not guess.grad.any()
    off = error(truth + torch.tensor([0.1, 0.2, 0.4])[:, None, None], truth)
    assert 0 < off[0] < off[1] < off[2]


def test_things_that_move_count_more():
    """The same error weighs five times as much on a thing that moves."""
    still, moving = torch.zeros(1, 4, MOTION), torch.zeros(1, 4, MOTION)
    moving[:, -1, HAND] = 1.0
    wrong = torch.zeros(1, 4, MOTION)
    wrong[:, 0, HAND] = 0.3
    torch.testing.assert_close(motion_error(moving + wrong, moving), 5 * motion_error(still + wrong, still))


def test_pointing_is_asked_of_what_was_said_and_found(data):
    """Silence and absent things cost nothing; pointing at what is meant costs less than pointing elsewhere."""
    model = make(data)
    w = window(data, exact=True)
    context = model.encode(TOKENIZER, w, w.texts)
    assert pointing_loss(context, torch.full((16, 2), -1)) == 0
    assert pointing_loss(context, torch.full((16, 2), 6)) == 0  # the last thing is not there
    pointed = torch.full((16, 2, 7), -10.0)
    pointed[:, 0, 1], pointed[:, 1, 2] = 10.0, 10.0
    sure = type(context)(**{**vars(context), "pointed": pointed})
    assert pointing_loss(sure, torch.tensor([[1, 2]] * 16)) < 1e-3 < pointing_loss(sure, torch.tensor([[2, 1]] * 16))


def test_losses_fall_and_reach_every_weight(data):
    """A few steps on a handful of windows lower the losses of acting, foreseeing and pointing; no weight is idle."""
    model = make(data)
    optimizers = optimizers_for(model, 3e-3)
    w = window(data, exact=True)
    rows = []
    for step in range(30):
        losses = denoising_loss(model, TOKENIZER, w, w.texts, torch.Generator().manual_seed(step % 3))
        for optimizer in optimizers:
            optimizer.zero_grad()
        sum(losses).backward()
        if step == 1:  # zero-initialised layers let gradients through from the second step on
            idle = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
            assert set(idle) <= {"transformer.no_state"}, idle  # the state is known in all of these
        for optimizer in optimizers:
            optimizer.step()
        rows.append([loss.item() for loss in losses])
    acting, beside, motion, pointing = np.mean(rows[-3:], axis=0) / np.mean(rows[:3], axis=0)
    assert max(acting, beside, motion) < 0.7 and pointing < 0.3


def test_unknown_states_leave_losses_numbers(data):
    """With noisy places, missing words and unknown states every loss and gradient is finite."""
    model = make(data)
    w = data.window(np.arange(34), np.random.default_rng(3))
    w.known[:] = False
    losses = denoising_loss(model, TOKENIZER, w, [""] * 34, torch.Generator().manual_seed(0))
    sum(losses).backward()
    assert all(loss.isfinite() for loss in losses)
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


# ---------------------------------------------------------------------- the loop


def test_hidden_matrices_go_to_muon(data):
    """Matrices of the layers to Muon, everything else to AdamW, each weight once."""
    model = make(data)
    muon, adamw = ([p for g in o.param_groups for p in g["params"]] for o in optimizers_for(model, 1e-3))
    assert all(p.ndim == 2 for p in muon) and len(muon) == 2 * 2 * 5  # experts, layers, matrices
    assert len(muon) + len(adamw) == len(list(model.parameters())) == len({id(p) for p in [*muon, *adamw]})


def test_a_stopped_run_ends_where_an_unstopped_one_does(data, tmp_path):
    """Five steps, a stop and the rest leave the same weights, to the bit, as all of them in one go."""
    whole, parted, gone_on = make(data), make(data), make(data)
    options = {"budget": Budget(steps=8), "batch": 4}
    train_denoiser(whole, TOKENIZER, data, data, tmp_path / "a", **options)
    with pytest.raises(OutOfTime):
        train_denoiser(parted, TOKENIZER, data, data, tmp_path / "b", deadline=StopAfter(5), **options)
    log = tmp_path / "curves.jsonl"
    train_denoiser(gone_on, TOKENIZER, data, data, tmp_path / "b", log=log, **options)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, gone_on.state_dict()[name]), name
    assert [row["phase"] for row in validation_rows(log)] == ["denoiser validation"]
    train_denoiser(parted, TOKENIZER, data, data, tmp_path / "b", **options)  # already spent
    assert torch.equal(parted.transformer.slot, whole.transformer.slot)


def test_validation_is_repeatable_and_relative(data):
    """The same numbers twice, all of them finite; an untrained model errs about as much as holding still, or more."""
    model = make(data).eval()
    one, again = (validate(model, TOKENIZER, data, count=24) for _ in range(2))
    assert one == again and all(np.isfinite(value) for value in one.values())
    assert one["act"] > 0.3 and 0 <= one["pointed"] <= 1


# ---------------------------------------------------------------------- what is kept


def test_state_round_trip(tmp_path):
    """Optimiser tensors, extra tensors and the seconds come back to the bit."""
    layer = torch.nn.Linear(3, 3)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    save_state(tmp_path / "s.safetensors", [optimizer], {"spent": 12.5}, {"x": torch.arange(4.0)})
    other = torch.optim.AdamW(layer.parameters(), lr=0.1)
    facts, extra = load_state(tmp_path / "s.safetensors", [other])
    assert facts == {"spent": 12.5} and torch.equal(extra["x"], torch.arange(4.0))
    for index, entries in optimizer.state_dict()["state"].items():
        for name, value in entries.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(other.state_dict()["state"][index][name]))


def test_average_follows_slowly():
    """The average of constant weights is those weights, and it moves towards new ones."""
    layer = torch.nn.Linear(2, 2)
    average = Average(layer, decay=0.9)
    average.update(layer)
    torch.testing.assert_close(average.weights["weight"], layer.weight.data)
    with torch.no_grad():
        layer.weight.add_(1.0)
    old = average.weights["weight"].clone()
    average.update(layer)
    moved = average.weights["weight"] - old
    assert (moved > 0).all() and (moved < 1).all()


def test_a_misread_gripper_is_open_or_shut_for_some_frames_and_nothing_else_changes():
    motion = torch.rand(200, 16, 28, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.2
    read = misread(motion, torch.Generator().manual_seed(1))
    wrong = read[..., 6] != motion[..., 6]
    assert 0.2 < wrong.float().mean() < 0.4 and set(read[..., 6][wrong].tolist()) == {0.0, 1.0}
    assert (wrong.unflatten(1, (4, 4)).float().mean(-1) % 1 == 0).all()  # in spans
    torch.testing.assert_close(read[..., [*range(6), *range(7, 28)]], motion[..., [*range(6), *range(7, 28)]])

"""Teaching the painter: pairs of one episode, windows where something changes, a loss that a blur does not please."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.training.conftest import LENGTHS, SEEDS, SIDE, StopAfter
from wamviz.models.mini.painter import MiniPainter
from wamviz.training.body import sample_body
from wamviz.training.budget import Budget, OutOfTime
from wamviz.training.corpus import read_shard
from wamviz.training.painter import (
    WINDOW,
    Pictures,
    choose_windows,
    load_pictures,
    measure_painter,
    picture_loss,
    train_painter,
    turns_of,
)
from wamviz.training.report import validation_rows


def make() -> MiniPainter:
    torch.manual_seed(0)
    body = sample_body(0.03)
    painter = MiniPainter(image_size=SIDE, widths=(8, 8, 16), counts=list(body.counts))
    for name in ("points", "normals", "albedo"):
        getattr(painter, name).copy_(getattr(body, name))
    return painter


def test_pictures_carry_what_belongs_to_them(shards):
    """Each frame has its own step's state, its own episode's camera and light, and its own pixels, over shards."""
    data = load_pictures(shards)
    count = 2 * len(LENGTHS)  # frames a shard: the first and last step of each episode
    ends = np.cumsum([0, *LENGTHS])
    steps = np.sort(np.concatenate([ends[:-1], ends[1:] - 1]))
    assert data.states[:, 0].tolist() == [*steps.astype(float), *(steps + 100.0)]
    assert data.lights[:, 0].tolist() == [0.0] * count + [100.0] * count
    assert torch.equal(data.cameras[:, 0, 3], data.lights[:, 0] + 0.2)
    image = data.image(np.array([1, count + 2]))
    for picture, (path, frame) in zip(image, ((shards[0], 1), (shards[1], 2)), strict=True):
        real = torch.from_numpy(read_shard(path).frames[frame]).movedim(-1, 0)
        torch.testing.assert_close((picture + 1) * 127.5, real.float(), atol=1e-3, rtol=0)
    assert data.first.tolist() == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10]
    assert data.last.tolist() == [2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12]


def test_pairs_are_of_one_episode_and_mostly_forwards(shards):
    """Both frames are of the same episode; the context is the earlier one far more often than not."""
    data = load_pictures(shards)
    a, b = data.pairs(np.random.default_rng(0), 2000)
    assert np.array_equal(data.first[a], data.first[b])
    assert (b > a).sum() > 4 * (b < a).sum() > 0


def test_poses_are_turned_since_the_context(shards):
    """A frame against itself is not turned; against another by the difference."""
    data = load_pictures(shards)
    data.turns[:] = torch.arange(len(data.turns))[:, None] / 10
    a, b = np.array([0, 2]), np.array([1, 3])
    assert not data.pose(a, a).turns.any()
    torch.testing.assert_close(data.pose(b, a).turns, torch.full((2, 7), 0.1))


def test_turns_begin_anew_with_every_episode(shards):
    """What is held is turned along within an episode, never across."""
    shard = read_shard(shards[0])
    shard.positions[:, 1] = shard.states[:, :3] = 0.1
    shard.states[:, 5] = np.arange(len(shard.states)) / 10
    shard.actions[:, 6] = 1
    turns = turns_of(shard)
    for start, length in zip(shard.starts, LENGTHS, strict=False):
        np.testing.assert_allclose(turns[start : start + length, 1], np.arange(length) / 10, atol=1e-5)
    assert not turns[:, -1].any()  # what is not there


def test_windows_lie_within_and_where_something_changes():
    """First pixels are multiples of 8 and the window stays in the picture; most windows show the change."""
    changed = torch.zeros(200, 256, 256, dtype=torch.bool)
    changed[:, 200:204, 40:44] = True
    corners = choose_windows(changed, np.random.default_rng(0))
    assert (corners % 8 == 0).all() and corners.min() >= 0 and corners.max() <= 256 - WINDOW
    shown = [bool(changed[i, y : y + WINDOW, x : x + WINDOW].any()) for i, (x, y) in enumerate(corners.tolist())]
    assert np.mean(shown) > 0.85
    nothing = choose_windows(torch.zeros(50, 64, 64, dtype=torch.bool), np.random.default_rng(0), side=32)
    assert len({tuple(c) for c in nothing.tolist()}) > 5


def test_a_blur_pays_at_every_edge():
    """Nothing at the truth; a sharp mistake costs less than a blur of the same size in colours; changes count more."""
    g = torch.Generator().manual_seed(0)
    real = (torch.rand(1, 3, 32, 32, generator=g) > 0.5).float() * 2 - 1
    context = real.clone()
    assert picture_loss(real, real, context) == 0
    blur = F.avg_pool2d(real, 3, 1, 1)
    shift = real + (blur - real).abs().mean()  # as far off in colour, every edge as sharp
    assert picture_loss(shift, real, context) < 0.5 * picture_loss(blur, real, context)
    guess = (real + 0.1).requires_grad_()
    loss = picture_loss(guess, real, -context)
    assert loss > 3 * picture_loss(guess, real, context)
    loss.backward()
    assert guess.grad.isfinite().all()


@pytest.fixture(scope="module")
def data(recorded) -> Pictures:
    return load_pictures(recorded)


@pytest.mark.slow
def test_learning_draws_better_and_a_stopped_run_ends_alike(data, tmp_path, capsys):
    """A few steps lower the error; a stop in between changes nothing to the bit; the log has the validation."""
    log = tmp_path / "log.jsonl"
    whole, parted, gone_on = make(), make(), make()
    options = {"budget": Budget(steps=10), "batch": 2}
    train_painter(whole, data, data, tmp_path / "a", log=log, **options)
    with pytest.raises(OutOfTime):
        train_painter(parted, data, data, tmp_path / "b", deadline=StopAfter(4), **options)
    train_painter(gone_on, data, data, tmp_path / "b", **options)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, gone_on.state_dict()[name]), name
    (row,) = validation_rows(log)
    assert row["phase"] == "painter validation" and all(np.isfinite(row[k]) for k in ("psnr", "moving", "sharpness"))
    a, b = data.pairs(np.random.default_rng(3), 4)
    image, i = data.image(a), torch.from_numpy(a)

    @torch.inference_mode()
    def error(painter):
        view = painter.view(image, data.cameras[i], data.lights[i], data.pose(a, a))
        return float(picture_loss(painter(view, data.pose(b, a)), data.image(b), image))

    assert error(whole) < error(make())


@pytest.mark.slow
def test_a_perfect_painter_measures_as_one(data, monkeypatch):
    """Whoever draws the real frames is as sharp as they are and far better than copying; copying is neither."""
    painter, seen = make(), []
    image = Pictures.image
    monkeypatch.setattr(Pictures, "image", lambda self, index: (seen.append(image(self, index)), seen[-1])[1])
    monkeypatch.setattr(painter, "forward", lambda view, to: seen[-1])
    best = measure_painter(painter, data, count=8, at_once=4)
    assert best["sharpness"] == pytest.approx(1, abs=1e-4) and best["psnr"] > 30 and best["moving"] > 30
    monkeypatch.setattr(painter, "forward", lambda view, to: view.image)
    copied = measure_painter(painter, data, count=8, at_once=4)
    assert copied["psnr"] == pytest.approx(0) and copied["moving"] == pytest.approx(0)


@pytest.mark.slow
def test_real_things_are_turned_by_the_hand_alone(recorded):
    """In real episodes no turn is larger than the hand's own over the episode, and what is absent has none."""
    shard = read_shard(recorded[0])
    turns = turns_of(shard)
    assert np.isfinite(turns).all() and len(shard.seeds) == len(SEEDS)
    for start, stop in zip(shard.starts, shard.starts[1:], strict=False):
        most = np.abs(np.diff(np.unwrap(shard.states[start:stop, 5]))).sum()
        assert np.abs(turns[start:stop]).max() <= most + 1e-4
    assert not turns[np.isnan(shard.positions[..., 0])].any()

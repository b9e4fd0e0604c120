"""Familiarity: what was seen scores low, what was not scores high, and the file brings the same judgement back."""

from __future__ import annotations

import pytest
import torch

from wamviz.models.mini.ood import QUANTILE, OODDetector, fit_detector, statistics


@pytest.fixture(scope="module")
def rows() -> torch.Tensor:
    g = torch.Generator().manual_seed(0)
    mixing = torch.randn(12, 12, generator=g)
    return torch.cat([torch.randn(800, 12, generator=g) @ mixing, torch.randn(800, 1, generator=g)], 1)


def test_marks_are_where_they_say(rows):
    """The share of unseen frames above the mark is what the quantile says, for each statistic; the median is 0."""
    scores = fit_detector(rows[:400], rows[400:]).score(rows[400:])
    assert ((scores > 1).float().mean(0) <= 1 - QUANTILE + 1 / 400).all()
    torch.testing.assert_close(scores.median(0).values, torch.zeros(2), atol=0.05, rtol=0)


def test_strange_frames_score_high(rows):
    """Features off the training cloud raise surprise alone, grain raises grain alone."""
    known = fit_detector(rows[:400], rows[400:])
    usual = rows[400:401]
    moved, grainy = usual.clone(), usual.clone()
    moved[:, :-1] += 5 * rows[:, :-1].std(0)
    grainy[:, -1] += 10
    for which, row in enumerate((moved, grainy)):
        score, before = known.score(row)[0], known.score(usual)[0]
        assert score[which] > 2
        torch.testing.assert_close(score[1 - which], before[1 - which])


def test_round_trip(rows, tmp_path):
    """Saved and loaded statistics judge to the bit alike; a checkpoint without them has none."""
    known = fit_detector(rows[:400], rows[400:])
    assert OODDetector.load(tmp_path) is None
    known.save(tmp_path)
    assert torch.equal(OODDetector.load(tmp_path).score(rows), known.score(rows))


@torch.inference_mode()
def test_statistics_of_a_frame_do_not_depend_on_its_neighbours(detector):
    """One row a frame, the same alone and in a batch."""
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    every = statistics(images, detector(images))
    assert every.shape == (3, 2 * 16 + 1)
    torch.testing.assert_close(statistics(images[1:2], detector(images[1:2])), every[1:2], atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_noise_over_the_frame_is_grain(detector):
    """A smooth picture with a little noise has more grain; with one busy quarter it has not."""
    ramp = torch.linspace(-0.5, 0.5, 64).expand(1, 3, 64, 64)
    g = torch.Generator().manual_seed(2)
    noise = 0.05 * torch.randn(1, 3, 64, 64, generator=g)
    busy = ramp.clone()
    busy[..., :32, :32] += 0.3 * torch.randn(1, 3, 32, 32, generator=g)
    small = torch.nn.functional.avg_pool2d(ramp, 2)
    plain, noisy, part = (float(statistics(x, detector(small))[0, -1]) for x in (ramp, ramp + noise, busy))
    assert noisy > plain + 1 and abs(part - plain) < 0.1


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        OODDetector(torch.zeros(3), torch.eye(4), torch.zeros(2, 2))

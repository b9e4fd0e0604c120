"""Familiarity: what was seen scores low, what was not scores high, and the file brings the same judgement back."""

from __future__ import annotations

import pytest
import torch

from wamviz.models.mini.familiar import QUANTILE, Familiar, fit, statistics


@pytest.fixture(scope="module")
def rows() -> torch.Tensor:
    g = torch.Generator().manual_seed(0)
    mixing = torch.randn(12, 12, generator=g)
    return torch.cat([torch.randn(800, 12, generator=g) @ mixing, torch.randn(800, 2, generator=g)], 1)


def test_marks_are_where_they_say(rows):
    """The share of unseen frames above the mark is what the quantile says, for each statistic; the median is 0."""
    scores = fit(rows[:400], rows[400:]).score(rows[400:])
    assert ((scores > 1).float().mean(0) <= 1 - QUANTILE + 1 / 400).all()
    torch.testing.assert_close(scores.median(0).values, torch.zeros(3), atol=0.05, rtol=0)


def test_strange_frames_score_high(rows):
    """Features off the training cloud raise surprise alone, bad squares damage alone, a bad middle grain alone."""
    known = fit(rows[:400], rows[400:])
    usual = rows[400:401]
    moved, torn, grainy = usual.clone(), usual.clone(), usual.clone()
    moved[:, :-2] += 5 * rows[:, :-2].std(0)
    torn[:, -2] += 10
    grainy[:, -1] += 10
    for which, row in enumerate((moved, torn, grainy)):
        score, before = known.score(row)[0], known.score(usual)[0]
        assert score[which] > 2
        others = [i for i in range(3) if i != which]
        torch.testing.assert_close(score[others], before[others])


def test_round_trip(rows, tmp_path):
    """Saved and loaded statistics judge to the bit alike; a checkpoint without them has none."""
    known = fit(rows[:400], rows[400:])
    assert Familiar.load(tmp_path) is None
    known.save(tmp_path)
    assert torch.equal(Familiar.load(tmp_path).score(rows), known.score(rows))


def test_statistics_of_a_frame_do_not_depend_on_its_neighbours(pipeline):
    """One row a frame, the same alone and in a batch, with given latents or without."""
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    vae, sight = pipeline.vae, pipeline.transformer.sight
    every = statistics(vae, sight, images)
    torch.testing.assert_close(statistics(vae, sight, images[1:2]), every[1:2], atol=1e-4, rtol=1e-4)
    with torch.inference_mode():
        torch.testing.assert_close(statistics(vae, sight, images, vae.encode(images)), every, atol=1e-5, rtol=1e-5)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        Familiar(torch.zeros(3), torch.eye(4), torch.zeros(3, 2))

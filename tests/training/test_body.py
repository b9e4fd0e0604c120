"""The robot's surface as points."""

from __future__ import annotations

import torch

from wamviz.models.mini.kinematics import PARTS
from wamviz.training.body import sample_body


def test_points_are_as_far_apart_as_asked():
    """Half the spacing is four times as many points, on every large part."""
    coarse, fine = sample_body(0.012), sample_body(0.006)
    assert len(coarse.counts) == len(fine.counts) == len(PARTS)
    for few, many, part in zip(coarse.counts, fine.counts, PARTS, strict=True):
        assert few > 0 and (few < 100 or abs(many / few - 4) < 0.5), part


def test_the_same_seed_is_the_same_body():
    one, again, other = (sample_body(0.02, seed=s) for s in (0, 0, 1))
    assert torch.equal(one.points, again.points)
    assert one.points.shape != other.points.shape or not torch.equal(one.points, other.points)


def test_normals_are_unit_and_point_outwards():
    """From a closed shape's surface: the mean of normals is near zero, and along normals is away from the middle."""
    body = sample_body(0.006)
    torch.testing.assert_close(body.normals.norm(dim=1), torch.ones(len(body.normals)), atol=1e-4, rtol=0)
    assert 0 <= body.albedo.min() and body.albedo.max() <= 1 and body.albedo.std() > 0.1
    parts = zip(PARTS, body.points.split(body.counts), body.normals.split(body.counts), strict=True)
    for part, points, normals in parts:
        outwards = ((points - points.mean(0)) * normals).sum(1)
        assert outwards.mean() > 0, part
        assert points.norm(dim=1).max() < 0.4  # m, in the part's own frame

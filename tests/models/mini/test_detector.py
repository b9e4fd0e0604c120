"""The detector's answers: places through cameras, each picture by itself, bounds that hold for any weights."""

from __future__ import annotations

import math

import pytest
import torch

from wamviz.models.mini.arm_pose import MARKS
from wamviz.models.mini.detector import (
    POINTS,
    SYMMETRY,
    MiniDetector,
    cut_patch,
    facing_of,
    lift_points,
    turn_facing,
)
from wamviz.models.mini.raster import project


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_lifting_undoes_projecting(camera):
    """A point's place in the picture and its height say where it is."""
    g = torch.Generator().manual_seed(1)
    points = torch.rand(2, 9, 3, generator=g) * torch.tensor([0.4, 0.8, 0.3]) + torch.tensor([0.3, -0.4, 0.0])
    other = camera @ torch.tensor([[1.0, 0, 0, 0.05], [0, 1, 0, -0.1], [0, 0, 1, 0.02], [0, 0, 0, 1]])
    cameras = torch.cat([camera, other])
    image, _ = project(points, cameras)
    torch.testing.assert_close(lift_points(image, points[..., 2], cameras), points, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_what_is_not_there_has_no_place(detector, images, camera):
    """Things below the threshold are NaN; the hand is always somewhere, at the height that was said."""
    found = detector(images)
    everything = found.places(camera.expand(3, -1, -1), -torch.inf)
    assert everything.shape == (3, len(POINTS), 3) and everything.isfinite().all()
    torch.testing.assert_close(everything[..., 2], found.height, atol=1e-4, rtol=0)
    nothing = found.places(camera.expand(3, -1, -1), torch.inf)
    assert nothing[:, :-1].isnan().all() and torch.equal(nothing[:, -1], everything[:, -1])


@torch.inference_mode()
def test_answers_do_not_depend_on_the_neighbours(detector, images):
    """A picture alone and in a batch is seen alike."""
    both, alone = detector(images), detector(images[1:2])
    for name, value in vars(both).items():
        torch.testing.assert_close(value[1:2], getattr(alone, name), atol=1e-4, rtol=1e-4, msg=name)


@torch.inference_mode()
def test_answers_keep_within_their_bounds(images):
    """Whatever the weights: points lie in the picture, doubt and gripper in their ranges, a turn below half a turn."""
    torch.manual_seed(0)
    net = MiniDetector(image_size=32, widths=(8, 8, 16)).eval()
    for value in net.parameters():
        torch.nn.init.normal_(value, std=1.0)
    found = net(images)
    assert found.image.min() > 0 and found.image.max() < 1 and found.gripper.min() >= 0 and found.gripper.max() <= 1
    assert found.doubt.min() >= 5e-4 and found.doubt.max() <= 0.2 and found.turn[:, 2].abs().max() <= math.pi


@torch.inference_mode()
def test_a_peak_is_a_point(images):
    """Where a heatmap is all in one cell, the point is that cell's middle."""
    torch.manual_seed(0)
    net = MiniDetector(image_size=32, widths=(8, 8, 16)).eval()

    class Peak(torch.nn.Module):
        def forward(self, fine: torch.Tensor) -> torch.Tensor:
            heat = fine.new_zeros(len(fine), len(POINTS) + len(MARKS) - 1, 16, 16)
            heat[:, :, 3, 10] = 1e3
            return heat

    net.heat = Peak()
    expected = torch.tensor([10.5 / 16, 3.5 / 16])
    found = net(images)
    torch.testing.assert_close(found.image, expected.expand(3, len(POINTS), 2))
    torch.testing.assert_close(found.marks, expected.expand(3, len(MARKS), 2))
    assert found.spread.max() < 1e-3  # and it lies nowhere else


@torch.inference_mode()
def test_usual_heights_are_where_it_starts(images):
    """A height is the usual one plus what is seen."""
    torch.manual_seed(0)
    low = MiniDetector(image_size=32, widths=(8, 8, 16), height_mean=[0.0] * 8).eval()
    high = MiniDetector(image_size=32, widths=(8, 8, 16), height_mean=[0.3] * 8).eval()
    high.load_state_dict(low.state_dict())
    torch.testing.assert_close(high(images).height - low(images).height, torch.full((3, 8), 0.3))


def test_a_patch_is_a_cut_around_a_point():
    """Around a pixel's corner, as large as its share of the picture says: those pixels and no others."""
    picture = torch.rand(1, 3, 32, 32)
    patch = cut_patch(picture, torch.tensor([[20 / 32, 12 / 32]]), 8 / 32, 8)
    torch.testing.assert_close(patch, picture[:, :, 8:16, 16:24], atol=1e-5, rtol=0)


@torch.inference_mode()
def test_larger_pictures_are_looked_at_in_more_detail(detector):
    """A picture of twice the size is seen as its halved self, but for the hand."""
    large = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(3)) * 2 - 1
    found, small = detector(large), detector(torch.nn.functional.avg_pool2d(large, 2))
    torch.testing.assert_close(found.image, small.image, atol=1e-4, rtol=0)
    torch.testing.assert_close(found.height[:, :-1], small.height[:, :-1], atol=1e-4, rtol=0)
    assert not torch.allclose(found.turn, small.turn, atol=1e-6)


def test_facing_is_the_same_for_what_looks_the_same():
    """A cube after a quarter of a turn, anything after a whole one; what is round or absent faces nowhere."""
    yaws = torch.linspace(-2, 2, len(SYMMETRY))[None]
    facing = facing_of(yaws)
    for index, times in enumerate(SYMMETRY):
        assert facing[0, index].norm() == pytest.approx(float(times > 0), abs=1e-5)
        turned = facing_of(yaws + 2 * math.pi / max(times, 1))
        torch.testing.assert_close(turned[0, index], facing[0, index], atol=1e-5, rtol=0)
    assert not facing_of(torch.full((1, len(SYMMETRY)), torch.nan)).any()


def test_turning_what_faces_somewhere():
    """Facing of a yaw, turned by an angle, is the facing of their sum; less sure stays less sure."""
    g = torch.Generator().manual_seed(4)
    yaws, turns = (torch.rand(5, len(SYMMETRY), generator=g) * 6 - 3 for _ in range(2))
    sum_ = facing_of(yaws + turns)
    torch.testing.assert_close(turn_facing(facing_of(yaws), turns), sum_, atol=1e-5, rtol=0)
    torch.testing.assert_close(turn_facing(0.3 * facing_of(yaws), turns), 0.3 * sum_, atol=1e-5, rtol=0)

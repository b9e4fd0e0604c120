"""A closer look finds to a fraction of a pixel what lies in its square."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from wamviz.models.mini.closer_look import SHARE, CloserLook, cut_patch, mean_and_spread, share_of

PIXEL = 1 / 256


@pytest.fixture
def bright() -> CloserLook:
    """A network that holds for the mark whatever is bright."""
    net = CloserLook(3)
    with torch.no_grad():
        for weight in (net.enter.weight, net.enter.bias, net.up.weight, net.up.bias, net.heat.weight, net.heat.bias):
            weight.zero_()
        net.enter.weight[0, :, 1, 1] = 1.0
        net.heat.weight[:, 0] = 0.8
    return net


def dots(at: Tensor) -> Tensor:
    """Black pictures (B, 3, 256, 256) with soft white dots at (B, Q, 2) in 0..1."""
    centres = (torch.arange(256) + 0.5) / 256
    x, y = ((centres - at[..., axis, None]) / (1.5 * PIXEL) for axis in (0, 1))
    light = torch.exp(-0.5 * (x[:, :, None, :].square() + y[:, :, :, None].square())).sum(1)
    return (2 * light.clamp_max(1) - 1)[:, None].expand(-1, 3, -1, -1)


@torch.inference_mode()
def test_a_mark_is_found_wherever_in_the_square_the_first_look_put_it(bright: CloserLook) -> None:
    at = torch.tensor([[[0.31, 0.42], [0.71, 0.2], [0.505, 0.903]]])
    for off in ([0.0, 0.0], [7.3 * PIXEL, -4.1 * PIXEL], [-11 * PIXEL, 11 * PIXEL]):
        _, found, spread = bright(dots(at), at + torch.tensor(off))
        assert float((found - at).abs().max()) < 0.5 * PIXEL
        assert float(spread.max()) < 4 * PIXEL


@torch.inference_mode()
def test_every_mark_has_its_own_heatmap(bright: CloserLook) -> None:
    bright.heat.weight[1] = 0.0
    at = torch.full((1, 3, 2), 0.5)
    heat, found, spread = bright(dots(at), at + 5 * PIXEL)
    assert heat.shape == (1, 3, 24, 24)
    assert float((found[0, [0, 2]] - 0.5).abs().max()) < 0.5 * PIXEL
    assert float((found[0, 1] - (0.5 + 5 * PIXEL)).abs().max()) < 0.1 * PIXEL  # nothing to see: it stays
    assert float(spread[0, 1]) > 5 * float(spread[0, 0])


@torch.inference_mode()
def test_pictures_do_not_mix() -> None:
    torch.manual_seed(0)
    net, images, around = CloserLook(3), torch.rand(2, 3, 256, 256), torch.rand(2, 3, 2)
    together = net(images, around)
    for k in range(2):
        for one, both in zip(net(images[k : k + 1], around[k : k + 1]), together, strict=True):
            torch.testing.assert_close(one[0], both[k], rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_a_square_shows_the_pixels_around_its_point() -> None:
    image = torch.arange(256.0).expand(1, 3, 256, 256)  # brightness is the column
    patch = cut_patch(image, torch.tensor([[0.5, 0.5]]), SHARE, 48)
    torch.testing.assert_close(patch[0, 0, 0], torch.arange(104.0, 152.0), rtol=0, atol=1e-3)


@torch.inference_mode()
def test_a_heatmap_says_where_it_is_hot_and_how_widely() -> None:
    heat = torch.full((1, 2, 4, 4), -40.0)
    heat[0, 0, 1, 2] = 40.0
    heat[0, 1, 0, 0] = heat[0, 1, 0, 3] = 40.0
    at, spread = mean_and_spread(share_of(heat))
    torch.testing.assert_close(at[0], torch.tensor([[0.625, 0.375], [0.5, 0.125]]))
    torch.testing.assert_close(spread[0], torch.tensor([0.0, 0.375]), rtol=0, atol=1e-3)

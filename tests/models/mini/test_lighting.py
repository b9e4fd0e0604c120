"""Where the light hangs, read off the arm's shadow."""

from __future__ import annotations

import pytest
import torch

from tests.models.mini.conftest import SCENE
from wamviz.models.mini.kinematics import part_frames
from wamviz.models.mini.lighting import USUAL_LIGHT, border_contrast, estimate_light, thin_body, widen
from wamviz.models.mini.painter import MiniPainter
from wamviz.models.mini.raster import cast_shadow
from wamviz.models.mini.warp import THINGS, Pose
from wamviz.training.body import sample_body
from wamviz.worlds.tabletop import TabletopEnv, renderer_name


@pytest.fixture(scope="module")
def fine():
    return sample_body(0.004)


def painted(body, frames, camera, light, size=128):
    """A picture whose table is darker where the body's shadow falls, and nothing else."""
    shadow = cast_shadow(body, frames, camera, light, size, torch.zeros(1, 2, dtype=torch.long), size)
    return (0.4 - 0.5 * shadow).expand(1, 3, size, size)


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.15, 0.0, 0.0), (-0.1, 0.15, 0.0), (0.1, -0.15, 0.05)])
def test_the_light_that_threw_a_shadow_is_found(fine, camera, state, shift):
    """On a picture of nothing but a shadow, to some centimetres, and nearer than the usual place would be."""
    frames = part_frames(state[:, 7:], state[:, 6])
    usual = torch.tensor([USUAL_LIGHT])
    light = usual + torch.tensor(shift)
    found = estimate_light(fine, frames, painted(fine, frames, camera, light), camera, torch.ones(1, 1, 128, 128))
    off = (found - light)[0, :2].norm()
    assert off < 0.06 and (not any(shift[:2]) or off < (usual - light)[0, :2].norm() / 2)


@pytest.mark.skipif(renderer_name() is None, reason="nothing can render here")
def test_the_simulators_light_is_found(fine):
    """Over a few scenes the found light is nearer, on average, than the usual one."""
    painter = MiniPainter(image_size=256, widths=(8, 8, 16), counts=list(fine.counts))
    for name in ("points", "normals", "albedo"):
        getattr(painter, name).copy_(getattr(fine, name))
    env, off, usual = TabletopEnv(size=256, cameras=("exterior",)), [], []
    for seed in range(SCENE + 40_000, SCENE + 40_004):
        seen, _ = env.reset(seed)
        state = torch.tensor(seen.state)[None]
        image = torch.tensor(seen.frames["exterior"]).movedim(-1, 0)[None].float() / 127.5 - 1
        camera = torch.tensor(env.camera("exterior").square_projection(), dtype=torch.float32)[None]
        pose = Pose(state[:, 7:], state[:, 6], torch.full((1, len(THINGS), 3), torch.nan), torch.zeros(1, len(THINGS)))
        with torch.inference_mode():
            found = painter.find_light(image, camera, pose)
        true = torch.tensor(env.look.key_position)
        off.append((found[0] - true).norm())
        usual.append((torch.tensor(USUAL_LIGHT) - true).norm())
    env.close()
    assert sum(off) < 0.8 * sum(usual)


def test_a_darker_inside_is_contrast():
    """Positive where shadows are dark, nothing where the table is not seen."""
    shadow = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    shadow[..., 20:40, 20:40] = True
    grey, usable = -shadow.float(), torch.ones_like(shadow)
    assert border_contrast(grey, usable, shadow) > 0.9
    assert border_contrast(-grey, usable, shadow) < -0.9
    assert border_contrast(grey, ~usable, shadow) == 0
    assert border_contrast(grey, usable, shadow) > border_contrast(grey, usable, shadow.roll(8, -1))


@pytest.mark.parametrize("axis", [-1, -2])
def test_widened_masks_reach_five_pixels(axis):
    """Along one axis and no other, and not around the corner."""
    mask = torch.zeros(2, 1, 32, 32, dtype=torch.bool)
    mask[0, 0, 10, 12] = mask[1, 0, 31, 31] = True
    wide = widen(mask, axis).nonzero()
    first, last = wide[wide[:, 0] == 0][:, axis], wide[wide[:, 0] == 1][:, axis]
    middle = {-1: 12, -2: 10}[axis]
    assert first.tolist() == list(range(middle - 5, middle + 6)) and last.tolist() == list(range(26, 32))


def test_a_thin_body_keeps_its_parts(fine):
    """Every part keeps about its share of the points, and none loses all of them."""
    thin = thin_body(fine, 16)
    assert len(thin.counts) == len(fine.counts) and min(thin.counts) >= 1
    assert all(abs(few - many / 16) < 1 for few, many in zip(thin.counts, fine.counts, strict=True))
    assert torch.equal(thin.points[0], fine.points[0])

"""The body drawn through a camera: where the simulator has it, the nearest part in front, shadows on the table."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from wamviz.models.mini.kinematics import part_frames
from wamviz.models.mini.raster import Body, draw_body, project, shadow_camera
from wamviz.training.body import sample_body
from wamviz.worlds.tabletop import renderer_name

LIGHT = torch.tensor([[0.3, -0.8, 1.8]])
AHEAD = torch.tensor([[[1.0, 0, 0.5, 0], [0, 1.0, 0.5, 0], [0, 0, 1, 0]]])  # at the origin, looking along z
STILL = torch.eye(4).view(1, 1, 4, 4)


def arm_of(env, camera, state, size, **options):
    frames = part_frames(state[:, 7:], state[:, 6])
    light = torch.tensor([env.look.key_position])
    return draw_body(sample_body(0.004), frames, camera, light, size, **options)


def test_projection_is_the_cameras(env, camera):
    """Image points are the camera's own pixels by the picture's width, depths are metres from it."""
    points = np.random.default_rng(0).uniform([0.3, -0.4, 0.0], [0.7, 0.4, 0.5], (20, 3))
    pixels, depth = env.camera("exterior").project(points)
    image, far = project(torch.tensor(points, dtype=torch.float32)[None], camera)
    np.testing.assert_allclose(image[0] * env.size, pixels, atol=1e-2)
    np.testing.assert_allclose(far[0] * depth[0] / far[0, 0], depth, rtol=1e-4)


@pytest.mark.skipif(renderer_name() is None, reason="nothing can render here")
def test_the_drawn_arm_covers_the_simulators(env, camera, state):
    """The arm is covered whole, and what is drawn reaches no more than a pixel beyond it."""
    real = torch.from_numpy(env.segment("exterior", 256) == 1)
    drawn = arm_of(env, camera, state, 256).mask[0, 0] > 0
    grown = F.max_pool2d(real.float()[None, None], 3, 1, 1)[0, 0] > 0
    assert (
        real.sum() > 2000 and (real & drawn).sum() > 0.98 * real.sum() and (drawn & ~grown).sum() < 0.02 * drawn.sum()
    )


def test_surfaces_that_are_seen_look_at_the_camera(env, camera, state):
    """Normals have length 1 where the arm is, nothing elsewhere, and none points away from the camera."""
    drawn = arm_of(env, camera, state, 64)
    where = drawn.mask[0, 0] > 0
    length = drawn.normal[0].norm(dim=0)
    assert (length[where] - 1).abs().max() < 1e-3 and not length[~where].any() and not drawn.depth[0, 0][~where].any()
    eye = torch.tensor(env.camera("exterior").world_from_camera[:3, 3], dtype=torch.float32)
    towards = eye - torch.tensor([0.3, 0.0, 0.3])
    assert (drawn.normal[0][:, where].T @ towards > 0).float().mean() > 0.95
    assert 0.3 < drawn.depth[0, 0][where].min() and drawn.depth[0, 0][where].max() < 3


def test_the_nearer_point_wins():
    """Of two points in the same pixel the nearer is seen, whichever comes first, whatever part it belongs to."""
    for near in (0, 1):
        points = torch.tensor([[0.0, 0, 2.0], [0.0, 0, 2.0]])
        points[near, 2] = 1.0
        body = Body(points, torch.tensor([[0.0, 0, -1]] * 2), torch.tensor([0.2, 0.7]), (1, 1))
        drawn = draw_body(body, STILL.expand(1, 2, 4, 4), AHEAD, LIGHT, 16)
        assert drawn.mask.sum() == 4 and drawn.mask[0, 0, 7, 7] == 1  # two by two pixels
        assert drawn.albedo[0, 0, 7, 7] == pytest.approx((0.2, 0.7)[near])
        assert drawn.depth[0, 0, 7, 7] == pytest.approx(1.0, abs=1e-3)


def test_what_faces_away_or_lies_behind_is_not_seen():
    """A surface is seen from its front, and only before the camera."""
    for place, normal in (((0.0, 0, 1), (0.0, 0, 1)), ((0.0, 0, -1), (0.0, 0, 1))):
        body = Body(torch.tensor([place]), torch.tensor([normal]), torch.ones(1), (1,))
        assert not draw_body(body, STILL, AHEAD, LIGHT, 16).mask.any()


def test_gaps_between_points_are_closed():
    """A pixel that its neighbours surround shows what the nearest of them shows."""
    steps = (torch.arange(32) + 0.5) / 32 - 0.5
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1).flatten(0, 1)
    keep = (grid - torch.tensor([1.5 / 32, 1.5 / 32])).abs().amax(1) > 1.2 / 32  # more than one point can cover
    points = F.pad(grid[keep], (0, 1), value=1.0)
    body = Body(points, torch.tensor([[0.0, 0, -1]]).expand(len(points), 3), torch.ones(len(points)), (len(points),))
    drawn = draw_body(body, STILL, AHEAD, LIGHT, 32)
    assert drawn.mask[0, 0, 1:-1, 1:-1].all() and (drawn.depth[0, 0, 1:-1, 1:-1] - 1).abs().max() < 1e-3


@pytest.mark.parametrize("corner", [(0, 0), (24, 16)])
def test_a_window_is_a_cut_of_the_whole(env, camera, state, corner):
    """What is drawn in a window is what the whole picture holds there, up to the window's border."""
    whole = arm_of(env, camera, state, 64)
    part = arm_of(env, camera, state, 64, corner=torch.tensor([corner]), side=40)
    for name in ("mask", "normal", "albedo", "depth", "shadow"):
        x, y = corner
        cut = getattr(whole, name)[..., y : y + 40, x : x + 40]
        torch.testing.assert_close(getattr(part, name)[..., 2:-2, 2:-2], cut[..., 2:-2, 2:-2], msg=name)


def test_pictures_of_a_batch_do_not_mix(camera, state):
    """Each picture has its own pose, camera and light."""
    state = state.repeat(2, 1)
    state[1, 7] += 0.5
    frames = part_frames(state[:, 7:], state[:, 6])
    cameras = torch.cat([camera, camera @ torch.tensor([[1.0, 0, 0, 0.1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])])
    lights = torch.cat([LIGHT, LIGHT + 0.2])
    body = sample_body(0.01)
    both = draw_body(body, frames, cameras, lights, 64)
    for i in range(2):
        alone = draw_body(body, frames[i : i + 1], cameras[i : i + 1], lights[i : i + 1], 64)
        for name in ("mask", "normal", "albedo", "depth", "shadow"):
            torch.testing.assert_close(getattr(both, name)[i], getattr(alone, name)[0])
    assert not torch.equal(both.mask[0], both.mask[1])


def test_shadows_fall_where_rays_from_the_light_meet_the_table(camera):
    """A shadow's camera shows a point where the line from the light through it reaches z = 0."""
    rng = np.random.default_rng(2)
    points = torch.tensor(rng.uniform([0.3, -0.3, 0.02], [0.7, 0.3, 0.6], (30, 3)), dtype=torch.float32)[None]
    way = points - LIGHT[:, None]
    ground = LIGHT[:, None] + way * (LIGHT[:, None, 2:] / -way[..., 2:])
    assert ground[..., 2].abs().max() < 1e-5
    # Homogeneous image points: their scale does not matter.
    torch.testing.assert_close(
        project(points, shadow_camera(camera, LIGHT))[0], project(ground, camera)[0], atol=1e-4, rtol=1e-4
    )


def test_a_body_that_does_not_fit_its_counts_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        Body(torch.zeros(3, 3), torch.zeros(3, 3), torch.zeros(3), (1, 1))

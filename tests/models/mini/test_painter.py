"""The painter: what moves is shown at its new place, what does not is left alone, and a held thing turns along."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.models.mini.conftest import make_painter
from wamviz.models.mini.raster import project
from wamviz.models.mini.warp import THINGS, Pose, WarpView, held_turns, repeat_view, warp_context

SIDE = 64
ORANGE = THINGS.index("orange")
PLACES = torch.tensor([[[0.35, -0.30, 0.13], [0.5, 0.0, 0.04], [0.45, 0.25, 0.0]] + [[torch.nan] * 3] * 4])
LIGHT = torch.tensor([[0.3, -0.8, 1.8]])


def pose_of(state, places=PLACES, turns=None) -> Pose:
    return Pose(state[:, 7:], state[:, 6], places, torch.zeros(1, len(THINGS)) if turns is None else turns)


@pytest.fixture(scope="module")
def view(painter, camera, state) -> WarpView:
    image = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return painter.view(image, camera, LIGHT, pose_of(state))


def pixels() -> tuple[torch.Tensor, torch.Tensor]:
    """Image points of every pixel's middle, (1, S, S) each."""
    steps = (torch.arange(SIDE) + 0.5) / SIDE
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    return x[None], y[None]


def moved_to(painter, view, pose):
    return warp_context(view, pose, *pixels())


def test_nothing_moves_where_nothing_is_moved(painter, view, state):
    """With everything in its place, or off by less than a hair, no pixel is taken from elsewhere."""
    for places in (PLACES, PLACES + 0.001):
        moved, sure, left, shadows = moved_to(painter, view, pose_of(state, places))
        assert not (moved.any() or sure.any() or left.any() or shadows.any())


def marked(view, spot, colour=1.0, size=2):
    """The view with a patch of one colour around a pixel on grey."""
    image = torch.full_like(view.image, -0.5)
    x, y = spot
    image[:, :, y - size : y + size + 1, x - size : x + size + 1] = colour
    return replace(view, image=image)


def pixel_of(place, camera) -> list[int]:
    return (project(place[None, None], camera)[0][0, 0] * SIDE).int().tolist()


@pytest.mark.parametrize("shift", [(0.1, 0.1, 0.0), (-0.08, 0.05, 0.1), (0.0, -0.12, 0.0)])
def test_a_moved_thing_lands_where_it_is_seen_by_then(painter, view, state, camera, shift):
    """What was seen at the old place is seen at the new one, and both places are marked."""
    places = PLACES.clone()
    places[0, ORANGE] += torch.tensor(shift)
    old, new = (pixel_of(p[0, ORANGE], camera) for p in (PLACES, places))
    moved, sure, left, _ = moved_to(painter, marked(view, old), pose_of(state, places))
    bright = (moved[0, 0] > 0.5).nonzero().float().mean(0)
    assert (bright - torch.tensor([new[1], new[0]])).abs().max() < 1.0
    assert sure[0, 0, new[1], new[0]] == 1 and left[0, 0, old[1], old[0]] == 1
    far = (torch.stack(pixels(), -1)[0] * SIDE - torch.tensor(new)).norm(dim=-1) > 16
    assert not sure[0, 0][far].any() and not moved[0, :, far].any()


def test_a_turned_thing_is_turned_in_the_picture(painter, view, state, camera):
    """A mark beside a thing goes around it with it: half a turn brings it to the other side."""
    beside = PLACES[0, ORANGE] + torch.tensor([0.03, 0.0, 0.0])
    across = PLACES[0, ORANGE] - torch.tensor([0.03, 0.0, 0.0])
    turns = torch.zeros(1, len(THINGS))
    turns[0, ORANGE] = torch.pi
    moved, sure, _, _ = moved_to(painter, marked(view, pixel_of(beside, camera), size=1), pose_of(state, turns=turns))
    bright = (moved[0, 0] > 0.5).nonzero().float().mean(0)
    wanted = pixel_of(across, camera)
    assert sure.any() and (bright - torch.tensor([wanted[1], wanted[0]])).abs().max() < 1.5


def test_absent_things_never_move(painter, view, state):
    """What is not there before or after is not drawn."""
    places = PLACES.clone()
    places[0, ORANGE] = torch.nan
    moved, sure, *_ = moved_to(painter, view, pose_of(state, places))
    assert not moved.any() and not sure.any()


@torch.inference_mode()
def test_the_context_itself_comes_back(body, camera, state):
    """A painter that prefers the context draws it as it is, whatever else it was taught."""
    painter = make_painter(body)
    painter.leave.weight.zero_()
    painter.leave.bias.zero_()
    painter.leave.bias.view(10, 4)[6] = 100.0  # the score of what stays
    image = torch.rand(1, 3, SIDE, SIDE) * 2 - 1
    here = painter.view(image, camera, LIGHT, pose_of(state))
    torch.testing.assert_close(painter(here, pose_of(state, PLACES + 0.1)), image)


@torch.inference_mode()
def test_what_was_learnt_of_the_arm_stays_on_the_arm(body, camera, state):
    """Paint reaches only pixels that the arm covers, where the scores are as they start."""
    painter = make_painter(body)
    painter.leave.weight.zero_()
    painter.leave.bias.zero_()
    painter.shade_out.weight.zero_()
    image = torch.zeros(1, 3, SIDE, SIDE)
    here = painter.view(image, camera, LIGHT, pose_of(state))
    painter.shade_out.bias.fill_(0.0)
    dark = painter(here, pose_of(state))
    painter.shade_out.bias.fill_(1.0)
    change = (painter(here, pose_of(state)) - dark)[0, 0]
    arm = here.drawn.mask[0, 0] > 0
    assert arm.any() and change[arm].min() > 0.8 and change[~arm].max() < 0.02


@torch.inference_mode()
def test_pictures_do_not_depend_on_their_neighbours(painter, view, state):
    """A pose drawn alone and beside others gives the same picture; another pose another one."""
    turned = state.clone()
    turned[:, 7] += 0.4
    poses = [pose_of(state), pose_of(turned), pose_of(state, PLACES + 0.05)]
    both = Pose(*(torch.cat([getattr(p, name) for p in poses]) for name in ("joints", "gripper", "things", "turns")))
    pictures = painter(repeat_view(view, 3), both)
    for picture, pose in zip(pictures, poses, strict=True):
        torch.testing.assert_close(picture[None], painter(view, pose), atol=1e-4, rtol=1e-4)
    assert (pictures[1] - pictures[0]).abs().max() > 1e-3 and (pictures[2] - pictures[0]).abs().max() > 1e-3


@torch.inference_mode()
@pytest.mark.parametrize("painted", [False, True])
def test_the_quick_way_draws_the_same(body, camera, state, painted):
    """Pictures are the long way's where anything may change, and so is the arm's paint where the arm is."""
    painter = make_painter(body)  # its blocks are fresh, and so do not look beyond what is drawn
    torch.nn.init.zeros_(painter.lamp.weight)  # it looks at the mean of what is drawn
    torch.nn.init.normal_(painter.enter.weight, std=0.2)
    if not painted:
        torch.nn.init.zeros_(painter.shade_out.weight)
        torch.nn.init.zeros_(painter.shade_out.bias)
    image = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1
    view = painter.view(image, camera, LIGHT, pose_of(state))
    turned = state.clone()
    turned[:, 7] += 0.1
    poses = [pose_of(turned, PLACES + 0.05), pose_of(state, PLACES - 0.03)]
    for pose in poses:
        quick, slow = painter.draw(view, pose), painter(view, pose)
        changed = (quick != image).any(1)[0]
        rows, columns = changed.any(1).nonzero()[:, 0], changed.any(0).nonzero()[:, 0]
        inner = torch.zeros(1, 1, 128, 128, dtype=torch.bool)
        inner[:, :, rows[0] + 3 : rows[-1] - 2, columns[0] + 3 : columns[-1] - 2] = True  # a last convolution's reach
        if painted:
            inner &= painter.view(image, camera, LIGHT, pose).drawn.mask > 0
        assert inner.sum() > 250 and not changed.all()
        where = inner.expand(-1, 3, -1, -1)
        torch.testing.assert_close(quick[where], slow[where], atol=1e-4, rtol=1e-3)


@torch.inference_mode()
def test_the_quick_way_looks_wherever_things_move(painter, view, state, camera):
    """What moved, where it was and its shadows lie in the part that is drawn."""
    places = PLACES.clone()
    places[0, ORANGE] += torch.tensor([0.1, 0.25, 0.05])
    changed = (painter.draw(view, pose_of(state, places)) != view.image).any(1)[0]
    for place in (PLACES, places):
        x, y = pixel_of(place[0, ORANGE], camera)
        assert changed[y - 2 : y + 3, x - 2 : x + 3].all()


@torch.inference_mode()
def test_a_window_shows_its_part(body, camera, state, view):
    """A window has its own size, and where only the context counts it is the whole picture's cut."""
    painter = make_painter(body)
    painter.leave.weight.zero_()
    painter.leave.bias.zero_()
    painter.leave.bias.view(10, 4)[6] = 100.0
    corner = torch.tensor([[24, 8]])
    part = painter(view, pose_of(state), corner, 32)
    torch.testing.assert_close(part, view.image[:, :, 8:40, 24:56])


def test_gradients_reach_every_weight(body, camera, state):
    """After the first step, when zero-initialised layers let them through."""
    painter = make_painter(body)
    for value in painter.parameters():
        torch.nn.init.normal_(value, std=0.1)
    view = painter.view(torch.zeros(1, 3, SIDE, SIDE), camera, LIGHT, pose_of(state))
    painter(view, pose_of(state, PLACES + 0.05)).square().sum().backward()
    assert not [n for n, p in painter.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


def test_only_what_the_closed_hand_holds_turns_with_it():
    """The hand's turn, over any number of moments and over half a turn's edge; not what is far, absent or let go."""
    things = torch.zeros(1, 4, 3, 3)
    things[:, :, 1, 0] = 0.3  # out of reach
    things[:, :, 2] = torch.nan
    hands = torch.zeros(1, 4, 3)
    hands[..., 2] = 0.05
    yaw = torch.tensor([[3.0, 3.1, 3.3 - 2 * torch.pi, 0.0]])
    closed = torch.tensor([[True, True, False]])
    turns = held_turns(things, hands, yaw, closed)
    torch.testing.assert_close(turns[0, :, 0], torch.tensor([0.0, 0.1, 0.3, 0.3]), atol=1e-5, rtol=0)
    assert not turns[..., 1:].any()


def test_a_thing_that_comes_into_the_hand_turns_from_then_on():
    """Before it is held at two moments in a row it is not turned."""
    things = torch.zeros(1, 4, 1, 3)
    hands = torch.zeros(1, 4, 3)
    hands[0, :2, 0] = 0.5
    yaw = torch.tensor([[0.0, 0.2, 0.4, 0.6]])
    turns = held_turns(things, hands, yaw, torch.ones(1, 3, dtype=torch.bool))
    torch.testing.assert_close(turns[0, :, 0], torch.tensor([0.0, 0.0, 0.0, 0.2]))


def test_misshapen_poses_are_refused():
    with pytest.raises(ValueError, match="misshapen"):
        Pose(torch.zeros(1, 6), torch.zeros(1), torch.zeros(1, 7, 3), torch.zeros(1, 7))

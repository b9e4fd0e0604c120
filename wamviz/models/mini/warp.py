"""What has moved: poses, the context they are compared with, and the context's pixels moved along with things.

Axis letters: B pictures, S pixels a side of a picture, C of the window that is drawn, O things.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from wamviz.models.mini.raster import Body, RasterizedArm, project

THINGS = ("lever", "orange", "mug", "bowl", "red_block", "green_block", "blue_block")
_RADIUS = (0.035, 0.042, 0.066, 0.092, 0.038, 0.038, 0.038)  # m, of what moves along with a thing
_LIFT = (0.0, 0.0, 0.045, 0.027, 0.0, 0.0, 0.0)  # m from a thing's place to its middle
_STILL = 0.004  # m: what moves less is not moved


@dataclass(frozen=True)
class Pose:
    """Where everything is.

    Attributes:
        joints: (B, 7) rad; gripper: (B,) 0 open .. 1 closed.
        things: (B, O, 3) m, NaN where one is absent.
        turns: (B, O) rad about the vertical, against the context.
    """

    joints: Tensor
    gripper: Tensor
    things: Tensor
    turns: Tensor

    def __post_init__(self) -> None:
        if self.joints.shape[1:] != (7,) or self.things.shape[1:] != (len(THINGS), 3):
            raise ValueError(f"Joints {tuple(self.joints.shape)} or things {tuple(self.things.shape)} are misshapen.")


@dataclass(frozen=True)
class WarpView:
    """A context picture and what is known of how it was taken.

    Attributes:
        image: (B, 3, S, S) in -1..1.
        camera: (B, 3, 4), see ``raster``; light: (B, 3) m.
        pose: of the context.
        body: the robot's surface; drawn: it in the context, (B, ..., S, S).
        still: (1, F, S / 2, S / 2) what ``MiniPainter.prepare`` worked out once for every picture, or None.
    """

    image: Tensor
    camera: Tensor
    light: Tensor
    pose: Pose
    body: Body
    drawn: RasterizedArm
    still: Tensor | None = None


def has_moved(view: WarpView, to: Pose) -> Tensor:
    """Which things (B, O) are elsewhere, or turned otherwise, than in the context; False where one is absent."""
    return ((to.things - view.pose.things).norm(dim=-1) > _STILL) | (to.turns.abs() > 0.1)


def shadows_of(light: Tensor, places: Tensor) -> Tensor:
    """Where things (B, O, 3) throw their shadow on the table when the light hangs at (B, 3): (B, O, 3) m."""
    reach = light[:, None, 2:] / (light[:, None, 2:] - places[..., 2:]).clamp_min(0.05)
    return light[:, None] + (places - light[:, None]) * reach


def warp_context(view: WarpView, to: Pose, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The context moved along with what moves, seen at image points (B, C, C) each.

    Returns the moved picture (B, 3, C, C), how surely each pixel belongs to it, where things moved away, and where
    their shadows are and were (B, 1 or 2, C, C).
    """
    image, camera, pose = view.image, view.camera, view.pose
    lift = torch.tensor(_LIFT, device=image.device)[:, None] * torch.tensor([0.0, 0.0, 1.0], device=image.device)
    old, new = pose.things + lift, to.things + lift  # (B, O, 3)
    gone = has_moved(view, to)
    old, new = old.nan_to_num(), new.nan_to_num()
    eps = 0.01
    steps = torch.tensor([[0.0, 0, 0], [eps, 0, 0], [0, eps, 0]], device=image.device)
    from_, _ = project((old[:, :, None] + steps).flatten(1, 2), camera)
    onto, depth = project((new[:, :, None] + steps).flatten(1, 2), camera)
    from_, onto = from_.unflatten(1, (-1, 3)), onto.unflatten(1, (-1, 3))  # (B, O, 3, 2)
    depth = depth.unflatten(1, (-1, 3))[..., 0]
    turned = _turns(-to.turns)  # (B, O, 2, 2)
    # How the picture at the new place maps onto that at the old one: along the table, turned about the vertical.
    back = _jacobian(from_) @ turned @ torch.linalg.inv(_jacobian(onto) + 1e-6 * torch.eye(2, device=image.device))
    focal = camera[:, :2, :3].norm(dim=-1).amin(1)[:, None]  # image widths a metre at a metre, about
    radius = torch.tensor(_RADIUS, device=image.device) * focal / depth.clamp_min(0.1)  # (B, O)
    best, source_x, source_y = torch.full_like(x, 9.0), torch.zeros_like(x), torch.zeros_like(x)
    left, shadows = torch.zeros_like(x), [torch.zeros_like(x), torch.zeros_like(x)]
    falls = [project(shadows_of(view.light, places), camera)[0] for places in (old, new)]

    def way(o: int, place: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From a thing's place in the picture (B, O, 2) to every pixel, and how many of its radii that is far."""
        across, down = (grid - place[:, o, i, None, None] for i, grid in enumerate((x, y)))
        return across, down, torch.sqrt(across * across + down * down) / radius[:, o, None, None]

    for o in range(len(THINGS)):
        if not bool(gone[:, o].any()):
            continue
        active = gone[:, o, None, None]
        across, down, far = way(o, onto[:, :, 0])
        closer = active & (far < best)
        best = torch.where(closer, far, best)
        turn = back[:, o, :, :, None, None]  # (B, 2, 2, 1, 1)
        at_x, at_y = (from_[:, o, 0, i, None, None] + turn[:, i, 0] * across + turn[:, i, 1] * down for i in (0, 1))
        source_x, source_y = torch.where(closer, at_x, source_x), torch.where(closer, at_y, source_y)
        left = torch.maximum(left, active * (1.2 - way(o, from_[:, :, 0])[2]).clamp(0, 1))
        for which, fall in enumerate(falls):
            shadows[which] = torch.maximum(shadows[which], active * (1.3 - way(o, fall)[2]).clamp(0, 1))
    sure = (1.2 - best).clamp(0, 1)[:, None]
    source = torch.stack([source_x, source_y], -1) * 2 - 1  # (B, C, C, 2)
    moved = F.grid_sample(image, source.clamp(-3, 3), padding_mode="border", align_corners=False)
    return moved * (sure > 0), sure, left[:, None], torch.stack(shadows, 1)


def boxes_of_moved(view: WarpView, to: Pose) -> Tensor:
    """Boxes (R, 4) in 0..1 around what moved, where it was, is, and throws shadows: left, top, right, bottom."""
    b, o = has_moved(view, to).nonzero().unbind(1)
    boxes = []
    for places in (view.pose.things, to.things):
        at = places[b, o]
        ground = shadows_of(view.light[b], at[:, None])[:, 0]
        for points in (at, ground):
            centre, depth = project(points[:, None], view.camera[b])
            focal = view.camera[b, :2, :3].norm(dim=-1).amax(1)
            radius = 2.0 * torch.tensor(_RADIUS, device=at.device)[o] * focal / depth[:, 0].clamp_min(0.1)
            boxes.append(torch.cat([centre[:, 0] - radius[:, None], centre[:, 0] + radius[:, None]], 1))
    return torch.cat(boxes)


_MARGIN = 10  # pixels around what changes


def box_around(changed: Tensor, boxes: Tensor) -> tuple[int, int, int, int]:
    """The box around changed pixels of (S, S) and boxes (R, 4) in 0..1, in pixels, its sides multiples of 8."""
    size = changed.shape[-1]
    columns, rows = changed.amax(0).nonzero()[:, 0], changed.amax(1).nonzero()[:, 0]
    ends = [size // 2, size // 2, size // 2, size // 2]
    if len(columns):
        ends = [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]
    if len(boxes):
        low, high = (boxes[:, :2].amin(0) * size).tolist(), (boxes[:, 2:].amax(0) * size).tolist()
        ends[:2] = [min(end, int(value)) for end, value in zip(ends[:2], low, strict=True)]
        ends[2:] = [max(end, int(value)) for end, value in zip(ends[2:], high, strict=True)]
    left, top = (max(0, (v - _MARGIN) // 8 * 8) for v in ends[:2])
    right, bottom = (min(size, -(-(v + _MARGIN) // 8) * 8) for v in ends[2:])
    return left, top, max(right, left + 8), max(bottom, top + 8)


def repeat_view(view: WarpView, count: int) -> WarpView:
    """One context for ``count`` pictures, without copies."""

    def many(x: Tensor) -> Tensor:
        return x.expand(count, *x.shape[1:])

    pose = Pose(*(many(getattr(view.pose, name)) for name in ("joints", "gripper", "things", "turns")))
    drawn = RasterizedArm(
        *(many(getattr(view.drawn, name)) for name in ("mask", "normal", "albedo", "depth", "shadow"))
    )
    return WarpView(many(view.image), many(view.camera), many(view.light), pose, view.body, drawn)


_HELD = 0.075  # m between the finger tips and a thing that is held, at most


def held_turns(things: Tensor, hands: Tensor, yaw: Tensor, closed: Tensor) -> Tensor:
    """How far the hand has turned each thing about the vertical since the first of T moments.

    Args:
        things: (N, T, O, 3) m; hands: (N, T, 3) m; yaw: (N, T) rad; closed: (N, T - 1) whether the gripper is told to
            be.

    Returns:
        (N, T, O) rad.
    """
    spin = torch.remainder(yaw.diff(dim=1) + torch.pi, 2 * torch.pi) - torch.pi  # (N, T - 1)
    near = (things - hands[:, :, None]).norm(dim=-1) < _HELD  # False where NaN
    held = near[:, 1:] & near[:, :-1] & closed[..., None]
    return F.pad((spin[..., None] * held).cumsum(1), (0, 0, 1, 0))


def _turns(angles: Tensor) -> Tensor:
    """Angles (...) to rotation matrices (..., 2, 2)."""
    c, s = angles.cos(), angles.sin()
    return torch.stack([c, -s, s, c], -1).unflatten(-1, (2, 2))


def _jacobian(points: Tensor) -> Tensor:
    """Three image points (..., 3, 2) of a place and of two places beside it: (..., 2, 2) derivatives."""
    return (points[..., 1:, :] - points[..., :1, :]).mT * 100

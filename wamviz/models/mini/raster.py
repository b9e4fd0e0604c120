"""The robot's body as a cloud of surface points, drawn into a picture through any camera.

What an arm looks like from somewhere need not be guessed: its shape is known, its joints say where its parts are, and
the camera says where that is in the picture (compare BridgeV2W, arXiv 2602.03793, and Masked Visual Actions, arXiv
2607.19343). Points are projected and the nearest one in a pixel wins. What comes out is not a picture but what a
picture is drawn from: which pixels the arm covers, how its surface is turned there, how far away it is, and where its
shadow falls on the table.

Axis letters: B pictures, P points, L parts, C pixels a side. A camera is a (3, 4) matrix from metres to homogeneous
image points, with the whole picture 0..1 wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_FAR = 2**31 - 1
_DEPTH_STEPS = 20_000  # a metre
_NEAR = 0.05  # m


@dataclass(frozen=True)
class Body:
    """Surface points, sorted by part.

    Attributes:
        points, normals: (P, 3) m and unit vectors, in their part's own frame.
        albedo: (P,) brightness of the paint, 0..1.
        counts: how many points each of the L parts has.
    """

    points: Tensor
    normals: Tensor
    albedo: Tensor
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.points.shape != self.normals.shape or sum(self.counts) != len(self.points):
            raise ValueError(f"{len(self.points)} points do not fit counts of {sum(self.counts)}.")


@dataclass(frozen=True)
class Drawn:
    """What the body looks like in B pictures of C pixels a side.

    Attributes:
        mask: (B, 1, C, C) 1 where the body is.
        normal: (B, 3, C, C) in the world's frame, 0 elsewhere.
        albedo: (B, 1, C, C).
        depth: (B, 1, C, C) m from the camera, 0 elsewhere.
        shadow: (B, 1, C, C) 1 where the body stands between the light and the table.
    """

    mask: Tensor
    normal: Tensor
    albedo: Tensor
    depth: Tensor
    shadow: Tensor


def project(points: Tensor, camera: Tensor) -> tuple[Tensor, Tensor]:
    """World points (B, P, 3) m through cameras (B, 3, 4): image points (B, P, 2) in 0..1 and depths (B, P) m."""
    h = points @ camera[:, :, :3].mT + camera[:, None, :, 3]
    return h[..., :2] / h[..., 2:].clamp_min(_NEAR), h[..., 2]


def _through(body: Body, matrices: Tensor) -> Tensor:
    """Surface points through a matrix a part (B, L, 3, 4): (P, B, 3), one large product a part."""
    out = body.points.new_empty(len(body.points), len(matrices) * 3)
    start = 0
    for part, points in enumerate(body.points.split(body.counts)):
        matrix = matrices[:, part].flatten(0, 1)  # (3 B, 4)
        torch.addmm(matrix[:, 3], points, matrix[:, :3].mT, out=out[start : start + len(points)])
        start += len(points)
    return out.unflatten(1, (-1, 3))


def _facing(body: Body, frames: Tensor, eye: Tensor) -> Tensor:
    """Which surface points look towards a place (B, 3) m: (P, B)."""
    turn, place = frames[..., :3, :3], frames[..., :3, 3]
    local = ((eye[:, None] - place)[..., None, :] @ turn)[..., 0, :]  # (B, L, 3) the place in each part's frame
    along = (body.points * body.normals).sum(-1)  # (P,)
    seen = [n @ at.mT for n, at in zip(body.normals.split(body.counts), local.unbind(1), strict=True)]
    return torch.cat(seen) > along[:, None]


def _cells(h: Tensor, picture: Tensor, size: int, corner: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """The upper left of the two by two pixels that homogeneous image points (V, 3) cover in a window.

    Returns flat pixel numbers (W,) and which of the points they belong to (W,): a point is as large as the gaps between
    points. Those that reach over the window's border are left out.
    """
    x, y, w = h.unbind(1)
    scale = size / w.clamp_min(_NEAR)
    left, top = corner.float()[picture].unbind(1)
    x, y = x * scale - left - 0.5, y * scale - top - 0.5
    inside = ((x >= 0) & (x < side - 1) & (y >= 0) & (y < side - 1) & (w > _NEAR)).nonzero()[:, 0]
    return (picture[inside] * side + y[inside].int()) * side + x[inside].int(), inside


def _spread(cell: Tensor, side: int) -> tuple[Tensor, ...]:
    """The four pixels of two by two, by their upper left."""
    return cell, cell + 1, cell + side, cell + side + 1


def _close(filled: Tensor) -> Tensor:
    """Which empty pixels (B, 1, C, C) are gaps: at least five of their eight neighbours are filled."""
    around = F.avg_pool2d(filled, 3, 1, 1, divisor_override=1)
    return (filled < 0.5) & (around > 4.5)


def draw_body(
    body: Body, frames: Tensor, camera: Tensor, light: Tensor, size: int, corner: Tensor | None = None, side: int = 0
) -> Drawn:
    """Draw the body.

    Args:
        frames: (B, L, 4, 4) of its parts; camera: (B, 3, 4); light: (B, 3) m.
        size: pixels a side of the whole picture.
        corner: (B, 2) x and y of the first pixel of a window of ``side`` pixels; the whole picture when left out.
    """
    b, count = len(frames), len(body.points)
    if corner is None:
        corner, side = torch.zeros(b, 2, dtype=torch.long, device=frames.device), size
    eye = -torch.linalg.solve(camera[:, :, :3], camera[:, :, 3:])[..., 0]  # (B, 3)
    point, picture = _facing(body, frames, eye).nonzero().unbind(1)  # (V,) each
    h = _through(body, camera[:, None] @ frames)[point, picture]  # (V, 3)
    cell, which = _cells(h, picture, size, corner, side)
    key = (h[which, 2] * _DEPTH_STEPS).long() * count + point[which]
    none = _FAR * count
    nearest = torch.full((b * side * side,), none, dtype=torch.long, device=h.device)
    for pixel in _spread(cell, side):
        nearest.scatter_reduce_(0, pixel, key, "amin")
    nearest = nearest.view(b, 1, side, side)
    gaps = _close((nearest < none).float())
    # A gap shows what its nearest neighbour shows.
    neighbours = -F.max_pool2d(-nearest.double(), 3, 1, 1)
    nearest = torch.where(gaps, neighbours.long(), nearest)
    shown = (nearest < none).float()
    where, _, row, column = (nearest < none).nonzero().unbind(1)  # (M,) each: the covered pixels
    point = nearest[where, 0, row, column] % count
    sizes = torch.tensor(body.counts, device=point.device)
    part = torch.repeat_interleave(torch.arange(len(body.counts), device=point.device), sizes)[point]
    surface = torch.zeros(b, side, side, 4, device=h.device)
    surface[where, row, column, :3] = (frames[where, part, :3, :3] @ body.normals[point][..., None])[..., 0]
    surface[where, row, column, 3] = body.albedo[point]
    normal, albedo = surface.movedim(-1, 1).split((3, 1), 1)
    depth = (nearest // count).float() / _DEPTH_STEPS * shown
    shadow = cast_shadow(body, frames, camera, light, size, corner, side)
    return Drawn(shown, normal, albedo, depth, shadow)


def shadow_camera(camera: Tensor, light: Tensor) -> Tensor:
    """Cameras (B, 3, 4) that see each point where its shadow falls on the table (z = 0) from lights (B, 3) m."""
    x, y, z = light.unbind(-1)
    o = torch.zeros_like(x)
    # The ground point of p is light + (p - light) * lz / (lz - pz), homogeneous: rows x, y, 0 and lz - pz.
    rows = (z, o, -x, o, o, z, -y, o, o, o, o, o, o, o, -torch.ones_like(x), z)
    return camera @ torch.stack(rows, -1).unflatten(-1, (4, 4))


def cast_shadow(
    body: Body, frames: Tensor, camera: Tensor, light: Tensor, size: int, corner: Tensor, side: int
) -> Tensor:
    """Where the body keeps a light (B, 3) m from the table: (B, 1, C, C) of 0 and 1."""
    b = len(frames)
    point, picture = _facing(body, frames, light).nonzero().unbind(1)
    h = _through(body, shadow_camera(camera, light)[:, None] @ frames)[point, picture]
    cell, _ = _cells(h, picture, size, corner, side)
    shade = torch.zeros(b * side * side, device=h.device)
    for pixel in _spread(cell, side):
        shade[pixel] = 1.0
    shade = shade.view(b, 1, side, side)
    return torch.maximum(shade, _close(shade).float())

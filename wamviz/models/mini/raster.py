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

from dataclasses import dataclass, field

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
        part: (P,) the number of each point's part.
        homogeneous, across: points (4, P) and normals (3, P), a column each; rise: (P,) m, how far a point's plane lies
            from its frame's origin.
    """

    points: Tensor
    normals: Tensor
    albedo: Tensor
    counts: tuple[int, ...]
    part: Tensor = field(init=False)
    homogeneous: Tensor = field(init=False)
    across: Tensor = field(init=False)
    rise: Tensor = field(init=False)

    def __post_init__(self) -> None:
        if self.points.shape != self.normals.shape or sum(self.counts) != len(self.points):
            raise ValueError(f"{len(self.points)} points do not fit counts of {sum(self.counts)}.")
        sizes = torch.tensor(self.counts, device=self.points.device)
        object.__setattr__(self, "part", torch.repeat_interleave(torch.arange(len(sizes), device=sizes.device), sizes))
        object.__setattr__(self, "homogeneous", torch.cat([self.points.T, torch.ones_like(self.albedo)[None]]))
        object.__setattr__(self, "across", self.normals.T.contiguous())
        object.__setattr__(self, "rise", (self.points * self.normals).sum(-1))


@dataclass(frozen=True)
class RasterizedArm:
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


def _by_part(matrices: Tensor, values: Tensor, counts: tuple[int, ...]) -> Tensor:
    """Matrices a part (R, B, L, D) times values (D, P) of each part's points: (R, B, P), one large product a part."""
    r, b, _, d = matrices.shape
    out = values.new_empty(r * b, values.shape[1])
    start = 0
    for part, count in enumerate(counts):
        span = slice(start, start + count)
        torch.mm(matrices[:, :, part].reshape(-1, d), values[:, span], out=out[:, span])
        start += count
    return out.view(r, b, -1)


def _towards(body: Body, frames: Tensor, eye: Tensor, camera: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Surface points that face an eye (B, 3) m: their numbers (V,), their pictures (V,), their image points (3, V)."""
    turn, place = frames[..., :3, :3], frames[..., :3, 3]
    local = ((eye[:, None] - place)[..., None, :] @ turn)[..., 0, :]  # (B, L, 3) the eye in each part's frame
    facing = _by_part(local[None], body.across, body.counts)[0] > body.rise  # (B, P)
    chosen = facing.flatten().nonzero()[:, 0]  # (V,) of B * P
    h = _by_part((camera[:, None] @ frames).movedim(2, 0), body.homogeneous, body.counts)
    return chosen % facing.shape[1], chosen // facing.shape[1], h.view(3, -1).index_select(1, chosen)


def _cells(h: Tensor, picture: Tensor, size: int, corner: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """The upper left of the two by two pixels that homogeneous image points (3, V) cover in a window.

    Returns flat pixel numbers (W,) and which of the points they belong to (W,): a point is as large as the gaps between
    points. Those that reach over the window's border are left out.
    """
    x, y, w = h
    scale = size / w.clamp_min(_NEAR)
    left, top = corner.float().T.index_select(1, picture)
    x, y = x * scale - left - 0.5, y * scale - top - 0.5
    inside = ((x >= 0) & (x < side - 1) & (y >= 0) & (y < side - 1) & (w > _NEAR)).nonzero()[:, 0]
    x, y, picture = (values.index_select(0, inside).int() for values in (x, y, picture))
    return ((picture * side + y) * side + x).long(), inside


def _spread(cell: Tensor, side: int) -> tuple[Tensor, ...]:
    """The four pixels of two by two, by their upper left."""
    return cell, cell + 1, cell + side, cell + side + 1


def _close(filled: Tensor) -> Tensor:
    """Which empty pixels of (B, C, C), True where filled, are gaps: five or more of eight neighbours are filled."""
    padded = F.pad(filled, (1, 1, 1, 1)).view(torch.uint8)  # bytes are summed in a quarter of the time of floats
    rows = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    return ~filled & (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:] > 4)


def draw_body(
    body: Body, frames: Tensor, camera: Tensor, light: Tensor, size: int, corner: Tensor | None = None, side: int = 0
) -> RasterizedArm:
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
    point, picture, h = _towards(body, frames, eye, camera)
    cell, which = _cells(h, picture, size, corner, side)
    key = (h[2].index_select(0, which) * _DEPTH_STEPS).long() * count + point.index_select(0, which)
    none = _FAR * count
    nearest = torch.full((b * side * side,), none, dtype=torch.long, device=h.device)
    for pixel in _spread(cell, side):
        nearest.scatter_reduce_(0, pixel, key, "amin")
    _fill_gaps(nearest.view(b, side, side), none)
    covered = (nearest < none).nonzero()[:, 0]  # (M,) of B * C * C pixels
    key = nearest.index_select(0, covered)
    depth = torch.div(key, count, rounding_mode="trunc")
    point = key - depth * count
    of_all = point if b == 1 else point + torch.div(covered, side * side, rounding_mode="trunc") * count
    turned = _by_part(frames[..., :3, :3].movedim(2, 0), body.across, body.counts)  # (3, B, P)
    drawn = torch.zeros(6, b * side * side, device=h.device)
    drawn[3:4].index_copy_(1, covered, body.albedo.index_select(0, point)[None])
    drawn[4:5].index_copy_(1, covered, (depth.float() / _DEPTH_STEPS)[None])
    drawn[:3].index_copy_(1, covered, turned.flatten(1).index_select(1, of_all))
    drawn[5:].index_fill_(1, covered, 1.0)
    normal, albedo, depth, mask = drawn.view(6, b, side, side).movedim(0, 1).split((3, 1, 1, 1), 1)
    return RasterizedArm(mask, normal, albedo, depth, cast_shadow(body, frames, camera, light, size, corner, side))


def _fill_gaps(nearest: Tensor, none: int) -> None:
    """Let gaps in (B, C, C) show what their nearest neighbour shows, in place."""
    side = nearest.shape[1]
    b, y, x = _close(nearest < none).nonzero().unbind(1)
    around = [
        nearest[b, (y + j).clamp(0, side - 1), (x + i).clamp(0, side - 1)] for j in (-1, 0, 1) for i in (-1, 0, 1)
    ]
    nearest[b, y, x] = torch.stack(around).amin(0)


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
    _, picture, h = _towards(body, frames, light, shadow_camera(camera, light))
    cell, _ = _cells(h, picture, size, corner, side)
    shade = torch.zeros(b * side * side, dtype=torch.bool, device=h.device)
    for pixel in _spread(cell, side):
        shade.index_fill_(0, pixel, True)
    shade = shade.view(b, side, side)
    return (shade | _close(shade))[:, None].float()

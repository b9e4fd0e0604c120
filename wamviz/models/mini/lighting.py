"""Where the light hangs, from the shadow that the arm throws on the table.

The arm's place is known and so is the table's: for each place where the light may hang it can be worked out where the
arm's shadow would have its border. The picture is darker on the inner side of the true border than on the outer one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from wamviz.models.mini.raster import Body, cast_shadow

USUAL_LIGHT = (0.3, -0.8, 1.8)  # m
_SPREAD = (0.25, 0.25, 0.125)  # m, how far from there it may hang
_THIN = 16  # every so manieth surface point is enough
_SIZE = 128  # pixels a side of what is looked at
_BAND = 5  # pixels on either side of the border


def thin_body(body: Body, every: int = _THIN) -> Body:
    """A body with fewer surface points."""
    parts = range(len(body.counts))
    kept = [
        torch.cat([values[::every] for values in source.split(body.counts)])
        for source in (body.points, body.normals, body.albedo)
    ]
    return Body(kept[0], kept[1], kept[2], tuple(-(-body.counts[i] // every) for i in parts))


def widen(mask: Tensor, axis: int) -> Tensor:
    """Masks (bool) with everything within ``_BAND`` pixels along an axis: windows of 2, 4, 8, then all 11 pixels."""
    size, whole = mask.shape[axis], 2 * _BAND + 1
    pad = [0, 0] * (mask.ndim - 1 - axis % mask.ndim) + [_BAND, _BAND]
    wide, reach = F.pad(mask, pad), 1
    while reach < whole:
        step = min(reach, whole - reach)
        kept = wide.shape[axis] - step
        wide = wide.narrow(axis, 0, kept) | wide.narrow(axis, step, kept)
        reach += step
    return wide.narrow(axis, 0, size)


def border_contrast(grey: Tensor, usable: Tensor, shadow: Tensor) -> Tensor:
    """How much darker a picture is inside the borders of shadows (B, 1, C, C) than outside: (B,) in log brightness.

    ``grey`` (1, 1, C, C) is log brightness; ``usable`` (1, 1, C, C) is True where the table is seen, ``shadow`` where
    there is shadow.
    """
    around, lit_around = (widen(widen(mask, -1), -2) for mask in (shadow, ~shadow))
    parts = (shadow & lit_around & usable, around & ~shadow & usable)  # inside and outside the border
    flat = [part.flatten(1).to(grey.dtype) for part in parts]  # (B, C * C)
    counts = [part.sum(1) for part in flat]
    inner, outer = (part @ grey.flatten() / count.clamp_min(30) for part, count in zip(flat, counts, strict=True))
    return (outer - inner) * (counts[0].clamp_max(300) / 300)  # a border that is hardly seen says little


def estimate_light(body: Body, frames: Tensor, image: Tensor, camera: Tensor, usable: Tensor) -> Tensor:
    """The place of the light (1, 3) m.

    Args:
        body: the robot's surface; frames: (1, L, 4, 4) of its parts.
        image: (1, 3, S, S) in -1..1; usable: (1, 1, S, S) 1 where the table is seen and the arm is not.
        camera: (1, 3, 4).
    """
    device = image.device
    thin = thin_body(body)
    grey = F.adaptive_avg_pool2d((image.mean(1, keepdim=True) + 1.02) / 2, _SIZE).log()
    usable = F.adaptive_avg_pool2d(usable, _SIZE) > 0.9
    spread = torch.tensor(_SPREAD, device=device)

    def best(candidates: Tensor) -> Tensor:
        n = len(candidates)
        corner = torch.zeros(n, 2, dtype=torch.long, device=device)
        shadow = cast_shadow(
            thin, frames.expand(n, -1, -1, -1), camera.expand(n, -1, -1), candidates, _SIZE, corner, _SIZE
        )
        score = border_contrast(grey, usable, shadow > 0)
        weight = (score * 80).softmax(0)  # the mean of the good ones, rather than the best of a grid
        return (weight[:, None] * candidates).sum(0)

    usual = torch.tensor(USUAL_LIGHT, device=device)
    for share, steps in ((1.0, (6, 6, 1)), (0.35, (3, 3, 3)), (0.18, (3, 3, 3))):
        axes = [torch.linspace(-1, 1, k, device=device) if k > 1 else torch.zeros(1, device=device) for k in steps]
        grid = torch.cartesian_prod(*axes) * spread * share
        usual = best(usual + grid)
    low, high = (torch.tensor(USUAL_LIGHT, device=device) + sign * spread for sign in (-1, 1))
    return usual.clamp(low, high)[None]

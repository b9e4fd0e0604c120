"""The painter draws one future picture: the context frame, changed by where the arm and the things are by then.

It is shown the context frame, the arm's surface as it stands in the context and as it will stand (``raster``), both
shadows, and the context moved along with each thing that moves. A small U-Net decides, pixel by pixel, what stays as it
is (brighter or darker where a shadow came or went), what is a thing that moved, what is the arm, and what was hidden
and has to be made up. Everything that was sharp in the context is sharp in the picture.

It knows nothing of time, words or actions: any number of pictures, each from the same context, in any order.

Axis letters: B pictures, S pixels a side of a picture, C of the window that is drawn, O things.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from wamviz.models.mini.kinematics import PARTS, part_frames
from wamviz.models.mini.lighting import USUAL_LIGHT, estimate_light
from wamviz.models.mini.raster import Body, draw_body
from wamviz.models.mini.warp import Pose, WarpView, box_around, boxes_of_moved, repeat_view, warp_context

_STILL_GUIDES, _MOVING_GUIDES = (0, 1, 2, *range(17, 26)), tuple(range(3, 17))
_GUIDES = 26  # channels of what the U-Net is shown, a pixel: those of the context, and those of the pose
_TEXTURE = (160, 176)  # cells of the learnt table, across and along
_TABLE = ((-0.25, 0.95), (-0.65, 0.65))  # m, what they span


class _PainterBlock(nn.Module):
    """Two convolutions beside a shortcut, scaled and shifted by what is known of the whole picture."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(4, width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.told = nn.Linear(condition, 2 * width)
        for layer in (self.second, self.told):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.told(condition)[:, :, None, None].chunk(2, 1)
        return x + self.second(F.silu(torch.addcmul(shift, self.first(self.norm(x)), 1 + scale)))


class MiniPainter(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A U-Net over guides.

    Args:
        image_size: S.
        widths: channels at a half, a quarter and an eighth of the resolution.
        blocks: how many there are at a quarter, at an eighth, and on the way back at a quarter and at a half.
        counts: surface points a part of the robot, in the order of ``PARTS``; their places are weights.
    """

    points: Tensor
    normals: Tensor
    albedo: Tensor

    @register_to_config
    def __init__(
        self,
        image_size: int = 256,
        widths: Sequence[int] = (24, 40, 80),
        blocks: Sequence[int] = (1, 2, 1, 1),
        counts: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        counts = tuple(counts or (1,) * len(PARTS))
        total = sum(counts)
        self.register_buffer("points", torch.zeros(total, 3))
        self.register_buffer("normals", torch.zeros(total, 3))
        self.register_buffer("albedo", torch.zeros(total))
        fine, middle, coarse = widths
        condition_width = 96
        self.tell = nn.Sequential(
            nn.Linear(16, condition_width), nn.SiLU(), nn.Linear(condition_width, condition_width), nn.SiLU()
        )
        self.table = nn.Parameter(torch.zeros(1, 4, *_TEXTURE))
        self.enter = nn.Conv2d(4 * _GUIDES, fine, 1)
        self.down = nn.Conv2d(fine, middle, 2, 2)
        self.middle_in = nn.ModuleList(_PainterBlock(middle, condition_width) for _ in range(blocks[0]))
        self.downer = nn.Conv2d(middle, coarse, 2, 2)
        self.coarse = nn.ModuleList(_PainterBlock(coarse, condition_width) for _ in range(blocks[1]))
        self.up = nn.Conv2d(coarse, 4 * middle, 1)
        self.middle_out = nn.ModuleList(_PainterBlock(middle, condition_width) for _ in range(blocks[2]))
        self.upper = nn.Conv2d(middle, 4 * fine, 1)
        self.fine_out = nn.ModuleList(_PainterBlock(fine, condition_width) for _ in range(blocks[3]))
        self.leave = nn.Conv2d(fine, 4 * 10, 1)
        # The arm's own colour, pixel by pixel at full resolution: paint and how the surface is turned to the light.
        self.lamp = nn.Linear(coarse + condition_width, 24)
        self.shade_in = nn.Conv2d(9, 24, 1)
        self.shade_out = nn.Conv2d(24, 3, 1)

    def body(self) -> Body:
        """The robot's surface."""
        return Body(self.points, self.normals, self.albedo, tuple(self.config.counts))

    # ------------------------------------------------------------------ what is shown

    def find_light(self, image: Tensor, camera: Tensor, pose: Pose) -> Tensor:
        """Where the light hangs (1, 3) m in a picture (1, 3, S, S) with a camera (1, 3, 4) and a pose."""
        size, body = image.shape[-1], self.body()
        frames = part_frames(pose.joints, pose.gripper)
        anywhere = torch.tensor([USUAL_LIGHT], device=image.device)
        covered = draw_body(body, frames, camera, anywhere, size).mask
        steps = (torch.arange(size, device=image.device) + 0.5) / size
        x, y = steps[None, None].expand(1, size, -1), steps[None, :, None].expand(1, -1, size)
        table = self._table_at(camera, x, y)[:, 4:]
        return estimate_light(body, frames, image, camera, table * (1 - covered))

    def view(self, image: Tensor, camera: Tensor, light: Tensor, pose: Pose) -> WarpView:
        """A context that pictures can be drawn from; images (B, 3, S, S) in -1..1."""
        frames, body = part_frames(pose.joints, pose.gripper), self.body()
        return WarpView(image, camera, light, pose, body, draw_body(body, frames, camera, light, image.shape[-1]))

    def _table_at(self, camera: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """The learnt table and where it is, at image points (B, C, C) each: (B, 5, C, C)."""
        homography = torch.linalg.inv(camera[:, :, [0, 1, 3]])  # image points to the table's plane
        h = torch.stack([x, y, torch.ones_like(x)], -1) @ homography.mT[:, None]  # (B, C, C, 3)
        front = h[..., 2:] * torch.linalg.det(camera[:, :, [0, 1, 3]]).sign()[:, None, None, None]
        place = h[..., :2] / torch.where(h[..., 2:].abs() < 1e-6, 1e-6, h[..., 2:])
        (x0, x1), (y0, y1) = _TABLE
        grid = torch.stack([(place[..., 0] - x0) / (x1 - x0), (place[..., 1] - y0) / (y1 - y0)], -1) * 2 - 1
        on = ((grid.abs() < 1).all(-1) & (front[..., 0].abs() > 0)).float()[:, None]
        learnt = F.grid_sample(self.table.expand(len(grid), -1, -1, -1), grid.clamp(-2, 2), align_corners=False)
        return torch.cat([learnt * on, on], 1)

    # ------------------------------------------------------------------ drawing

    def forward(self, view: WarpView, to: Pose, corner: Tensor | None = None, side: int = 0) -> Tensor:
        """Draw the pictures of poses.

        Args:
            view: the contexts, one a picture.
            to: the poses, one a picture.
            corner: (B, 2) first pixel of a window of ``side`` pixels, a multiple of 8; the whole picture if left out.

        Returns:
            (B, 3, C, C) in -1..1, float32.
        """
        b, _, size, _ = view.image.shape
        if corner is None:
            corner, side = torch.zeros(b, 2, dtype=torch.long, device=view.image.device), size
        frames = part_frames(to.joints, to.gripper)
        arm = draw_body(view.body, frames, view.camera, view.light, size, corner, side)
        image, was, shaded = (cut_windows(x, corner, side) for x in (view.image, view.drawn.mask, view.drawn.shadow))
        steps = torch.arange(side, device=image.device) + 0.5
        x = ((corner[:, :1] + steps) / size)[:, None, :].expand(-1, side, -1)
        y = ((corner[:, 1:] + steps) / size)[:, :, None].expand(-1, -1, side)
        moved = warp_context(view, to, x, y)
        table, ramp = self._table_at(view.camera, x, y), torch.stack([x, y], 1)
        surface = torch.cat([arm.normal, arm.albedo, arm.depth], 1)  # (B, 5, C, C)
        guides = [image, *moved, surface, arm.mask, arm.shadow, was, shaded, table, ramp]
        h = self.enter(_unshuffle(torch.cat(guides, 1)))
        gain, new, scores, lamp = self._decide(h, self.tell(_summary(view, to)))
        lit = torch.cat([surface, arm.shadow, ramp, arm.mask], 1)
        paint = self.shade_out(F.silu(self.shade_in(lit) + lamp[:, :, None, None]))
        return _compose(image, gain, moved[0], moved[1], paint, arm.mask, new, scores)

    def prepare(self, view: WarpView) -> WarpView:
        """A context (B = 1) together with what the first layer, which is linear, makes of it whatever the pose."""
        size = view.image.shape[-1]
        steps = (torch.arange(size, device=view.image.device) + 0.5) / size
        x, y = steps[None, None].expand(1, size, -1), steps[None, :, None].expand(1, -1, size)
        table, ramp = self._table_at(view.camera, x, y), torch.stack([x, y], 1)
        still = torch.cat([view.image, view.drawn.mask, view.drawn.shadow, table, ramp], 1)
        return replace(view, still=self._enter_part(still, _STILL_GUIDES, self.enter.bias))

    def draw(self, view: WarpView, to: Pose) -> Tensor:
        """The same for one context (B = 1) and many poses (B), quicker: only what may have changed is computed.

        Returns:
            (B, 3, S, S) in -1..1; where nothing moves these are the context's own pixels.
        """
        size, count = view.image.shape[-1], len(to.joints)
        many = repeat_view(view, count)
        arm = draw_body(view.body, part_frames(to.joints, to.gripper), many.camera, many.light, size)
        changed = (arm.mask + arm.shadow).amax(0)[0] + (view.drawn.mask + view.drawn.shadow)[0, 0]
        # A box of many would depend on which pictures are drawn together, and so would the picture.
        box = box_around(changed, boxes_of_moved(many, to)) if count == 1 else (0, 0, size, size)
        rows, columns = slice(box[1], box[3]), slice(box[0], box[2])

        def cut(x: Tensor) -> Tensor:
            return x[:, :, rows, columns]

        steps = (torch.arange(size, device=arm.mask.device) + 0.5) / size
        x = steps[None, None, columns].expand(1, box[3] - box[1], -1)
        y = steps[None, rows, None].expand(1, -1, box[2] - box[0])
        image, ramp = cut(view.image), torch.stack([x, y], 1)
        still = view.still if view.still is not None else self.prepare(view).still
        assert still is not None
        moved = warp_context(many, to, x.expand(count, -1, -1), y.expand(count, -1, -1))
        surface, mask, shadow = cut(torch.cat([arm.normal, arm.albedo, arm.depth], 1)), cut(arm.mask), cut(arm.shadow)
        h = still[:, :, box[1] // 2 : box[3] // 2, box[0] // 2 : box[2] // 2]
        h = h + self._enter_part(torch.cat([*moved, surface, mask, shadow], 1), _MOVING_GUIDES, None)
        gain, new, scores, lamp = self._decide(h, self.tell(_summary(many, to)))
        # The arm's colour is only worked out where it is, give or take a pixel.
        near = _grow(mask[:, 0] > 0).flatten().nonzero()[:, 0]  # (M,) of B * C * C pixels
        lit = torch.cat([surface, shadow, ramp.expand(count, -1, -1, -1), mask], 1).movedim(1, 0).flatten(1)
        lit = lit.index_select(1, near)  # (9, M)
        lamps = lamp.T.index_select(1, near // mask[0].numel()) if count > 1 else lamp.T
        hidden = F.silu(torch.addmm(self.shade_in.bias[:, None], self.shade_in.weight[:, :, 0, 0], lit) + lamps)
        shade = torch.addmm(self.shade_out.bias[:, None], self.shade_out.weight[:, :, 0, 0], hidden)
        paint = torch.zeros(3, new[:, 0].numel(), device=new.device).index_copy_(1, near, shade)
        paint = paint.unflatten(1, (count, *new.shape[2:])).movedim(0, 1)
        out = many.image.clone(memory_format=torch.contiguous_format)
        out[:, :, rows, columns] = _compose(image, gain, moved[0], moved[1], paint, mask, new, scores)
        return out

    def _enter_part(self, guides: Tensor, channels: tuple[int, ...], bias: Tensor | None) -> Tensor:
        """What the first layer makes of some of the guides: pixels unshuffled and weighed in one go."""
        weight = self.enter.weight.view(-1, _GUIDES, 2, 2)[:, channels]
        return F.conv2d(guides, weight, bias, stride=2).contiguous(memory_format=torch.channels_last)

    def _decide(self, h: Tensor, condition: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The U-Net: gain of the context, new colours (B, 3, C, C), scores of sources (B, 4, C, C), lamp (B, 24)."""
        keep = h
        h = _through(self.middle_in, self.down(h), condition)
        kept = h
        h = _through(self.coarse, self.downer(h), condition)
        lamp = self.lamp(torch.cat([h.mean((2, 3)), condition], 1))
        h = _through(self.middle_out, F.pixel_shuffle(self.up(h), 2) + kept, condition)
        h = _through(self.fine_out, F.pixel_shuffle(self.upper(h), 2) + keep, condition)
        b, _, rows, columns = h.shape
        out = F.linear(h.movedim(1, -1), self.leave.weight[:, :, 0, 0], self.leave.bias)  # (B, C/2, C/2, 40)
        out = out.view(b, rows, columns, -1, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(b, -1, 2 * rows, 2 * columns)
        new, gain, scores = out.split((3, 3, 4), 1)  # planes, as those that they are mixed with
        return gain, new, scores, lamp


def _unshuffle(x: Tensor) -> Tensor:
    return F.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)


def _compose(
    image: Tensor, gain: Tensor, moved: Tensor, sure: Tensor, paint: Tensor, mask: Tensor, new: Tensor, scores: Tensor
) -> Tensor:
    """Pictures (B, 3, C, C) mixed of the context (lighter or darker), what moved along, the arm and new colours."""
    stay, go, arm, make = scores.unbind(1)
    arm = torch.add(arm - 4, mask[:, 0], alpha=8)
    share = torch.stack([stay + 2, torch.add(go - 2, sure[:, 0], alpha=4), arm, make - 1], 1).softmax(1)
    lighter = (image + 1) * gain.clamp(-3, 3).exp() - 1
    out = torch.addcmul(share[:, :1] * lighter, share[:, 1:2], moved)
    return torch.addcmul(torch.addcmul(out, share[:, 2:3], paint), share[:, 3:], new)


def _grow(mask: Tensor) -> Tensor:
    """Masks (B, C, C) and their eight neighbours: a twentieth of the time of a pooling."""
    wide = F.pad(mask, (1, 1, 1, 1))
    rows = wide[:, :-2] | wide[:, 1:-1] | wide[:, 2:]
    return rows[..., :-2] | rows[..., 1:-1] | rows[..., 2:]


def cut_windows(x: Tensor, corner: Tensor, side: int) -> Tensor:
    """Windows (B, C, side, side) of pictures (B, C, S, S)."""
    if side == x.shape[-1]:
        return x
    return torch.stack([p[:, j : j + side, i : i + side] for p, (i, j) in zip(x, corner.tolist(), strict=True)])


def _through(blocks: nn.ModuleList, x: Tensor, condition: Tensor) -> Tensor:
    for block in blocks:
        x = block(x, condition)
    return x


def _summary(view: WarpView, to: Pose) -> Tensor:
    """What holds for the whole picture, (B, 16): light, hands, how far the lever is down."""
    lever = (to.things[:, 0] - view.pose.things[:, 0]).nan_to_num()[:, 2:] * 20
    parts = [view.light - torch.tensor(USUAL_LIGHT, device=lever.device), lever]
    for pose in (view.pose, to):
        parts += [pose.joints[:, [0, 1, 3, 5, 6]] / 2, pose.gripper[:, None]]
    return torch.cat(parts, 1)

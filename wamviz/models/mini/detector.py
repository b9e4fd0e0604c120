"""The detector finds the things and the hand in one picture.

Heatmaps say where in the picture each one is, to a fraction of a pixel; how high above the table it is follows from
what it looks like there; the camera makes a place in metres of the two. It says as well how sure it is, which things
are missing, and how the hand is turned.

Axis letters: B pictures, P = O things and the hand's tool point, Q marks of the arm, G cells of the heatmaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from wamviz.models.mini.arm_pose import MARKS
from wamviz.models.mini.closer_look import CloserLook, ResidualBlock, cut_patch, mean_and_spread, share_of
from wamviz.models.mini.relations import SYMMETRY
from wamviz.models.mini.warp import THINGS

POINTS = (*THINGS, "tool")
_PATCH, _PATCH_SIDE = 48, 0.25  # pixels of the closer look at the hand, and its share of the picture's width
_GLANCE, _GLANCE_SIDE = 32, 0.14  # the same for every thing


@dataclass(frozen=True)
class Detected:
    """What was found in B pictures.

    Attributes:
        heat: (B, P + Q - 1, G, G) logits, of the points and of the arm's marks but for the tool, which is both.
        marks: (B, Q, 2) in 0..1, where ``arm_pose.MARKS`` are; spread: (B, Q) how widely each may lie, of the width.
        image: (B, P, 2) in 0..1; height: (B, P) m above the table.
        doubt: (B, P) m, how far off a place may be; there: (B, O) logits.
        facing: (B, O, 2) cosine and sine of the things' yaw times ``SYMMETRY``, shorter where it is not sure; of the
            lever, the toaster's yaw.
        turn: (B, 3) rad, the hand against straight down; gripper: (B,) 0 open .. 1 closed.
        features: (B, F) of the whole picture.
    """

    heat: Tensor
    marks: Tensor
    spread: Tensor
    image: Tensor
    height: Tensor
    doubt: Tensor
    there: Tensor
    facing: Tensor
    turn: Tensor
    gripper: Tensor
    features: Tensor

    def places(self, camera: Tensor, threshold: float = 0.0) -> Tensor:
        """Places (B, P, 3) m through cameras (B, 3, 4); NaN where a thing is not there."""
        places = lift_points(self.image, self.height, camera)
        missing = F.pad(self.there < threshold, (0, 1))  # the hand is always there
        return places.masked_fill(missing[..., None], torch.nan)


def facing_of(yaws: Tensor) -> Tensor:
    """Yaws (..., O) rad to what ``Detected.facing`` says of them when it is sure (..., O, 2); zeros if NaN or round."""
    times = torch.tensor(SYMMETRY, dtype=yaws.dtype, device=yaws.device)
    angle = yaws.nan_to_num() * times
    known = (times > 0) & ~yaws.isnan()
    return torch.stack([angle.cos(), angle.sin()], -1) * known[..., None]


def turn_facing(facing: Tensor, turns: Tensor) -> Tensor:
    """Facing (..., O, 2) of things that were turned by (..., O) rad."""
    angle = turns * torch.tensor(SYMMETRY, dtype=turns.dtype, device=turns.device)
    c, s = angle.cos(), angle.sin()
    x, y = facing.unbind(-1)
    return torch.stack([c * x - s * y, s * x + c * y], -1)


def lift_points(image: Tensor, height: Tensor, camera: Tensor) -> Tensor:
    """World points (B, P, 3) m seen at image points (B, P, 2) at heights (B, P) m above the table."""
    inverse = torch.linalg.inv(camera[:, :, :3])
    eye = -(inverse @ camera[:, :, 3:])[..., 0]  # (B, 3)
    ray = F.pad(image, (0, 1), value=1.0) @ inverse.mT  # (B, P, 3)
    reach = (height - eye[:, None, 2]) / torch.where(ray[..., 2].abs() < 1e-6, -1e-6, ray[..., 2])
    return eye[:, None] + ray * reach[..., None]


class MiniDetector(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """A U-Net with heatmaps at half the resolution.

    Args:
        image_size: pixels a side that it looks at.
        widths: channels at a half, a quarter and an eighth of that.
        height_mean: (P,) m, where points usually are above the table.
    """

    @register_to_config
    def __init__(
        self, image_size: int = 128, widths: Sequence[int] = (32, 64, 112), height_mean: Sequence[float] | None = None
    ) -> None:
        super().__init__()
        fine, middle, coarse = widths
        points = len(POINTS)
        self.enter = nn.Conv2d(12, fine, 3, padding=1)
        self.fine_in = ResidualBlock(fine)
        self.down = nn.Conv2d(fine, middle, 2, 2)
        self.middle_in = ResidualBlock(middle)
        self.downer = nn.Conv2d(middle, coarse, 2, 2)
        self.coarse = nn.Sequential(ResidualBlock(coarse), ResidualBlock(coarse), ResidualBlock(coarse))
        self.up = nn.Conv2d(coarse, 4 * middle, 1)
        self.middle_out = nn.Sequential(ResidualBlock(middle), ResidualBlock(middle))
        self.upper = nn.Conv2d(middle, 4 * fine, 1)
        self.fine_out = ResidualBlock(fine)
        self.heat = nn.Conv2d(fine, points + len(MARKS) - 1, 1)
        self.look = nn.Conv2d(fine + middle, 64, 1)
        self.read = nn.Sequential(nn.Linear(64 + 2 + coarse, 128), nn.SiLU())
        self.point = nn.Parameter(torch.randn(points, 128) * 0.1)
        self.answer = nn.Sequential(nn.SiLU(), nn.Linear(128, 128), nn.SiLU(), nn.Linear(128, 5))
        self.arm = nn.Sequential(nn.Conv2d(coarse, 12, 1), nn.Flatten(), nn.Linear(12 * (image_size // 8) ** 2, 128))
        self.close = nn.Sequential(
            nn.Conv2d(12, 24, 3, padding=1), nn.SiLU(), nn.Conv2d(24, 32, 2, 2), nn.SiLU(),
            nn.Conv2d(32, 32, 3, padding=1), nn.SiLU(), nn.Conv2d(32, 32, 2, 2), nn.Flatten(),
            nn.Linear(32 * (_PATCH // 8) ** 2, 128),
        )  # fmt: skip
        self.glance = nn.Sequential(
            nn.Conv2d(12, 24, 3, padding=1), nn.SiLU(), nn.Conv2d(24, 32, 2, 2), nn.SiLU(),
            nn.Conv2d(32, 32, 3, padding=1), nn.SiLU(), nn.Conv2d(32, 32, 2, 2), nn.Flatten(),
            nn.Linear(32 * (_GLANCE // 8) ** 2, 128),
        )  # fmt: skip
        self.hand = nn.Sequential(nn.Linear(64 + 2 + 2 * coarse, 128), nn.SiLU(), nn.Linear(128, 128))
        self.pose = nn.Sequential(nn.SiLU(), nn.Linear(128, 6))
        self.closer = CloserLook(len(MARKS))

    def forward(self, image: Tensor) -> Detected:
        """Look at pictures (B, 3, S, S) in -1..1, S a multiple of ``image_size``, and closer at what is found."""
        small = F.adaptive_avg_pool2d(image, self.config.image_size)
        h = self.enter(F.pixel_unshuffle(small, 2).contiguous(memory_format=torch.channels_last))
        keep = self.fine_in(h)
        kept = self.middle_in(self.down(keep))
        deep = self.coarse(self.downer(kept))
        middle = self.middle_out(F.pixel_shuffle(self.up(deep), 2) + kept)
        fine = self.fine_out(F.pixel_shuffle(self.upper(middle), 2) + keep)
        heat = self.heat(fine).float()
        share = share_of(heat)  # (B, P + Q - 1, G, G)
        at, spread = mean_and_spread(share)
        marks, spread = (torch.cat([x[:, len(POINTS) :], x[:, len(POINTS) - 1 : len(POINTS)]], 1) for x in (at, spread))
        at, share = at[:, : len(POINTS)], share[:, : len(POINTS)].flatten(2)  # (B, P, G * G)
        wide = torch.cat([fine, F.interpolate(middle, scale_factor=2.0)], 1)
        seen = share @ self.look(wide).flatten(2).mT.float()  # (B, P, 64)
        mean, std = deep.mean((2, 3)), deep.flatten(2).std(-1)
        tokens = torch.cat([seen, at * 2 - 1, mean[:, None].expand(-1, seen.shape[1], -1)], -1)
        around = at[:, :-1].detach().flatten(0, 1)  # (B * O, 2)
        many = image.repeat_interleave(len(POINTS) - 1, 0)
        closer = self.glance(F.pixel_unshuffle(cut_patch(many, around, _GLANCE_SIDE, _GLANCE), 2))
        read = self.read(tokens) + self.point
        read = torch.cat([read[:, :-1] + closer.unflatten(0, (len(image), -1)), read[:, -1:]], 1)
        height, doubt, there, *facing = self.answer(read).unbind(-1)
        usual = torch.tensor(self.config.height_mean or [0.0] * len(POINTS), device=image.device)
        hand = self.hand(torch.cat([seen[:, -1], at[:, -1] * 2 - 1, mean, std], -1)) + self.arm(deep)
        patch = cut_patch(image, at[:, -1].detach(), _PATCH_SIDE, _PATCH)
        hand = self.pose(hand + self.close(F.pixel_unshuffle(patch, 2)))
        heights = torch.cat([height[:, :-1] * 0.05, height[:, -1:] * 0.05 + hand[:, 5:] * 0.1], 1)
        yaw = torch.atan2(hand[:, 2:3], hand[:, 3:4] + 1e-6)
        return Detected(
            heat=heat,
            marks=marks,
            spread=spread,
            image=at,
            height=usual + heights,
            doubt=(doubt - 5).exp().clamp(5e-4, 0.2),
            there=there[:, :-1],
            facing=torch.stack(facing, -1)[:, :-1],
            turn=torch.cat([hand[:, :2] * 0.3, yaw], 1),
            gripper=hand[:, 4].sigmoid(),
            features=torch.cat([mean, std], -1),
        )

    def look_closer(self, image: Tensor, found: Detected) -> Detected:
        """The same with the arm's marks to a fraction of a pixel of pictures (B, 3, S, S)."""
        _, marks, spread = self.closer(image, found.marks)
        return replace(found, marks=marks, spread=spread)

"""Teaches the detector from single frames: where the simulator says that things are, projected into the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wamviz.models.mini.arm_pose import place_marks
from wamviz.models.mini.closer_look import SHARE, CloserLook
from wamviz.models.mini.detector import POINTS, Detected, MiniDetector, facing_of
from wamviz.models.mini.raster import project
from wamviz.models.mini.relations import SYMMETRY
from wamviz.models.mini.situation import read_state
from wamviz.training.budget import Budget, Deadline
from wamviz.training.growing import Growing, latest
from wamviz.training.loop import Loop, cosine
from wamviz.training.painter import Pictures
from wamviz.training.state import Average

_PIXEL = 1 / 128  # of the picture's width
_OFF, _FAR_OFF = 2 / 256, 0.3  # how far off the first look is, of the width, and how often it is thrice as much


def disturb(images: Tensor, rng: torch.Generator) -> Tensor:
    """Pictures as other cameras would take them: brighter or darker, another contrast, a cast, grain, a little blur."""
    b = len(images)

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=rng, device=images.device)

    gain, shift = 1 + 0.08 * noise(b, 3, 1, 1) + 0.08 * noise(b, 1, 1, 1), 0.05 * noise(b, 3, 1, 1)
    grain = 0.03 * noise(b, 1, 1, 1).abs().clamp_max(1) * noise(*images.shape)
    out = images * gain + shift + grain
    soft = torch.rand(b, generator=rng, device=images.device) < 0.25
    out[soft] = F.avg_pool2d(F.pad(out[soft], (1, 1, 1, 1), mode="replicate"), 3, 1)
    return out.clamp(-1, 1)


def on_cpu(found: Detected) -> Detected:
    """The same on the CPU, where the truth is."""
    return Detected(**{name: value.cpu() for name, value in vars(found).items()})


def truth(data: Pictures, index: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """Where everything is.

    Returns:
        places (B, P, 3) m of the things and the tool point, NaN where absent; where they are seen (B, P, 2) in 0..1;
        where the arm's marks are seen (B, Q, 2).
    """
    i = torch.from_numpy(index)
    places = torch.cat([data.positions[i], data.states[i, None, :3]], 1)
    image, _ = project(places.nan_to_num(), data.cameras[i])
    marks, _ = project(place_marks(data.states[i, 7:]), data.cameras[i])
    return places, image, marks


def heat_loss(heat: Tensor, image: Tensor, seen: Tensor) -> Tensor:
    """Cross entropy of heatmaps (B, N, G, G) with points (B, N, 2) where they are ``seen`` (B, N)."""
    cells = heat.shape[-1]
    # A point between cells belongs to each of the four around it by its share.
    at = image.clamp(0, 0.9999) * cells - 0.5
    low = at.floor()
    part = at - low
    loss = heat.new_zeros(())
    logp = heat.flatten(2).log_softmax(-1)
    for dx in (0, 1):
        for dy in (0, 1):
            x, y = (low[..., 0] + dx).clamp(0, cells - 1), (low[..., 1] + dy).clamp(0, cells - 1)
            weight = (part[..., 0] - (1 - dx)).abs() * (part[..., 1] - (1 - dy)).abs()
            picked = logp.gather(2, (y * cells + x).long()[..., None])[..., 0]
            loss = loss - (weight * picked)[seen].sum() / seen.sum().clamp_min(1)
    return loss


def in_view(image: Tensor) -> Tensor:
    """Which image points (..., 2) lie in the picture."""
    return ((image > 0) & (image < 1)).all(-1)


def detector_loss(
    found: Detected, places: Tensor, image: Tensor, marks: Tensor, states: Tensor, yaws: Tensor
) -> Tensor:
    """Cross entropy of the heatmaps, absolute errors in pixels and metres, and what is said of the hand."""
    there = ~places.isnan().any(-1)
    seen, shown = there & in_view(image), in_view(marks)
    count = len(POINTS)
    loss = heat_loss(found.heat[:, :count], image, seen)
    loss = loss + heat_loss(found.heat[:, count:], marks[:, :-1], shown[:, :-1])
    loss = loss + 0.5 * ((found.marks - marks) / _PIXEL).abs().sum(-1)[shown].clamp_max(20).mean()
    off = (found.image - image) / _PIXEL
    loss = loss + 0.5 * off.abs().sum(-1)[seen].clamp_max(20).mean()
    high = (found.height - places[..., 2]).nan_to_num()
    loss = loss + 40 * high.abs()[there].mean()
    # How far off the place is (Laplace): a pixel is about 5 mm.
    error = (off.detach().norm(dim=-1) * 0.0055 + high.detach().abs())[there]
    loss = loss + 0.1 * (error / found.doubt[there] + found.doubt[there].log()).mean()
    loss = loss + F.binary_cross_entropy_with_logits(found.there, there[:, :-1].float())
    loss = loss + 3 * (found.facing - facing_of(yaws)).abs().sum(-1).mean()
    turn = found.turn - states[:, 3:6]
    turn = torch.cat([turn[:, :2], torch.remainder(turn[:, 2:] + np.pi, 2 * np.pi) - np.pi], 1)
    loss = loss + 40 * high[:, -1].abs().mean()  # the hand's height is the hardest and matters most
    return loss + 2 * turn.abs().mean() + 2 * (found.gripper - states[:, 6]).abs().mean()


def closer_loss(net: CloserLook, images: Tensor, marks: Tensor, chance: torch.Generator) -> Tensor:
    """The same for a closer look at marks (B, Q, 2), from places that are off as the first look is, and more."""
    wide = torch.rand(marks.shape[:2], generator=chance, device=images.device) < _FAR_OFF
    off = torch.randn(marks.shape, generator=chance, device=images.device) * _OFF
    around = marks + off * torch.where(wide, 3.0, 1.0)[..., None]
    heat, found, _ = net(images, around)
    inside = in_view(marks) & ((marks - around).abs() < 0.45 * SHARE).all(-1)
    loss = heat_loss(heat, (marks - around) / SHARE + 0.5, inside)
    return loss + 0.5 * (2 * (found - marks) / _PIXEL).abs().sum(-1)[inside].clamp_max(20).mean()


@torch.inference_mode()
def measure_detector(net: MiniDetector, data: Pictures, every: int = 3) -> dict[str, float]:
    """Errors on unseen pictures: of places (cm, median and shares within 1 and 2 cm), the tool (cm), turn (rad).

    ``marks``: of the arm's marks (pixels of 256, median); ``arm``: of the tool, once the arm is solved for (cm).
    """
    index, device = np.arange(0, len(data.first), every), net.point.device
    off, tool, yaw, presence, grip, face, aside_by, arm = [], [], [], [], [], [], [], []
    for part in np.array_split(index, max(1, len(index) // 50)):
        i = torch.from_numpy(part)
        images = data.image(part).to(device)
        found = on_cpu(net.look_closer(images, net(images)))
        places, _, marks = truth(data, part)
        error = (found.places(data.cameras[i], -1e9) - places).norm(dim=-1)
        aside_by.append(256 * (found.marks - marks).norm(dim=-1)[in_view(marks)])
        arm.append((read_state(found, data.cameras[i])[:, :3] - data.states[i, :3]).norm(dim=-1))
        off.append(error[:, :-1])
        tool.append(error[:, -1])
        turn = found.turn[:, 2] - data.states[i, 5]
        yaw.append((torch.remainder(turn + np.pi, 2 * np.pi) - np.pi).abs())
        presence.append(((found.there > 0) == ~places[:, :-1].isnan().any(-1)).float())
        aside = found.facing * facing_of(data.yaws[i]).flip(-1) * torch.tensor([1.0, -1.0])
        along = (found.facing * facing_of(data.yaws[i])).sum(-1)
        askew = torch.atan2(aside.sum(-1).abs(), along)[:, [0, 2, 4, 5, 6]]  # rad, times the symmetry
        askew = askew / torch.tensor([s for s in SYMMETRY if s])
        face.append(askew[~data.yaws[i][:, [0, 2, 4, 5, 6]].isnan()])
        grip.append((found.gripper - data.states[i, 6]).abs())
    error = torch.cat(off)
    error = error[~error.isnan()]
    return {
        "median": 100 * float(error.median()),
        "within_1cm": float((error < 0.01).float().mean()),
        "within_2cm": float((error < 0.02).float().mean()),
        "tool": 100 * float(torch.cat(tool).median()),
        "marks": float(torch.cat(aside_by).median()),
        "arm": 100 * float(torch.cat(arm).median()),
        "yaw": float(torch.cat(yaw).median()),
        "facing": float(torch.cat(face).median()),
        "gripper": float(torch.cat(grip).mean()),
        "presence": float(torch.cat(presence).mean()),
    }


def train_detector(
    net: MiniDetector,
    data: Pictures | Growing[Pictures],
    held_out: Pictures,
    out: Path,
    *,
    budget: Budget,
    batch: int = 16,
    peak: float = 2e-3,
    seed: int = 0,
    log: Path | None = None,
    deadline: Deadline | None = None,
) -> None:
    """Train for ``budget`` in all, resuming from ``out`` when it exists; leaves averaged weights in ``net``."""
    average = Average(net, decay=0.995)
    optimizer = torch.optim.AdamW(net.parameters(), lr=peak, betas=(0.9, 0.98), weight_decay=0.02)
    loop = Loop(
        "detector", net, [optimizer], out / "detector.safetensors", budget,
        peak=peak, shape=cosine, average=average, seed=seed, log=log, deadline=deadline,
    )  # fmt: skip

    finished = loop.done == 1
    for _ in loop:
        now = latest(data)
        index = loop.rng.integers(len(now.first), size=batch)
        i = torch.from_numpy(index)
        images = disturb(now.image(index, loop.device), loop.chance)
        known = [x.to(loop.device) for x in (*truth(now, index), now.states[i], now.yaws[i])]
        loss = detector_loss(net(images), *known) + closer_loss(net.closer, images, known[2], loop.chance)
        loop.descend(loss, batch, error=loss.item())
        if loop.due("validation", 180):
            loop.validate(lambda: measure_detector(net, held_out))
    if not finished:
        loop.validate(lambda: measure_detector(net, held_out))
    net.load_state_dict(average.weights)
    net.eval()

"""Teaches the painter: pairs of frames of the same episode, the first of which is the context of the second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from wamviz.models.mini.painter import MiniPainter, cut_windows
from wamviz.models.mini.warp import Pose, WarpView, held_turns
from wamviz.training.budget import Budget, Deadline
from wamviz.training.corpus import Shard, read_shard
from wamviz.training.growing import Growing, latest
from wamviz.training.loop import Loop
from wamviz.training.state import Average

WINDOW = 128  # pixels that are drawn at a time while learning
_MOVING = 0.12  # of 2: a pixel that differs more has changed
_LOUD = 4.0  # by how much more a changed pixel counts


def turns_of(shard: Shard) -> NDArray[np.float32]:
    """How far each thing was turned by the hand that held it, since its episode began: (S, O) rad."""
    turns = np.zeros(shard.positions.shape[:2], np.float32)
    for start, stop in zip(shard.starts[:-1], shard.starts[1:], strict=True):
        part = slice(int(start), int(stop))
        things, states = (torch.from_numpy(x[part])[None] for x in (shard.positions, shard.states))
        closed = torch.from_numpy(shard.actions[start : stop - 1, 6] > 0.5)[None]
        turns[part] = held_turns(things, states[..., :3], states[..., 5], closed)[0].numpy()
    return turns


@dataclass(frozen=True)
class Pictures:
    """Drawn steps of many episodes, in memory.

    Attributes:
        frames: shards of (F, S, S, 3) uint8.
        states, positions, yaws, turns: (F, ...) float32 of the same steps; cameras, lights: (F, ...).
        first, last: (F,) the range of frames of the same episode.
        offsets: the number of each shard's first frame.
    """

    frames: list[NDArray[np.uint8]]
    states: Tensor
    positions: Tensor
    yaws: Tensor
    turns: Tensor
    cameras: Tensor
    lights: Tensor
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def image(self, index: NDArray[np.int64], device: torch.device | str = "cpu") -> Tensor:
        """Frames (B, 3, S, S) in -1..1, on ``device``."""
        which = np.searchsorted(self.offsets, index, side="right") - 1
        picked = np.stack([self.frames[w][i - self.offsets[w]] for w, i in zip(which, index, strict=True)])
        return torch.from_numpy(picked).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1  # bytes travel faster

    def pose(self, index: NDArray[np.int64], since: NDArray[np.int64]) -> Pose:
        """Where everything is at frames, turned against frames ``since``."""
        i = torch.from_numpy(index)
        turned = self.turns[i] - self.turns[torch.from_numpy(since)]
        return Pose(self.states[i, 7:14], self.states[i, 6], self.positions[i], turned)

    def pairs(self, rng: np.random.Generator, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Contexts and frames to be drawn from them; mostly later ones, since that is what is asked for."""
        a = rng.integers(len(self.first), size=count)
        b = self.first[a] + rng.integers(0, 10**6, size=count) % (self.last[a] - self.first[a])
        swap = (b < a) & (rng.random(count) < 0.75)
        return np.where(swap, b, a), np.where(swap, a, b)


def load_pictures(paths: list[Path]) -> Pictures:
    """Read shards into memory."""
    names = ("states", "positions", "yaws", "turns", "cameras", "lights")
    parts: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    frames, first, last, offsets, total = [], [], [], [0], 0
    for path in paths:
        shard = read_shard(path)
        frames.append(shard.frames)
        episode = np.searchsorted(shard.starts, shard.shown, side="right") - 1
        turns = turns_of(shard)
        known = (("states", shard.states), ("positions", shard.positions), ("yaws", shard.yaws), ("turns", turns))
        for name, values in known:
            parts[name].append(values[shard.shown])
        parts["cameras"].append(shard.cameras[episode])
        parts["lights"].append(shard.lights[episode])
        first.append(total + np.searchsorted(episode, episode, side="left"))
        last.append(total + np.searchsorted(episode, episode, side="right"))
        total += len(shard.frames)
        offsets.append(total)
    tensors = {name: torch.from_numpy(np.concatenate(values)) for name, values in parts.items()}
    bounds = {"first": np.concatenate(first), "last": np.concatenate(last), "offsets": np.array(offsets[:-1])}
    return Pictures(frames, **tensors, **bounds)


def choose_windows(changed: Tensor, rng: np.random.Generator, side: int = WINDOW) -> Tensor:
    """First pixels (B, 2) of windows around changed pixels of (B, S, S), multiples of 8."""
    b, size, _ = changed.shape
    corners = rng.integers(0, (size - side) // 8 + 1, (b, 2)) * 8
    for i in range(b):
        if rng.random() < 0.85 and bool(changed[i].any()):
            places = changed[i].nonzero()
            y, x = places[int(rng.integers(len(places)))].tolist()
            jitter = rng.integers(-40, 41, 2)
            corner = np.array([x, y]) - side // 2 + jitter
            corners[i] = np.clip(np.round(corner / 8) * 8, 0, size - side)
    return torch.from_numpy(corners)


def picture_loss(drawn: Tensor, real: Tensor, context: Tensor) -> Tensor:
    """Absolute error of colours and of edges, louder where the picture changes; a blur pays at every edge."""
    changed = ((real - context).abs().amax(1, keepdim=True) > _MOVING).float()
    weight = 1 + _LOUD * F.max_pool2d(changed, 5, 1, 2)
    error = drawn - real
    loss = (error.abs() * weight).mean()
    for axis in (2, 3):
        step = error.diff(dim=axis).abs()
        loss = loss + (step * weight.narrow(axis, 1, step.shape[axis])).mean()
    return loss


def move_pose(pose: Pose, device: torch.device) -> Pose:
    """The same pose on another device."""
    return Pose(**{name: value.to(device) for name, value in vars(pose).items()})


def batch_of(
    painter: MiniPainter, data: Pictures, rng: np.random.Generator, count: int
) -> tuple[WarpView, Pose, Tensor, Tensor, Tensor]:
    """Contexts, poses, windows, and the real pictures and contexts there."""
    a, b = data.pairs(rng, count)
    device = painter.points.device
    image, real = data.image(a, device), data.image(b, device)
    i = torch.from_numpy(a)
    light = data.lights[i] + torch.from_numpy(rng.normal(0, 0.03, (count, 3)).astype(np.float32))  # it is estimated
    changed = ((real - image).abs().amax(1) > _MOVING).cpu()  # looked at one by one, which a GPU is slow at
    corner = choose_windows(changed, rng).to(device)
    with torch.no_grad():
        view = painter.view(image, data.cameras[i].to(device), light.to(device), move_pose(data.pose(a, a), device))
    to = move_pose(data.pose(b, a), device)
    return view, to, corner, cut_windows(real, corner, WINDOW), cut_windows(image, corner, WINDOW)


@torch.inference_mode()
def measure_painter(painter: MiniPainter, data: Pictures, count: int = 48, at_once: int = 8) -> dict[str, float]:
    """Drawn against real frames of unseen episodes, halved in size, contexts as the control (``metrics/picture``).

    ``psnr`` and ``moving``: dB above copying the context, whole and where the picture changes; ``sharpness``: gradient
    energy there, of the real one's.
    """
    rng = np.random.default_rng(5)
    rows = []
    for _ in range(max(1, count // at_once)):
        a, b = data.pairs(rng, at_once)
        device = painter.points.device
        image, real, i = data.image(a).to(device), data.image(b).to(device), torch.from_numpy(a)
        known = data.cameras[i].to(device), data.lights[i].to(device), move_pose(data.pose(a, a), device)
        drawn = painter(painter.view(image, *known), move_pose(data.pose(b, a), device))
        context, real, drawn = (F.avg_pool2d(x, 2) for x in (image, real, drawn.clamp(-1, 1)))
        changed = F.max_pool2d(((real - context).abs().amax(1, keepdim=True) > _MOVING).float(), 3, 1, 1)
        whole = torch.ones_like(changed)
        errors = [_noise_ratio(x, real, where) for where in (whole, changed) for x in (drawn, context)]
        energy = [_gradient_energy(x, changed) for x in (drawn, real)]
        rows.append(torch.stack([*errors, *energy], 1)[changed.sum((1, 2, 3)) > 30])
    every = torch.cat(rows)
    psnr, copied, moving, moving_copied = every[:, :4].mean(0).tolist()
    return {
        "psnr": psnr - copied,
        "moving": moving - moving_copied,
        "sharpness": float(every[:, 4].sum() / every[:, 5].sum()),
    }


def _noise_ratio(x: Tensor, real: Tensor, where: Tensor) -> Tensor:
    """PSNR (B,) in dB of pictures in -1..1 over the pixels ``where`` (B, 1, H, W) is 1."""
    error = ((x - real) / 2).square().mean(1, keepdim=True)
    return -10 * ((error * where).sum((1, 2, 3)) / where.sum((1, 2, 3)).clamp_min(1)).clamp_min(1e-9).log10()


def _gradient_energy(x: Tensor, where: Tensor) -> Tensor:
    """Summed squared differences (B,) between neighbours of the mean colour where ``where`` (B, 1, H, W) is 1."""
    grey = x.mean(1)
    across, down = grey.diff(dim=2)[:, :-1], grey.diff(dim=1)[:, :, :-1]
    return ((across.square() + down.square()) * where[:, 0, :-1, :-1]).sum((1, 2))


def train_painter(
    painter: MiniPainter,
    data: Pictures | Growing[Pictures],
    held_out: Pictures,
    out: Path,
    *,
    budget: Budget,
    batch: int = 12,
    peak: float = 1.2e-3,
    seed: int = 0,
    log: Path | None = None,
    deadline: Deadline | None = None,
) -> None:
    """Train for ``budget`` in all, resuming from ``out`` when it exists; leaves averaged weights in ``painter``."""
    average = Average(painter, decay=0.995)
    optimizer = torch.optim.AdamW(painter.parameters(), lr=peak, betas=(0.9, 0.98), weight_decay=0.01)
    loop = Loop(
        "painter", painter, [optimizer], out / "painter.safetensors", budget,
        peak=peak, average=average, seed=seed, log=log, deadline=deadline,
    )  # fmt: skip

    finished = loop.done == 1
    for _ in loop:
        view, to, corner, real, context = batch_of(painter, latest(data), loop.rng, batch)
        loss = picture_loss(painter(view, to, corner, WINDOW), real, context)
        loop.descend(loss, batch, error=loss.item())
        if loop.due("validation", 480):
            loop.validate(lambda: measure_painter(painter, held_out))
    if not finished:
        loop.validate(lambda: measure_painter(painter, held_out))
    painter.load_state_dict(average.weights)
    painter.eval()

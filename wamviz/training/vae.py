"""Train the frame autoencoder on pairs of frames from the same episode.

Half the pairs are a context and a frame up to one chunk later, as in use; some have no reference at all, so that the
latents alone must carry a picture (that is the reconstruction whose error tells familiar frames from strange ones).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wamviz.models.mini.vae import MiniVAE
from wamviz.training.budget import Budget, Deadline
from wamviz.training.collect import Shard, read_shard
from wamviz.training.loop import Loop, cosine
from wamviz.training.words import autocast

LONGEST_GAP = 20  # frames between a reference and a target


def to_images(frames: NDArray[np.uint8]) -> Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) float32 in -1..1."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def pair_batches(paths: list[Path], batch: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """An endless stream of (target, reference) image batches; a few shards are in memory at a time."""
    shards: list[Shard] = []
    while True:
        if not shards or rng.random() < 0.02:
            picked = rng.choice(len(paths), size=min(4, len(paths)), replace=False)
            shards = [read_shard(paths[i]) for i in picked]
        targets, references = [], []
        for _ in range(batch):
            shard = shards[rng.integers(len(shards))]
            episode = rng.integers(len(shard.starts) - 1)
            first, last = int(shard.starts[episode]), int(shard.starts[episode + 1]) - 1
            context = int(rng.integers(first, last + 1))
            target = int(np.clip(context + rng.integers(-3, LONGEST_GAP + 1), first, last))
            targets.append(shard.frames[target])
            references.append(shard.frames[context])
        yield to_images(np.stack(targets)), to_images(np.stack(references))


def edges(images: Tensor) -> tuple[Tensor, Tensor]:
    """Horizontal and vertical differences of neighbouring pixels."""
    return images[..., :, 1:] - images[..., :, :-1], images[..., 1:, :] - images[..., :-1, :]


def vae_loss(vae: MiniVAE, images: Tensor, reference: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Reconstruction (absolute, squared and edge error) plus the KL term; also the plain mean squared error."""
    raw = vae.encode_raw(images)
    noisy = raw + torch.randn(raw.shape, generator=rng, device=raw.device) * vae.config.posterior_std
    lone = torch.rand(len(images), 1, 1, 1, generator=rng, device=raw.device) < 0.2  # no reference
    shown = torch.where(lone, 0.0, reference)
    told = torch.where(lone, torch.zeros((), dtype=raw.dtype, device=raw.device), vae.encode_raw(reference))
    out = vae.decode_raw(noisy, told, shown).float()
    error = out - images
    sharp = sum((a - b).abs().mean() for a, b in zip(edges(out), edges(images), strict=True))
    kl = 0.5 * raw.float().square().mean()
    squared = error.square().mean()
    return error.abs().mean() + 2.0 * squared + 0.5 * sharp + 1e-3 * kl, squared


def train_vae(
    paths: list[Path],
    out: Path,
    *,
    budget: Budget,
    batch: int = 32,
    peak: float = 2e-3,
    seed: int = 0,
    device: torch.device | str = "cpu",
    log: Path | None = None,
    deadline: Deadline | None = None,
) -> MiniVAE:
    """Train for ``budget`` (resuming from ``out`` when it exists) and leave standardising statistics in its config."""
    if (out / "config.json").exists():  # written last: it is done
        return MiniVAE.from_pretrained(out).to(device).eval()
    torch.manual_seed(seed)
    vae = MiniVAE().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(vae.parameters(), lr=peak, betas=(0.9, 0.95), weight_decay=1e-2)
    loop = Loop(
        "vae", vae, [optimizer], out / "training.safetensors", budget,
        peak=peak, shape=cosine, seed=seed, log=log, deadline=deadline,
    )  # fmt: skip
    stream = pair_batches(paths, batch, loop.rng)
    for _ in loop:
        images, reference = (x.to(device, memory_format=torch.channels_last) for x in next(stream))
        with autocast(loop.device):
            loss, squared = vae_loss(vae, images, reference, loop.chance)
        loop.descend(loss, batch, error=loss.item(), psnr=10 * math.log10(4 / max(squared.item(), 1e-9)))
    measure_latents(vae, paths)
    vae.save_pretrained(out)
    return vae.eval()


@torch.inference_mode()
def measure_latents(vae: MiniVAE, paths: list[Path]) -> None:
    """Write the per-channel mean and spread of raw latents over a few shards into the config."""
    raw = []
    for path in paths[:: max(1, len(paths) // 8)][:8]:
        frames = read_shard(path).frames[::7]
        device = vae.to_latent.weight.device
        raw.append(torch.cat([vae.encode_raw(to_images(part).to(device)) for part in np.array_split(frames, 8)]))
    latents = torch.cat(raw).transpose(0, 1).flatten(1)
    vae.register_to_config(
        latents_mean=[round(float(x), 5) for x in latents.mean(1)],
        latents_std=[round(float(x), 5) for x in latents.std(1).clamp_min(1e-3)],
    )

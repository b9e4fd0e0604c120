"""Train the segmenter that judges pictures: simulator frames alone, classes from the simulator, no model's imagination.

``python -m wamviz.training.segmenter`` draws frames of training seeds with what each of their pixels shows, trains
``SegmenterNet`` on them (blurred, noisy, brighter and darker, because it has to read imagined frames), writes it to
``checkpoints/segmenter`` and states on unseen validation scenes how well it sees. It goes on where it was stopped.

Frames here are (F, 128, 128, 3) uint8, masks (F, 128, 128) uint8 into ``SEGMENTS``.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from wamviz.core.errors import WamvizError
from wamviz.metrics._segmenter_net import SegmenterNet
from wamviz.metrics.picture import SIDE
from wamviz.metrics.segmenter import segmenter_folder
from wamviz.training.budget import Budget
from wamviz.training.command import GOES_ON, run_command
from wamviz.training.corpus import TRAINING_SEEDS, VALIDATION_SEEDS, style_of
from wamviz.training.loop import Loop, cosine
from wamviz.training.state import Average
from wamviz.worlds.tabletop import SEGMENTS, TabletopEnv, record_episode

SHARD = 32  # episodes a file
FRAMES = 8  # of an episode
OBJECT_WEIGHT = 2.0  # of an object's pixel in the loss; background and arm weigh 1
MIN_PIXELS = 12  # pixels of an object below which neither its IoU nor its centroid is judged
START, END = "<!-- figures -->", "<!-- end of figures -->"


@dataclass(frozen=True)
class SegmenterRecipe:
    """One training run.

    Attributes:
        work: where drawn frames and resumable state are kept (about 60 kB a frame).
        out: the folder that is written.
        seeds: scenes to train on; unseen: scenes to measure on.
        minutes: of training; batch: pictures a step; peak: highest learning rate.
        workers: drawing processes; seed: of everything.
    """

    work: Path
    out: Path
    seeds: range = range(0, 384)
    unseen: range = range(1_060_000, 1_060_064)
    minutes: float = 15.0
    batch: int = 16
    peak: float = 3e-3
    workers: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for seeds, allowed in ((self.seeds, TRAINING_SEEDS), (self.unseen, VALIDATION_SEEDS)):
            if len(seeds) == 0 or seeds.start not in allowed or seeds[-1] not in allowed:
                raise WamvizError(
                    f"Seeds {seeds.start}:{seeds.stop} are not for this.",
                    f"Train on {TRAINING_SEEDS.start}:{TRAINING_SEEDS.stop}, "
                    f"measure on {VALIDATION_SEEDS.start}:{VALIDATION_SEEDS.stop}.",
                )
        if min(self.minutes, self.batch, self.peak, self.workers) <= 0:
            raise WamvizError("Minutes, batch, peak and workers must be above 0.")


# ---------------------------------------------------------------------- frames with their classes


def draw_frames(folder: Path, seeds: range, workers: int = 2) -> list[Path]:
    """Draw ``FRAMES`` moments of every seed's episode, with what each pixel shows; what is there already is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(folder, seeds[i : i + SHARD]) for i in range(0, len(seeds), SHARD)]
    missing = [job for job in jobs if not _path(*job).exists()]
    if missing:
        with multiprocessing.get_context("spawn").Pool(min(workers, len(missing))) as pool:
            for _ in tqdm(pool.imap(_draw, missing), total=len(missing), desc="frames", unit="shard"):
                pass
    return [_path(*job) for job in jobs]


def _path(folder: Path, seeds: range) -> Path:
    return folder / f"segments-{seeds.start:07d}-{len(seeds)}.npz"


def _draw(job: tuple[Path, range]) -> None:
    folder, seeds = job
    os.environ["LP_NUM_THREADS"] = "0"  # the software renderer must not fight over cores
    physics, seeing = TabletopEnv(render=False), TabletopEnv(SIDE, ("exterior",))
    frames, masks = [], []
    for seed in seeds:
        episode = record_episode(physics, seed, style=style_of(seed))
        rng = np.random.default_rng([seed, 11])
        count = min(FRAMES, len(episode.snapshots))
        for step in rng.choice(len(episode.snapshots), count, replace=False):
            frames.append(seeing.restore(seed, episode.snapshots[step]).frames["exterior"])
            masks.append(seeing.segment())
    seeing.close()
    path = _path(folder, seeds)
    temporary = path.with_suffix(".tmp.npz")
    np.savez_compressed(temporary, frames=np.stack(frames), masks=np.stack(masks))
    os.replace(temporary, path)


def read_frames(paths: list[Path]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """All frames (F, 128, 128, 3) and masks (F, 128, 128) of the files."""
    parts = []
    for path in paths:
        with np.load(path, allow_pickle=False) as data:
            parts.append((data["frames"], data["masks"]))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


# ---------------------------------------------------------------------- training


def to_pictures(frames: NDArray[np.uint8]) -> Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) float32 in -1 .. 1."""
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def blurred(pictures: Tensor, sigma: float) -> Tensor:
    """Pictures (B, 3, H, W) under a Gaussian of ``sigma`` pixels."""
    reach = max(1, round(2.5 * sigma))
    at = torch.arange(-reach, reach + 1, dtype=pictures.dtype, device=pictures.device)
    kernel = torch.exp(-0.5 * (at / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(3, 1, -1)
    padded = functional.pad(pictures, (reach,) * 4, mode="replicate")
    rows = functional.conv2d(padded, kernel[..., None], groups=3)
    return functional.conv2d(rows, kernel[:, :, None], groups=3)


def soften(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """As imagined frames may be: softer, in whole or in patches; brighter or darker; tinted; noisy."""
    count = len(pictures)

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (count, *shape, 1, 1)).astype(np.float32)).to(pictures.device)

    soft = blurred(pictures, float(rng.uniform(0.5, 2.2)))
    patches = torch.from_numpy(rng.random((count, 1, 8, 8), np.float32)).to(pictures.device)
    patches = functional.interpolate(patches, pictures.shape[-2:], mode="bilinear", align_corners=False)
    threshold = draw(-0.2, 1.6, 1)  # nothing is soft, or patches are, or everything
    pictures = torch.where(patches > threshold, soft, pictures)
    pictures = pictures * draw(0.8, 1.2, 1) + draw(-0.15, 0.15, 1) + draw(-0.05, 0.05, 3)
    noise = torch.from_numpy(rng.standard_normal(pictures.shape, np.float32)).to(pictures.device)
    pictures = pictures + noise * draw(0, 0.08, 1) * (draw(0, 1, 1) < 0.5)
    return pictures.clamp(-1, 1)


def train(net: SegmenterNet, frames: NDArray[np.uint8], masks: NDArray[np.uint8], recipe: SegmenterRecipe) -> None:
    """Train ``net`` for ``recipe.minutes`` in all; leaves the averaged weights in it."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=recipe.peak, betas=(0.9, 0.98), weight_decay=0.01)
    average = Average(net, 0.99)
    loop = Loop(
        "segmenter", net, [optimizer], recipe.work / "segmenter.safetensors", Budget(minutes=recipe.minutes),
        peak=recipe.peak, shape=cosine, average=average, seed=recipe.seed,
    )  # fmt: skip
    weight = torch.full((len(SEGMENTS),), OBJECT_WEIGHT)
    weight[:2] = 1.0
    for _ in loop:
        picked = loop.rng.integers(len(frames), size=recipe.batch)
        pictures, truth = soften(to_pictures(frames[picked]), loop.rng), torch.from_numpy(masks[picked]).long()
        scores = net(pictures)
        loss = functional.cross_entropy(scores, truth, weight)
        loop.descend(loss, recipe.batch, entropy=loss.item())
    net.load_state_dict(average.weights)
    net.eval()


# ---------------------------------------------------------------------- how well it sees


def measure(
    net: SegmenterNet, frames: NDArray[np.uint8], masks: NDArray[np.uint8], sigma: float = 0.0
) -> dict[str, dict[str, float | None]]:
    """Per class of ``SEGMENTS``: ``iou`` over all pixels of all frames, by how many pixels the centroid is off (mean
    over frames in which both see it), and the share of frames in which it is found; frames are blurred by ``sigma``.

    Centroid and share are over frames that show at least ``MIN_PIXELS`` pixels of the class.
    """
    seen = []
    with torch.inference_mode():
        for start in range(0, len(frames), 32):
            pictures = to_pictures(frames[start : start + 32])
            seen.append(net(blurred(pictures, sigma) if sigma else pictures).argmax(1).numpy().astype(np.uint8))
    guess = np.concatenate(seen)
    found: dict[str, dict[str, float | None]] = {}
    for number, name in enumerate(SEGMENTS[1:], 1):
        ours, theirs = guess == number, masks == number
        off = []
        judged = [k for k in range(len(frames)) if theirs[k].sum() >= MIN_PIXELS]
        for k in judged:
            if ours[k].sum() >= MIN_PIXELS / 2:
                off.append(float(np.linalg.norm(np.argwhere(ours[k]).mean(0) - np.argwhere(theirs[k]).mean(0))))
        found[name] = {
            "iou": round(float((ours & theirs).sum() / max(1, (ours | theirs).sum())), 4),
            "centroid_px": round(float(np.mean(off)), 3) if off else None,
            "found": round(len(off) / max(1, len(judged)), 4),
        }
    return found


def export(net: SegmenterNet, recipe: SegmenterRecipe, sharp: dict[str, Any], soft: dict[str, Any]) -> None:
    """Write weights (float16), configuration and card."""
    out = recipe.out
    out.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in net.state_dict().items()}
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    unseen = f"{recipe.unseen.start}:{recipe.unseen.stop}"
    facts = {
        "classes": list(SEGMENTS),
        "size": SIDE,
        "trained_on": f"{recipe.seeds.start}:{recipe.seeds.stop}",
        "minutes": recipe.minutes,
        "seed": recipe.seed,
        "measured_on": unseen,
        "measured": sharp,
        "measured_blurred": soft,
    }
    (out / "config.json").write_text(json.dumps(facts, indent=1) + "\n")
    card = out / "README.md"
    if card.exists() and START in (text := card.read_text()):
        head, rest = text.split(START, 1)
        card.write_text(head + START + "\n" + table(facts) + END + rest.split(END, 1)[1])


def table(facts: dict[str, Any]) -> str:
    """What the segmenter was measured to see, as Markdown."""
    lines = [
        f"Unseen scenes {facts['measured_on']}, {FRAMES} frames each; in brackets the same, blurred by 1.5 pixels.",
        "",
        "| class | IoU | centroid off (pixels of 128) | found |",
        "|---|---|---|---|",
    ]
    for name, one in facts["measured"].items():
        soft = facts["measured_blurred"][name]
        off, soft_off = ("none seen" if x["centroid_px"] is None else f"{x['centroid_px']:.2f}" for x in (one, soft))
        lines.append(
            f"| {name} | {one['iou']:.3f} ({soft['iou']:.3f}) | {off} ({soft_off}) | "
            f"{one['found']:.1%} ({soft['found']:.1%}) |"
        )
    return "\n".join(lines) + "\n"


def run(recipe: SegmenterRecipe) -> Path:
    """Draw, train, measure, write; returns the folder."""
    torch.manual_seed(recipe.seed)
    frames, masks = read_frames(draw_frames(recipe.work / "frames", recipe.seeds, recipe.workers))
    net = SegmenterNet(len(SEGMENTS))
    train(net, frames, masks, recipe)
    frames, masks = read_frames(draw_frames(recipe.work / "frames", recipe.unseen, recipe.workers))
    net.load_state_dict({name: value.half().float() for name, value in net.state_dict().items()})  # as it is shipped
    export(net, recipe, measure(net, frames, masks), measure(net, frames, masks, 1.5))
    return recipe.out


def remeasure(recipe: SegmenterRecipe) -> dict[str, Any]:
    """The facts of the weights in ``recipe.out``, with figures that are measured anew; nothing is written there."""
    facts = dict(json.loads((recipe.out / "config.json").read_text()))
    net = SegmenterNet(len(SEGMENTS)).eval()
    net.load_state_dict({name: value.float() for name, value in load_file(recipe.out / "model.safetensors").items()})
    frames, masks = read_frames(draw_frames(recipe.work / "frames", recipe.unseen, recipe.workers))
    unseen = f"{recipe.unseen.start}:{recipe.unseen.stop}"
    figures = {"measured": measure(net, frames, masks), "measured_blurred": measure(net, frames, masks, 1.5)}
    return {**facts, "measured_on": unseen, **figures}


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, train, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m wamviz.training.segmenter", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("work/segmenter"), help="drawn frames, resumable state")
    parser.add_argument("--out", type=Path, default=segmenter_folder(), help="the folder to write")
    parser.add_argument("--episodes", type=int, default=384, help="scenes to train on, from seed 0 on")
    parser.add_argument("--minutes", type=float, default=15.0, help="of training")
    parser.add_argument("--workers", type=int, default=2, help="drawing processes")
    parser.add_argument("--measure", action="store_true", help="only measure the weights that are there")
    options = parser.parse_args(arguments)

    def work() -> None:
        recipe = SegmenterRecipe(
            options.work, options.out, range(options.episodes), minutes=options.minutes, workers=options.workers
        )
        if options.measure:
            print(table(remeasure(recipe)))
        else:
            print(table(json.loads((run(recipe) / "config.json").read_text())))

    return run_command(work, stopped=f"stopped; {GOES_ON}")


if __name__ == "__main__":
    sys.exit(main())

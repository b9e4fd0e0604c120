"""The whole of training, stage by stage; each stage skips what is already there, so an interrupted run goes on.

``collect`` episodes, ``vae``, ``encode`` latents, ``sight``, ``video`` (imagining without actions), ``wam``
(both together: pretrained to imagine, fine-tuned to act), ``export`` a diffusers pipeline folder, ``grade`` it. Times
are budgets in minutes, because a laptop and a GPU machine differ; everything else is seeded.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast

from wamviz.errors import WamvizError
from wamviz.models.mini.familiar import Familiar, fit, statistics
from wamviz.models.mini.pipeline import MiniWAMPipeline
from wamviz.models.mini.text import build_encoder, build_tokenizer
from wamviz.models.mini.transformer import MiniWAMTransformer
from wamviz.models.mini.vae import MiniVAE
from wamviz.models.mini.wam import pick_device
from wamviz.training.budget import Budget, Deadline
from wamviz.training.collect import collect, read_shard
from wamviz.training.grade import SEEDS, grade
from wamviz.training.latents import LatentSet, encode_shard
from wamviz.training.report import write_report
from wamviz.training.sight import train_sight
from wamviz.training.strips import write_strips
from wamviz.training.vae import to_images, train_vae
from wamviz.training.wam import train_wam
from wamviz.training.words import Denoiser


@dataclass(frozen=True)
class Recipe:
    """One training run.

    Attributes:
        work: where episodes, latents and resumable state are kept (gigabytes).
        out: the pipeline folder that is written at the end.
        episodes: training episodes, seeds ``0 .. episodes``; held_out: validation episodes from seed 1,050,000 on.
        vae_minutes, sight_minutes, video_minutes, wam_minutes: budgets; the video stage may be left out with 0.
        batch: contexts a step; peak: highest learning rate.
        size: keywords of ``MiniWAMTransformer`` that differ from its own sizes.
        workers: recording processes; seed: of everything; device: ``auto`` or a torch device.
        graded: unseen episodes on which every mode is measured at the end; 0 for none.
        limit: minutes after which the command stops, to go on when it is given again; None for never.
    """

    work: Path
    out: Path
    episodes: int = 3000
    held_out: int = 100
    vae_minutes: float = 14
    sight_minutes: float = 30
    video_minutes: float = 15
    wam_minutes: float = 120
    batch: int = 10
    peak: float = 1.5e-3
    size: Mapping[str, int] = field(default_factory=dict)
    workers: int = 2
    seed: int = 0
    device: str = "auto"
    graded: int = 200
    limit: float | None = None

    def __post_init__(self) -> None:
        budgets = (self.vae_minutes, self.sight_minutes, self.wam_minutes)
        if self.episodes < 1 or self.held_out < 1 or min(budgets) <= 0 or self.video_minutes < 0:
            raise WamvizError("A recipe needs at least one episode of each kind and a budget above 0 minutes.")
        if self.limit is not None and self.limit <= 0:
            raise WamvizError(f"A command cannot stop after {self.limit:g} minutes.", "Leave --limit out for no limit.")


# What differs where there is a GPU: minutes are worth a hundred times as much, and more weights fit.
PRESETS: dict[str, dict[str, Any]] = {
    "cpu": {},
    "gpu": {
        "episodes": 6000,
        "vae_minutes": 2.5,
        "sight_minutes": 1.5,
        "video_minutes": 1.5,
        "wam_minutes": 9.0,
        "batch": 160,
        "peak": 1e-3,
        "size": {"width": 512, "action_width": 384, "heads": 8, "layers": 8},
        "workers": 16,
        "device": "cuda",
    },
}

# Validation episodes for training curves; evaluation uses seeds from 1,000,000 up, which these do not touch.
HELD_OUT = 1_050_000


def run(recipe: Recipe) -> Path:
    """Run every stage and return the pipeline folder.

    Raises:
        OutOfTime: the recipe's limit is reached; everything is kept, and the same call goes on.
    """
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1))
    deadline, device = Deadline(recipe.limit), pick_device(recipe.device)
    shards, validation, log = recipe.work / "shards", recipe.work / "validation", recipe.work / "curves.jsonl"
    paths = collect(shards, range(recipe.episodes), workers=recipe.workers, deadline=deadline)
    held_out = collect(
        validation, range(HELD_OUT, HELD_OUT + recipe.held_out), workers=recipe.workers, deadline=deadline
    )
    vae = train_vae(
        paths, recipe.work / "vae", budget=Budget(recipe.vae_minutes),
        seed=recipe.seed, device=device, log=log, deadline=deadline,
    )  # fmt: skip
    for path in tqdm([*paths, *held_out], desc="latents", unit="shard"):
        encode_shard(vae, path)
        deadline.check()
    horizon = 16
    data, unseen = LatentSet(paths, horizon, device), LatentSet(held_out, horizon, device)
    model, tokenizer = start(recipe, data)
    model.to(device)
    words = (model, tokenizer, data, unseen, recipe.work / "wam")
    common: dict[str, Any] = {"seed": recipe.seed, "log": log, "deadline": deadline}
    train_sight(*words, budget=Budget(recipe.sight_minutes), batch=max(64, 2 * recipe.batch), **common)
    common |= {"batch": recipe.batch, "peak": recipe.peak}
    if recipe.video_minutes:
        train_wam(*words, budget=Budget(recipe.video_minutes), watching=True, **common)
    train_wam(*words, budget=Budget(recipe.wam_minutes), **common)
    pipeline = assemble(vae, model, tokenizer).to("cpu")
    folder = export(pipeline, recipe)
    familiar_frames(pipeline, paths, held_out).save(folder)  # as exported: rounding is part of what is familiar
    write_report(log, folder)
    write_strips(pipeline, held_out, folder / "samples.png")
    if recipe.graded:
        deadline.check()
        grade(folder, range(SEEDS.start, SEEDS.start + recipe.graded), device=recipe.device, workers=recipe.workers)
    return folder


def start(recipe: Recipe, data: LatentSet) -> tuple[Denoiser, PreTrainedTokenizerFast]:
    """Fresh weights; what the first run measured of its data is kept, because it belongs to its weights."""
    from wamviz.worlds.tabletop import known_words

    torch.manual_seed(recipe.seed)
    tokenizer = build_tokenizer(known_words())
    text_encoder = build_encoder(len(tokenizer))
    kept = recipe.work / "wam"
    if (kept / "config.json").exists():
        transformer = MiniWAMTransformer.from_config(MiniWAMTransformer.load_config(kept))
    else:
        facts: dict[str, Any] = {**data.statistics(), "camera": usual_camera(), **recipe.size}
        transformer = MiniWAMTransformer(text_dim=text_encoder.config.d_model, **facts)
        transformer.save_config(kept)
    return Denoiser(transformer, text_encoder), tokenizer


def usual_camera(scenes: int = 40) -> list[float]:
    """The exterior camera of training scenes on average, as ``Painter`` wants it: each differs by a pixel or two."""
    from wamviz.worlds.tabletop import TabletopEnv

    env = TabletopEnv(render=False)
    matrices = []
    for seed in range(scenes):
        env.reset(seed)
        camera = env.camera("exterior").resized(1, 1)
        matrices.append(camera.intrinsics @ np.linalg.inv(camera.world_from_camera)[:3])
    env.close()
    return [round(float(x), 6) for x in np.mean(matrices, 0).flatten()]


def assemble(vae: MiniVAE, model: Denoiser, tokenizer: object) -> MiniWAMPipeline:
    """The trained parts as one pipeline."""
    return MiniWAMPipeline(
        vae=vae,
        text_encoder=model.text_encoder,
        tokenizer=tokenizer,
        transformer=model.transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(),
        action_scheduler=FlowMatchEulerDiscreteScheduler(),
    )


WHENCE = ("_name_or_path", "is_local", "local_files_only")  # what libraries note of the folder that they loaded from


def export(pipeline: MiniWAMPipeline, recipe: Recipe) -> Path:
    """Write the pipeline in bfloat16 beside its model card, replacing an older one only when complete."""
    temporary = recipe.out.with_name(recipe.out.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    pipeline.to(torch.bfloat16).save_pretrained(temporary, safe_serialization=True)
    for file in temporary.rglob("*config.json"):  # where a part was resumed from is nobody's business
        config = json.loads(file.read_text())
        kept = {name: value for name, value in config.items() if name not in WHENCE}
        if kept != config:
            file.write_text(json.dumps(kept, indent=2) + "\n")
    facts = {"episodes": recipe.episodes, "vae_minutes": recipe.vae_minutes, "sight_minutes": recipe.sight_minutes}
    facts |= {
        "video_minutes": recipe.video_minutes,
        "wam_minutes": recipe.wam_minutes,
        "batch": recipe.batch,
        "seed": recipe.seed,
        "torch": torch.__version__,
    }
    (temporary / "training.json").write_text(json.dumps(facts, indent=2) + "\n")
    recipe.out.mkdir(parents=True, exist_ok=True)
    for item in temporary.iterdir():  # the model card stays
        target = recipe.out / item.name
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(item, target)
    temporary.rmdir()
    return recipe.out


def familiar_frames(pipeline: MiniWAMPipeline, paths: list[Path], held_out: list[Path]) -> Familiar:
    """Statistics of about 20 frames an episode's shard for training, of every fifth frame for the unseen ones."""

    def rows(shards: list[Path], every: int) -> Tensor:
        sight = pipeline.transformer.sight
        parts = [to_images(read_shard(path).frames[::every]) for path in tqdm(shards, desc="familiar", unit="shard")]
        images = torch.cat(parts).to(sight.position.dtype)
        return torch.cat([statistics(pipeline.vae, sight, part) for part in images.split(64)])

    return fit(rows(paths[:60], 31), rows(held_out, 5))

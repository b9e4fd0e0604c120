"""The whole of training, stage by stage; each stage skips what is already there, so an interrupted run goes on.

``collect`` episodes, ``vae``, ``encode`` latents, ``sight``, ``wam``, ``export`` a diffusers pipeline folder, ``grade``
it. Times are budgets in minutes, because a laptop and a GPU machine differ; everything else is seeded.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor
from tqdm import tqdm

from wamviz.errors import WamvizError
from wamviz.models.mini.familiar import Familiar, fit, statistics
from wamviz.models.mini.pipeline import MiniWAMPipeline
from wamviz.models.mini.text import build_encoder, build_tokenizer
from wamviz.models.mini.transformer import MiniWAMTransformer
from wamviz.models.mini.vae import MiniVAE
from wamviz.training.collect import collect, read_shard
from wamviz.training.grade import SEEDS, grade
from wamviz.training.latents import LatentSet, encode_shard
from wamviz.training.report import write_report
from wamviz.training.sight import train_sight
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
        vae_minutes, sight_minutes, wam_minutes: budgets.
        batch: contexts a step; peak: highest learning rate.
        workers: recording processes; seed: of everything.
        graded: unseen episodes on which every mode is measured at the end; 0 for none.
    """

    work: Path
    out: Path
    episodes: int = 3000
    held_out: int = 100
    vae_minutes: float = 14
    sight_minutes: float = 20
    wam_minutes: float = 90
    batch: int = 10
    peak: float = 1.5e-3
    workers: int = 2
    seed: int = 0
    graded: int = 60

    def __post_init__(self) -> None:
        if self.episodes < 1 or self.held_out < 1 or min(self.vae_minutes, self.sight_minutes, self.wam_minutes) <= 0:
            raise WamvizError("A recipe needs at least one episode of each kind and a budget above 0 minutes.")


# Validation episodes for training curves; evaluation uses seeds from 1,000,000 up, which these do not touch.
HELD_OUT = 1_050_000


def run(recipe: Recipe) -> Path:
    """Run every stage and return the pipeline folder."""
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1))
    shards, validation = recipe.work / "shards", recipe.work / "validation"
    paths = collect(shards, range(recipe.episodes), workers=recipe.workers)
    held_out = collect(validation, range(HELD_OUT, HELD_OUT + recipe.held_out), workers=recipe.workers)
    vae = train_vae(paths, recipe.work / "vae", minutes=recipe.vae_minutes, seed=recipe.seed)
    return train_and_export(recipe, vae, paths, held_out)


def train_and_export(recipe: Recipe, vae: MiniVAE, paths: list[Path], held_out: list[Path]) -> Path:
    """The stages after the VAE: latents, denoiser, export."""
    vae = vae.eval()
    for path in tqdm([*paths, *held_out], desc="latents", unit="shard"):
        encode_shard(vae, path)
    config = (
        MiniWAMTransformer.load_config(recipe.work / "wam") if (recipe.work / "wam" / "config.json").exists() else {}
    )
    horizon = 16
    data, unseen = LatentSet(paths, horizon), LatentSet(held_out, horizon)
    from wamviz.worlds.tabletop import known_words

    torch.manual_seed(recipe.seed)
    tokenizer = build_tokenizer(known_words())
    text_encoder = build_encoder(len(tokenizer))
    if config:  # resuming: the statistics of the first run belong to its weights
        transformer = MiniWAMTransformer.from_config(config)
    else:
        transformer = MiniWAMTransformer(
            text_dim=text_encoder.config.d_model,
            **data.statistics(),
        )
        transformer.save_config(recipe.work / "wam")
    model = Denoiser(transformer, text_encoder)
    train_sight(
        model,
        tokenizer,
        data,
        unseen,
        recipe.work / "wam",
        minutes=recipe.sight_minutes,
        seed=recipe.seed,
        log=recipe.work / "curves.jsonl",
    )
    train_wam(
        model,
        tokenizer,
        data,
        unseen,
        recipe.work / "wam",
        minutes=recipe.wam_minutes,
        batch=recipe.batch,
        peak=recipe.peak,
        seed=recipe.seed,
        log=recipe.work / "curves.jsonl",
    )
    pipeline = assemble(vae, model, tokenizer)
    folder = export(pipeline, recipe)
    familiar_frames(pipeline, paths, held_out).save(folder)  # as exported: rounding is part of what is familiar
    write_report(recipe.work / "curves.jsonl", folder)
    if recipe.graded:
        grade(folder, range(SEEDS.start, SEEDS.start + recipe.graded))
    return folder


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


def export(pipeline: MiniWAMPipeline, recipe: Recipe) -> Path:
    """Write the pipeline in bfloat16 beside its model card, replacing an older one only when complete."""
    temporary = recipe.out.with_name(recipe.out.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    pipeline.to(torch.bfloat16).save_pretrained(temporary, safe_serialization=True)
    for file in temporary.rglob("config.json"):  # where a part was resumed from is nobody's business
        config = json.loads(file.read_text())
        if config.pop("_name_or_path", None) is not None:
            file.write_text(json.dumps(config, indent=2) + "\n")
    facts = {"episodes": recipe.episodes, "vae_minutes": recipe.vae_minutes, "sight_minutes": recipe.sight_minutes}
    facts |= {"wam_minutes": recipe.wam_minutes, "batch": recipe.batch, "seed": recipe.seed, "torch": torch.__version__}
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

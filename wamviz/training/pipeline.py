"""The whole of training, stage by stage; each stage skips what is already there, so an interrupted run goes on.

``collect`` episodes (some with pictures, many without), ``painter`` (draw what happens), ``detector`` (find what is
there), ``denoiser`` (decide and foresee), ``export`` a diffusers pipeline folder, ``grade`` it. The three parts learn
from the simulator, not from one another, so each can be trained alone and any of them replaced. Times are budgets in
minutes, because a laptop and a GPU machine differ; everything else is seeded.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast

from wamviz.core.devices import pick
from wamviz.core.errors import WamvizError
from wamviz.models.mini.detector import MiniDetector
from wamviz.models.mini.familiar import Familiar, fit, statistics
from wamviz.models.mini.painter import MiniPainter
from wamviz.models.mini.pipeline import MiniWAMPipeline
from wamviz.models.mini.text import build_encoder, build_tokenizer
from wamviz.models.mini.transformer import MiniWAMTransformer
from wamviz.training.body import sample_body
from wamviz.training.budget import Budget, Deadline, OutOfTime
from wamviz.training.corpus import collect
from wamviz.training.denoiser import Denoiser, train_denoiser
from wamviz.training.detector import train_detector
from wamviz.training.grade import SEEDS, grade
from wamviz.training.moves import Moves
from wamviz.training.painter import Pictures, load_pictures, train_painter
from wamviz.training.recoveries import collect_recoveries
from wamviz.training.report import write_report
from wamviz.training.strips import write_strips


@dataclass(frozen=True)
class Recipe:
    """One training run.

    Attributes:
        work: where episodes and resumable state are kept (gigabytes).
        out: the pipeline folder that is written at the end.
        episodes: with pictures, seeds ``0 .. episodes``; moves: episodes without, seeds from 100,000 on.
        held_out: validation episodes, from seed 1,050,000 on; views: frames drawn an episode.
        painter_minutes, detector_minutes, denoiser_minutes: budgets.
        recoveries: episodes in which the expert takes over from the model, seeds from 300,000 on, 0 for none;
            recovery_minutes: how much longer the denoiser learns from them as well.
        batch: contexts a step of the denoiser and process; pictures: frames a step of painter and detector.
        peak: highest learning rate of the denoiser.
        workers: processes that record, and on a CPU also train the denoiser.
        seed: of everything; device: ``auto`` or a torch device.
        graded: unseen episodes on which every mode is measured at the end; 0 for none.
        limit: minutes after which the command stops, to go on when it is given again; None for never.
    """

    work: Path
    out: Path
    episodes: int = 1500
    moves: int = 6000
    held_out: int = 50
    views: int = 12
    painter_minutes: float = 120
    detector_minutes: float = 90
    denoiser_minutes: float = 120
    recoveries: int = 1000
    recovery_minutes: float = 30
    batch: int = 24
    pictures: int = 12
    peak: float = 1.5e-3
    workers: int = 2
    seed: int = 0
    device: str = "auto"
    graded: int = 200
    limit: float | None = None

    def __post_init__(self) -> None:
        budgets = (self.painter_minutes, self.detector_minutes, self.denoiser_minutes)
        if min(self.episodes, self.moves, self.held_out) < 1 or min(budgets) <= 0:
            raise WamvizError("A recipe needs at least one episode of each kind and a budget above 0 minutes.")
        if self.limit is not None and self.limit <= 0:
            raise WamvizError(f"A command cannot stop after {self.limit:g} minutes.", "Leave --limit out for no limit.")


# What differs where there is a GPU: minutes are worth a hundred times as much.
PRESETS: dict[str, dict[str, Any]] = {
    "cpu": {},
    "gpu": {
        "episodes": 3000,
        "moves": 20000,
        "painter_minutes": 4.0,
        "detector_minutes": 2.0,
        "denoiser_minutes": 3.0,
        "recoveries": 2000,
        "recovery_minutes": 1.0,
        "batch": 512,
        "pictures": 96,
        "workers": 16,
        "device": "cuda",
    },
}

HELD_OUT = 1_050_000  # evaluation uses seeds from 1,000,000 up, which these do not touch
MOVES, RECOVERIES = 100_000, 300_000


def run(recipe: Recipe) -> Path:
    """Run every stage and return the pipeline folder.

    Raises:
        OutOfTime: the recipe's limit is reached; everything is kept, and the same call goes on.
    """
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1))
    deadline, device, work = Deadline(recipe.limit), torch.device(pick(recipe.device)), recipe.work
    log = work / "curves.jsonl"
    many: dict[str, Any] = {"workers": recipe.workers, "deadline": deadline}
    drawn = collect(work / "shards", range(recipe.episodes), views=recipe.views, **many)
    moved = collect(work / "moves", range(MOVES, MOVES + recipe.moves), views=0, **many)
    unseen = collect(work / "validation", range(HELD_OUT, HELD_OUT + recipe.held_out), views=recipe.views, **many)
    pictures, held_out = load_pictures(drawn), load_pictures(unseen)
    common: dict[str, Any] = {"seed": recipe.seed, "log": log, "deadline": deadline}
    painter = start_painter(recipe.seed).to(device)
    train_painter(
        painter, pictures, held_out, work, budget=Budget(recipe.painter_minutes), batch=recipe.pictures, **common
    )
    detector = start_detector(pictures, recipe.seed).to(device)
    train_detector(
        detector, pictures, held_out, work, budget=Budget(recipe.detector_minutes), batch=recipe.pictures, **common
    )
    learnt = [*drawn, *moved]
    model, tokenizer = _denoiser(recipe, learnt, unseen, Budget(recipe.denoiser_minutes), common, device)
    if recipe.recoveries:
        driver = work / "driver"
        assemble(detector, painter, model, tokenizer).save_pretrained(driver)
        own = collect_recoveries(driver, work / "recoveries", range(RECOVERIES, RECOVERIES + recipe.recoveries), **many)
        longer = Budget(recipe.denoiser_minutes + recipe.recovery_minutes)
        model, tokenizer = _denoiser(recipe, [*learnt, *own], unseen, longer, common, device)
    pipeline = assemble(detector, painter, model, tokenizer).to("cpu")
    folder = export(pipeline, recipe)
    familiar_frames(pipeline, pictures, held_out).save(folder)  # as exported: rounding is part of what is familiar
    write_report(log, folder)
    write_strips(pipeline, unseen, folder / "samples.png")
    if recipe.graded:
        deadline.check()
        grade(folder, range(SEEDS.start, SEEDS.start + recipe.graded), device=recipe.device, workers=recipe.workers)
    return folder


def _denoiser(
    recipe: Recipe, learnt: list[Path], unseen: list[Path], budget: Budget, common: dict[str, Any], device: torch.device
) -> tuple[Denoiser, PreTrainedTokenizerFast]:
    """Train the denoiser: on a CPU in several processes of one thread each, whose small matrices leave no core idle."""
    job = (recipe, learnt, unseen, budget, common, device)
    if device.type == "cpu" and recipe.workers > 1:
        with tempfile.TemporaryDirectory() as meeting:
            multiprocessing.spawn(_denoise_beside, (recipe.workers, meeting, job), nprocs=recipe.workers)
    return _denoise(*job)  # goes on from the state on disk, which is finished by now


def _denoise_beside(rank: int, count: int, meeting: str, job: Any) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}/processes", rank=rank, world_size=count)
    with contextlib.suppress(OutOfTime):  # the parent notices as well
        _denoise(*job)
    dist.destroy_process_group()


def _denoise(
    recipe: Recipe, learnt: list[Path], unseen: list[Path], budget: Budget, common: dict[str, Any], device: torch.device
) -> tuple[Denoiser, PreTrainedTokenizerFast]:
    data = Moves(learnt)
    model, tokenizer = start_denoiser(data, recipe.seed)
    train_denoiser(
        model.to(device), tokenizer, data, Moves(unseen), recipe.work, budget=budget, batch=recipe.batch,
        peak=recipe.peak, **common,
    )  # fmt: skip
    return model, tokenizer


def start_painter(seed: int) -> MiniPainter:
    """Fresh weights around the robot's own body."""
    torch.manual_seed(seed)
    body = sample_body()
    painter = MiniPainter(counts=list(body.counts))
    for name in ("points", "normals", "albedo"):
        getattr(painter, name).copy_(getattr(body, name))
    return painter.to(memory_format=torch.channels_last)


def start_detector(data: Pictures, seed: int) -> MiniDetector:
    """Fresh weights that know how high things usually are."""
    torch.manual_seed(seed)
    heights = torch.cat([data.positions[..., 2], data.states[:, None, 2]], 1).nanmedian(0).values
    return MiniDetector(height_mean=heights.tolist()).to(memory_format=torch.channels_last)


def start_denoiser(data: Moves, seed: int) -> tuple[Denoiser, PreTrainedTokenizerFast]:
    """Fresh weights with the statistics of their data."""
    from wamviz.worlds.tabletop import known_words

    torch.manual_seed(seed)
    tokenizer = build_tokenizer(known_words())
    text_encoder = build_encoder(len(tokenizer))
    facts: dict[str, Any] = {**data.statistics(), "camera": data.cameras.median(0).values.flatten().tolist()}
    transformer = MiniWAMTransformer(text_dim=text_encoder.config.d_model, **facts)
    with torch.no_grad():
        transformer.response.copy_(data.response(data.horizon))
        transformer.lag.copy_(data.lag(data.horizon))
    return Denoiser(transformer, text_encoder), tokenizer


def assemble(
    detector: MiniDetector, painter: MiniPainter, model: Denoiser, tokenizer: PreTrainedTokenizerFast
) -> MiniWAMPipeline:
    """The trained parts as one pipeline."""
    return MiniWAMPipeline(
        detector=detector.eval(),
        text_encoder=model.text_encoder.eval(),
        tokenizer=tokenizer,
        transformer=model.transformer.eval(),
        painter=painter.eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        action_scheduler=FlowMatchEulerDiscreteScheduler(),
    )


WHENCE = ("_name_or_path", "is_local", "local_files_only")  # what libraries note of the folder that they loaded from


def export(pipeline: MiniWAMPipeline, recipe: Recipe) -> Path:
    """Write the pipeline in half precision beside its model card, replacing an older one only when complete."""
    temporary = recipe.out.with_name(recipe.out.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    pipeline.to(torch.float16).save_pretrained(temporary, safe_serialization=True)
    pipeline.to(torch.float32)
    for file in temporary.rglob("*config.json"):  # where a part was resumed from is nobody's business
        config = json.loads(file.read_text())
        kept = {name: value for name, value in config.items() if name not in WHENCE}
        if kept != config:
            file.write_text(json.dumps(kept, indent=2) + "\n")
    minutes = ["painter_minutes", "detector_minutes", "denoiser_minutes"]
    minutes += ["recovery_minutes"] if recipe.recoveries else []
    told = ("episodes", "moves", "recoveries", *minutes, "batch", "pictures", "seed")
    facts = {name: getattr(recipe, name) for name in told} | {"torch": torch.__version__}
    parts = (pipeline.detector, pipeline.text_encoder, pipeline.transformer, pipeline.painter)
    facts["parameters"] = sum(weight.numel() for part in parts for weight in part.parameters())
    facts["hours"] = round(sum(getattr(recipe, name) for name in minutes) / 60, 1)
    facts["hardware"] = describe_hardware(torch.device(pick(recipe.device)))
    (temporary / "training.json").write_text(json.dumps(facts, indent=2) + "\n")
    recipe.out.mkdir(parents=True, exist_ok=True)
    for item in temporary.iterdir():  # the model card stays
        target = recipe.out / item.name
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(item, target)
    temporary.rmdir()
    return recipe.out


def describe_hardware(device: torch.device) -> str:
    """What a recipe trains on, for people: "2 CPU cores", or the name of a GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{cores} CPU core{'s' if cores > 1 else ''}"


@torch.inference_mode()
def familiar_frames(pipeline: MiniWAMPipeline, data: Pictures, unseen: Pictures) -> Familiar:
    """Statistics of some thousand frames that were trained on, marks from frames that were not."""

    def rows(pictures: Pictures, every: int) -> Tensor:
        parts = []
        index = np.arange(0, len(pictures.first), every)
        for some in tqdm(np.array_split(index, max(1, len(index) // 32)), desc="familiar", unit="batch"):
            images = pictures.image(some)
            parts.append(statistics(images, pipeline.detect(images)))
        return torch.cat(parts)

    return fit(rows(data, max(1, len(data.first) // 1000)), rows(unseen, max(1, len(unseen.first) // 400)))

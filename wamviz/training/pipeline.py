"""The whole of training, stage by stage; each stage skips what is already there, so an interrupted run goes on.

``collect`` episodes (some with pictures, many without), ``painter`` (draw what happens), ``detector`` (find what is
there), ``denoiser`` (decide and foresee), ``export`` a diffusers pipeline folder, ``grade`` it. The three parts learn
from the simulator, not from one another, so each can be trained alone and any of them replaced. Times are budgets in
minutes, because a laptop and a GPU machine differ; everything else is seeded. Where minutes are dear, the stages do
not wait for the episodes: see ``overlap``.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from transformers import PreTrainedTokenizerFast

from wamviz.core.devices import pick
from wamviz.training import parts
from wamviz.training.budget import Budget, Deadline, OutOfTime
from wamviz.training.corpus import collect
from wamviz.training.denoiser import Denoiser, train_denoiser
from wamviz.training.detector import train_detector
from wamviz.training.export import finish
from wamviz.training.moves import Moves
from wamviz.training.overlap import minutes_spent, run_overlapped
from wamviz.training.painter import load_pictures, train_painter
from wamviz.training.recipe import HELD_OUT, MOVES, RECOVERIES, Recipe
from wamviz.training.recoveries import collect_recoveries


def run(recipe: Recipe) -> Path:
    """Run every stage and return the pipeline folder.

    Raises:
        OutOfTime: the recipe's limit is reached; everything is kept, and the same call goes on.
    """
    if recipe.overlap:
        return run_overlapped(recipe)
    torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1))
    deadline, device, work = Deadline(recipe.limit), torch.device(pick(recipe.device)), recipe.work
    many: dict[str, Any] = {"workers": recipe.workers, "deadline": deadline}
    drawn = collect(work / "shards", range(recipe.episodes), views=recipe.views, **many)
    moved = collect(work / "moves", range(MOVES, MOVES + recipe.moves), views=0, **many)
    unseen = collect(work / "validation", range(HELD_OUT, HELD_OUT + recipe.held_out), views=recipe.views, **many)
    pictures, held_out = load_pictures(drawn), load_pictures(unseen)
    common: dict[str, Any] = {"seed": recipe.seed, "log": recipe.log, "deadline": deadline}
    painter = parts.start_painter(recipe.seed).to(device)
    train_painter(
        painter, pictures, held_out, work, budget=Budget(recipe.painter_minutes), batch=recipe.pictures, **common
    )
    detector = parts.start_detector(pictures, recipe.seed).to(device)
    train_detector(
        detector, pictures, held_out, work, budget=Budget(recipe.detector_minutes), batch=recipe.pictures, **common
    )
    learnt = [*drawn, *moved]
    model, tokenizer = _denoiser(recipe, learnt, unseen, recipe.denoiser_minutes, common, device)
    if recipe.recoveries:
        driver = work / "driver"
        parts.assemble(detector, painter, model, tokenizer).save_pretrained(driver)
        own = collect_recoveries(driver, work / "recoveries", range(RECOVERIES, RECOVERIES + recipe.recoveries), **many)
        longer = recipe.denoiser_minutes + recipe.recovery_minutes
        model, tokenizer = _denoiser(recipe, [*learnt, *own], unseen, longer, common, device)
    pipeline = parts.assemble(detector, painter, model, tokenizer)
    folder = finish(pipeline, recipe, pictures, held_out, unseen)
    if recipe.graded:
        from wamviz.training.grade import SEEDS, grade  # which needs what opens videos, as training does not

        deadline.check()
        grade(folder, range(SEEDS.start, SEEDS.start + recipe.graded), device=recipe.device, workers=recipe.workers)
    return folder


def _denoiser(
    recipe: Recipe, learnt: list[Path], unseen: list[Path], minutes: float, common: dict[str, Any], device: torch.device
) -> tuple[Denoiser, PreTrainedTokenizerFast]:
    """Train the denoiser: on a CPU in several processes of one thread each, whose small matrices leave no core idle."""
    job = (recipe, learnt, unseen, Budget(minutes), common, device)
    if device.type == "cpu" and recipe.workers > 1 and minutes_spent(recipe.work, "denoiser") < minutes:
        with tempfile.TemporaryDirectory() as meeting:
            multiprocessing.spawn(_denoise_in_process, (recipe.workers, meeting, job), nprocs=recipe.workers)
    return _denoise(*job)  # goes on from the state on disk, which is finished by now


def _denoise_in_process(rank: int, count: int, meeting: str, job: Any) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}/processes", rank=rank, world_size=count)
    with contextlib.suppress(OutOfTime):  # the parent notices as well
        _denoise(*job)
    dist.destroy_process_group()


def _denoise(
    recipe: Recipe, learnt: list[Path], unseen: list[Path], budget: Budget, common: dict[str, Any], device: torch.device
) -> tuple[Denoiser, PreTrainedTokenizerFast]:
    data = Moves(learnt)
    model, tokenizer = parts.start_denoiser(data, recipe.seed)
    train_denoiser(
        model.to(device), tokenizer, data, Moves(unseen), recipe.work, budget=budget, batch=recipe.batch,
        peak=recipe.peak, **common,
    )  # fmt: skip
    return model, tokenizer

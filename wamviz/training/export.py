"""Finished weights as a diffusers pipeline folder, with what is known of how they came to be."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from wamviz.core.devices import pick
from wamviz.models.mini.ood import OODDetector, fit_detector, statistics
from wamviz.models.mini.pipeline import MiniWAMPipeline
from wamviz.training.archive import split_archive
from wamviz.training.painter import Pictures
from wamviz.training.recipe import Recipe
from wamviz.training.report import write_report
from wamviz.training.sample_grid import write_sample_grid

WHENCE = ("_name_or_path", "is_local", "local_files_only")  # what libraries note of the folder that they loaded from


def finish(
    pipeline: MiniWAMPipeline,
    recipe: Recipe,
    pictures: Pictures,
    held_out: Pictures,
    unseen: list[Path],
    outcome: Mapping[str, Any] | None = None,
) -> Path:
    """Write the pipeline's folder, what goes with it, and its archive; see ``export``."""
    folder = export(pipeline.to("cpu"), recipe, outcome)
    fit_ood_detector(pipeline, pictures, held_out).save(folder)  # as exported: rounding is part of what is familiar
    write_report(recipe.log, folder)
    write_sample_grid(pipeline, unseen, folder / "samples.png")
    if recipe.parts is not None:
        split_archive(folder, recipe.parts)
    return folder


def export(pipeline: MiniWAMPipeline, recipe: Recipe, outcome: Mapping[str, Any] | None = None) -> Path:
    """Write the pipeline in half precision beside its model card, replacing an older one only when complete.

    ``training.json`` says what the recipe says, or what came of it where ``outcome`` does.
    """
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
    chosen = ("episodes", "moves", "recoveries", *minutes, "batch", "pictures", "seed")
    facts = {name: getattr(recipe, name) for name in chosen} | dict(outcome or {}) | {"torch": torch.__version__}
    parts = (pipeline.detector, pipeline.text_encoder, pipeline.transformer, pipeline.painter)
    facts["parameters"] = sum(weight.numel() for part in parts for weight in part.parameters())
    facts["hours"] = round(sum(facts[name] for name in minutes) / 60, 1 if outcome is None else 2)
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
def fit_ood_detector(pipeline: MiniWAMPipeline, data: Pictures, unseen: Pictures) -> OODDetector:
    """Statistics of some thousand frames that were trained on, marks from frames that were not."""

    def rows(pictures: Pictures, every: int) -> Tensor:
        parts = []
        index = np.arange(0, len(pictures.first), every)
        for some in tqdm(np.array_split(index, max(1, len(index) // 32)), desc="familiar", unit="batch"):
            images = pictures.image(some)
            parts.append(statistics(images, pipeline.detect(images)))
        return torch.cat(parts)

    return fit_detector(rows(data, max(1, len(data.first) // 1000)), rows(unseen, max(1, len(unseen.first) // 400)))

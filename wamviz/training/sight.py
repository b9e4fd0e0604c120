"""Teach ``Sight`` and the text encoder which words mean which things, before anything is imagined.

Every frame is asked about in many ways (``training/scenes.py``); the answer is where the named thing stands, and
where to go afterwards. Minutes here save hours later: denoising alone says little about what words mean.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from wamviz.models.mini.sight import SPREAD
from wamviz.training.budget import Budget, Deadline
from wamviz.training.latents import Asked, LatentSet
from wamviz.training.loop import Loop
from wamviz.training.words import Denoiser, autocast, typed
from wamviz.worlds.tabletop.wordings import misspell

KNOWN = 0.75  # share of samples whose robot state is told


def place_loss(places: Tensor, truth: Tensor) -> Tensor:
    """Mean distance (B, 2, 3) of places in metres, scaled by ``SPREAD``; NaN in ``truth`` is not asked for."""
    off = (places.float() - truth) / torch.tensor(SPREAD, device=truth.device)
    asked = ~truth.isnan()
    return ((off.nan_to_num().square() + 0.01).sqrt() - 0.1)[asked].sum() / max(int(asked.sum()), 1)


def look(model: Denoiser, tokenizer: PreTrainedTokenizerFast, asked: Asked, known: Tensor) -> Tensor:
    """The places (B, 2, 3) that the model names for what is asked."""
    net = model.transformer
    text, words = model.read(tokenizer, asked.texts)
    places: Tensor = net.sight(asked.context, net.normalise_states(asked.state) * known[:, None], text, words)[1]
    return places


@torch.inference_mode()
def validate_sight(
    model: Denoiser, tokenizer: PreTrainedTokenizerFast, data: LatentSet, count: int = 768
) -> dict[str, float]:
    """Median distance (m) on the table between named and true places, and the share of first ones within 4 cm.

    ``found_misspelt`` is that share where every sentence has a typo.
    """
    rng = np.random.default_rng(7)
    asked = data.ask(rng.integers(len(data), size=count), rng)
    misspelt = replace(asked, texts=[misspell(text, rng) for text in asked.texts])
    known = torch.ones(count, device=data.device)
    with autocast(model.device):
        places, guessed = (look(model, tokenizer, x, known).float() for x in (asked, misspelt))
    off, typed_off = ((x - asked.places)[..., :2].norm(dim=-1) for x in (places, guessed))  # (B, 2)
    first, second = off.median(0).values.tolist()
    found, found_misspelt = (float((x[:, 0] < 0.04).float().mean()) for x in (off, typed_off))
    return {"first_m": first, "second_m": second, "found": found, "found_misspelt": found_misspelt}


def train_sight(
    model: Denoiser,
    tokenizer: PreTrainedTokenizerFast,
    data: LatentSet,
    held_out: LatentSet,
    out: Path,
    *,
    budget: Budget,
    batch: int = 64,
    peak: float = 1e-3,
    seed: int = 0,
    log: Path | None = None,
    deadline: Deadline | None = None,
) -> None:
    """Train for ``budget`` in all, resuming from ``out`` when it exists; leaves the weights in ``model``."""
    parts = nn.ModuleDict({"sight": model.transformer.sight, "text_encoder": model.text_encoder})
    optimizer = torch.optim.AdamW(parts.parameters(), lr=peak, betas=(0.9, 0.97), weight_decay=0.01)
    loop = Loop(
        "sight", parts, [optimizer], out / "sight.safetensors", budget, peak=peak, seed=seed, log=log, deadline=deadline
    )
    if loop.done == 1:
        return
    for _ in loop:
        asked = data.ask(loop.rng.integers(len(data), size=batch), loop.rng)
        asked = replace(asked, texts=typed(asked.texts, loop.rng))
        known = (torch.rand(batch, generator=loop.chance, device=loop.device) < KNOWN).float()
        with autocast(loop.device):
            loss = place_loss(look(model, tokenizer, asked, known), asked.places)
        loop.descend(loss, batch, place=loss.item())
        if loop.due("validation", 120):
            model.eval()
            loop.note("sight validation", validate_sight(model, tokenizer, held_out))
            model.train()
    loop.note("sight validation", validate_sight(model, tokenizer, held_out))

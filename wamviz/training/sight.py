"""Teach ``Sight`` and the text encoder which words mean which things, before anything is imagined.

Every frame is asked about in many ways (``training/scenes.py``); the answer is where the named thing stands, and
where to go afterwards. Minutes here save hours later: denoising alone says little about what words mean.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from wamviz.models.mini.sight import SPREAD
from wamviz.training.latents import LatentSet
from wamviz.training.progress import Progress
from wamviz.training.state import load_state, save_state
from wamviz.training.words import Denoiser, tokenise

KNOWN = 0.75  # share of samples whose robot state is told


def place_loss(places: Tensor, truth: Tensor) -> Tensor:
    """Mean distance (B, 2, 3) of places in metres, scaled by ``SPREAD``; NaN in ``truth`` is not asked for."""
    off = (places.float() - truth) / torch.tensor(SPREAD)
    asked = ~truth.isnan()
    return ((off.nan_to_num().square() + 0.01).sqrt() - 0.1)[asked].sum() / max(int(asked.sum()), 1)


def look(model: Denoiser, tokenizer: PreTrainedTokenizerFast, asked: tuple, known: Tensor) -> Tensor:  # type: ignore[type-arg]
    """The places (B, 2, 3) that the model names for what ``LatentSet.ask`` returned."""
    net = model.transformer
    latents, state, texts, _ = asked
    ids, words = tokenise(tokenizer, texts)
    text = model.text_encoder(input_ids=ids, attention_mask=words).last_hidden_state
    places: Tensor = net.sight(latents, net.normalise_states(state) * known[:, None], text, words)[1]
    return places


@torch.inference_mode()
def validate_sight(
    model: Denoiser, tokenizer: PreTrainedTokenizerFast, data: LatentSet, count: int = 768
) -> dict[str, float]:
    """Median distance (m) on the table between named and true places, and the share of first ones within 4 cm."""
    rng = np.random.default_rng(7)
    asked = data.ask(rng.integers(len(data), size=count), rng)
    with torch.autocast("cpu", torch.bfloat16):
        places = look(model, tokenizer, asked, torch.ones(count))
    off = (places.float() - asked[3])[..., :2].norm(dim=-1)  # (B, 2)
    first, second = off.median(0).values.tolist()
    return {"first_m": first, "second_m": second, "found": float((off[:, 0] < 0.04).float().mean())}


def train_sight(
    model: Denoiser,
    tokenizer: PreTrainedTokenizerFast,
    data: LatentSet,
    held_out: LatentSet,
    out: Path,
    *,
    minutes: float,
    batch: int = 64,
    peak: float = 1e-3,
    seed: int = 0,
    log: Path | None = None,
) -> None:
    """Train for ``minutes`` in all, resuming from ``out`` when it exists; leaves the weights in ``model``."""
    parts = nn.ModuleDict({"sight": model.transformer.sight, "text_encoder": model.text_encoder})
    optimizer = torch.optim.AdamW(parts.parameters(), lr=peak, betas=(0.9, 0.97), weight_decay=0.01)
    state_file = out / "sight.safetensors"
    out.mkdir(parents=True, exist_ok=True)
    spent = 0.0
    if state_file.exists():
        spent, weights = load_state(state_file, [optimizer])
        parts.load_state_dict(weights)
    generator = torch.Generator().manual_seed(seed + round(spent))
    rng = np.random.default_rng(seed + round(spent))
    progress = Progress("sight", minutes * 60, spent, log)
    start = time.perf_counter() - spent
    noted = time.perf_counter()
    model.train()

    def note(elapsed: float) -> None:
        model.eval()
        figures = validate_sight(model, tokenizer, held_out)
        model.train()
        progress.note({"phase": "sight validation", "seconds": round(elapsed, 1), **figures})
        print("sight", {k: round(v, 4) for k, v in figures.items()}, flush=True)
        save_state(state_file, [optimizer], elapsed, dict(parts.state_dict()))

    while (elapsed := time.perf_counter() - start) < minutes * 60:
        done = elapsed / (minutes * 60)
        rate = peak * min(1.0, elapsed / 20 + 0.05) * max(0.02, min(1.0, (1 - done) / 0.5))
        for group in optimizer.param_groups:
            group["lr"] = rate
        asked = data.ask(rng.integers(len(data), size=batch), rng)
        known = (torch.rand(batch, generator=generator) < KNOWN).float()
        with torch.autocast("cpu", torch.bfloat16):
            loss = place_loss(look(model, tokenizer, asked, known), asked[3])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parts.parameters(), 2.0)
        optimizer.step()
        progress.step(elapsed, batch, place=loss.item(), norm=norm.item())
        if time.perf_counter() - noted > 120:
            noted = time.perf_counter()
            note(elapsed)
    if spent < minutes * 60:
        note(minutes * 60)
    model.eval()

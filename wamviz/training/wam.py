"""Train the denoiser and its text encoder on windows of latents.

One optimiser step encodes each context once and denoises ``REPLICAS`` differently noised copies of its future: the
context is over half of the tokens, so this nearly doubles the signal per second. Hidden matrices are updated by Muon,
the rest by AdamW, both from torch. Averaged (EMA) weights are what is validated and shipped.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, T5EncoderModel

from wamviz.errors import WamvizError
from wamviz.models.mini.text import EMPTY, MAX_TOKENS
from wamviz.models.mini.transformer import MiniWAMTransformer
from wamviz.training.latents import LatentSet, Window
from wamviz.training.noise import draw_levels, mix
from wamviz.training.progress import Progress
from wamviz.training.state import Average, load_state, save_state

REPLICAS = 2
HUBER = 0.2  # in standard deviations of an action


class Denoiser(nn.Module):
    """The trained whole: text encoder and transformer under one ``state_dict``."""

    def __init__(self, transformer: MiniWAMTransformer, text_encoder: T5EncoderModel) -> None:
        super().__init__()
        self.transformer, self.text_encoder = transformer, text_encoder


def tokenise(tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Instructions to (B, L) ids and a (B, L) bool mask; an empty text becomes the one token ``[EMPTY]``."""
    batch = tokenizer(
        [text or EMPTY for text in texts], padding=True, truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
    )
    return batch["input_ids"], batch["attention_mask"].bool()


@dataclass(frozen=True)
class Losses:
    """The training loss and its two parts (weighted mean squared errors in standardised units)."""

    total: Tensor
    video: Tensor
    action: Tensor


def huber(error: Tensor) -> Tensor:
    """Pseudo-Huber loss of each error: square near 0, absolute beyond ``HUBER``."""
    return (error.square() + HUBER**2).sqrt() - HUBER


def denoise_loss(model: Denoiser, tokenizer: PreTrainedTokenizerFast, w: Window, rng: torch.Generator) -> Losses:
    """One training loss over a batch of windows."""
    net = model.transformer
    b = len(w.context)
    hide = torch.rand(b, generator=rng) < 0.1  # words are dropped for guidance, states for unknown robots
    ids, words = tokenise(tokenizer, ["" if h else t for h, t in zip(hide.tolist(), w.instructions, strict=True)])
    text = model.text_encoder(input_ids=ids, attention_mask=words).last_hidden_state
    known = torch.rand(b, generator=rng) > 0.25
    state = net.normalise_states(w.state)
    cache = net.encode_context(w.context[:, None], state, text, words, known).repeat(REPLICAS)

    delta = ((w.future - w.context[:, None]) / net.delta_scale(w.future)).repeat_interleave(REPLICAS, 0)
    actions = net.normalise_actions(w.actions).repeat_interleave(REPLICAS, 0)
    context = w.context.repeat_interleave(REPLICAS, 0)
    level = draw_levels(len(delta), rng)
    noisy_video = mix(delta, torch.randn(delta.shape, generator=rng), level.video)
    noisy_actions = mix(actions, torch.randn(actions.shape, generator=rng), level.action)
    video, acts = net(noisy_video, noisy_actions, level.video, level.action, cache, context, level.blind)

    # Clean-signal error, worth more where little noise is left; a corner that is given is not asked for.
    def worth(sigma: Tensor) -> Tensor:
        return torch.where(sigma > 0, 1 / (sigma.square() + 0.5), 0.0)

    moving = 1 + delta.square().mean(2, keepdim=True).sqrt().clamp_max(3.0)  # (B, T, 1, h, w)
    video_error = ((video.float() - delta).square() * moving).mean((1, 2, 3, 4))
    # Pseudo-Huber, as in improved consistency training (arXiv 2310.14189): a hand is open or shut, and the mean of
    # the two, which squares would settle on, is neither.
    off = acts.float() - actions  # (B, K, A)
    # Single steps of the expert are jittery; where they lead is not, so the running sum of xyz is asked for as well.
    drift = off[..., :3].cumsum(1) / math.sqrt(off.shape[1])
    action_error = huber(off).mean((1, 2)) + huber(drift).mean((1, 2))
    for_video = (video_error * worth(level.video)).mean()
    for_action = (action_error * worth(level.action)).mean()
    return Losses(for_video + 2 * for_action, for_video.detach(), for_action.detach())


def optimizers_for(model: nn.Module, peak: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for embeddings, heads, norms and convolutions."""
    hidden: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, value in model.named_parameters():
        (hidden if value.ndim == 2 and ("_layers." in name or ".block." in name) else rest).append(value)
    muon = torch.optim.Muon(hidden, lr=peak, weight_decay=0.05, adjust_lr_fn="match_rms_adamw")
    return [muon, torch.optim.AdamW(rest, lr=peak, betas=(0.9, 0.97), weight_decay=0.01)]


@torch.inference_mode()
def validate(
    model: Denoiser, tokenizer: PreTrainedTokenizerFast, data: LatentSet, count: int = 192
) -> dict[str, float]:
    """One-step predictions on fixed windows, relative to the controls (1.0 = no better than them).

    ``video`` is the squared latent error over that of copying the context; ``action`` the absolute error over that of
    holding still, both from pure noise. ``forward`` is the video's error where the actions are given, ``inverse`` the
    actions' where the video is.
    """
    net = model.transformer
    rng = np.random.default_rng(7)
    w = data.window(np.sort(rng.integers(len(data), size=count)))
    generator = torch.Generator().manual_seed(7)
    total = dict.fromkeys(("video", "forward", "video_hold", "action", "inverse", "action_hold"), 0.0)
    scale = net.denormalise_actions(torch.ones(7)) - net.denormalise_actions(torch.zeros(7))
    for i in range(0, count, 64):
        part = slice(i, i + 64)
        ids, words = tokenise(tokenizer, w.instructions[part])
        context, actions = w.context[part], w.actions[part]
        delta = (w.future[part] - context[:, None]) / net.delta_scale(context)
        noises = [torch.randn(x.shape, generator=generator) for x in (delta, actions)]
        zeros, ones = torch.zeros(len(context)), torch.ones(len(context))
        with torch.autocast("cpu", torch.bfloat16):
            text = model.text_encoder(input_ids=ids, attention_mask=words).last_hidden_state
            cache = net.encode_context(context[:, None], net.normalise_states(w.state[part]), text, words)
            video, acts = net(*noises, ones, ones, cache, context)
            obeyed, _ = net(noises[0], net.normalise_actions(actions), ones, zeros, cache, context)
            _, read = net(delta, noises[1], zeros, ones, cache, context)
        hold = torch.zeros_like(actions)
        hold[..., 6] = w.state[part][:, None, 6].round()
        total["video"] += float((video.float() - delta).square().sum())
        total["forward"] += float((obeyed.float() - delta).square().sum())
        total["video_hold"] += float(delta.square().sum())
        for name, guess in (("action", acts.float()), ("inverse", read.float())):
            total[name] += float(((net.denormalise_actions(guess) - actions) / scale).abs().sum())
        total["action_hold"] += float(((hold - actions) / scale).abs().sum())
    over = {"video": "video_hold", "forward": "video_hold", "action": "action_hold", "inverse": "action_hold"}
    return {name: total[name] / total[control] for name, control in over.items()}


def train_wam(
    model: Denoiser,
    tokenizer: PreTrainedTokenizerFast,
    data: LatentSet,
    held_out: LatentSet,
    out: Path,
    *,
    minutes: float,
    batch: int = 16,
    peak: float = 1.5e-3,
    seed: int = 0,
    log: Path | None = None,
) -> None:
    """Train for ``minutes`` in all, resuming from ``out`` when it exists; leaves averaged weights in ``model``."""
    optimizers = optimizers_for(model, peak)
    average = Average(model, decay=0.998)
    state_file = out / "training.safetensors"
    out.mkdir(parents=True, exist_ok=True)
    spent = 0.0
    if state_file.exists():
        spent, extra = load_state(state_file, optimizers)
        model.load_state_dict({k.removeprefix("model/"): v for k, v in extra.items() if k.startswith("model/")})
        average.weights = {k.removeprefix("average/"): v for k, v in extra.items() if k.startswith("average/")}
        average.steps = 10_000
    generator = torch.Generator().manual_seed(seed + round(spent))
    rng = np.random.default_rng(seed + round(spent))
    progress = Progress("wam", minutes * 60, spent, log)
    start = time.perf_counter() - spent
    saved_at = validated_at = time.perf_counter()
    model.train()

    def keep(elapsed: float) -> None:
        extra = {f"model/{k}": v for k, v in model.state_dict().items()}
        extra |= {f"average/{k}": v for k, v in average.weights.items()}
        save_state(state_file, optimizers, elapsed, extra)

    while (elapsed := time.perf_counter() - start) < minutes * 60:
        done = elapsed / (minutes * 60)
        rate = peak * min(1.0, elapsed / 60 + 0.05) * max(0.02, min(1.0, (1 - done) / 0.5))  # warm up, hold, fall
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        with torch.autocast("cpu", torch.bfloat16):
            window = data.window(rng.integers(len(data), size=batch))
            losses = denoise_loss(model, tokenizer, window, generator)
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        losses.total.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        for optimizer in optimizers:
            optimizer.step()
        average.update(model)
        progress.step(
            elapsed, batch * REPLICAS, video=losses.video.item(), action=losses.action.item(), norm=norm.item()
        )
        now = time.perf_counter()
        if now - validated_at > 240:
            validated_at = now
            current = {k: v.clone() for k, v in model.state_dict().items()}
            model.load_state_dict(average.weights)
            model.eval()
            figures = validate(model, tokenizer, held_out)
            model.load_state_dict(current)
            model.train()
            progress.note({"phase": "validation", "seconds": round(elapsed, 1), **figures})
            print("validation", {k: round(v, 4) for k, v in figures.items()}, flush=True)
        if now - saved_at > 180:
            saved_at = now
            keep(elapsed)
    keep(minutes * 60)
    model.load_state_dict(average.weights)
    model.eval()
    if not math.isfinite(next(model.parameters()).sum().item()):
        raise WamvizError("Training diverged.", f"Delete {out} and start over with a lower --peak than {peak}.")
    figures = validate(model, tokenizer, held_out)
    progress.note({"phase": "validation", "seconds": round(minutes * 60, 1), **figures})
    print("validation", {k: round(v, 4) for k, v in figures.items()}, flush=True)

"""Train the denoiser and its text encoder on windows of latents.

One optimiser step encodes each context once and denoises ``REPLICAS`` differently noised copies of its future: the
context is over half of the tokens, so this nearly doubles the signal per second. More windows train acting alone, at
a glance. Hidden matrices are updated by Muon,
the rest by AdamW, both from torch. Averaged (EMA) weights are what is validated and shipped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from wamviz.models.mini.transformer import ContextCache
from wamviz.training.budget import Budget, Deadline
from wamviz.training.latents import LatentSet, Window
from wamviz.training.loop import Loop
from wamviz.training.noise import Levels, draw_level, draw_levels, mix
from wamviz.training.state import Average
from wamviz.training.words import Denoiser, autocast, typed

REPLICAS = 2
TOLD = 0.6  # share of contexts whose named places are the true ones
GLANCES = 4  # windows that are only acted upon, for each that is imagined as well
HUBER = 0.2  # in standard deviations of an action


@dataclass(frozen=True)
class Losses:
    """The training loss and its two parts (weighted mean squared errors in standardised units)."""

    total: Tensor
    video: Tensor
    action: Tensor


def huber(error: Tensor) -> Tensor:
    """Pseudo-Huber loss of each error: square near 0, absolute beyond ``HUBER``."""
    return (error.square() + HUBER**2).sqrt() - HUBER


def encode(
    model: Denoiser,
    tokenizer: PreTrainedTokenizerFast,
    w: Window,
    rng: torch.Generator,
    glance: bool = False,
    known_share: float = 0.9,
) -> ContextCache:
    """The contexts of a batch of windows, some without words or states.

    Most are told the true places (a little off, as sight is): who is always led astray learns not to follow.
    """
    net = model.transformer
    draw, told, known = torch.rand(3, len(w.context), generator=rng, device=rng.device)
    hide, known = draw < 0.1, known < known_share  # words are dropped for guidance, states for unknown robots
    text, words = model.read(tokenizer, ["" if h else t for h, t in zip(hide.tolist(), w.instructions, strict=True)])
    state = net.normalise_states(w.state)
    context = net.encode_context(w.context[:, None], state, text, words, known, glance)
    led = (told < TOLD) & ~hide & ~w.places.isnan().any(-1).any(-1)
    truth = w.places.nan_to_num() + 0.01 * torch.randn(w.places.shape, generator=rng, device=rng.device)
    return replace(context, places=torch.where(led[:, None, None], truth, context.places.float()))


def worth(sigma: Tensor) -> Tensor:
    """Weight of a clean-signal error: more where little noise is left; a corner that is given is not asked for."""
    return torch.where(sigma > 0, 1 / (sigma.square() + 0.5), 0.0)


def action_error(predicted: Tensor, actions: Tensor) -> Tensor:
    """The error of each sample, (B, K, A) normalised actions to (B,).

    Pseudo-Huber, as in improved consistency training (arXiv 2310.14189): a hand is open or shut, and the mean of the
    two, which squares would settle on, is neither. Single steps of the expert are jittery; where they lead is not, so
    the running sum of xyz is asked for as well.
    """
    off = predicted.float() - actions
    drift = off[..., :3].cumsum(1) / math.sqrt(off.shape[1])
    return huber(off).mean((1, 2)) + huber(drift).mean((1, 2))


def noise_like(x: Tensor, rng: torch.Generator) -> Tensor:
    """Unit noise shaped like ``x``."""
    return torch.randn(x.shape, generator=rng, device=rng.device)


def denoise_loss(
    model: Denoiser, tokenizer: PreTrainedTokenizerFast, w: Window, rng: torch.Generator, watching: bool = False
) -> Losses:
    """The loss of imagining video and actions together over a batch of windows.

    ``watching``: of imagining video alone, as if these were videos of which neither state nor actions are known.
    """
    net = model.transformer
    context = encode(model, tokenizer, w, rng, known_share=0.0 if watching else 0.9)
    delta = ((w.future - w.context[:, None]) / net.delta_scale(w.future)).repeat_interleave(REPLICAS, 0)
    actions = net.normalise_actions(w.actions).repeat_interleave(REPLICAS, 0)
    level = draw_levels(len(delta), rng)
    if watching:
        level = Levels(draw_level(len(delta), rng), torch.ones_like(level.action))
    noisy_video = mix(delta, noise_like(delta, rng), level.video)
    noisy_actions = mix(actions, noise_like(actions, rng), level.action)
    latents = w.context.repeat_interleave(REPLICAS, 0)
    video, acts = net(noisy_video, noisy_actions, level.video, level.action, context.repeat(REPLICAS), latents)
    moving = 1 + delta.square().mean(2, keepdim=True).sqrt().clamp_max(3.0)  # (B, T, 1, h, w)
    video_error = ((video.float() - delta).square() * moving).mean((1, 2, 3, 4))
    for_video = (video_error * worth(level.video)).mean()
    for_action = (action_error(acts, actions) * worth(level.action)).mean()
    total = for_video if watching else for_video + 2 * for_action
    return Losses(total, for_video.detach(), for_action.detach())


def act_loss(model: Denoiser, tokenizer: PreTrainedTokenizerFast, w: Window, rng: torch.Generator) -> Tensor:
    """The loss of acting at a glance, without imagining: a fifth of the tokens, so more windows a second."""
    net = model.transformer
    context = encode(model, tokenizer, w, rng, glance=True)
    actions = net.normalise_actions(w.actions).repeat_interleave(REPLICAS, 0)
    level = draw_level(len(actions), rng)
    noisy = mix(actions, noise_like(actions, rng), level)
    _, acts = net(None, noisy, torch.ones_like(level), level, context.repeat(REPLICAS), w.context)
    return 2 * (action_error(acts, actions) * worth(level)).mean()


def optimizers_for(model: nn.Module, peak: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for the rest that is not frozen."""
    hidden: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, value in model.named_parameters():
        if value.requires_grad:
            (hidden if value.ndim == 2 and "_layers." in name else rest).append(value)
    muon = torch.optim.Muon(hidden, lr=peak, weight_decay=0.05, adjust_lr_fn="match_rms_adamw")
    return [muon, torch.optim.AdamW(rest, lr=peak, betas=(0.9, 0.97), weight_decay=0.01)]


def freeze_taught(model: Denoiser) -> None:
    """Keep what ``train_sight`` taught: denoising alone makes it forget what words mean (measured, see the card)."""
    model.text_encoder.requires_grad_(False)
    for name, value in model.transformer.sight.named_parameters():
        value.requires_grad_(name.startswith(("point.", "which")))  # these write for the transformer


@torch.inference_mode()
def validate(
    model: Denoiser, tokenizer: PreTrainedTokenizerFast, data: LatentSet, count: int = 192
) -> dict[str, float]:
    """One-step predictions on fixed windows, relative to the controls (1.0 = no better than them).

    ``video`` is the squared latent error over that of copying the context; ``action`` the absolute error over that of
    holding still, both from pure noise. ``forward`` is the video's error where the actions are given, ``inverse`` the
    actions' where the video is, ``act`` the actions' at a glance.
    """
    net = model.transformer
    rng = np.random.default_rng(7)
    w = data.window(np.sort(rng.integers(len(data), size=count)))
    device, generator = data.device, torch.Generator().manual_seed(7)
    total = dict.fromkeys(("video", "forward", "video_hold", "action", "inverse", "act", "action_hold"), 0.0)
    scale = net.denormalise_actions(torch.ones(7, device=device)) - net.denormalise_actions(
        torch.zeros(7, device=device)
    )
    for i in range(0, count, 64):
        part = slice(i, i + 64)
        context, actions = w.context[part], w.actions[part]
        delta = (w.future[part] - context[:, None]) / net.delta_scale(context)
        noises = [torch.randn(x.shape, generator=generator).to(device) for x in (delta, actions)]
        zeros, ones = context.new_zeros(len(context)), context.new_ones(len(context))
        state = net.normalise_states(w.state[part])
        with autocast(device):
            text, words = model.read(tokenizer, w.instructions[part])
            cache = net.encode_context(context[:, None], state, text, words)
            video, acts = net(*noises, ones, ones, cache, context)
            obeyed, _ = net(noises[0], net.normalise_actions(actions), ones, zeros, cache, context)
            _, read = net(delta, noises[1], zeros, ones, cache, context)
            glance = net.encode_context(context[:, None], state, text, words, glance=True)
            _, done = net(None, noises[1], ones, ones, glance, context)
        hold = torch.zeros_like(actions)
        hold[..., 6] = w.state[part][:, None, 6].round()
        total["video"] += float((video.float() - delta).square().sum())
        total["forward"] += float((obeyed.float() - delta).square().sum())
        total["video_hold"] += float(delta.square().sum())
        for name, guess in (("action", acts), ("inverse", read), ("act", done)):
            total[name] += float(((net.denormalise_actions(guess.float()) - actions) / scale).abs().sum())
        total["action_hold"] += float(((hold - actions) / scale).abs().sum())
    over = {"video": "video_hold", "forward": "video_hold", "action": "action_hold", "inverse": "action_hold"}
    over["act"] = "action_hold"
    return {name: total[name] / total[control] for name, control in over.items()}


def train_wam(
    model: Denoiser,
    tokenizer: PreTrainedTokenizerFast,
    data: LatentSet,
    held_out: LatentSet,
    out: Path,
    *,
    budget: Budget,
    watching: bool = False,
    batch: int = 10,
    peak: float = 1.5e-3,
    seed: int = 0,
    log: Path | None = None,
    deadline: Deadline | None = None,
) -> None:
    """Train for ``budget`` in all, resuming from ``out`` when it exists; leaves averaged weights in ``model``.

    ``watching`` is the stage before: from video alone, to imagine, before acting is learnt.
    """
    freeze_taught(model)
    average = Average(model, decay=0.998)
    name = "video" if watching else "wam"
    loop = Loop(
        name, model, optimizers_for(model, peak), out / ("video.safetensors" if watching else "training.safetensors"),
        budget, peak=peak, warm=60.0, average=average, seed=seed, log=log, deadline=deadline,
    )  # fmt: skip

    def check() -> None:
        current = {k: v.clone() for k, v in model.state_dict().items()}
        model.load_state_dict(average.weights)
        model.eval()
        loop.note(f"{name} validation", validate(model, tokenizer, held_out))
        model.load_state_dict(current)
        model.train()

    finished = loop.done == 1
    for _ in loop:
        window = data.window(loop.rng.integers(len(data), size=batch), loop.rng)
        window = replace(window, instructions=typed(window.instructions, loop.rng))
        with autocast(loop.device):
            losses = denoise_loss(model, tokenizer, window, loop.chance, watching)
        figures = {"video": losses.video.item()}
        loss, seen = losses.total, batch
        if not watching:
            more = data.window(loop.rng.integers(len(data), size=GLANCES * batch), loop.rng)
            more = replace(more, instructions=typed(more.instructions, loop.rng))
            with autocast(loop.device):
                acting = act_loss(model, tokenizer, more, loop.chance)
            figures |= {"action": losses.action.item(), "act": acting.item()}
            loss, seen = loss + acting, batch * (1 + GLANCES)
        loop.descend(loss, seen, **figures)
        if loop.due("validation", 240):
            check()
    if not finished:
        check()
    model.load_state_dict(average.weights)
    model.eval()

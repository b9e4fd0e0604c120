"""Trains the denoiser and its text encoder on windows of motion and actions.

One step encodes each context once and denoises several differently noised copies of its future: the context is over
half of the tokens. Hidden matrices are updated by Muon, the rest by AdamW, both from torch; averaged (EMA) weights are
what is validated and shipped.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, T5EncoderModel

from wamviz.models.mini.context import ContextCache, ScenePoints
from wamviz.models.mini.transformer import HAND, MiniWAMTransformer, steps_of
from wamviz.training.budget import Budget, Deadline
from wamviz.training.growing import Growing, latest
from wamviz.training.loop import Loop, cosine
from wamviz.training.moves import Moves, Window
from wamviz.training.muon import FloatMuon
from wamviz.training.state import Average
from wamviz.training.words import add_typos, tokenise

ACTING, IMAGINING = 6, 3  # noised copies of a context's future without and with motion
_SHARP = 0.02  # units of motion, and of where actions lead (3 mm): below that an error counts squared
# Shares of the copies with motion: actions given, both in step, each on its own, motion given.
_MIX = {"forward_dynamics": 0.5, "joint": 0.1, "independent": 0.15, "inverse_dynamics": 0.25}
_TURNED = 2.0  # how much louder the turn about the vertical is: it decides whether fingers fit
_READ = 0.06  # the most noise on motion that counts as given: it is read off pictures
_GRIPPER = 6  # its number in motion, where it is told as it is and not as a displacement
_HIDDEN, _SPAN = 0.3, 4  # how often the gripper is misread, and for how many frames


class Denoiser(nn.Module):
    """The trained whole: text encoder and transformer under one ``state_dict``."""

    def __init__(self, transformer: MiniWAMTransformer, text_encoder: T5EncoderModel) -> None:
        super().__init__()
        self.transformer, self.text_encoder = transformer, text_encoder

    def encode(self, tokenizer: PreTrainedTokenizerFast, w: Window, texts: list[str]) -> ContextCache:
        """The contexts of windows, told ``texts``."""
        net = self.transformer
        device = net.slot.device
        ids, words = (x.to(device) for x in tokenise(tokenizer, texts))
        text = self.text_encoder(input_ids=ids, attention_mask=words).last_hidden_state
        parts = (x.to(device) for x in (w.state, w.known, w.places, w.image, w.doubt, w.facing, w.last_action))
        state, known, *rest = parts
        scene = ScenePoints(net.normalise_states(state) * known[:, None], known, *rest)
        return net.encode_context(scene, text, words)


def draw_level(count: int, rng: torch.Generator) -> Tensor:
    """Logit-normal levels leaning towards noise, an eighth of them pure noise, where sampling starts."""
    level = torch.sigmoid(0.3 + 1.4 * torch.randn(count, generator=rng, device=rng.device))
    return torch.where(torch.rand(count, generator=rng, device=rng.device) < 0.125, 1.0, level)


def draw_levels(count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noise levels of motion and of actions (B,) each, in the proportions of ``_MIX``."""
    shares = torch.tensor(list(_MIX.values()), device=rng.device)
    kind = torch.multinomial(shares, count, replacement=True, generator=rng)
    index = {name: number for number, name in enumerate(_MIX)}
    motion, action = draw_level(count, rng), draw_level(count, rng)
    action = torch.where(kind == index["joint"], motion, action)
    action = torch.where(kind == index["forward_dynamics"], 0.0, action)
    read = _READ * torch.rand(count, generator=rng, device=rng.device)
    return torch.where(kind == index["inverse_dynamics"], read, motion), action


def add_noise(clean: Tensor, level: Tensor, rng: torch.Generator) -> Tensor:
    """The flow-matching interpolation (1 - sigma) x0 + sigma noise (Lipman et al. 2023, arXiv 2210.02747)."""
    sigma = level[:, None, None]
    return (1 - sigma) * clean + sigma * torch.randn(clean.shape, generator=rng, device=rng.device)


def misread(motion: Tensor, rng: torch.Generator) -> Tensor:
    """Motion (B, K, M) physical as it is read off pictures: where the fingers are hidden, for a few frames the gripper
    is taken to be open or shut by chance."""
    b, k, _ = motion.shape
    spans = -(-k // _SPAN)
    chance = torch.rand(2, b, spans, generator=rng, device=rng.device).repeat_interleave(_SPAN, 2)[..., :k]
    gripper = torch.where(chance[0] < _HIDDEN, chance[1].round().to(motion.device), motion[..., _GRIPPER])
    return torch.cat([motion[..., :_GRIPPER], gripper[..., None], motion[..., _GRIPPER + 1 :]], -1)


def weigh(sigma: Tensor) -> Tensor:
    """Weight of a clean-signal error: more where little noise is left, none where the signal is given."""
    return torch.where(sigma > 0, 1 / (sigma.square() + 0.3), 0.0)


def _huber(error: Tensor, knee: float) -> Tensor:
    return (error.square() + knee**2).sqrt() - knee


def action_error(predicted: Tensor, actions: Tensor) -> Tensor:
    """The error of each sample, (B, K, A) normalised actions to (B,).

    Pseudo-Huber, as in improved consistency training (arXiv 2310.14189): a hand is open or shut, and the mean of the
    two, which squares would settle on, is neither. Steps are asked for beside where they lead, or they would jitter.
    """
    off = predicted.float() - actions
    steps = steps_of(off[..., :6])
    off = torch.cat([off[..., :5], _TURNED * off[..., 5:6], off[..., 6:]], -1)
    return _huber(off, _SHARP).mean((1, 2)) + 2 * _huber(steps, _SHARP / 2).mean((1, 2))


def motion_error(predicted: Tensor, motion: Tensor) -> Tensor:
    """The error of each sample, (B, K, M) to (B,): half the hand's, half that of things, louder where they move."""
    off = predicted.float() - motion
    cost = _huber(off, _SHARP)
    things = motion[..., HAND:].unflatten(-1, (-1, 3))
    moved = (things.abs().amax((1, 3)) > 0.05).float()  # (B, O)
    loud = (1 + 4 * moved)[:, None, :, None] * cost[..., HAND:].unflatten(-1, (-1, 3))
    return cost[..., :HAND].mean((1, 2)) + loud.mean((1, 2, 3))


def pointing_loss(context: ContextCache, meant: Tensor) -> Tensor:
    """Cross entropy of which things the words mean, (B, 2); -1 is not asked for, nor is what was not found."""
    meant = meant.to(context.pointed.device)
    there = context.there.gather(1, meant.clamp_min(0)) & (meant >= 0)
    each = F.cross_entropy(context.pointed.mT, meant.clamp_min(0), reduction="none")
    return (each * there).sum() / there.sum().clamp_min(1)


def denoising_loss(
    model: Denoiser, tokenizer: PreTrainedTokenizerFast, w: Window, texts: list[str], rng: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Losses of acting, of acting beside motion, of motion, and of what the words mean."""
    net = model.transformer
    context = model.encode(tokenizer, w, texts)
    device = net.slot.device
    pointing = pointing_loss(context, w.meant)
    actions = net.normalise_actions(w.actions.to(device))
    motion = w.motion.to(device) / net.motion_scale(actions)
    acted = actions.repeat_interleave(ACTING, 0)
    level = draw_level(len(acted), rng)
    _, guess = net(None, add_noise(acted, level, rng), torch.ones_like(level), level, context.repeat(ACTING))
    acting = (action_error(guess, acted) * weigh(level)).mean()
    both, moved = actions.repeat_interleave(IMAGINING, 0), motion.repeat_interleave(IMAGINING, 0)
    for_motion, for_action = draw_levels(len(both), rng)
    read = misread(w.motion.to(device).repeat_interleave(IMAGINING, 0), rng) / net.motion_scale(both)
    is_read = ((for_motion <= _READ) & (for_action > 0))[:, None, None]
    noisy = add_noise(torch.where(is_read, read, moved), for_motion, rng), add_noise(both, for_action, rng)
    with torch.no_grad():
        known = (x.to(device) for x in (w.state, w.actions, w.last_action))
        answer = net.answer(*known)[0].repeat_interleave(IMAGINING, 0)
    seen, guess = net(*noisy, for_motion, for_action, context.repeat(IMAGINING), answer)
    action_loss = (action_error(guess, both) * weigh(for_action)).mean()
    return acting, action_loss, (motion_error(seen, moved) * weigh(for_motion)).mean(), pointing


def optimizers_for(model: nn.Module, peak: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for the rest."""
    hidden: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, value in model.named_parameters():
        (hidden if value.ndim == 2 and "_layers." in name else rest).append(value)
    adamw = torch.optim.AdamW(rest, lr=peak, betas=(0.9, 0.97), weight_decay=0.01)
    if next(model.parameters()).device.type == "cuda":
        return [torch.optim.Muon(hidden, lr=peak, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"), adamw]
    return [FloatMuon(hidden, lr=peak), adamw]


@torch.inference_mode()
def validate(model: Denoiser, tokenizer: PreTrainedTokenizerFast, data: Moves, count: int = 256) -> dict[str, float]:
    """One-step predictions from pure noise on fixed windows.

    ``pointed``: how often the right thing is taken to be meant; ``act``: the actions' absolute error over that of
    holding still; ``reach``: how far (cm, median) the hand ends from where it did; ``hand`` and ``things``: how far
    (cm, mean) predicted motion is off where the actions are given, of the things only those that move; ``inverse``: the
    error of a step's position (mm) where motion is read, and ``gripper`` the gripper's.
    """
    net = model.transformer
    rng = np.random.default_rng(7)
    w = data.window(np.sort(rng.integers(len(data), size=count)), rng, exact=True)
    device = net.slot.device
    chance = torch.Generator(device).manual_seed(7)
    context = model.encode(tokenizer, w, w.texts)
    actions, scale = net.normalise_actions(w.actions.to(device)), net.motion_scale(w.actions.to(device))
    motion = w.motion.to(device) / scale
    one = torch.ones(count, device=device)
    _, act = net(None, torch.randn(actions.shape, generator=chance, device=device), one, one, context)
    answer, _ = net.answer(*(x.to(device) for x in (w.state, w.actions, w.last_action)))
    moved, _ = net(torch.randn(motion.shape, generator=chance, device=device), actions, one, 0 * one, context, answer)
    shown = misread(w.motion.to(device), chance) / scale
    _, read = net(shown, torch.randn(actions.shape, generator=chance, device=device), 0 * one, one, context)
    act, read = net.denormalise_actions(act), net.denormalise_actions(read)
    true = w.actions.to(device)
    hold = torch.zeros_like(true)
    hold[..., 6] = w.state[:, None, 6].round().to(device)
    off = (moved - motion) * scale
    things = off[..., HAND:].unflatten(-1, (-1, 3)).norm(dim=-1)
    shifts = (motion * scale)[..., HAND:].unflatten(-1, (-1, 3)).norm(dim=-1) > 0.01
    weight = torch.tensor([0.03] * 3 + [0.2] * 3 + [0.5], device=device)  # half of what an action may be
    right = (context.pointed.argmax(-1).cpu() == w.meant)[w.meant[:, 0] >= 0]
    return {
        "pointed": float(right.float().mean()),
        "act": float(((act - true) / weight).abs().sum() / ((hold - true) / weight).abs().sum()),
        "reach": 100 * float((act - true)[..., :3].sum(1).norm(dim=-1).median()),
        "hand": 100 * float(off[..., :3].norm(dim=-1).mean()),
        "things": 100 * float(things[shifts].mean()),
        "inverse": 1000 * float((read - true)[..., :3].abs().mean()),
        "gripper": float((read - true)[..., 6].abs().mean()),
    }


def train_denoiser(
    model: Denoiser,
    tokenizer: PreTrainedTokenizerFast,
    data: Moves | Growing[Moves],
    held_out: Moves,
    out: Path,
    *,
    budget: Budget,
    batch: int = 48,
    peak: float = 2e-3,
    seed: int = 0,
    log: Path | None = None,
    deadline: Deadline | None = None,
) -> None:
    """Train for ``budget`` in all, resuming from ``out`` when it exists; leaves averaged weights in ``model``."""
    average = Average(model, decay=0.998)
    loop = Loop(
        "denoiser", model, optimizers_for(model, peak), out / "denoiser.safetensors",
        budget, peak=peak, warm=40.0, shape=cosine, average=average, seed=seed, log=log, deadline=deadline,
    )  # fmt: skip

    finished = loop.done == 1
    for _ in loop:
        now = latest(data)
        w = now.window(now.draw(loop.rng, batch), loop.rng)
        acting, action_loss, motion, own = denoising_loss(
            model, tokenizer, w, add_typos(w.texts, loop.rng), loop.chance
        )
        questions = now.window(loop.rng.integers(len(now), size=2 * batch), loop.rng, asked=True)
        pointing = pointing_loss(
            model.encode(tokenizer, questions, add_typos(questions.texts, loop.rng)), questions.meant
        )
        losses = {"acting": acting, "beside": action_loss, "motion": motion, "pointing": pointing}
        total = 6 * acting + 3 * action_loss + 3 * motion + 0.5 * own + 2 * pointing
        loop.descend(total, batch, **{name: value.item() for name, value in losses.items()})
        if loop.due("validation", 180):
            loop.validate(lambda: validate(model, tokenizer, held_out))
    if not finished:
        loop.validate(lambda: validate(model, tokenizer, held_out))
    model.load_state_dict(average.weights)
    model.eval()

"""mini-WAM as a diffusers pipeline: a frame and a sentence in, denoising steps out.

``stream`` is the sampling loop; it yields after every step, so that a caller can watch, count and stop. ``__call__``
drains it. Everything is deterministic for a seed on one device. Axis letters as in ``transformer.py``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast, T5EncoderModel

from wamviz.models.mini.paths import levels_of, noise_path
from wamviz.models.mini.text import EMPTY, MAX_TOKENS
from wamviz.models.mini.transformer import MiniWAMTransformer
from wamviz.models.mini.vae import MiniVAE, Reference

AT_ONCE = 32  # frames that a CPU decodes together: more of them do not stay in its cache, and take longer each


@contextlib.contextmanager
def one_thread(alone: bool = True) -> Iterator[None]:
    """Compute on one CPU thread inside, if ``alone``.

    What looks at a single frame consists of hundreds of operations of a tenth of a millisecond; waking a second thread
    for each takes longer than it saves (two cores: acting takes 125 ms with two threads and 50 with one).
    """
    before = torch.get_num_threads()
    if not alone or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class Step:
    """What is known after a denoising step.

    Attributes:
        step, steps: done and in all; step 0 means that the context is encoded.
        latents: (N, T, C, h, w) predicted clean latents, or None where no video is imagined.
        actions: (N, K, A) predicted physical actions, or None where none are.
    """

    step: int
    steps: int
    latents: Tensor | None
    actions: Tensor | None


class MiniWAMPipeline(DiffusionPipeline):  # type: ignore[misc]
    """VAE, text encoder, tokenizer, transformer and two flow-matching schedulers (one a noise level)."""

    def __init__(
        self,
        vae: MiniVAE,
        text_encoder: T5EncoderModel,
        tokenizer: PreTrainedTokenizerFast,
        transformer: MiniWAMTransformer,
        scheduler: FlowMatchEulerDiscreteScheduler,
        action_scheduler: FlowMatchEulerDiscreteScheduler,
    ) -> None:
        super().__init__()
        self.register_modules(
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            transformer=transformer,
            scheduler=scheduler,
            action_scheduler=action_scheduler,
        )

    # diffusers asks every module at every call, which adds up to a tenth of the time that acting takes.

    @property
    def device(self) -> torch.device:
        """Where everything computes."""
        return self.transformer.slot.device

    @property
    def dtype(self) -> torch.dtype:
        """What everything computes in."""
        return self.transformer.slot.dtype

    def images(self, frames: NDArray[np.uint8]) -> Tensor:
        """(..., H, W, 3) uint8 frames to (..., 3, H, W) in -1..1 on the pipeline's device."""
        x = torch.from_numpy(np.ascontiguousarray(frames)).to(self.device)
        return x.movedim(-1, -3).to(self.dtype).div(127.5).sub(1)

    @torch.inference_mode()
    def reference(self, frames: NDArray[np.uint8]) -> Reference:
        """Context frames (B, H, W, 3) uint8, encoded once for ``stream`` and every ``decode``."""
        with one_thread(len(frames) == 1):
            return self.vae.reference(self.images(frames))

    @torch.inference_mode()
    def decode(self, latents: Tensor, reference: Reference) -> NDArray[np.uint8]:
        """Latents (N, T, C, h, w) to uint8 frames (N, T, H, W, 3); what stays comes from the 1 or N references."""
        n, t = latents.shape[:2]
        latents = latents.to(reference.images.dtype)
        if len(reference) == 1:
            flat = latents.flatten(0, 1)
            parts = flat.split(len(flat) if self.device.type == "cuda" else AT_ONCE)
            out = torch.cat([self.vae.decode(part, reference) for part in parts])
        else:
            out = torch.cat([self.vae.decode(x, reference.one(i)) for i, x in enumerate(latents)])
        pixels = ((out.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
        return pixels.movedim(-3, -1).unflatten(0, (n, t)).cpu().numpy()

    def words(self, instruction: str) -> tuple[Tensor, Tensor]:
        """An instruction to text features (1, L, D) and their mask (1, L); empty text has a token of its own."""
        batch = self.tokenizer(
            [instruction.strip() or EMPTY], truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
        ).to(self.device)
        mask = batch["attention_mask"].bool()
        return self.text_encoder(input_ids=batch["input_ids"], attention_mask=mask).last_hidden_state, mask

    @staticmethod
    def noises(seed: int, samples: int) -> list[torch.Generator]:
        """The source of noise of each sample: sample i draws what ``seed + i`` draws, on every device."""
        return [torch.Generator().manual_seed(seed + i) for i in range(samples)]

    @torch.inference_mode()
    def stream(
        self,
        frame: NDArray[np.uint8] | Reference,
        instruction: str,
        *,
        state: NDArray[np.float32] | None = None,
        mode: str = "joint",
        samples: int = 1,
        steps: int = 8,
        seed: int = 0,
        actions: NDArray[np.float32] | None = None,
        video: NDArray[np.uint8] | None = None,
        generators: Sequence[torch.Generator] | None = None,
        guidance: float = 1.0,
    ) -> Iterator[Step]:
        """Denoise step by step.

        Args:
            frame: (H, W, 3) uint8 context at the VAE's size, or (N, H, W, 3), one a sample; or the
                ``reference`` of either.
            state: (D,) physical proprioceptive state, or (N, D), one a sample, or None.
            samples: sample i starts from the noise of ``seed + i``.
            actions: (K, A) physical, given in ``forward_dynamics``; video: (T, H, W, 3) uint8 future frames at the
                VAE's size, given in ``inverse_dynamics``; both exactly one horizon long.
            generators: N sources of noise on the CPU that go on where an earlier chunk stopped, instead of ``seed``.
            guidance: weight of the words by classifier-free guidance (arXiv 2207.12598); 1 leaves it out, otherwise
                each step denoises every sample with and without words in one batch.

        Yields:
            one ``Step`` after encoding and one after every denoising step.
        """
        net, config = self.transformer, self.transformer.config
        path = noise_path(mode, steps)
        total = len(path) - 1
        given = frame if isinstance(frame, Reference) else self.reference(frame.reshape(-1, *frame.shape[-3:]))
        context = self.vae.standardise(given.raw)  # (1 or N, C, h, w)
        guided = guidance != 1 and bool(instruction.strip())
        with one_thread():
            texts = [self.words(text) for text in ([instruction, ""] if guided else [instruction])]
        told = None
        if state is not None:
            told = net.normalise_states(torch.tensor(np.atleast_2d(state), device=self.device)).to(self.dtype)
        contexts = max(len(context), 1 if told is None else len(told))  # 1 where all samples share theirs
        twice = len(texts)  # first every context with its words, then, for guidance, every context without
        text = torch.cat([_padded(t, max(len(m[0]) for _, m in texts)).expand(contexts, -1, -1) for t, _ in texts])
        words = torch.cat([_padded(m, text.shape[1]).expand(contexts, -1) for _, m in texts])
        with one_thread(contexts == 1):
            cache = net.encode_context(
                context[:, None].to(self.dtype).expand(contexts, -1, -1, -1, -1).repeat(twice, 1, 1, 1, 1),
                None if told is None else told.expand(contexts, -1).repeat(twice, 1),
                text,
                words,
                glance=mode == "act_only",
            )
        cache = cache.repeat(samples // contexts)
        main = context.expand(samples, -1, -1, -1)
        seen = main.to(self.dtype).repeat(twice, 1, 1, 1)  # what every forward is shown beside the cache
        scale = net.delta_scale(context)
        yield Step(0, total, None, None)

        grid = (config.horizon, config.latent_channels, config.latent_size, config.latent_size)
        draws = generators or self.noises(seed, samples)
        x = torch.stack([torch.randn(grid, generator=g) for g in draws]).to(self.device) * config.video_temperature
        a = torch.stack([torch.randn(config.horizon, config.action_dim, generator=g) for g in draws]).to(self.device)
        a = a * config.action_temperature
        if actions is not None:
            a = net.normalise_actions(torch.tensor(actions, device=self.device)).expand(samples, -1, -1)
        if video is not None:
            future = self.vae.encode(self.images(video))
            x = ((future - context) / scale)[None].expand(samples, -1, -1, -1, -1).float()
        schedulers = (self.scheduler, self.action_scheduler)
        for part, scheduler in enumerate(schedulers):
            if moving := levels_of(path, part):
                scheduler.set_timesteps(sigmas=moving, device=self.device)
        blind = mode == "act_only"
        for index in range(total):
            level = [torch.full((twice * samples,), path[index][part], device=self.device) for part in (0, 1)]
            noisy_x = None if blind else x.to(self.dtype).repeat(twice, 1, 1, 1, 1)
            noisy_a = a.to(self.dtype).repeat(twice, 1, 1)
            with one_thread(blind and samples == 1):
                predicted = net(noisy_x, noisy_a, level[0], level[1], cache, seen)
            clean_x, clean_a = (
                None if clean is None else _guided(clean.float(), guidance) if guided else clean.float()
                for clean in predicted
            )
            assert clean_a is not None
            a_hat = clean_a
            moves = [path[index][part] != path[index + 1][part] for part in (0, 1)]
            if moves[0] and clean_x is not None:
                x = self._advance(self.scheduler, x, clean_x, path[index][0])
            if moves[1]:
                a = self._advance(self.action_scheduler, a, a_hat, path[index][1])
            else:
                a_hat = a
            imagined = (
                None
                if blind or mode == "inverse_dynamics"
                else main[:, None] + scale * (clean_x if moves[0] and clean_x is not None else x)
            )
            known = None if mode in ("video", "forward_dynamics") else net.denormalise_actions(a_hat)
            if mode == "imagine_then_act" and path[index][1] == path[index + 1][1]:
                known = None  # the actions have not been asked for yet
            yield Step(index + 1, total, imagined, known)

    @staticmethod
    def _advance(scheduler: FlowMatchEulerDiscreteScheduler, x: Tensor, clean: Tensor, level: float) -> Tensor:
        """One step of the scheduler, which wants the velocity (noise - clean) rather than the clean signal."""
        timestep = scheduler.timesteps[0 if scheduler.step_index is None else scheduler.step_index]
        return scheduler.step((x - clean) / level, timestep, x, return_dict=False)[0]

    def __call__(self, frame: NDArray[np.uint8] | Reference, instruction: str, **options: object) -> Step:
        """Drain ``stream`` and return its last step."""
        steps = list(self.stream(frame, instruction, **options))  # type: ignore[arg-type]
        return steps[-1]


def _padded(x: Tensor, length: int) -> Tensor:
    """(1, L, ...) filled up with zeros to (1, length, ...)."""
    return torch.cat([x, x.new_zeros(1, length - x.shape[1], *x.shape[2:])], dim=1)


def _guided(clean: Tensor, guidance: float) -> Tensor:
    """Predictions (2 N, ...), first with and then without words, to guided ones (N, ...)."""
    told, free = clean.chunk(2)
    return free + guidance * (told - free)

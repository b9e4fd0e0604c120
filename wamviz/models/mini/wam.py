"""mini-WAM behind the model protocol: observations in, previews and rollouts out.

It fits frames to the VAE's square, runs the pipeline's stream, decodes previews and says in words when the input lies
outside what it was trained on. It knows nothing of worlds, files or pages.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers.utils import logging

from wamviz.media import fit_square
from wamviz.models.mini.pipeline import MiniWAMPipeline, Step
from wamviz.models.mini.text import unknown_words
from wamviz.models.protocol import Capabilities, ImagineStream, check_request
from wamviz.rollout import Floats, Frames, Imagined, ImagineRequest, Preview, Rollout


def pick_device(name: str) -> torch.device:
    """``auto`` to cuda, else mps, else cpu; other names as they are."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@contextlib.contextmanager
def without_bars() -> Iterator[None]:
    """Keep diffusers' own progress bars off the terminal: loading takes under a second and wamviz has one line."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def digest_of(folder: Path) -> str:
    """SHA-256 over every weight and configuration file of a checkpoint, 16 hex digits."""
    total = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.suffix in (".safetensors", ".json"):
            total.update(file.relative_to(folder).as_posix().encode())
            total.update(file.read_bytes())
    return total.hexdigest()[:16]


class MiniWAM:
    """The embedded world-action model."""

    def __init__(self, folder: Path, capabilities: Capabilities, device: str = "auto") -> None:
        self.capabilities = capabilities
        self.device = pick_device(device)
        # Shipped weights are bfloat16; a CPU without fast bfloat16 computes in float32.
        half = self.device.type == "cuda" or (self.device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported()))
        self.dtype = torch.bfloat16 if half else torch.float32
        with without_bars():
            pipeline = MiniWAMPipeline.from_pretrained(folder, dtype=self.dtype, local_files_only=True)
        # Which weights diffusers casts while loading depends on what else is installed; afterwards all are alike.
        self.pipeline = pipeline.to(self.device, self.dtype)
        self.weights_digest = digest_of(folder)
        self.size = int(self.pipeline.vae.config.image_size)

    def imagine(self, request: ImagineRequest) -> ImagineStream:
        """Check the request now, then yield previews and end with the rollouts."""
        check_request(self.capabilities, request)
        return self._stream(request)

    def familiarity(self, frame: Frames) -> float:
        """PSNR in dB of the frame rebuilt from its latents alone; low for pictures unlike the training frames."""
        with torch.inference_mode():
            image = self.pipeline.images(frame)[None]
            error = (self.pipeline.vae(image).float() - image.float()).square().mean().item()
        return float(10 * np.log10(4 / max(error, 1e-9)))

    def _notes(self, frame: Frames, request: ImagineRequest) -> list[str]:
        notes = []
        threshold = self.pipeline.transformer.config.get("familiar_psnr")
        quality = self.familiarity(frame)
        if threshold and quality < threshold:
            notes.append(
                f"This frame looks unlike tabletop frames mini-WAM was trained on (it rebuilds at {quality:.1f} dB, "
                f"familiar frames at {threshold:.1f} dB or more): take the rollout as a guess."
            )
        if strange := unknown_words(self.pipeline.tokenizer, request.observation.instruction):
            listed = ", ".join(f"'{word}'" for word in strange[:5])
            notes.append(f"mini-WAM never met the word{'s' if len(strange) > 1 else ''} {listed} in training.")
        return notes

    def _given(self, request: ImagineRequest, notes: list[str]) -> tuple[Floats | None, Frames | None, int]:
        """The given actions and video at exactly one horizon, and how many of them were really given."""
        horizon = self.capabilities.horizon
        if request.mode == "forward_dynamics" and request.actions is not None:
            kept = request.actions[:horizon]
            if len(request.actions) > horizon:
                notes.append(
                    f"mini-WAM obeys {horizon} actions at a time; the other {len(request.actions) - horizon} wait."
                )
            rest = np.zeros((horizon - len(kept), kept.shape[1]), np.float32)
            rest[:, 6] = kept[-1, 6]
            return np.concatenate([kept, rest]), None, len(kept)
        if request.mode == "inverse_dynamics" and request.video is not None:
            future = fit_square(request.video, self.size)[1 : horizon + 1]
            if len(future) == 0:
                future = fit_square(request.video, self.size)[:1]
            padded = np.concatenate([future, np.repeat(future[-1:], horizon - len(future), axis=0)])
            return None, padded, len(future)
        return None, None, horizon

    def _stream(self, request: ImagineRequest) -> Iterator[Preview | Imagined]:
        start = time.perf_counter()
        observation = request.observation
        frame = fit_square(observation.frame[None], self.size)[0]  # (size, size, 3) uint8
        notes = self._notes(frame, request)
        given_actions, given_video, count = self._given(request, notes)
        knows = observation.state is not None and len(observation.state) == self.pipeline.transformer.config.state_dim
        reference = self.pipeline.images(frame)
        steps = request.steps or self.capabilities.default_steps
        last: Step | None = None
        denoise = time.perf_counter()
        for last in self.pipeline.stream(
            frame,
            observation.instruction,
            state=observation.state if knows else None,
            mode=request.mode,
            samples=request.samples,
            steps=steps,
            seed=request.seed,
            actions=given_actions,
            video=given_video,
        ):
            if last.step == 0:
                denoise = time.perf_counter()
            if last.step < last.steps:
                yield self._preview(last, frame, reference)
        assert last is not None
        decode = time.perf_counter()
        frames: Frames | None = None
        if last.latents is not None:
            with torch.inference_mode():
                frames = self._with_context(self.pipeline.decode(last.latents, reference), frame)
        actions = None if last.actions is None else self._legal(last.actions.cpu().numpy())
        end = time.perf_counter()
        timings = {"total": end - start, "encode": denoise - start, "denoise": decode - denoise, "decode": end - decode}
        rollouts = tuple(
            self._rollout(request, i, None if frames is None else frames[i, : count + 1], actions, given_actions, count)
            for i in range(request.samples)
        )
        yield Imagined(rollouts, timings, tuple(notes))

    def _preview(self, step: Step, frame: Frames, reference: torch.Tensor) -> Preview:
        """Only the first sample is decoded: a preview must not cost more than the step it shows."""
        frames = None
        if step.latents is not None:
            with torch.inference_mode():
                frames = self._with_context(self.pipeline.decode(step.latents[:1], reference), frame)
        actions = None if step.actions is None else self._legal(step.actions.cpu().numpy())
        return Preview(step.step, step.steps, frames, actions, "context" if step.step == 0 else "denoising")

    @staticmethod
    def _with_context(frames: Frames, context: Frames) -> Frames:
        """(N, T, H, W, 3) future frames to (N, T + 1, H, W, 3) with the context in front."""
        first = np.broadcast_to(context, (len(frames), 1, *context.shape))
        return np.concatenate([first, frames], axis=1)

    def _legal(self, actions: Floats) -> Floats:
        """Actions clipped to the limits of the action space, as a controller would."""
        space = self.capabilities.action_space
        assert space is not None and space.low is not None and space.high is not None
        return np.clip(actions, np.asarray(space.low), np.asarray(space.high)).astype(np.float32)

    def _rollout(
        self,
        request: ImagineRequest,
        index: int,
        frames: Frames | None,
        actions: Floats | None,
        given: Floats | None,
        count: int,
    ) -> Rollout:
        observation, camera = request.observation, request.observation.main_camera
        model = observation.cameras.get(camera)
        square = model is not None and model.width == model.height
        own = given if actions is None else actions[index]
        return Rollout(
            origin="imagined",
            frames=frames,
            fps=self.capabilities.video_fps,
            actions=None if own is None else own[:count],
            action_space=None if own is None else self.capabilities.action_space,
            instruction=observation.instruction,
            camera=camera,
            camera_model=model.resized(self.size, self.size) if model is not None and square else None,
            seed=request.seed + index,
            meta={
                "model": self.capabilities.model_id,
                "mode": request.mode,
                "actions": "given" if actions is None and own is not None else "imagined",
            },
        )

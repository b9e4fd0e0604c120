"""mini-WAM behind the model protocol: observations in, previews and rollouts out.

It fits frames to the VAE's square, runs the pipeline's stream, decodes previews and says in words when the input lies
outside what it was trained on. It knows nothing of worlds, files or pages.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from wamviz.media import fit_square
from wamviz.models.mini.chunks import HAND, Chunk, SoFar, follow, given_actions, given_video, joined, split
from wamviz.models.mini.familiar import Familiar, statistics
from wamviz.models.mini.pipeline import AT_ONCE, MiniWAMPipeline, Step, one_thread
from wamviz.models.mini.text import unknown_words
from wamviz.models.mini.vae import Reference
from wamviz.models.protocol import Capabilities, ImagineStream, check_request, frames_asked
from wamviz.rollout import Floats, Frames, Imagined, ImagineRequest, Preview, Rollout


def pick_device(name: str) -> torch.device:
    """``auto`` to cuda, else mps, else cpu; other names as they are."""
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep the libraries' bars and advice off the terminal while loading: it takes under a second."""
    shown = [lib for lib in (diffusers_logging, transformers_logging) if lib.is_progress_bar_enabled()]
    level = diffusers_logging.get_verbosity()
    for lib in shown:
        lib.disable_progress_bar()
    diffusers_logging.set_verbosity_error()
    try:
        yield
    finally:
        diffusers_logging.set_verbosity(level)
        for lib in shown:
            lib.enable_progress_bar()


def digest_of(folder: Path) -> str:
    """SHA-256 over every weight and configuration file of a pipeline, 16 hex digits, without the reports."""
    total = hashlib.sha256()
    for file in [folder / "model_index.json", *sorted(folder.glob("*/*"))]:
        if file.suffix in (".safetensors", ".json"):
            total.update(file.relative_to(folder).as_posix().encode())
            total.update(file.read_bytes())
    return total.hexdigest()[:16]


def spread_note(actions: Floats) -> str:
    """How far apart the hands of several samples (N, K, A) end, in words: what the model is unsure of, it varies."""
    ends = actions[:, :, :3].sum(1)  # (N, 3) m
    apart = 100 * float(np.linalg.norm(ends - ends.mean(0), axis=1).mean())
    return f"The hands of the {len(actions)} samples end {apart:.1f} cm from their middle on average."


class MiniWAM:
    """The embedded world-action model."""

    def __init__(self, folder: Path, capabilities: Capabilities, device: str = "auto") -> None:
        self.capabilities = capabilities
        self.device = pick_device(device)
        # Shipped weights are bfloat16; a CPU without fast bfloat16 computes in float32.
        half = self.device.type == "cuda" or (self.device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported()))
        self.dtype = torch.bfloat16 if half else torch.float32
        with quietly():
            pipeline = MiniWAMPipeline.from_pretrained(folder, dtype=self.dtype, local_files_only=True)
            # Which weights diffusers casts while loading depends on what else is installed; afterwards all are alike.
            self.pipeline = pipeline.to(self.device, self.dtype)
        self.pipeline.vae.to(memory_format=torch.channels_last)  # convolutions then need no reordering
        self.familiar = Familiar.load(folder)
        self.weights_digest = digest_of(folder)
        self.size = int(self.pipeline.vae.config.image_size)

    def imagine(self, request: ImagineRequest) -> ImagineStream:
        """Check the request now, then yield previews and end with the rollouts."""
        check_request(self.capabilities, request)
        return self._stream(request)

    def unfamiliarity(self, frame: Frames | Reference) -> float:
        """How unlike training's a frame (H, W, 3) is; above 1.0 lie 1 % of the tabletop's own. NaN where unknown."""
        if self.familiar is None:
            return float("nan")
        seen = frame if isinstance(frame, Reference) else self.pipeline.reference(fit_square(frame[None], self.size))
        vae, sight = self.pipeline.vae, self.pipeline.transformer.sight
        with one_thread():
            rows = statistics(vae, sight, seen.images, vae.standardise(seen.raw)).cpu()
        return float(self.familiar.score(rows).max())

    def strange_frames(self, frames: Frames) -> list[int]:
        """Which frames (T, H, W, 3) of a video look unlike training's: the marks are those of ``unfamiliarity``."""
        if self.familiar is None:
            return []
        vae, sight = self.pipeline.vae, self.pipeline.transformer.sight
        images = self.pipeline.images(fit_square(frames, self.size))
        rows = torch.cat([statistics(vae, sight, part).cpu() for part in images.split(AT_ONCE)])
        return [int(k) for k in (self.familiar.score(rows).amax(1) > 1).nonzero()[:, 0]]

    def rebuild(self, frames: Frames) -> Frames:
        """Frames (T, H, W, 3), context first, through the autoencoder alone: the best that can be imagined here."""
        square = fit_square(frames, self.size)
        context = self.pipeline.reference(square[:1])
        with torch.inference_mode():
            latents = self.pipeline.vae.encode(self.pipeline.images(square[1:]))
        return np.concatenate([square[:1], self.pipeline.decode(latents[None], context)[0]])

    def _notes(self, frame: Reference, request: ImagineRequest) -> list[str]:
        notes = []
        score = self.unfamiliarity(frame)
        if score > 1:
            notes.append(
                f"This frame looks unlike the tabletop frames that mini-WAM was trained on (unfamiliarity {score:.1f}, "
                "where 99 % of those stay below 1): take the rollout as a guess."
            )
        given = request.observation.frame if request.video is None else request.video[0]
        if (tall := given.shape[0]) != (wide := given.shape[1]):
            side = min(tall, wide)
            notes.append(f"mini-WAM sees the middle {side} x {side} pixels of this {wide} x {tall} picture.")
        if strange := unknown_words(self.pipeline.tokenizer, request.observation.instruction):
            listed = ", ".join(f"'{word}'" for word in strange[:5])
            notes.append(f"mini-WAM never met the word{'s' if len(strange) > 1 else ''} {listed} in training.")
        return notes

    def _given(self, request: ImagineRequest, count: int, notes: list[str]) -> tuple[Floats | None, Frames | None]:
        """The given actions (K, A) and the given video (T, size, size, 3), context first; says what lies beyond."""
        if request.mode == "forward_dynamics" and request.actions is not None:
            self._say_beyond(len(request.actions) - count, "actions", "obey", request, notes)
            return request.actions[:count], None
        if request.mode == "inverse_dynamics" and request.video is not None:
            self._say_beyond(len(request.video) - 1 - count, "frames", "explain", request, notes)
            video = fit_square(request.video[: count + 1], self.size)
            if strange := self.strange_frames(video[1:]):
                notes.append(
                    f"{len(strange)} of the {count} frames of the video look unlike the tabletop frames that mini-WAM "
                    f"was trained on (the first is frame {strange[0] + 1}): take the actions as a guess."
                )
            return None, video
        return None, None

    def _say_beyond(self, beyond: int, what: str, verb: str, request: ImagineRequest, notes: list[str]) -> None:
        if beyond > 0 and request.horizon is not None:
            notes.append(f"The last {beyond} of the given {what} lie beyond the horizon of {request.horizon}.")
        elif beyond > 0:
            longest = self.capabilities.longest
            notes.append(f"mini-WAM can {verb} {longest} {what} in a row; the last {beyond} were left out.")

    def _stream(self, request: ImagineRequest) -> Iterator[Preview | Imagined]:
        start = time.perf_counter()
        state = request.observation.state
        frame = fit_square(request.observation.frame[None], self.size)  # (1, size, size, 3) uint8
        reference = self.pipeline.reference(frame)
        notes = self._notes(reference, request)
        count = frames_asked(self.capabilities, request)
        given = self._given(request, count, notes)
        knows = state is not None and len(state) == self.pipeline.transformer.config.state_dim
        if state is not None and knows and request.observation.world_state is None:  # ALOHA's has as many numbers
            notes.append(f"The state's {len(state)} numbers were taken for the tabletop's: hand, gripper, joints.")
        so_far = SoFar(
            reference,
            frame[0],
            state[None] if state is not None and knows else None,
            noises=tuple(self.pipeline.noises(request.seed, request.samples)),
            seconds={"encode": time.perf_counter() - start, "denoise": 0.0, "decode": 0.0},
        )
        for chunk in split(count, self.capabilities.horizon):
            so_far = yield from self._chunk(request, chunk, so_far, *given)
        if count > self.capabilities.horizon:
            notes.append(
                f"Imagined {self.capabilities.horizon} frames at a time, each chunk from where the one before ended: "
                "mistakes add up."
            )
        if so_far.actions is not None and request.samples > 1:
            notes.append(spread_note(so_far.actions))
        rollouts = tuple(self._rollout(request, i, count, so_far, given[0]) for i in range(request.samples))
        yield Imagined(rollouts, {"total": time.perf_counter() - start, **so_far.seconds}, tuple(notes))

    def _chunk(
        self, request: ImagineRequest, chunk: Chunk, so_far: SoFar, actions: Floats | None, video: Frames | None
    ) -> Generator[Preview, None, SoFar]:
        """Yield the previews of one chunk and return what is known after it."""
        begun = time.perf_counter()
        size, context = self.capabilities.horizon, so_far.context
        if video is not None and chunk.start:  # what is given need not be imagined
            context = self.pipeline.reference(video[chunk.start][None])
        told = None if actions is None else given_actions(actions, chunk, size)
        last: Step | None = None
        for last in self.pipeline.stream(
            context,
            request.observation.instruction,
            state=so_far.state,
            mode=request.mode,
            samples=request.samples,
            steps=request.steps or self.capabilities.default_steps,
            actions=told,
            video=None if video is None else given_video(video, chunk, size),
            generators=so_far.noises,
            guidance=request.guidance,
        ):
            if last.step == 0:
                encoded = time.perf_counter()
            if last.step < last.steps and (last.step or not chunk.index):
                yield self._preview(last, chunk, so_far)
        assert last is not None
        denoised = time.perf_counter()
        after = so_far.seconds
        if last.latents is not None:
            frames = self.pipeline.decode(last.latents[:, : chunk.frames], context)
            so_far = replace(so_far, frames=joined(so_far.frames, frames))
            if not chunk.last:
                so_far = replace(so_far, context=self.pipeline.reference(frames[:, -1]))
        acted = None if told is None else told[None]
        if last.actions is not None:
            acted = self._legal(last.actions.cpu().numpy())
            so_far = replace(so_far, actions=joined(so_far.actions, acted[:, : chunk.frames]))
        state = None
        if so_far.state is not None and acted is not None:
            state = self.next_state(so_far.state, acted[:, : chunk.frames])
        decoded = time.perf_counter()
        spent = {"encode": encoded - begun, "denoise": denoised - encoded, "decode": decoded - denoised}
        so_far = replace(so_far, state=state, seconds={name: after[name] + spent[name] for name in after})
        if not chunk.last:
            note = chunk.words("done")
            shown = None if so_far.frames is None else self._with_context(so_far.frames[:1], so_far.first)
            yield Preview((chunk.index + 1) * last.steps, chunk.count * last.steps, shown, so_far.actions, note)
        return so_far

    def next_state(self, states: Floats, actions: Floats) -> Floats:
        """The states (N, D) from which a chunk goes on after actions (N, K, A), see ``chunks.follow``.

        Joints are not known then, and are told as training's mean: on held-out windows that costs 3 % of the action
        error, hiding the whole state 13 %, the joints of the chunk before 5 %.
        """
        after = follow(states, actions)
        mean = self.pipeline.transformer.config.state_mean
        after[:, HAND:] = 0.0 if mean is None else np.asarray(mean[HAND:], np.float32)
        return after

    def _preview(self, step: Step, chunk: Chunk, so_far: SoFar) -> Preview:
        """Only the first sample is decoded: a preview must not cost more than the step it shows."""
        frames, actions = None, None
        if step.latents is not None:
            new = self.pipeline.decode(step.latents[:1, : chunk.frames], so_far.context.one(0))
            frames = self._with_context(joined(None if so_far.frames is None else so_far.frames[:1], new), so_far.first)
        if step.actions is not None:
            actions = joined(so_far.actions, self._legal(step.actions.cpu().numpy())[:, : chunk.frames])
        done, steps = chunk.index * step.steps + step.step, chunk.count * step.steps
        return Preview(done, steps, frames, actions, chunk.words("context" if done == 0 else "denoising"))

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
        count: int,
        so_far: SoFar,
        given: Floats | None,
    ) -> Rollout:
        observation, camera = request.observation, request.observation.main_camera
        model = observation.cameras.get(camera)
        square = model is not None and model.width == model.height
        frames = None if so_far.frames is None else self._with_context(so_far.frames[index][None], so_far.first)[0]
        own = given if so_far.actions is None else so_far.actions[index]
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
                "actions": "given" if so_far.actions is None and own is not None else "imagined",
            },
        )

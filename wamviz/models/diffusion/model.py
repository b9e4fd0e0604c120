"""A pipeline of diffusers behind the model protocol: what all kinds share.

Contract: every frame and action comes out of the pipeline's own call; frame 0 is the context itself. Each sample has a
generator of its own on the CPU, so that a seed gives the same noise on every device. A pipeline runs one call at a
time: a second request waits, and says so. Closing the stream ends the call before its next block. It knows no page.

Axis letters: T frames, K actions, H/W pixels, A numbers of an action.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from wamviz.core.devices import pick, ran_out_of_memory
from wamviz.core.errors import WamvizError, unknown_name
from wamviz.core.rollout import ActionSpace, Floats, Frames, Imagined, ImagineRequest, Preview, Rollout
from wamviz.core.threads import BEAT_S
from wamviz.models.connections import Connection
from wamviz.models.diffusion.checkpoints import digest, look
from wamviz.models.diffusion.kinds import PipelineKind
from wamviz.models.diffusion.loading import Loaded, load, pick_dtype, takes
from wamviz.models.diffusion.memory import advice, free
from wamviz.models.diffusion.options import Options
from wamviz.models.diffusion.running import Watch, counting, run_in_thread, stoppable
from wamviz.models.protocol import Capabilities, ImagineStream, check_request


@dataclass
class Sample:
    """One rollout as far as it is known.

    Attributes:
        context: (H, W, 3) uint8, what the next chunk starts from, as it was recorded or imagined.
        frames: (T, H, W, 3) uint8 imagined so far, without the context; None before the first.
        actions: (K, A) float32 so far, in the units of the action space; None before the first.
    """

    context: Frames
    frames: Frames | None = None
    actions: Floats | None = None

    def add(self, frames: Frames | None, actions: Floats | None) -> None:
        """Take what a chunk brought; its last frame is the next one's context."""
        if frames is not None:
            self.frames = frames if self.frames is None else np.concatenate([self.frames, frames])
            self.context = frames[-1] if len(frames) else self.context
        if actions is not None:
            self.actions = actions if self.actions is None else np.concatenate([self.actions, actions])


@dataclass(frozen=True)
class SamplingPlan:
    """What a request comes to.

    Attributes:
        frame: (H, W, 3) uint8, the context's chosen view.
        camera: its name.
        lengths: frames, or actions, that each chunk adds.
        steps: of each chunk.
        size: (H, W) that the model works at.
        notes: sentences for the user.
    """

    frame: Frames
    camera: str
    lengths: tuple[int, ...]
    steps: int
    size: tuple[int, int]
    notes: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


class DiffusionModel:
    """A model out of diffusers; see ``video`` and ``cosmos3`` for what differs between them."""

    def __init__(
        self,
        kind: PipelineKind,
        connection: Connection,
        options: Options,
        capabilities: Capabilities,
        device: str = "auto",
    ) -> None:
        self.capabilities, self.kind, self.options = capabilities, kind, options
        self.name = connection.name
        self._connection = connection
        self.device = pick(device)
        self._busy = threading.Lock()
        self._loaded: Loaded | None = None
        self.loaded()
        settings = {name: value for name, value in connection.to_json().items() if name not in ("name", "timeout")}
        self.weights_digest = digest(look(kind, connection), json.dumps(settings, sort_keys=True))

    # --- what differs between kinds ---------------------------------------------------------------------------------

    def plan(self, request: ImagineRequest) -> SamplingPlan:
        """Check a request as far as only this kind can, and say what it comes to."""
        raise NotImplementedError

    def arguments(self, request: ImagineRequest, plan: SamplingPlan, chunk: int, sample: Sample) -> dict[str, Any]:
        """What the pipeline is called with for one chunk, besides its generator and its steps."""
        raise NotImplementedError

    def take(self, request: ImagineRequest, plan: SamplingPlan, chunk: int, sample: Sample, output: Any) -> None:
        """Add what the pipeline returned to a sample."""
        raise NotImplementedError

    def unfit(self, plan: SamplingPlan, frames: Frames) -> Frames:
        """(T, h, w, 3) of what the model made, in the context's shape, its copy of the context included."""
        raise NotImplementedError

    def space(self) -> ActionSpace | None:
        """Of the actions in a rollout."""
        return self.capabilities.action_space

    # --- what is shared ---------------------------------------------------------------------------------------------

    def loaded(self) -> Loaded:
        """The pipeline; loaded again where it had been unloaded."""
        if self._loaded is None:
            try:
                self._loaded = load(self.kind, self.options, look(self.kind, self._connection), self.device)
            except Exception as error:
                if not ran_out_of_memory(error):
                    raise
                dtype = pick_dtype(self.options.dtype, self.device)
                problem = advice(self.name, self.kind, self.options, self.device, dtype, loading=True)
                raise self._freed(error, problem) from None
        return self._loaded

    def unload(self) -> None:
        """Let go of the weights; a call that is running keeps them until it ends, a later one loads them again."""
        self._loaded = None
        free()

    @staticmethod
    def _freed(error: BaseException, problem: WamvizError) -> WamvizError:
        """The problem to raise, after what the failed call held was given back."""
        while error is not None:
            trace = error.__traceback__
            while trace is not None:  # the frames of a failed call hold its tensors
                try:
                    trace.tb_frame.clear()
                except RuntimeError:  # one that is still running is this one or above it
                    pass
                trace = trace.tb_next
            error = error.__context__  # type: ignore[assignment]
        free()
        return problem

    def imagine(self, request: ImagineRequest) -> ImagineStream:
        """Check the request now; then yield previews and end with the rollouts."""
        check_request(self.capabilities, request)
        return self._stream(request, self.plan(request))

    def view(self, request: ImagineRequest) -> str:
        """Which of the context's cameras is taken."""
        camera, frames = self.options.camera, request.observation.frames
        if camera and camera not in frames:
            raise unknown_name("camera of this context", camera, frames)
        return camera or request.observation.main_camera

    def _stream(self, request: ImagineRequest, plan: SamplingPlan) -> Iterator[Preview | Imagined]:
        start = time.perf_counter()
        total = request.samples * len(plan.lengths) * plan.steps
        yield Preview(0, total, note="context")
        while not self._busy.acquire(timeout=BEAT_S):
            yield Preview(0, total, note=f"waiting for another rollout of {self.capabilities.title}")
        try:
            if self._loaded is None:
                yield Preview(0, total, note=f"loading {self.capabilities.title}")
            loaded, samples, failed = self.loaded(), list[Sample](), ""
            for index in range(request.samples):
                try:
                    samples.append((yield from self._sample(loaded, request, plan, index, total)))
                except WamvizError as error:
                    if not samples:
                        raise
                    failed = f"Sample {index + 1} failed, and no further one was asked for: {error}"
                    break
        finally:
            self._busy.release()
        spent = {"total": time.perf_counter() - start}
        rollouts = tuple(self._rollout(request, plan, sample, index) for index, sample in enumerate(samples))
        notes = (*loaded.notes, *plan.notes, *filter(None, [failed]))
        yield Imagined(rollouts, spent, tuple(dict.fromkeys(notes)))

    def _sample(
        self, loaded: Loaded, request: ImagineRequest, plan: SamplingPlan, index: int, total: int
    ) -> Generator[Preview, None, Sample]:
        """One rollout, chunk after chunk."""
        generator = torch.Generator("cpu").manual_seed(request.seed + index)
        sample, done = Sample(plan.frame), index * len(plan.lengths) * plan.steps
        for chunk in range(len(plan.lengths)):
            words = self._words(request, plan, index, chunk)
            yield from self._chunk(loaded, request, plan, chunk, sample, generator, done, total, words)
            done += plan.steps
            frames = None if sample.frames is None else self._shown(plan, sample.frames)[None]
            actions = None if sample.actions is None else sample.actions[None]
            yield Preview(done, total, frames, actions, words)
        return sample

    @staticmethod
    def _words(request: ImagineRequest, plan: SamplingPlan, index: int, chunk: int) -> str:
        words = ["denoising"]
        if request.samples > 1:
            words.append(f"sample {index + 1} of {request.samples}")
        if len(plan.lengths) > 1:
            words.append(f"chunk {chunk + 1} of {len(plan.lengths)}")
        return ", ".join(words)

    def _chunk(
        self, loaded: Loaded, request: ImagineRequest, plan: SamplingPlan, chunk: int, sample: Sample,
        generator: torch.Generator, done: int, total: int, words: str,
    ) -> Generator[Preview, None, None]:  # fmt: skip
        """One call of the pipeline: a preview a step, and what came back added to the sample."""
        arguments = self.arguments(request, plan, chunk, sample)
        try:
            called = run_in_thread(lambda watch: self._call(loaded.pipe, watch, plan.steps, generator, arguments))
            now = done
            try:
                while True:
                    step = next(called)
                    picture = None
                    if step is not None:
                        now = done + min(step.done, plan.steps)
                        picture = None if step.picture is None else self._picture(plan, chunk, sample, step.picture)
                    yield Preview(now, total, picture, note=words)
            except StopIteration as end:
                output = end.value
            finally:
                called.close()
            self.take(request, plan, chunk, sample, output)
        except WamvizError:
            raise
        except Exception as error:
            if ran_out_of_memory(error):
                problem = advice(self.name, self.kind, self.options, self.device, loaded.dtype, False, plan.size)
                raise self._freed(error, problem) from None
            if isinstance(error, ValueError):  # how pipelines refuse what they are asked
                raise WamvizError(f"{self.kind.pipeline} refused: {str(error).strip()[:400]}") from error
            raise

    def _call(self, pipe: Any, watch: Watch, steps: int, generator: torch.Generator, arguments: dict[str, Any]) -> Any:
        """The pipeline's own call, in the thread of ``run_in_thread``."""
        keywords: dict[str, Any] = {**arguments, "num_inference_steps": steps, "generator": generator}
        with ExitStack() as stack:
            stack.enter_context(stoppable(pipe, watch))
            if takes(pipe, "callback_on_step_end"):
                keywords["callback_on_step_end"] = watch.on_step_end
                every = self.options.previews
                if every and keywords.get("output_type") != "latent":
                    watch.show = lambda step, latents: (
                        decoded(pipe, latents) if step % every == 0 and step < steps else None
                    )
            else:
                stack.enter_context(counting(pipe, watch))
            try:
                return pipe(**keywords)
            finally:
                pipe.maybe_free_model_hooks()  # after a call that was stopped as well: caches and offloading start anew

    def _picture(self, plan: SamplingPlan, chunk: int, sample: Sample, frames: Frames) -> Frames:
        """(1, T, h, w, 3) of a rollout whose present chunk is not done yet."""
        new = self.unfit(plan, frames)[1 : 1 + plan.lengths[chunk]]
        return self._shown(plan, new if sample.frames is None else np.concatenate([sample.frames, new]))[None]

    def _shown(self, plan: SamplingPlan, frames: Frames) -> Frames:
        """(T, h, w, 3) imagined frames with the context in front, all of one size."""
        from wamviz.core.media import resize

        height, width = frames.shape[1:3]
        return np.concatenate([resize(plan.frame, height, width)[None], frames])

    def _rollout(self, request: ImagineRequest, plan: SamplingPlan, sample: Sample, index: int) -> Rollout:
        camera = request.observation.cameras.get(plan.camera)
        frames = None if sample.frames is None else self._shown(plan, sample.frames)
        given = request.mode == "forward_dynamics"
        return Rollout(
            origin="imagined",
            frames=frames,
            fps=self.options.fps,
            actions=sample.actions,
            action_space=None if sample.actions is None else self.space(),
            instruction=request.observation.instruction,
            camera=plan.camera,
            camera_model=None if camera is None or frames is None else camera.resized(frames.shape[2], frames.shape[1]),
            seed=request.seed + index,
            meta={
                "model": self.capabilities.model_id,
                "mode": request.mode,
                "actions": "given" if given else "none" if sample.actions is None else "imagined",
                "pipeline": self.kind.pipeline,
            },
        )


def lengths(count: int, each: int) -> tuple[int, ...]:
    """How ``count`` frames are imagined ``each`` at a time.

    >>> lengths(40, 16)
    (16, 16, 8)
    """
    return tuple(min(each, count - start) for start in range(0, count, each))


def decoded(pipe: Any, latents: torch.Tensor) -> Frames:
    """(T, H, W, 3) uint8 of latents (1, C, T, h, w) between two steps, as pipelines with Wan's autoencoder end."""
    vae = pipe.vae
    mean, std = (
        torch.tensor(values, dtype=vae.dtype, device=latents.device).view(1, -1, 1, 1, 1)
        for values in (vae.config.latents_mean, vae.config.latents_std)
    )
    video = vae.decode(latents.to(vae.dtype) * std + mean, return_dict=False)[0]
    return uint8(pipe.video_processor.postprocess_video(video, output_type="np")[0])


def uint8(frames: Any) -> Frames:
    """(T, H, W, 3) uint8 of what a pipeline returned as floats in 0 .. 1."""
    array = np.asarray(frames, np.float32)
    return np.clip(np.rint(array * 255), 0, 255).astype(np.uint8)

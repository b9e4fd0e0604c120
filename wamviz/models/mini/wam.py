"""mini-WAM behind the model protocol: observations in, previews and rollouts out.

It fits frames to the painter's square, walks the pipeline chunk after chunk, and says in words when the input lies
outside what it was trained on. It knows nothing of worlds, files or pages.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from diffusers.utils import logging as diffusers_logging
from numpy.typing import NDArray
from transformers.utils import logging as transformers_logging

from wamviz.core.devices import pick
from wamviz.core.media import fit_square
from wamviz.core.rollout import CAUTIONS, Floats, Frames, Imagined, ImagineRequest, Observation, Preview, Rollout
from wamviz.models.mini.chunks import Chunk, at_rest, given_actions, given_video, last_move, split
from wamviz.models.mini.driving import open_dream
from wamviz.models.mini.entry import digest_of
from wamviz.models.mini.notes import CHUNKED, Caution, note_beyond, note_doubts, note_spread, note_strange_frames
from wamviz.models.mini.ood import OODDetector, statistics
from wamviz.models.mini.pipeline import MiniWAMPipeline, Observed, Picture, SamplingStep
from wamviz.models.mini.situation import Situation
from wamviz.models.mini.text import unknown_words
from wamviz.models.mini.warp import Pose, WarpView
from wamviz.models.protocol import Capabilities, DreamStep, ImagineStream, check_request, frames_asked, open_ended

SURE = 0.3  # temperature of acting alone and of reading actions off a video: the best guess, not one of many futures
HONEST = 1.3  # temperature of futures: their spread is then about as wide as they err (benchmarks/fan.py)
SHOWN_AFTER = 4  # pictures drawn, a preview: whole videos are copied for it
DRAWS = ("joint", "imagine_then_act", "video", "forward_dynamics")


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


class _Context(NamedTuple):
    """A frame (S, S, 3) uint8, its camera (3, 4), the state (D,) and the action (A,) before it; None if not known."""

    frame: Frames
    camera: NDArray[np.float64] | None
    state: Floats | None
    previous: Floats | None


@dataclass
class _Progress:
    """What a rollout has come to so far.

    Attributes:
        observed: the context; view: what every picture is drawn from, under way; situation: where everything is by
            now.
        frames: one (N, t, S, S, 3) uint8 a finished chunk; actions: one (N, t, A) likewise, physical.
        dropped: (N, k, A) that a video was drawn for which is given without them.
    """

    observed: Observed
    situation: Situation
    first: Frames
    seconds: dict[str, float]
    view: Future[WarpView] | None = None
    frames: list[Frames] = field(default_factory=list)
    actions: list[Floats] = field(default_factory=list)
    dropped: Floats | None = None

    def shown(self, new: Frames | None = None) -> Frames | None:
        """The first sample's frames (1, T, S, S, 3), context first, with those of a chunk under way."""
        parts = [f[:1] for f in self.frames] + ([] if new is None else [new])
        return np.concatenate([self.first[None, None], *parts], axis=1) if parts else None

    def acted(self, new: Floats | None = None) -> Floats | None:
        """Every action so far (N, k, A), with those of a chunk under way."""
        parts = self.actions + ([] if new is None else [new])
        return np.concatenate(parts, axis=1) if parts else None


class MiniWAM:
    """The embedded world-action model."""

    def __init__(self, folder: Path, capabilities: Capabilities, device: str = "auto") -> None:
        self.capabilities = capabilities
        self.device = torch.device(pick(device))
        with quietly():
            # Weights are kept in half precision; everything computes in float32, which places to a pixel need.
            pipeline = MiniWAMPipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
            self.pipeline = pipeline.to(self.device, torch.float32)
        for part in (self.pipeline.detector, self.pipeline.painter):
            part.to(memory_format=torch.channels_last)  # convolutions then need no reordering
        self._aside = ThreadPoolExecutor(1)
        self.ood_detector = OODDetector.load(folder)
        self.weights_digest = digest_of(folder)
        self.size = int(self.pipeline.painter.config.image_size)

    def imagine(self, request: ImagineRequest) -> ImagineStream:
        """Check the request now, then yield previews and end with the rollouts."""
        check_request(self.capabilities, request)
        return self._stream(request)

    def open_drive(self, observation: Observation, seed: int = 0) -> DreamStep:
        """See ``DrivableModel``; the model is not told the instruction, so that only the actions make the future."""
        context = self._fit(observation)
        observed = self.pipeline.observe(*context)
        return open_dream(self.pipeline, observed, context.frame, self.capabilities.action_space, seed)

    def _fit(self, observation: Observation) -> _Context:
        """A context as the pipeline takes it."""
        frame = fit_square(observation.frame[None], self.size)[0]
        calibration = observation.cameras.get(observation.main_camera)
        camera = None if calibration is None else calibration.square_projection()
        config, state, previous = self.pipeline.transformer.config, observation.state, observation.previous_action
        if state is not None and len(state) != config.state_dim:
            state = None
        if state is None or (previous is not None and len(previous) != config.action_dim):
            previous = None
        return _Context(frame, camera, state, previous)

    def _look(self, context: _Context, draws: bool) -> tuple[Observed, Future[WarpView] | None]:
        """What is found in a context and, where pictures are to be drawn, what they are drawn from, under way.

        Where the state is given, the light is looked for beside the things; else once the arm has been found.
        """
        pipeline, early = self.pipeline, None
        if draws and context.state is not None:
            state = torch.tensor(context.state, dtype=torch.float32, device=self.device)[None]
            image, camera = pipeline.images(context.frame[None]), pipeline.camera(context.camera)
            early = self._aside.submit(pipeline.backdrop, image, camera, state)
        observed = pipeline.observe(*context, alone=early is None)
        if not draws:
            return observed, None
        return observed, self._aside.submit(lambda: pipeline.view(observed, None if early is None else early.result()))

    # ------------------------------------------------------------------ what it does not know

    @torch.inference_mode()
    def ood_score(self, frame: Frames | Observed) -> float:
        """How unlike training's a frame (H, W, 3) is; above 1.0 lie 1 % of the tabletop's own. NaN where unknown."""
        if self.ood_detector is None:
            return float("nan")
        if isinstance(frame, Observed):
            rows = statistics(frame.image, frame.found)
        else:
            images = self.pipeline.images(fit_square(frame[None], self.size))
            rows = statistics(images, self.pipeline.detect(images))
        return float(self.ood_detector.score(rows.cpu()).max())

    @torch.inference_mode()
    def strange_frames(self, frames: Frames) -> list[int]:
        """Which frames (T, H, W, 3) of a video look unlike training's: the marks are those of ``ood_score``."""
        if self.ood_detector is None:
            return []
        parts = self.pipeline.images(fit_square(frames, self.size)).split(32)
        rows = torch.cat([statistics(part, self.pipeline.detect(part)).cpu() for part in parts])
        return [int(k) for k in (self.ood_detector.score(rows).amax(1) > 1).nonzero()[:, 0]]

    def _doubts(self, observed: Observed, request: ImagineRequest) -> list[str]:
        """Why a rollout from this context may be worth less than others, in words."""
        strange = unknown_words(self.pipeline.tokenizer, request.observation.instruction)
        return note_doubts(request, self.ood_score(observed), observed.situation.known, strange)

    # ------------------------------------------------------------------ what is given

    def _given(self, request: ImagineRequest, count: int, notes: list[str]) -> tuple[Floats | None, Frames | None]:
        """The given actions (K, A) and the given video (T, size, size, 3), context first; notes what lies beyond."""
        horizon, longest = request.horizon, self.capabilities.longest
        if request.mode == "forward_dynamics" and request.actions is not None:
            notes += note_beyond(len(request.actions) - count, "actions", "obey", horizon, longest)
            return request.actions[:count], None
        if request.mode == "inverse_dynamics" and request.video is not None:
            notes += note_beyond(len(request.video) - 1 - count, "frames", "explain", horizon, longest)
            video = fit_square(request.video[: count + 1], self.size)
            notes += note_strange_frames(self.strange_frames(video[1:]), count)
            return None, video
        return None, None

    # ------------------------------------------------------------------ imagining

    def _stream(self, request: ImagineRequest) -> Iterator[Preview | Imagined]:
        begun = time.perf_counter()
        observation, size = request.observation, self.capabilities.horizon
        context = self._fit(observation)
        observed, view = self._look(context, request.mode in DRAWS)
        camera = observed.camera[0].cpu().numpy()
        doubts = self._aside.submit(self._doubts, observed, request)  # read at the end only
        notes: list[str] = []
        if context.state is not None and observation.world_state is None:  # ALOHA's has as many numbers
            notes.append("The state's 14 numbers were taken for the tabletop's: hand, gripper, joints.")
        open_end = open_ended(self.capabilities, request)
        count = (self.capabilities.open_horizon if open_end else None) or frames_asked(self.capabilities, request)
        actions, video = self._given(request, count, notes)
        so_far = _Progress(
            observed, observed.situation, context.frame,
            {"encode": time.perf_counter() - begun, "denoise": 0.0, "decode": 0.0}, view,
        )  # fmt: skip
        noises = self.pipeline.noises(request.seed, request.samples)
        for chunk in split(count, size):
            given = None if actions is None else given_actions(actions, chunk, size)
            if video is not None and chunk.start:  # what is given need not be imagined
                led_here = so_far.actions[-1][0, -1]
                so_far.observed = self.pipeline.observe(video[chunk.start], camera, None, led_here)
                so_far.situation = so_far.observed.situation
            shown = None if video is None else given_video(video, chunk, size)
            yield from self._chunk(request, chunk, so_far, noises, given, shown, open_end)
            if open_end and at_rest(so_far.actions[-1]):
                break
        if open_end:
            count = self._end_at_rest(so_far, notes)
        elif count > size:
            notes.append(CHUNKED.format(size=size))
        if request.mode == "video":  # the marginal: what was imagined for the actions stays
            so_far.dropped, so_far.actions = so_far.acted(), []
        acted = so_far.acted()
        if acted is not None and request.samples > 1:
            notes.append(note_spread(acted))
        notes = doubts.result() + notes
        rollouts = tuple(self._rollout(request, i, count, so_far, actions) for i in range(request.samples))
        if cautions := [str(note) for note in notes if isinstance(note, Caution)]:
            rollouts = tuple(replace(one, meta={**one.meta, CAUTIONS: cautions}) for one in rollouts)
        yield Imagined(rollouts, {"total": time.perf_counter() - begun, **so_far.seconds}, tuple(notes))

    def _end_at_rest(self, so_far: _Progress, notes: list[str]) -> int:
        """Cut a rollout of open end where its last sample comes to rest; returns how many frames are left."""
        acted = so_far.acted()
        assert acted is not None
        count = min(acted.shape[1], max(self.capabilities.horizon // 2, last_move(acted) + 2))
        size = self.capabilities.horizon
        if count > size:
            notes.append(CHUNKED.format(size=size))
        if not at_rest(so_far.actions[-1]):
            notes.append(f"After {acted.shape[1]} actions it was not done yet; ask for a longer horizon to see more.")
        so_far.actions = [acted[:, :count]]
        if so_far.frames:
            so_far.frames = [np.concatenate(so_far.frames, axis=1)[:, :count]]
        return count

    def _chunk(
        self, request: ImagineRequest, chunk: Chunk, so_far: _Progress, noises: list[torch.Generator],
        given: Floats | None, video: Frames | None, open_end: bool,
    ) -> Generator[Preview, None, None]:  # fmt: skip
        """Imagine one chunk: yields its previews and writes what is known after it into ``so_far``."""
        begun = time.perf_counter()
        mode, steps = request.mode, request.steps or self.capabilities.default_steps
        camera = so_far.observed.camera
        motion = None if video is None else self.pipeline.read_motion(video, so_far.observed)
        parts = (2 if open_end else chunk.count) * 100

        def preview(share: float, frames: Frames | None, actions: Floats | None, doing: str) -> Preview:
            done = min(chunk.index * 100 + round(100 * share), parts - 1)
            note = f"chunk {chunk.index + 1}, {doing}" if open_end and chunk.index else doing
            return Preview(done, max(parts, done + 1), frames, actions, note if open_end else chunk.words(doing))

        last: SamplingStep | None = None
        glimpse: Future[Picture] | None = None
        for last in self.pipeline.stream(
            so_far.situation, camera, request.observation.instruction, mode=mode, steps=steps, generators=noises,
            actions=given, motion=motion, guidance=request.guidance,
            temperature=SURE if mode in ("act_only", "inverse_dynamics") else HONEST,
        ):  # fmt: skip
            decided = None if last.actions is None or mode == "video" else so_far.acted(self._legal(last.actions))
            if last.step < last.steps and (last.step or not chunk.index):
                if mode in DRAWS and glimpse is None:
                    glimpse = self._glimpse(so_far, last, chunk.frames, given)
                share = 0.2 * last.step / last.steps if mode in DRAWS else last.step / last.steps
                yield preview(share, so_far.shown(), decided, "denoising" if last.step else "context")
        assert last is not None
        denoised = time.perf_counter()
        so_far.seconds["denoise"] += denoised - begun
        n, k = request.samples, chunk.frames
        taken = np.repeat(given[None], n, 0) if given is not None else self._legal(last.actions)
        if mode in DRAWS:
            assert last.motion is not None and last.joints is not None
            obeyed = torch.tensor(taken, device=self.device)
            moved = last.motion[:, :k], obeyed[:, :k], last.joints[:, :k]
            poses, so_far.situation = self.pipeline.follow(so_far.situation, *moved)
            acted = None if given is not None or mode == "video" else so_far.acted(taken[:, :k])
            for share, shown in self._draw(so_far, poses, n, k, glimpse):
                yield preview(0.2 + 0.8 * share, so_far.shown(shown), acted, "drawing")
            so_far.seconds["decode"] += time.perf_counter() - denoised
        if mode == "imagine_then_act":
            taken = self._read_actions(request, so_far, so_far.frames[-1], noises, steps)
        if given is None:
            so_far.actions.append(taken[:, :k])

    def _glimpse(self, so_far: _Progress, step: SamplingStep, k: int, given: Floats | None) -> Future[Picture] | None:
        """Begin to draw the last of ``k`` moments once it is foreseen; None where it is not or no core is idle."""
        if step.motion is None or step.joints is None:
            return None
        assert so_far.view is not None
        taken = self._legal(step.actions) if given is None else given[None]
        obeyed = torch.tensor(taken[:, :k], device=self.device)
        return self.pipeline.glimpse(so_far.view, so_far.situation, step.motion[:, :k], obeyed, step.joints[:, :k])

    def _draw(
        self, so_far: _Progress, poses: Pose, n: int, k: int, glimpse: Future[Picture] | None
    ) -> Iterator[tuple[float, Frames]]:
        """Draw a chunk's poses into ``so_far``: yields the share that is drawn and what the first sample then shows.

        A glimpse of the end comes first; then a few pictures over the whole of it, each shown until the next; then the
        rest, sample after sample.
        """
        frames = np.zeros((n, k, self.size, self.size, 3), np.uint8)
        early = [k - 1] if k < 4 else [k // 2 - 1, k - 1]
        order = [*early, *(i for i in range(n * k) if i not in early)]
        drawn: list[int] = []
        assert so_far.view is not None
        for numbers, pixels in self.pipeline.paint(so_far.view.result(), poses, order, glimpse):
            if glimpse is not None:
                glimpse = None
                yield 0.0, np.repeat(pixels[None], k, axis=1)
                continue
            frames.reshape(n * k, *frames.shape[2:])[numbers] = pixels
            drawn += numbers
            if len(drawn) < n * k and (len(drawn) <= len(early) or len(drawn) % SHOWN_AFTER == 0):
                known = np.array(sorted(i for i in drawn if i < k))
                held = known[np.minimum(np.searchsorted(known, np.arange(k)), len(known) - 1)]
                yield len(drawn) / (n * k), frames[:1, held]
        so_far.frames.append(frames)

    def _read_actions(
        self, request: ImagineRequest, so_far: _Progress, frames: Frames, noises: list[torch.Generator], steps: int
    ) -> Floats:
        """The actions (N, K, A) that explain imagined frames (N, k, S, S, 3): inverse dynamics, sample by sample."""
        begun = time.perf_counter()
        size, k = self.capabilities.horizon, frames.shape[1]
        before = so_far.frames[-2][:, -1] if len(so_far.frames) > 1 else None
        camera = so_far.observed.camera
        out = []
        for i, noise in enumerate(noises):
            start = so_far.observed
            if before is not None:
                led_here = so_far.actions[-1][i, -1]
                start = self.pipeline.observe(before[i], camera[0].cpu().numpy(), None, led_here)
            padded = np.concatenate([frames[i], np.repeat(frames[i, -1:], size - k, axis=0)])
            motion = self.pipeline.read_motion(padded, start)
            *_, last = self.pipeline.stream(
                start.situation, camera, request.observation.instruction, mode="inverse_dynamics", steps=steps,
                generators=[noise], motion=motion, temperature=SURE,
            )  # fmt: skip
            out.append(self._legal(last.actions))
        so_far.seconds["denoise"] += time.perf_counter() - begun
        return np.concatenate(out)

    def _legal(self, actions: torch.Tensor | None) -> Floats:
        """Actions clipped to the limits of the action space, as a controller would."""
        space = self.capabilities.action_space
        assert actions is not None and space is not None
        return space.clip(actions.cpu().numpy())

    def _rollout(
        self, request: ImagineRequest, index: int, count: int, so_far: _Progress, given: Floats | None
    ) -> Rollout:
        observation, camera = request.observation, request.observation.main_camera
        model = observation.cameras.get(camera)
        square = model is not None and model.width == model.height
        frames = None
        if so_far.frames:
            frames = np.concatenate([so_far.first[None], *(f[index] for f in so_far.frames)])
        acted = so_far.acted()
        own = given if acted is None else acted[index]
        meta: dict[str, object] = {"model": self.capabilities.model_id, "mode": request.mode}
        meta["actions"] = "given" if acted is None and own is not None else "imagined"
        if so_far.dropped is not None:
            meta["actions_drawn"] = so_far.dropped[index, :count].tolist()
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
            meta=meta,
        )

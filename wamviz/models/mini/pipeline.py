"""mini-WAM as a diffusers pipeline: a frame and a sentence in, denoising steps out.

``observe`` finds out where everything is, ``stream`` decides what to do and foresees what moves, ``paint`` draws it.
Each can be watched and stopped. Everything is deterministic for a seed on one device. Axis letters: N samples, K
actions, A action dims, M motion dims, O things, S pixels a side, T frames.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast, T5EncoderModel

from wamviz.models.mini.arm import hand_of
from wamviz.models.mini.arm_pose import certainty, track_arm
from wamviz.models.mini.context import ContextCache, ScenePoints
from wamviz.models.mini.detector import Detected, MiniDetector
from wamviz.models.mini.painter import MiniPainter
from wamviz.models.mini.paths import noise_path
from wamviz.models.mini.situation import Situation, assume_held, follow_motion, read_state
from wamviz.models.mini.text import EMPTY, MAX_TOKENS
from wamviz.models.mini.transformer import HAND, MiniWAMTransformer
from wamviz.models.mini.warp import THINGS, Pose, WarpView

AT_ONCE = 64  # pictures that a GPU draws together; a CPU draws one at a time, and of that only what changes
WORDS_KEPT = 64  # instructions whose features are kept: a quarter of a megabyte
Picture = tuple[list[int], NDArray[np.uint8]]  # the numbers of poses, and what they look like (B, S, S, 3)
READ = 0.05  # noise level of motion that was read off pictures, the hand to some 5 mm: measured, see the model card


@contextlib.contextmanager
def one_thread(alone: bool = True) -> Iterator[None]:
    """Compute on one CPU thread inside, if ``alone``.

    Deciding consists of hundreds of operations of a tenth of a millisecond; waking a second thread for each takes
    longer than it saves.
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
class Observed:
    """A context picture and what was found in it.

    Attributes:
        image: (1, 3, S, S) in -1..1; camera: (1, 3, 4), see ``raster``.
        found: by the detector; situation: of one sample.
    """

    image: Tensor
    camera: Tensor
    found: Detected
    situation: Situation


@dataclass(frozen=True)
class SamplingStep:
    """What is known after a denoising step.

    Attributes:
        step, steps: done and in all; step 0 means that the context is encoded.
        actions: (N, K, A) physical, as they are foreseen now, or None where none are.
        motion: (N, K, M) physical, likewise.
        joints: (N, K, 7) rad, where the actions take the arm with nothing in its way, once they are settled.
    """

    step: int
    steps: int
    actions: Tensor | None
    motion: Tensor | None
    joints: Tensor | None = None


def _places_and_turn(found: Detected, camera: Tensor, joints: Tensor) -> Tensor:
    """What was found in pictures (T, ...) as motion is told: hand, turn, gripper, things (T, 7 + 3 O).

    ``joints`` (T, 7) rad are the arm's.
    """
    camera = camera.expand(len(found.image), -1, -1)
    places, hand = found.places(camera, -torch.inf), torch.cat([hand_of(joints), found.gripper[:, None]], 1)
    things, _ = assume_held(hand, places[:, :-1], found.doubt[:, :-1])
    return torch.cat([hand, things.flatten(1)], 1)


class MiniWAMPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Detector, text encoder, tokenizer, denoiser, painter and two flow-matching schedulers (one a noise level)."""

    def __init__(
        self,
        detector: MiniDetector,
        text_encoder: T5EncoderModel,
        tokenizer: PreTrainedTokenizerFast,
        transformer: MiniWAMTransformer,
        painter: MiniPainter,
        scheduler: FlowMatchEulerDiscreteScheduler,
        action_scheduler: FlowMatchEulerDiscreteScheduler,
    ) -> None:
        super().__init__()
        self.register_modules(
            detector=detector,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            transformer=transformer,
            painter=painter,
            scheduler=scheduler,
            action_scheduler=action_scheduler,
        )
        # Chunk after chunk, and sample after sample, the words are the same.
        self._read = lru_cache(WORDS_KEPT)(self._read_words)
        self._pool: tuple[int, ThreadPoolExecutor] | None = None

    # diffusers asks every module at every call, which adds up to a tenth of the time that acting takes.

    @property
    def device(self) -> torch.device:
        """Where everything computes."""
        return self.transformer.slot.device

    # ------------------------------------------------------------------ looking

    def images(self, frames: NDArray[np.uint8]) -> Tensor:
        """(..., H, W, 3) uint8 frames to (..., 3, H, W) in -1..1 on the pipeline's device."""
        x = torch.from_numpy(np.ascontiguousarray(frames)).to(self.device)
        return x.movedim(-1, -3).float().div(127.5).sub(1)

    def camera(self, matrix: NDArray[np.float64] | None) -> Tensor:
        """A camera (3, 4) as a tensor (1, 3, 4); the usual one where none is known."""
        if matrix is None:
            usual = self.transformer.config.camera or [0.0] * 12
            return torch.tensor(usual, dtype=torch.float32, device=self.device).view(1, 3, 4)
        return torch.tensor(matrix, dtype=torch.float32, device=self.device)[None]

    def detect(self, images: Tensor, closely: bool = False) -> Detected:
        """Look at pictures (B, 3, S, S); ``closely`` where the arm has to be read off them."""
        found = self.detector(images)
        return self.detector.look_closer(images, found) if closely else found

    @torch.inference_mode()
    def observe(
        self,
        frame: NDArray[np.uint8],
        camera: NDArray[np.float64] | None,
        state: NDArray[np.float32] | None,
        previous_action: NDArray[np.float32] | None = None,
        alone: bool = True,
    ) -> Observed:
        """Look at a context (S, S, 3) uint8; its camera (3, 4), state (D,) and last action (A,) may be unknown.

        ``alone`` says that nothing else computes meanwhile: then every core looks.
        """
        image, matrix = self.images(frame[None]), self.camera(camera)
        with one_thread(not alone):
            found = self.detect(image, closely=state is None)
        places = found.places(matrix)
        if state is None:
            now = read_state(found, matrix)
        else:
            now = torch.tensor(state, dtype=torch.float32, device=self.device)[None]
        things, doubt = assume_held(now, places[:, :-1], found.doubt[:, :-1])
        zeros = torch.zeros_like(found.there)
        last_action = torch.full((1, self.transformer.config.action_dim), torch.nan, device=self.device)
        if previous_action is not None:
            last_action[0] = torch.tensor(previous_action, dtype=torch.float32)
        situation = Situation(now, state is not None, things, doubt, found.facing, zeros, last_action)
        return Observed(image, matrix, found, situation)

    @torch.inference_mode()
    def backdrop(self, image: Tensor, camera: Tensor, state: Tensor) -> WarpView:
        """What the painter draws from, but for where things are: the context (1, 3, S, S), the arm and the light.

        ``camera`` (1, 3, 4), ``state`` (1, D). Looking for the light takes a while, and needs no ``observe`` before it.
        """
        nowhere = torch.full((1, len(THINGS), 3), torch.nan, device=self.device)
        pose = Pose(state[:, 7:], state[:, 6], nowhere, torch.zeros_like(nowhere[..., 0]))
        with one_thread():
            light = self.painter.find_light(image, camera, pose)
            return self.painter.prepare(self.painter.view(image, camera, light, pose))

    def view(self, observed: Observed, backdrop: WarpView | None = None) -> WarpView:
        """What the painter draws from; ``backdrop`` is that of the same context, where it is at hand."""
        start = observed.situation
        known = backdrop or self.backdrop(observed.image, observed.camera, start.state)
        return replace(known, pose=start.pose)

    @torch.inference_mode()
    def read_motion(self, frames: NDArray[np.uint8], observed: Observed) -> Tensor:
        """What moves in future frames (T, S, S, 3), against the context as it was seen: (1, T, M) physical."""
        camera = observed.camera
        parts = [self.detect(self.images(frames[i : i + 32]), closely=True) for i in range(0, len(frames), 32)]
        joints = observed.situation.state[:1, 7:]
        first, rest = _places_and_turn(observed.found, camera, joints), []
        for part in parts:
            path = track_arm(part.marks, certainty(part.spread), camera, joints)
            rest.append(_places_and_turn(part, camera, path))
            joints = path[-1:]
        later = torch.cat(rest)  # (T, 7 + 3 O)
        away = later - first  # what is wrong in the same way everywhere cancels
        away[:, 5] = torch.remainder(away[:, 5] + torch.pi, 2 * torch.pi) - torch.pi
        away[:, 6] = later[:, 6]
        return away[None]

    # ------------------------------------------------------------------ deciding and foreseeing

    def words(self, instruction: str) -> tuple[Tensor, Tensor]:
        """An instruction to text features (1, L, D) and their mask (1, L); empty text has a token of its own."""
        return self._read(instruction, self.device)

    @torch.inference_mode()
    def _read_words(self, instruction: str, device: torch.device) -> tuple[Tensor, Tensor]:
        batch = self.tokenizer(
            [instruction.strip() or EMPTY], truncation=True, max_length=MAX_TOKENS, return_tensors="pt"
        ).to(device)
        mask = batch["attention_mask"].bool()
        return self.text_encoder(input_ids=batch["input_ids"], attention_mask=mask).last_hidden_state, mask

    def encode(self, start: Situation, camera: Tensor, instruction: str) -> ContextCache:
        """The context of every sample, to keys and values."""
        net = self.transformer
        text, mask = self.words(instruction)
        n = len(start.state)
        known = torch.full((n,), start.known, device=self.device)
        state = net.normalise_states(start.state) * start.known
        scene = ScenePoints(
            state, known, start.places, start.seen(camera), start.doubt, start.facing, start.last_action
        )
        return net.encode_context(scene, text.expand(n, -1, -1), mask.expand(n, -1))

    @staticmethod
    def noises(seed: int, samples: int) -> list[torch.Generator]:
        """The source of noise of each sample: sample i draws what ``seed + i`` draws, on every device."""
        return [torch.Generator().manual_seed(seed + i) for i in range(samples)]

    @torch.inference_mode()
    def stream(
        self,
        start: Situation,
        camera: Tensor,
        instruction: str,
        *,
        mode: str = "joint",
        steps: int = 8,
        generators: Sequence[torch.Generator],
        actions: NDArray[np.float32] | None = None,
        motion: Tensor | None = None,
        guidance: float = 1.0,
        temperature: float = 1.0,
    ) -> Iterator[SamplingStep]:
        """Denoise one chunk step by step, along the mode's path through the two noise levels.

        Args:
            start: the situation of one sample, or of each.
            generators: N sources of noise on the CPU.
            actions: (K, A) physical, given in ``forward_dynamics``; motion: (1 or N, K, M) physical, given in
                ``inverse_dynamics``; both exactly one horizon long.
            guidance: weight of the words by classifier-free guidance (arXiv 2207.12598); 1 leaves it out.
            temperature: spread of the noise that actions start from; 1 draws from what was learnt.

        Yields:
            one ``DenoisingStep`` after encoding and one after every denoising step.
        """
        net, config, samples = self.transformer, self.transformer.config, len(generators)
        path = noise_path(mode, steps)
        total = len(path) - 1
        context = self.encode(start, camera, instruction)
        free = self.encode(start, camera, "") if guidance != 1 and instruction.strip() else None
        shared = samples // len(start.state)
        context, free = context.repeat(shared), None if free is None else free.repeat(shared)
        yield SamplingStep(0, total, None, None)

        scale = net.motion_scale(context.hand)
        width = HAND + 3 * config.things
        a = torch.stack([torch.randn(config.horizon, config.action_dim, generator=g) for g in generators])
        x = torch.stack([torch.randn(config.horizon, width, generator=g) for g in generators]).to(self.device)
        a = a.to(self.device) * temperature
        if actions is not None:
            a = net.normalise_actions(torch.tensor(actions, device=self.device)[None]).expand(samples, -1, -1)
        if motion is not None:
            x = (motion / scale).expand(samples, -1, -1)
        schedulers = (self.scheduler, self.action_scheduler)
        for part, scheduler in enumerate(schedulers):
            moving = [p[part] for p, q in zip(path, path[1:], strict=False) if p[part] != q[part]]
            if moving:
                scheduler.set_timesteps(sigmas=moving, device=self.device)
        foreseen: Tensor | None = None
        answer: Tensor | None = None
        joints: Tensor | None = None
        for index in range(total):
            (at_x, at_a), (to_x, to_a) = path[index], path[index + 1]
            levels = (READ if motion is not None else at_x, at_a)
            level = [torch.full((samples,), value, device=self.device) for value in levels]
            seen = None if at_x == 1 and to_x == 1 else x
            with one_thread(samples <= 4):
                if at_a == 0 and answer is None:  # the actions are settled, and so is how the arm answers them
                    whole = start.repeat(samples)
                    answer, joints = net.answer(whole.state, net.denormalise_actions(a), whole.last_action)
                clean_x, clean_a = net(seen, a, level[0], level[1], context, answer)
            if free is not None and at_a != to_a:
                without = net(seen, a, level[0], level[1], free)[1]
                clean_a = without + guidance * (clean_a - without)
            decided = a
            if at_a != to_a:
                decided = clean_a.float()
                a = self._advance(self.action_scheduler, a, decided, at_a)
            if at_x != to_x and clean_x is not None:
                foreseen = clean_x.float() * scale
                x = self._advance(self.scheduler, x, clean_x.float(), at_x)
            known = None if mode == "forward_dynamics" else net.denormalise_actions(decided)
            yield SamplingStep(index + 1, total, known, foreseen, joints)

    @staticmethod
    def _advance(scheduler: FlowMatchEulerDiscreteScheduler, x: Tensor, clean: Tensor, level: float) -> Tensor:
        """One step of the scheduler, which wants the velocity (noise - clean) rather than the clean signal."""
        timestep = scheduler.timesteps[0 if scheduler.step_index is None else scheduler.step_index]
        return scheduler.step((x - clean) / level, timestep, x, return_dict=False)[0]

    # ------------------------------------------------------------------ drawing

    @torch.inference_mode()
    def follow(self, start: Situation, motion: Tensor, actions: Tensor, joints: Tensor) -> tuple[Pose, Situation]:
        """See ``follow_motion``; for as many samples as there are motions."""
        with one_thread(len(motion) <= 8):
            return follow_motion(start.repeat(len(motion)), motion, actions, joints)

    def glimpse(
        self, view: Future[WarpView], start: Situation, foreseen: Tensor, actions: Tensor, joints: Tensor
    ) -> Future[Picture] | None:
        """Begin to draw the first sample's last moment as it is foreseen by now, on a core that deciding leaves idle.

        Args: as for ``follow``, ``foreseen`` (N, K, M) being its motion. None where no core is idle.
        """
        if self._cores() == 1:
            return None

        def draw() -> Picture:
            with torch.inference_mode():
                poses, _ = self.follow(start.first(), foreseen[:1], actions[:1], joints[:1])
                return self._draw(view.result(), poses, [foreseen.shape[1] - 1])

        return self._drawers(self._cores()).submit(draw)

    def paint(
        self, view: WarpView, poses: Pose, which: Sequence[int], begun: Future[Picture] | None = None
    ) -> Iterator[Picture]:
        """Draw poses by number, a few at a time: yields the numbers and their frames (B, S, S, 3) uint8.

        On a CPU every core draws pictures of its own: they share less than the halves of one picture would. What was
        ``begun`` before comes first.
        """
        cores = self._cores()
        size = 1 if self.device.type == "cpu" else AT_ONCE
        parts = [list(which[i : i + size]) for i in range(0, len(which), size)]
        if cores == 1 or (len(parts) == 1 and begun is None):
            yield from (self._draw(view, poses, part) for part in parts)
            return
        waiting = [self._drawers(cores).submit(self._draw, view, poses, part) for part in parts]
        if begun is not None:
            waiting.insert(0, begun)
        try:
            for done in waiting:
                yield done.result()
        finally:  # whoever stops watching stops the drawing, but for what is under way
            for done in waiting:
                done.cancel()

    def _draw(self, view: WarpView, poses: Pose, which: list[int]) -> Picture:
        """Draw poses by number together."""
        with torch.inference_mode(), one_thread(self.device.type == "cpu"):
            index = torch.tensor(which, device=self.device)
            to = Pose(*(getattr(poses, name)[index] for name in ("joints", "gripper", "things", "turns")))
            pixels = ((self.painter.draw(view, to) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
            return which, pixels.movedim(1, -1).cpu().numpy()

    def _cores(self) -> int:
        """How many pictures are drawn side by side."""
        return torch.get_num_threads() if self.device.type == "cpu" else 1

    def _drawers(self, count: int) -> ThreadPoolExecutor:
        """The threads that draw, a picture each, for everybody: those of before have their memory at hand."""
        if self._pool is None or self._pool[0] != count:
            self._pool = count, ThreadPoolExecutor(count, "draw")
        return self._pool[1]

"""Driving mini-WAM: a few actions at a time, each answered by the next imagined frame.

A moment of the dream holds where everything was when its chunk began and the actions since. Every step foresees that
chunk anew with all of its actions, at rest afterwards, and draws what is new. So the last frame after any number of
steps is the last frame of ``forward_dynamics`` for the same actions given at once (of 256 levels it differs by one at
most, where that computes on more threads), and nothing that moves a little at a time is lost between two steps. Frames
before the last one were drawn when less was known.

Axis letters: K actions, A action dims, S pixels a side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from wamviz.core.rollout import ActionSpace, Floats, Frames, check_floats
from wamviz.models.mini.arm import hand_of
from wamviz.models.mini.chunks import Chunk, given_actions
from wamviz.models.mini.pipeline import MiniWAMPipeline, Observed, one_thread
from wamviz.models.mini.situation import Situation
from wamviz.models.mini.warp import THINGS, WarpView
from wamviz.models.protocol import DreamStep

STEPS = 4  # of denoising, half of the usual: a key is answered sooner, and the hand ends within some 2 mm of it


@dataclass(frozen=True, eq=False)
class MiniDream:
    """A moment of mini-WAM's imagined tabletop.

    Attributes:
        space: the actions' limits.
        camera: (1, 3, 4); view: what every picture is drawn from.
        start: where everything was when the chunk began; noise: the source of noise then.
        taken: (K, A) the chunk's actions so far, fewer than its horizon.
    """

    pipeline: MiniWAMPipeline
    space: ActionSpace
    camera: Tensor
    view: WarpView
    start: Situation
    noise: Tensor
    taken: Floats

    def step(self, actions: Floats) -> tuple[DreamStep, ...]:
        """See ``Dream``."""
        left = self.space.clip(check_floats(actions, "The actions", self.space.dim))
        size = self.pipeline.transformer.config.horizon
        found: list[DreamStep] = []
        dream = self
        while len(left):
            room = size - len(dream.taken)
            with one_thread():  # physics has the other one
                found += dream._go_on(left[:room], size)
            left = left[room:]
            last = found[-1].dream
            assert isinstance(last, MiniDream)
            dream = last
        return tuple(found)

    @torch.inference_mode()
    def _go_on(self, actions: Floats, size: int) -> list[DreamStep]:
        """Steps that stay within the chunk."""
        pipeline, before = self.pipeline, len(self.taken)
        taken = np.concatenate([self.taken, actions])
        source = torch.Generator()
        source.set_state(self.noise)
        *_, last = pipeline.stream(
            self.start, self.camera, "", mode="forward_dynamics", steps=STEPS, generators=[source],
            actions=given_actions(taken, Chunk(0, 1, 0, len(taken)), size),
        )  # fmt: skip
        assert last.motion is not None and last.joints is not None
        count = len(taken)
        obeyed = torch.tensor(taken[None], device=pipeline.device)
        poses, after = pipeline.follow(self.start, last.motion[:, :count], obeyed, last.joints[:, :count])
        frames: dict[int, Frames] = {}
        for numbers, pixels in pipeline.paint(self.view, poses, range(before, count)):
            frames.update(zip(numbers, pixels, strict=True))
        hands, things = hand_of(poses.joints)[:, :3], poses.things
        steps = []
        for k in range(before, count):
            dream = replace(self, taken=taken[: k + 1])
            if k + 1 == size:
                dream = replace(self, start=after, noise=source.get_state(), taken=taken[:0])
            steps.append(DreamStep(frames[k], dream, _name_places(hands[k], things[k])))
        return steps


def open_dream(
    pipeline: MiniWAMPipeline, observed: Observed, frame: Frames, space: ActionSpace | None, seed: int
) -> DreamStep:
    """The context (S, S, 3) as the first moment of a dream."""
    assert space is not None
    start = observed.situation
    noise = pipeline.noises(seed, 1)[0].get_state()
    none = np.zeros((0, space.dim), np.float32)
    dream = MiniDream(pipeline, space, observed.camera, pipeline.view(observed), start, noise, none)
    return DreamStep(frame, dream, _name_places(start.state[0, :3], start.places[0]))


def _name_places(hand: Tensor, things: Tensor) -> dict[str, Floats]:
    """The hand and the things that are there, m."""
    places = {"hand": hand, **dict(zip(THINGS, things, strict=True))}
    found = {name: place.cpu().numpy().astype(np.float32) for name, place in places.items()}
    return {name: place for name, place in found.items() if np.isfinite(place).all()}

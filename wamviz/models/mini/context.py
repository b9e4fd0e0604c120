"""What the denoiser knows of a context: the scene's points as it is told them, and what it made of them once.

Axis letters as in ``transformer.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from wamviz.models.mini.relations import sure_turns

_ARRIVED = 0.06  # m from what it goes to: there it was let go


@dataclass(frozen=True)
class ScenePoints:
    """What is known of the context.

    Attributes:
        state: (B, D) normalised; known: (B,) whether it is, else zeros.
        places: (B, O, 3) m; NaN where a thing is not there.
        image: (B, O, 2) where things are in the picture, 0..1.
        doubt: (B, O) m, how far off the places may be (one standard deviation).
        facing: (B, O, 2) how things are turned, see ``detector.Detected``.
        last_action: (B, A) physical, the action before the context, which the arm may still be following; NaN where
            it is not known.
    """

    state: Tensor
    known: Tensor
    places: Tensor
    image: Tensor
    doubt: Tensor
    facing: Tensor
    last_action: Tensor

    def __post_init__(self) -> None:
        if self.places.shape[:2] != self.image.shape[:2] or self.doubt.shape != self.places.shape[:2]:
            raise ValueError(f"Places {tuple(self.places.shape)} and images {tuple(self.image.shape)} do not belong.")


@dataclass(frozen=True)
class ContextCache:
    """Keys and values of a context, computed once and attended to at every step.

    Attributes:
        keys, values: a layer each, (B, E, N, head); mask: (B, N) True at what is there.
        hand: (B, 3) m, where the hand is; places: (B, O, 3) m, where things are, zeros where absent; there: (B, O).
        facing: (B, O, 2), how things are turned; turns: (B, O, 2) rad, how far the hand must turn to grasp them where
            there is room for it, and to be in line with them.
        last_step: (B, 6) normalised, the step of the command before the context, zeros where it is not known.
        pointed: (B, 2, O) logits of what the words mean: what is to be touched next, and where to go afterwards.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    mask: Tensor
    hand: Tensor
    places: Tensor
    there: Tensor
    facing: Tensor
    turns: Tensor
    last_step: Tensor
    pointed: Tensor

    @cached_property
    def focus(self) -> Tensor:
        """(B, 2, 6): where what the words mean is, m, how it is turned, and how far the hand must turn for it, rad."""
        shares = self.pointed.softmax(-1)
        turns = (shares * self.turns.mT).sum(-1, keepdim=True)  # one is grasped, with the other what is held is aligned
        return torch.cat([shares @ torch.cat([self.places, self.facing], -1), turns], -1)

    @cached_property
    def sure_turn(self) -> Tensor:
        """(B, 1) rad: how far the hand surely must turn for what is to be touched next, unless it is where it goes."""
        shares = self.pointed.softmax(-1)
        at, goal = (shares @ self.places)[..., :2].unbind(1)  # (B, 2) m
        elsewhere = 1 - (shares[:, 0] * shares[:, 1]).sum(-1)  # to another thing than itself
        arrived = elsewhere * torch.sigmoid((_ARRIVED - (at - goal).norm(dim=-1)) / (0.2 * _ARRIVED))
        turn = (shares[:, 0] * sure_turns(self.turns[..., 0])).sum(-1)
        return (turn * (1 - arrived))[:, None]

    def repeat(self, count: int) -> ContextCache:
        """Every context ``count`` times in a row."""
        if count == 1:
            return self

        def copies(x: Tensor) -> Tensor:
            return x.repeat_interleave(count, 0)

        return ContextCache(
            tuple(map(copies, self.keys)), tuple(map(copies, self.values)), copies(self.mask), copies(self.hand),
            copies(self.places), copies(self.there),
            copies(self.facing), copies(self.turns), copies(self.last_step), copies(self.pointed),
        )  # fmt: skip

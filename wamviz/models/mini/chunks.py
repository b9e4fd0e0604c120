"""A rollout longer than one chunk: where chunks begin, what each is given, and when there is nothing left to do.

mini-WAM decides a fixed number of actions at a time. A longer rollout goes on from where everything is foreseen to be
by then. Pure functions over arrays. Axis letters: N samples, K actions, A action dims, T frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wamviz.core.rollout import Floats, Frames

GRIPPER = 6  # the action's gripper, 0 open .. 1 closed
_REST_STEP = 0.004  # m an action: a hand that moves less is at rest
_REST_FOR = 5  # actions at the end of a chunk, after which nothing more is expected


@dataclass(frozen=True)
class Chunk:
    """Frames ``start + 1 .. stop`` of a rollout; its context is frame ``start``.

    Attributes:
        index, count: which chunk of how many, from 0.
        start, stop: frames before it and after it.
    """

    index: int
    count: int
    start: int
    stop: int

    @property
    def frames(self) -> int:
        """Frames of it that belong to the rollout."""
        return self.stop - self.start

    @property
    def last(self) -> bool:
        """Whether the rollout ends with it."""
        return self.index + 1 == self.count

    def words(self, doing: str) -> str:
        """``doing``, with the chunk's number where there are several."""
        return doing if self.count == 1 else f"chunk {self.index + 1} of {self.count}, {doing}"


def split(frames: int, size: int) -> list[Chunk]:
    """The chunks of a rollout of ``frames`` frames, ``size`` at a time; only the last may be shorter.

    >>> [(c.start, c.stop) for c in split(40, 16)]
    [(0, 16), (16, 32), (32, 40)]
    """
    starts = range(0, frames, size)
    return [Chunk(i, len(starts), start, min(start + size, frames)) for i, start in enumerate(starts)]


def given_actions(actions: Floats, chunk: Chunk, size: int) -> Floats:
    """The chunk's share of given actions (K, A), brought to ``size`` rows by resting at the end, gripper as it is."""
    kept = actions[chunk.start : chunk.stop]
    rest = np.zeros((size - len(kept), kept.shape[1]), np.float32)
    rest[:, GRIPPER] = kept[-1, GRIPPER]
    return np.concatenate([kept, rest])


def given_video(video: Frames, chunk: Chunk, size: int) -> Frames:
    """The chunk's share of a given video (T, H, W, 3), context first, as ``size`` future frames; the last repeats."""
    future = video[chunk.start + 1 : chunk.stop + 1]
    if len(future) == 0:  # a single picture: nothing moves
        future = video[-1:]
    return np.concatenate([future, np.repeat(future[-1:], size - len(future), axis=0)])


def at_rest(actions: Floats) -> bool:
    """Whether every sample of actions (N, K, A) has come to rest: the hand stands still at the end of them."""
    end = actions[:, -_REST_FOR:]
    still = np.linalg.norm(end[..., :3], axis=-1) < _REST_STEP
    return bool(still.all() and (np.ptp(end[..., GRIPPER], axis=1) < 0.5).all())


def last_move(actions: Floats) -> int:
    """How many of the K actions (N, K, A) pass before every sample has come to rest, at least one."""
    moving = np.linalg.norm(actions[..., :3], axis=-1) >= _REST_STEP
    moving[:, 1:] |= np.abs(np.diff(actions[..., GRIPPER], axis=1)) > 0.5
    steps = np.nonzero(moving.any(0))[0]
    return 1 + int(steps[-1]) if len(steps) else 1

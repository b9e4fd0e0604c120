"""A rollout longer than one chunk: where chunks begin, what each is given, and where the hand is when it begins.

mini-WAM imagines a fixed number of frames at a time. A longer rollout goes on from the last imagined frame, which is
the context of the next chunk and is shown once, and from the state to which the imagined actions lead. Pure functions
over arrays. Axis letters: N samples, K actions, A action dims, D state dims, T frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wamviz.models.mini.vae import Reference
from wamviz.rollout import Floats, Frames

HAND = 7  # state columns that actions move: x, y, z (m), rotation vector (rad), gripper 0 .. 1


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


@dataclass(frozen=True)
class SoFar:
    """What the chunks so far leave to the next one.

    Attributes:
        context: 1 or N encoded frames, from which each sample goes on; 1 where all share it.
        first: (H, W, 3) uint8, the context of the whole rollout.
        state: (1 or N, D) physical, where the hand is then, or None while it is not known.
        frames: (N, t, H, W, 3) uint8 imagined so far, without ``first``, or None.
        actions: (N, k, A) physical, imagined so far, or None.
        noises: N sources of noise, each going on where it stopped.
        seconds: spent so far, by part.
    """

    context: Reference
    first: Frames
    state: Floats | None
    noises: tuple[Any, ...]
    seconds: Mapping[str, float]
    frames: Frames | None = None
    actions: Floats | None = None


def joined(before: NDArray[Any] | None, new: NDArray[Any]) -> NDArray[Any]:
    """(N, t, ...) and (N, u, ...) one after the other; only ``new`` where there is nothing before."""
    return new if before is None else np.concatenate([before, new], axis=1)


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
    rest[:, HAND - 1] = kept[-1, HAND - 1]
    return np.concatenate([kept, rest])


def given_video(video: Frames, chunk: Chunk, size: int) -> Frames:
    """The chunk's share of a given video (T, H, W, 3), context first, as ``size`` future frames; the last repeats."""
    future = video[chunk.start + 1 : chunk.stop + 1]
    if len(future) == 0:  # a single picture: nothing moves
        future = video[-1:]
    return np.concatenate([future, np.repeat(future[-1:], size - len(future), axis=0)])


def follow(states: Floats, actions: Floats) -> Floats:
    """Where the hand is after ``ee_delta`` actions, by adding them up.

    Positions and rotation vectors are summed (the hand hardly leaves straight down, so that its turns are about one
    axis), the gripper is where it was last told to be. What an object in the hand or the table stops is not known.

    Args:
        states: (N or 1, D) physical, at the first action; D is at least 7.
        actions: (N, K, A) physical.

    Returns:
        (N, D); columns from 7 on (joints) are as they were.
    """
    after = np.repeat(states, len(actions) // len(states), axis=0).astype(np.float32)
    if actions.shape[1] == 0:
        return after
    after[:, : HAND - 1] += actions[:, :, : HAND - 1].sum(axis=1)
    turn = np.linalg.norm(after[:, 3:6], axis=1, keepdims=True)  # beyond half a turn the other way round is shorter
    after[:, 3:6] *= np.where(turn > np.pi, 1 - 2 * np.pi / np.maximum(turn, 1e-6), 1)
    told = actions[:, :, HAND - 1]
    # A hand that has been told nothing new stays as it is: round an object it never closes all the way.
    changed = np.abs(told - np.round(states[:, HAND - 1 : HAND])).max(axis=1) > 0.5
    after[:, HAND - 1] = np.where(changed, told[:, -1], after[:, HAND - 1])
    return after

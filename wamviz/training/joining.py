"""Puts later pictures and moves after earlier ones, so that both can grow."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from wamviz.training.growing import Growing
from wamviz.training.moves import Moves
from wamviz.training.painter import Pictures, load_pictures


def join_pictures(one: Pictures, other: Pictures) -> Pictures:
    """The frames of both, those of ``one`` first: what ``load_pictures`` makes of all their shards."""
    frames = len(one.first)
    known = ("states", "positions", "yaws", "turns", "cameras", "lights")
    return Pictures(
        one.frames + other.frames,
        **{name: torch.cat([getattr(one, name), getattr(other, name)]) for name in known},
        **{
            name: np.concatenate([getattr(one, name), getattr(other, name) + frames])
            for name in ("first", "last", "offsets")
        },
    )


def join_moves(one: Moves, other: Moves) -> Moves:
    """The episodes of both, those of ``one`` first: what ``Moves`` makes of all their shards."""
    both = copy.copy(one)
    for name in ("states", "actions", "positions", "yaws", "cameras"):
        setattr(both, name, torch.cat([getattr(one, name), getattr(other, name)]))
    for name, shift in (("begin", len(one)), ("end", len(one)), ("episode", len(one.own))):
        setattr(both, name, np.concatenate([getattr(one, name), getattr(other, name) + shift]))
    both.rested = np.concatenate([one.rested, other.rested])
    both.crowded = np.concatenate([one.crowded, other.crowded + len(one)])
    both.own, both.questions = one.own + other.own, one.questions + other.questions
    return both


def grow_pictures(first: Sequence[Path], then: Sequence[Path]) -> Growing[Pictures]:
    """Frames that grow."""
    return Growing(first, then, load_pictures, join_pictures)


def grow_moves(first: Sequence[Path], then: Sequence[Path]) -> Growing[Moves]:
    """Motion and actions that grow."""
    return Growing(first, then, Moves, join_moves)

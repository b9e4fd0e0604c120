"""Joined data is what reading all shards at once gives."""

from __future__ import annotations

import numpy as np
import torch

from wamviz.training.joining import grow_moves, grow_pictures, join_moves, join_pictures
from wamviz.training.moves import Moves
from wamviz.training.painter import Pictures, load_pictures


def assert_same(one: object, other: object) -> None:
    """Every attribute, of whatever type, holds the same values."""
    assert vars(one).keys() == vars(other).keys()
    for name, value in vars(one).items():
        theirs = getattr(other, name)
        if isinstance(value, torch.Tensor):
            assert torch.equal(value.nan_to_num(-9), theirs.nan_to_num(-9)) and value.dtype == theirs.dtype, name
        elif isinstance(value, np.ndarray):
            assert np.array_equal(value, theirs) and value.dtype == theirs.dtype, name
        elif name == "frames":
            assert all(np.array_equal(a, b) for a, b in zip(value, theirs, strict=True))
        else:
            assert value == theirs, name


def test_pictures(shards):
    """Frames, the ranges of their episodes, and everything that is known of them."""
    both, whole = join_pictures(load_pictures(shards[:1]), load_pictures(shards[1:])), load_pictures(shards)
    assert isinstance(both, Pictures) and len(both.first) > len(load_pictures(shards[:1]).first)
    assert_same(both, whole)
    index = np.arange(len(whole.first))
    assert torch.equal(both.image(index), whole.image(index))


def test_moves(shards):
    """States and actions, where episodes begin and end, and their words."""
    one = Moves(shards[:1])
    assert_same(join_moves(one, Moves(shards[1:])), Moves(shards))
    assert_same(one, Moves(shards[:1]))  # what was there is untouched


def test_both_grow(shards):
    """Starting from the first shard, the second is taken in."""
    pictures, moves = grow_pictures(shards[:1], shards), grow_moves(shards[:1], shards)
    assert pictures.read_new() == moves.read_new() == 1
    assert_same(pictures.latest, load_pictures(shards))
    assert_same(moves.latest, Moves(shards))

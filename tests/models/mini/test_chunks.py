"""Where chunks begin, what each is given, and when there is nothing left to do."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wamviz.models.mini.chunks import Chunk, at_rest, given_actions, given_video, last_move, split


@given(st.integers(1, 200), st.integers(1, 40))
def test_chunks_cover_every_frame_once(frames, size):
    """No frame is missing, none is imagined twice, and only the last chunk may be short."""
    chunks = split(frames, size)
    assert [f for c in chunks for f in range(c.start, c.stop)] == list(range(frames))
    assert all(c.frames == size for c in chunks[:-1]) and chunks[-1].last and not any(c.last for c in chunks[:-1])
    assert [c.index for c in chunks] == list(range(chunks[0].count))


def test_one_chunk_is_not_numbered():
    """Somebody who asks for one chunk need not learn the word."""
    assert split(16, 16)[0].words("denoising") == "denoising"
    assert split(17, 16)[1].words("denoising") == "chunk 2 of 2, denoising"


def test_given_actions_rest_at_the_end_with_the_hand_as_it_is():
    """The last chunk's share is filled up with rows that move nothing."""
    actions = np.full((5, 7), 0.5, np.float32)
    share = given_actions(actions, Chunk(1, 2, 4, 5), 4)
    assert np.array_equal(share, [[0.5] * 7] + [[0, 0, 0, 0, 0, 0, 0.5]] * 3)


def test_given_video_follows_its_context():
    """A chunk's share starts after its context and repeats its last frame; one picture stays."""
    video = np.arange(6, dtype=np.uint8)[:, None, None, None].repeat(3, -1)
    assert given_video(video, Chunk(1, 2, 3, 5), 4)[:, 0, 0, 0].tolist() == [4, 5, 5, 5]
    assert given_video(video[:1], Chunk(0, 1, 0, 1), 2)[:, 0, 0, 0].tolist() == [0, 0]


def moving(rows: list[float], grip: list[float] | None = None) -> np.ndarray:
    """One sample that moves along x by ``rows`` metres an action."""
    actions = np.zeros((1, len(rows), 7), np.float32)
    actions[0, :, 0] = rows
    if grip is not None:
        actions[0, :, 6] = grip
    return actions


def test_a_hand_is_at_rest_when_it_ends_standing_still():
    """The last five actions decide: all of them small, and the gripper as it was; every sample has to agree."""
    still, busy = moving([0.03] * 3 + [0.001] * 5), moving([0.0] * 7 + [0.03])
    assert at_rest(still) and not at_rest(busy)
    assert not at_rest(np.concatenate([still, busy]))
    assert not at_rest(moving([0.0] * 8, [0.0] * 6 + [1.0] * 2))
    assert at_rest(moving([0.0] * 8, [0.0] * 2 + [1.0] * 6))


def test_the_last_move_is_a_step_or_a_grip():
    """Counted over all samples, and at least one action is left."""
    assert last_move(moving([0.0] * 8)) == 1
    assert last_move(moving([0.03] * 3 + [0.001] * 5)) == 3
    assert last_move(moving([0.03] + [0.0] * 7, [0.0] * 5 + [1.0] * 3)) == 6
    assert last_move(np.concatenate([moving([0.03] + [0.0] * 7), moving([0.0] * 4 + [0.03] * 4)])) == 8

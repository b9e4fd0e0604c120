"""Where chunks begin, what each is given, and where the hand is when it begins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamviz.models.mini.chunks import Chunk, follow, given_actions, given_video, split


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


def test_follow_adds_up_what_the_actions_say():
    """Positions are summed for every sample, turns are kept below half a turn, joints are left alone."""
    start = np.zeros((1, 14), np.float32)
    start[0, 5], start[0, 7:] = 3.0, 1.0
    actions = np.zeros((2, 4, 7), np.float32)
    actions[0, :, 0], actions[1, :, 2], actions[0, :, 5] = 0.01, -0.02, 0.1
    after = follow(start, actions)
    np.testing.assert_allclose(after[:, :3], [[0.04, 0, 0], [0, 0, -0.08]], atol=1e-6)
    np.testing.assert_allclose(after[:, 5], [3.4 - 2 * np.pi, 3.0], atol=1e-5)
    assert (after[:, 7:] == 1).all() and (start[0, :3] == 0).all()


@pytest.mark.parametrize(
    ("now", "told", "expected"),
    [(0.0, [0, 1, 1], 1.0), (0.6, [1, 1, 1], 0.6), (1.0, [1, 0, 0], 0.0), (0.6, [1, 0, 1], 1.0), (0.1, [0, 0, 0], 0.1)],
)
def test_the_gripper_is_where_it_was_told_to_be(now, told, expected):
    """A hand that holds something stays as it is until it is told otherwise."""
    state = np.zeros((1, 14), np.float32)
    state[0, 6] = now
    actions = np.zeros((1, 3, 7), np.float32)
    actions[0, :, 6] = told
    assert follow(state, actions)[0, 6] == pytest.approx(expected)


@given(st.integers(0, 6))
def test_nothing_done_nothing_changed(rows):
    """Resting actions of any number leave the state as it is."""
    state = np.linspace(0, 0.4, 14, dtype=np.float32)[None]
    np.testing.assert_array_equal(follow(state, np.zeros((1, rows, 7), np.float32)), state)

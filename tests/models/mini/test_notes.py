"""What mini-WAM says of a rollout: nothing where there is nothing to say, and what is cautionary stays beside it."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.core.rollout import ImagineRequest, Observation
from wamviz.models.mini.notes import Caution, note_beyond, note_doubts, note_spread, note_strange_frames

REQUEST = ImagineRequest(Observation({"exterior": np.zeros((48, 64, 3), np.uint8)}, "pick it up"))


def test_cautions_are_told_from_remarks():
    """What makes a rollout unreliable stands beside the picture; that a camera is assumed does not."""
    notes = note_doubts(REQUEST, 1.4, False, ["zebra"])
    assert [isinstance(note, Caution) for note in notes] == [True, False, False, False, True]
    assert "1.4" in notes[0] and "64 x 48" in notes[3] and "'zebra' is not" in notes[4]
    assert not any(isinstance(note, Caution) for note in note_doubts(REQUEST, float("nan"), True, []))


@pytest.mark.parametrize(
    ("beyond", "horizon", "said"), [(0, 16, ""), (3, 16, "horizon of 16"), (3, None, "64 actions")]
)
def test_what_is_left_out_is_said(beyond, horizon, said):
    """By whose limit: the one that was asked for, or the model's."""
    notes = note_beyond(beyond, "actions", "obey", horizon, 64)
    assert len(notes) == bool(beyond) and all(said in note for note in notes)


def test_strange_frames_are_counted_from_one():
    """The first frame of a video is frame 1 to whoever reads it."""
    (note,) = note_strange_frames([4, 5], 16)
    assert isinstance(note, Caution) and "2 of the 16" in note and "frame 5)" in note
    assert note_strange_frames([], 16) == []


def test_the_spread_is_the_mean_distance_of_the_ends():
    """Two hands 2 cm apart are 1 cm from their mean each; equal ones are not apart."""
    actions = np.zeros((2, 4, 7), np.float32)
    actions[:, :, 0] = [[0.0] * 4, [0.005] * 4]
    assert note_spread(actions).endswith("2 samples 1.0 cm at the end.")
    assert note_spread(np.repeat(actions[:1], 3, 0)).endswith("3 samples 0.0 cm at the end.")

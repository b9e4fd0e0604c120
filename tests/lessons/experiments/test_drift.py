"""Drift: errors where something moves, a second look one chunk later, and a fan that is as wide as its samples."""

from __future__ import annotations

import numpy as np

from wamviz.lessons import Lab
from wamviz.lessons.experiments.drift import LENGTH, LOOKED, brightness_error, long_contexts, second_look
from wamviz.lessons.lab import HORIZON


def test_a_scene_lasts_two_chunks_and_is_looked_at_again_in_the_middle() -> None:
    (context,) = long_contexts(Lab(), 1)
    recorded = context.reference
    assert recorded is not None and recorded.frames is not None and recorded.actions is not None
    assert len(recorded.actions) >= LENGTH
    again = second_look(context)
    assert (again.observation.frame == recorded.frames[HORIZON]).all()
    assert again.instruction == context.instruction


def test_the_truth_has_no_error_and_a_copy_has_some() -> None:
    truth = np.zeros((LENGTH + 1, 8, 8, 3), np.uint8)
    truth[1:, :4] = 100
    assert (brightness_error(truth, truth) == 0).all()
    assert (brightness_error(np.repeat(truth[:1], len(truth), axis=0), truth) == 100).all()
    assert len(brightness_error(truth, truth)) == len(LOOKED)

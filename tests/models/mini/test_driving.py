"""Driving mini-WAM, on a tiny checkpoint: what steps give is what forward dynamics gives for the same actions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import ImagineRequest, Observation
from wamviz.models.mini.driving import STEPS
from wamviz.models.mini.entry import capabilities
from wamviz.models.mini.wam import MiniWAM
from wamviz.models.protocol import DrivableModel, collect

FRAME = np.random.default_rng(0).integers(0, 255, (48, 48, 3)).astype(np.uint8)
ACTIONS = np.random.default_rng(3).uniform(0, 0.05, (20, 7)).astype(np.float32)
HORIZON = 8


@pytest.fixture(scope="module")
def model(pipeline, tmp_path_factory) -> MiniWAM:
    path = tmp_path_factory.mktemp("checkpoint")
    pipeline.save_pretrained(path)
    return MiniWAM(path, replace(capabilities(), horizon=HORIZON, max_horizon=32, frame_size=(32, 32)), "cpu")


@pytest.fixture(scope="module")
def first(model, state):
    return model.open_drive(Observation({"exterior": FRAME}, state=state[0].numpy()), seed=5)


def drive(first, actions, count=1):
    """Every step after ``first``, ``count`` actions at a time."""
    found = [first]
    for at in range(0, len(actions), count):
        found += found[-1].dream.step(actions[at : at + count])
    return found


@pytest.mark.parametrize(("length", "count"), [(3, 1), (HORIZON, 1), (20, 1), (20, 4), (7, 3)])
def test_the_last_frame_is_that_of_forward_dynamics(model, state, first, length, count):
    """The last chunk is foreseen with all of its actions either way, whatever the steps before it were.

    A level of rounding is left where the whole was computed on more threads.
    """
    given = Observation({"exterior": FRAME}, state=state[0].numpy())
    request = ImagineRequest(given, "forward_dynamics", 5, steps=STEPS, actions=ACTIONS[:length])
    whole = collect(model, request).rollouts[0].frames
    driven = drive(first, ACTIONS[:length], count)
    assert len(driven) == len(whole) == length + 1
    np.testing.assert_array_equal(driven[0].frame, whole[0])
    assert np.abs(driven[-1].frame.astype(int) - whole[-1]).max() <= 1


def test_a_moment_does_not_change_when_it_is_driven_on(first):
    """Two futures of one moment leave it, and each other, alone."""
    moment = first.dream.step(ACTIONS[:2])[-1]
    once = moment.dream.step(ACTIONS[2:5])
    moment.dream.step(-ACTIONS[2:12])
    again = moment.dream.step(ACTIONS[2:5])
    for left, right in zip(once, again, strict=True):
        np.testing.assert_array_equal(left.frame, right.frame)
        assert left.places.keys() == right.places.keys()
        assert all((left.places[name] == right.places[name]).all() for name in left.places)


def test_actions_are_clipped_to_the_action_space(model, first):
    wild = np.full((1, 7), 9.0, np.float32)
    legal = np.asarray(model.capabilities.action_space.high, np.float32)[None]
    np.testing.assert_array_equal(first.dream.step(wild)[0].frame, first.dream.step(legal)[0].frame)


@pytest.mark.parametrize("bad", [np.zeros((1, 6)), np.full((1, 7), np.nan), np.zeros(7)])
def test_actions_that_cannot_be_are_refused(first, bad):
    with pytest.raises(InvalidInput):
        first.dream.step(bad)


def test_the_hand_is_where_the_state_says(model, state, first):
    assert isinstance(model, DrivableModel) and capabilities().drivable
    np.testing.assert_allclose(first.places["hand"], state[0, :3], atol=1e-6)
    assert all(place.shape == (3,) and np.isfinite(place).all() for place in first.places.values())

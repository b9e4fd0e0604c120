"""A drive: the same actions give the same bits, moments can be gone back to, and nobody's branch changes another's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.runs.driving.conftest import SEED, SIZE, Obedient
from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import Observation
from wamviz.models.baselines import HOLD_STILL, Control
from wamviz.runs.driving import LONGEST, STEP_MOST, open_drive
from wamviz.runs.execution import act_out
from wamviz.runs.sources import Context

AWAY = [[0.03, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
DOWN = [[0.0, 0.0, -0.03, 0.0, 0.0, 0.0, 1.0]]


def same(left, right) -> bool:
    """Whether two drives hold the same bits, on both sides."""
    pairs = list(zip(left.moments, right.moments, strict=True))
    return all((a.frame == b.frame).all() and (a.real.snapshot == b.real.snapshot).all() for a, b in pairs) and all(
        a.real.picture == b.real.picture and a.drift == b.drift for a, b in pairs
    )


def test_physics_is_that_of_acting_it_out(drive, context):
    """Each step restores the state before it, and the whole is what one execution of all the actions is."""
    for action in (AWAY, DOWN, AWAY):
        drive = drive.step(action)
    *_, executed = act_out(context.observation.world_state, drive.actions, size=SIZE)
    for moment, state in zip(drive.moments, executed.states, strict=True):
        np.testing.assert_array_equal(moment.real.state, state)
    assert drive.moments[-1].drift.hand > 0.01  # an arm lags behind, which an obedient dream does not know


def test_the_same_actions_give_the_same_bits(drive):
    assert same(drive.step(AWAY).step(DOWN), drive.step(AWAY).step(DOWN))
    assert same(drive.step(AWAY + DOWN), drive.step(AWAY).step(DOWN))  # as this dream does not care


def test_rewinding_restores_and_branches_are_left_alone(drive):
    before = drive.step(AWAY)
    after = before.step(DOWN + AWAY)
    assert same(after.rewind(2), before)
    assert after.rewind(1).steps == (1, 1)
    branch = after.branch(1).step(DOWN)
    assert same(after, before.step(DOWN + AWAY))
    assert same(branch, before.step(DOWN))
    assert drive.branch(0).steps == () and len(drive.moments) == 1
    with pytest.raises(InvalidInput, match="no moment 9"):
        after.branch(9)


def test_actions_are_clipped(drive):
    wild = drive.step([[1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 3.0]])
    np.testing.assert_allclose(wild.actions[-1], [0.06, -0.06, 0, 0, 0, 0, 1], atol=1e-6)
    hand = wild.moments[-1].dream.hand - wild.moments[0].dream.hand
    np.testing.assert_allclose(hand, [0.06, -0.06, 0], atol=1e-6)


@pytest.mark.parametrize("bad", [[], AWAY * (STEP_MOST + 1), [[0.0] * 6], [[float("nan")] * 7]])
def test_steps_that_cannot_be_are_refused(drive, bad):
    with pytest.raises(InvalidInput):
        drive.step(bad)


def test_a_drive_has_an_end(drive):
    full = replace(drive, moments=drive.moments * (LONGEST + 1))
    with pytest.raises(InvalidInput, match=str(LONGEST)):
        full.step(AWAY)


def test_a_photograph_has_no_real_side(world):
    frame = np.zeros((SIZE, SIZE, 3), np.uint8)
    drive = open_drive(Obedient(), Context(Observation({"exterior": frame})), world).step(AWAY)
    assert "picture or a recording" in drive.why_not_real
    assert drive.moments[-1].real is None and drive.moments[-1].drift is None


def test_a_model_that_cannot_be_driven_says_so(context, world):
    with pytest.raises(InvalidInput, match="Zero action .* cannot be driven"):
        open_drive(Control(HOLD_STILL), context, world)


def test_physics_judges_the_task(drive, world, context):
    assert drive.moments[0].real.done is False and 0 <= drive.moments[0].real.progress < 1
    nonsense = open_drive(Obedient(), context.reworded("sing a song"), world)
    assert nonsense.moments[0].real.done is None and "Success cannot be told" in nonsense.why_no_task
    assert drive.context.observation.world_state.seed == SEED

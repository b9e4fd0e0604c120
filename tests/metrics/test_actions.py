"""Action errors keep their units, the control is honest, and gripper events do not flicker."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wamviz.core.action_spaces import OSC_POSE
from wamviz.core.rollout import Rollout
from wamviz.metrics.actions import (
    compare_actions,
    gripper_events,
    gripper_from_state,
    hold,
    match_events,
    plain_unit,
)
from wamviz.models.remote.robots import GROOT_LIBERO

chunks = arrays(np.float32, st.tuples(st.integers(1, 12), st.just(7)), elements=st.floats(-0.0625, 0.0625, width=32))


@given(chunks)
def test_the_recorded_actions_themselves_have_no_error(rollout, actions):
    found = compare_actions(rollout(actions=actions), rollout("recorded", actions=actions))
    assert found.mae == 0 and (found.mae_by_dim == 0).all() and (found.error == 0).all()


@given(chunks)
def test_holding_still_has_exactly_the_error_of_the_control(rollout, space, actions):
    still = hold(space(), actions, 0.0)
    found = compare_actions(rollout(actions=still), rollout("recorded", actions=actions), 0.0)
    assert found.mae == found.hold_mae
    assert np.array_equal(found.mae_by_dim, found.hold_mae_by_dim)


def test_errors_are_in_their_units_and_their_mean_in_half_ranges(rollout):
    ours, theirs = np.zeros((4, 7)), np.zeros((4, 7))
    theirs[:, 0], theirs[:, 5], theirs[:, 6] = 0.03, -0.2, 1
    found = compare_actions(rollout(actions=ours), rollout("recorded", actions=theirs))
    assert np.allclose(found.mae_by_dim, [0.03, 0, 0, 0, 0, 0.2, 1])
    assert np.isclose(found.mae, (0.03 / 0.06 + 0.2 / 0.4 + 1 / 0.5) / 7)
    assert found.names[0] == "dx" and found.units[0] == "m"


def test_a_finer_reference_weighs_the_same(rollout):
    coarse, fine = np.zeros((4, 7)), np.zeros((12, 7))
    fine[:, 0] = 0.01
    found = compare_actions(rollout(actions=coarse), rollout("recorded", actions=fine, rate=15.0))
    assert np.isclose(found.mae_by_dim[0], 0.03)
    assert np.isclose(found.mae, 0.03 / 0.06 / 7)


def test_actions_of_another_kind_are_not_compared(rollout, scene):
    a = rollout(actions=np.zeros((3, 7)))
    assert compare_actions(a, rollout("recorded", actions=np.zeros((3, 7)), kind="ee_pose")) is None
    assert compare_actions(a, rollout("recorded", frames=scene(3))) is None
    assert compare_actions(rollout(frames=scene(3)), a) is None


def test_the_control_of_absolute_actions_stays_at_the_first(space):
    poses = np.arange(21, dtype=np.float32).reshape(3, 7)
    assert np.array_equal(hold(space(kind="ee_pose"), poses), np.repeat(poses[:1], 3, axis=0))
    assert hold(space(kind="ee_pose"), poses, 1.0)[:, 6].tolist() == [1, 1, 1]


def test_the_gripper_counts_as_closed_round_a_large_thing(space):
    state = np.zeros(14, np.float32)
    assert gripper_from_state(space(), state) == 0
    state[6] = 0.15
    assert gripper_from_state(space(), state) == 1
    assert gripper_from_state(space(), None) is None
    assert gripper_from_state(space(), np.zeros(8, np.float32)) is None
    assert gripper_from_state(None, state) is None


def test_a_gripper_from_minus_one_to_one_is_open_at_minus_one(space):
    """LIBERO's: holding it open is -1, not the middle; without limits the other one of 0 and 1 is open."""
    assert OSC_POSE.gripper_open == -1 and GROOT_LIBERO.space.gripper_open == 1
    assert replace(space(), low=None, high=None, gripper_closed=0.0).gripper_open == 1
    assert hold(OSC_POSE, np.ones((3, 7), np.float32))[:, 6].tolist() == [-1, -1, -1]
    actions = np.zeros((4, 7))
    actions[:, 6] = [-1, -0.3, 0.3, 1]
    told = Rollout("imagined", None, 20.0, actions, OSC_POSE)
    assert gripper_events(told) == [(0.1, "close")], "0.3 is more than half closed"


def acting(rollout, values):
    actions = np.zeros((len(values), 7))
    actions[:, 6] = values
    return rollout(actions=actions)


def test_events_stand_where_the_action_begins(rollout):
    assert gripper_events(acting(rollout, [0, 0, 1, 1, 0])) == [(0.4, "close"), (0.8, "open")]


def test_a_closed_hand_at_the_context_gives_no_event(rollout):
    assert gripper_events(acting(rollout, [1, 1]), gripper_now=1.0) == []
    assert gripper_events(acting(rollout, [1, 1])) == [(0.0, "close")]


@given(st.lists(st.floats(0.41, 0.59), min_size=1, max_size=20))
def test_hesitating_changes_nothing(rollout, values):
    assert gripper_events(acting(rollout, values)) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_events_alternate_in_time(rollout, values):
    events = gripper_events(acting(rollout, values))
    assert [kind for _, kind in events] == ["close", "open"] * (len(events) // 2) + ["close"] * (len(events) % 2)
    assert all(a[0] < b[0] for a, b in zip(events, events[1:], strict=False))


def test_a_gripper_that_is_closed_at_zero_is_read_the_other_way(rollout):
    from dataclasses import replace

    one = acting(rollout, [1, 0, 0])
    flipped = replace(one, action_space=replace(one.action_space, gripper_closed=0.0))
    assert gripper_events(flipped) == [(0.2, "close")]


@pytest.mark.parametrize(
    ("ours", "theirs", "missed", "extra"),
    [([], [(1.0, "close")], 1, 0), ([(1.0, "close")], [], 0, 1), ([(1.0, "close")], [(1.5, "close")], 0, 0)],
)
def test_events_are_paired_by_kind_and_order(ours, theirs, missed, extra):
    pairs, lost, added = match_events(ours, theirs)
    assert (lost, added) == (missed, extra)
    assert len(pairs) == min(len(ours), len(theirs))


@given(chunks)
def test_the_recorded_actions_are_perfect_by_every_measure(rollout, actions):
    found = compare_actions(rollout(actions=actions), rollout("recorded", actions=actions))
    assert found.rmse == found.dtw == found.timing_s == 0 and not found.rmse_by_dim.any()


@given(chunks, st.randoms(use_true_random=False))
def test_root_mean_squares_are_no_smaller_and_warping_no_larger(rollout, actions, random):
    noise = np.random.default_rng(random.randrange(2**31)).uniform(-0.05, 0.05, actions.shape).astype(np.float32)
    found = compare_actions(rollout(actions=actions + noise), rollout("recorded", actions=actions))
    assert found.rmse >= found.mae - 1e-6 and (found.rmse_by_dim >= found.mae_by_dim - 1e-6).all()
    assert found.hold_rmse >= found.hold_mae - 1e-6


def test_being_late_is_forgiven_by_warping_alone(rollout):
    """The same push one action later: an error as it stands, none once aligned, and the shift is told in seconds."""
    ours, theirs = np.zeros((8, 7)), np.zeros((8, 7))
    theirs[2:4, 0] = ours[3:5, 0] = 0.06
    found = compare_actions(rollout(actions=ours), rollout("recorded", actions=theirs))
    assert found.mae > 0 and found.dtw == 0 and 0 < found.timing_s <= 0.2


@given(chunks, st.randoms(use_true_random=False))
def test_errors_are_symmetric(rollout, actions, random):
    """Whichever is called the reference: the same errors, with the other sign."""
    noise = np.random.default_rng(random.randrange(2**31)).uniform(-0.05, 0.05, actions.shape).astype(np.float32)
    forth = compare_actions(rollout(actions=actions + noise), rollout("recorded", actions=actions))
    back = compare_actions(rollout("recorded", actions=actions), rollout(actions=actions + noise))
    assert np.array_equal(forth.error, -back.error) and np.array_equal(forth.rmse_by_dim, back.rmse_by_dim)
    assert forth.mae == back.mae and forth.rmse == back.rmse
    assert np.isclose(forth.dtw, back.dtw, rtol=0.5, atol=1e-6)  # equally good alignments may differ in length


def test_errors_of_one_unit_are_put_together_in_it(rollout):
    ours, theirs = np.zeros((4, 7)), np.zeros((4, 7))
    theirs[:, 0], theirs[:, 1], theirs[:, 5], theirs[:, 6] = 0.03, -0.06, -0.2, 1
    found = {unit: (names, errors) for unit, names, errors in _compared(rollout, ours, theirs).by_unit()}
    assert found["m"][0] == ("dx", "dy", "dz") and found["rad"][0] == ("drx", "dry", "drz")
    assert np.isclose(found["m"][1]["mae"], 0.03) and np.isclose(found["rad"][1]["mae"], 0.2 / 3)
    assert np.isclose(found["m"][1]["rmse"], np.sqrt((0.03**2 + 0.06**2) / 3))
    assert found["1"][1]["mae"] == found["1"][1]["hold_mae"] == 1  # holding still is what was done
    for _, errors in found.values():
        assert errors["mae"] == errors["hold_mae"] and errors["rmse"] == errors["hold_rmse"]


def _compared(rollout, ours, theirs, **space):
    from dataclasses import replace

    pair = [rollout(origin, actions=a) for origin, a in (("imagined", ours), ("recorded", theirs))]
    return compare_actions(*(replace(one, action_space=replace(one.action_space, **space)) for one in pair))


def test_a_factor_in_a_unit_is_taken_out_and_an_unknown_unit_left_out(rollout):
    """robosuite's steps: 1 is 0.05 m; a dimension of which nothing is known is averaged with nothing."""
    units = ("0.05 m", "0.05 m", "m", "0.5 rad", "rad", "", "1")
    theirs = np.zeros((3, 7))
    theirs[:, :3] = [1.0, 1.0, 0.05]
    found = {unit: errors for unit, _, errors in _compared(rollout, np.zeros((3, 7)), theirs, units=units).by_unit()}
    assert set(found) == {"m", "rad", "1"} and np.isclose(found["m"]["mae"], 0.05)
    assert plain_unit("0.2 rad/s") == (0.2, "rad/s") and plain_unit("per cent") == (1.0, "per cent")


@given(chunks, st.sampled_from([1, 2, 3, 6]))
def test_no_number_depends_on_the_rate_of_the_reference(rollout, actions, times):
    """The same motion, its steps cut into finer ones: every number stays."""
    fine = np.repeat(actions / times, times, axis=0)
    fine[:, 3:6] = 0
    fine[:, 6] = np.repeat(actions[:, 6], times)
    coarse = actions.copy()
    coarse[:, 3:6] = 0
    ours = rollout(actions=coarse * np.float32(0.5))
    one = compare_actions(ours, rollout("recorded", actions=coarse))
    other = compare_actions(ours, rollout("recorded", actions=fine, rate=5.0 * times))
    for name in ("mae", "rmse", "dtw", "timing_s", "hold_mae", "hold_rmse"):
        assert np.isclose(getattr(one, name), getattr(other, name), atol=1e-5), name


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.sampled_from([2, 3, 5]))
def test_events_do_not_depend_on_the_rate(rollout, values, times):
    """The same gripper told more often: the same events at the same moments."""
    coarse, fine = acting(rollout, values), np.zeros((len(values) * times, 7))
    fine[:, 6] = np.repeat(values, times)
    found = gripper_events(rollout(actions=fine, rate=5.0 * times))
    assert [kind for _, kind in found] == [kind for _, kind in gripper_events(coarse)]
    assert np.allclose([time for time, _ in found], [time for time, _ in gripper_events(coarse)])


moments = st.lists(st.tuples(st.floats(0, 5), st.sampled_from(["close", "open"])), max_size=6).map(sorted)


@given(moments, moments)
def test_matching_events_is_symmetric_and_perfect_with_themselves(ours, theirs):
    pairs, missed, extra = match_events(ours, theirs)
    back, lost, added = match_events(theirs, ours)
    assert (missed, extra) == (added, lost) and sorted(pairs) == sorted((b, a, kind) for a, b, kind in back)
    pairs, missed, extra = match_events(ours, ours)
    assert missed == extra == 0 and all(a == b for a, b, _ in pairs)

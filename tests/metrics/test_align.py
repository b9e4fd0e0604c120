"""Rows meet by time: rates, lengths and directions of comparing must not matter."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamviz.core.errors import WamvizError
from wamviz.core.rotation import compose
from wamviz.metrics.align import action_mismatch, common_actions, common_frames, match_times, resample_actions

rates = st.sampled_from([1.0, 4.0, 5.0, 7.5, 10.0, 15.0, 24.0, 29.97, 30.0])


@given(rates, rates, st.integers(0, 40), st.integers(0, 40))
def test_matched_rows_lie_within_half_a_step_and_are_used_once(rate_a, rate_b, count_a, count_b):
    a, b = np.arange(count_a) / rate_a, np.arange(count_b) / rate_b
    ia, ib = match_times(a, b)
    assert len(ia) == len(ib)
    assert (np.diff(ia) > 0).all() and (np.diff(ib) > 0).all()
    assert (np.abs(a[ia] - b[ib]) <= 0.5 / max(rate_a, rate_b) + 1e-5).all() or min(count_a, count_b) <= 1
    if count_a and count_b:
        assert ia[0] == ib[0] == 0  # the contexts always meet


@given(rates, rates, st.integers(2, 40), st.integers(2, 40))
def test_matching_does_not_depend_on_who_comes_first(rate_a, rate_b, count_a, count_b):
    a, b = np.arange(count_a) / rate_a, np.arange(count_b) / rate_b
    forth, back = match_times(a, b), match_times(b, a)
    if rate_a != rate_b:
        assert np.array_equal(forth[0], back[1]) and np.array_equal(forth[1], back[0])


@given(st.integers(1, 12))
def test_every_coarse_frame_finds_its_partner_at_fifteen_hertz(count):
    coarse, fine = np.arange(count + 1) / 5, np.arange(3 * count + 1) / 15
    ia, ib = match_times(coarse, fine)
    assert ia.tolist() == list(range(count + 1))
    assert ib.tolist() == [3 * i for i in range(count + 1)]


def test_rows_without_a_partner_are_dropped(rollout, scene):
    a, b = rollout(frames=scene(9)), rollout("recorded", frames=scene(4))
    ours, theirs, times = common_frames(a, b)
    assert len(ours) == len(theirs) == 4
    assert np.allclose(times, [0.0, 0.2, 0.4, 0.6])


def test_frames_of_two_rates_meet_at_equal_times(rollout, scene):
    fine = scene(13)
    ours, theirs, _ = common_frames(rollout(frames=fine[::3], fps=5.0), rollout("recorded", frames=fine, fps=15.0))
    assert np.array_equal(ours, theirs)


@given(count=st.integers(1, 10), ratio=st.integers(2, 6), seed=st.integers(0, 2**31))
def test_steps_added_up_keep_every_metre_and_every_turn(rollout, count, ratio, seed):
    steps = np.random.default_rng(seed).uniform(-0.02, 0.02, (count * ratio, 7))
    fine = rollout(actions=steps, rate=5.0 * ratio)
    actions, ends = resample_actions(fine, 5.0)
    assert actions.shape == (count, 7)
    assert np.allclose(ends, (np.arange(count) + 1) / 5)
    assert np.allclose(actions[:, :3].sum(axis=0), fine.actions[:, :3].sum(axis=0), atol=1e-5)
    assert np.allclose(compose(actions[:, 3:6]), compose(fine.actions[:, 3:6]), atol=1e-5)
    assert np.array_equal(actions[:, 6], fine.actions[ratio - 1 :: ratio, 6])  # the gripper is no step


def test_an_uneven_ratio_shares_the_step_that_lies_across_the_edge(rollout):
    fine = rollout(actions=np.repeat([[0.01, 0, 0, 0, 0, 0, 0]], 15, axis=0), rate=7.5)
    actions, _ = resample_actions(fine, 5.0)
    assert np.allclose(actions[:, 0], 0.015)


def test_absolute_actions_are_sampled_not_added(rollout):
    fine = rollout(actions=np.arange(12 * 7).reshape(12, 7), rate=15.0, kind="ee_pose")
    actions, _ = resample_actions(fine, 5.0)
    assert np.array_equal(actions, fine.actions[2::3])


def test_the_same_motion_at_two_rates_has_the_same_actions(rollout):
    coarse = np.random.default_rng(3).uniform(-0.03, 0.03, (6, 7)).astype(np.float32)
    coarse[:, 3:6] = 0
    fine = np.repeat(coarse / 3, 3, axis=0)
    fine[:, 6] = np.repeat(coarse[:, 6], 3)
    a, b = rollout(actions=coarse), rollout("recorded", actions=fine, rate=15.0)
    ours, theirs, times = common_actions(a, b)
    assert np.allclose(ours, theirs, atol=1e-6)
    assert np.allclose(times, (np.arange(6) + 1) / 5)
    back, forth, _ = common_actions(b, a)
    assert np.array_equal(ours, forth) and np.array_equal(theirs, back)


def test_actions_are_not_made_finer(rollout):
    with pytest.raises(WamvizError, match="cannot be made finer"):
        resample_actions(rollout(actions=np.zeros((3, 7))), 15.0)


def test_other_action_spaces_are_refused_with_the_reason(rollout, scene):
    a = rollout(actions=np.zeros((3, 7)))
    assert action_mismatch(a, rollout("recorded", actions=np.zeros((3, 7)))) is None
    assert "ee_pose" in str(action_mismatch(a, rollout("recorded", actions=np.zeros((3, 7)), kind="ee_pose")))
    assert action_mismatch(a, rollout("recorded", frames=scene(3))) == "The recorded rollout has no actions."
    with pytest.raises(WamvizError, match="kind"):
        common_actions(a, rollout("recorded", actions=np.zeros((3, 7)), kind="ee_pose"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"gripper_index": 5}, "The gripper of the imagined actions is not that of the recorded ones"),
        ({"gripper_index": None}, "The gripper of the imagined actions is not that of the recorded ones"),
        ({"gripper_closed": 0.0}, "(index or polarity)"),
        ({"names": tuple("abcdefg")}, "The imagined actions' names are dx, dy, dz, drx, dry, drz, gripper; the recorded"
                                      " ones' a, b, c, d, e, f, g."),
        ({"units": ("cm",) * 7}, "actions' units are m, m, m, rad, rad, rad, 1; the recorded ones' cm, cm"),
        ({"rate": 10.0}, None),
    ],
)  # fmt: skip
def test_every_difference_of_two_action_spaces_is_told_from_either_side(rollout, change, reason):
    a, b = rollout(actions=np.zeros((4, 7))), rollout("recorded", actions=np.zeros((4, 7)))
    b = replace(b, action_space=replace(b.action_space, **change))
    assert reason is None if action_mismatch(a, b) is None else reason in action_mismatch(a, b)
    assert (action_mismatch(b, a) is None) == (reason is None)


def test_without_a_gripper_polarity_means_nothing(rollout):
    a, b = rollout(actions=np.zeros((4, 7))), rollout("recorded", actions=np.zeros((4, 7)))
    spaces = [replace(a.action_space, gripper_index=None, gripper_closed=closed) for closed in (0.0, 1.0)]
    assert action_mismatch(replace(a, action_space=spaces[0]), replace(b, action_space=spaces[1])) is None


def test_frames_of_one_rollout_alone_are_refused(rollout, scene):
    a, b = rollout(frames=scene(3)), rollout("recorded", actions=np.zeros((3, 7)))
    for first, second in ((a, b), (b, a)):
        with pytest.raises(WamvizError, match="only where both rollouts have video"):
            common_frames(first, second)

"""One dict of numbers for any run, whatever it lacks."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from wamviz.metrics import metric_notes, summarise
from wamviz.metrics.summary import context_state


def run_of(*imagined, reference=None, executed=None, state=None, mode="joint"):
    return SimpleNamespace(imagined=imagined, reference=reference, executed=executed, state=state, mode=mode)


@pytest.fixture
def full(rollout, scene):
    """Two samples, the first one perfect, with a reference and an execution."""
    actions = np.random.default_rng(0).uniform(-0.03, 0.03, (5, 7)).astype(np.float32)
    actions[:, 6] = [0, 0, 1, 1, 1]
    states = np.zeros((6, 14), np.float32)
    reference = rollout("recorded", scene(6), actions, states)
    worse = actions * np.array([0.5, 0.5, 0.5, 1, 1, 1, 0], np.float32)
    executed = rollout("executed", scene(6), actions, states, success=True)
    return run_of(
        rollout(frames=scene(6), actions=actions),
        rollout(frames=scene(6, seed=2), actions=worse),
        reference=reference,
        executed=executed,
    )


def test_numbers_stand_beside_their_baselines(full):
    found = summarise(full)
    video, actions = found["video"], found["actions"]
    assert video["psnr"] == 60 > video["copy_last_psnr"]
    assert video["ssim"] == 1 > video["copy_last_ssim"]
    assert actions["mae"] == 0 < actions["hold_mae"]
    assert found["trajectory"]["ade_m"] == 0 < found["trajectory"]["hold_ade_m"]
    assert found["gripper"]["gripper_timing_s"] == 0 and found["gripper"]["missed"] == 0
    assert found["execution"]["success"] is True


def test_the_sample_asked_for_stands_on_top_and_all_lie_beneath(full):
    first, second = summarise(full, 0), summarise(full, 1)
    assert first["sample"] == 0 and second["sample"] == 1
    assert first["video"]["by_sample"] == second["video"]["by_sample"]
    assert first["video"]["best"]["sample"] == second["video"]["best"]["sample"] == 0
    assert second["video"]["psnr"] == second["video"]["by_sample"][1]["psnr"] < 60
    assert np.isclose(first["video"]["mean"]["psnr"], (first["video"]["psnr"] + second["video"]["psnr"]) / 2, atol=1e-3)
    assert first["actions"]["best"]["sample"] == 0
    assert second["gripper"]["missed"] == 1


def test_every_number_has_its_control(full):
    """Hold still misses every closing; a hand that stays is as far off as physics took it; limits are the recorded."""
    found = summarise(full, 1)
    assert found["gripper"]["missed"] == found["gripper"]["hold_missed"] == 1
    assert found["execution"]["hold_path_ade_m"] == 0 < found["execution"]["path_ade_m"]  # physics did not move it
    assert found["motion"]["recorded_outside_limits"] == found["motion"]["outside_limits"] == 0
    by_unit = found["actions"]["by_unit"]
    assert by_unit["m"]["names"] == ["dx", "dy", "dz"] and 0 < by_unit["m"]["mae"] < by_unit["m"]["hold_mae"]
    assert set(found["actions"]["mean"]) >= {"mae", "rmse", "dtw"}


def test_jerk_is_read_beside_the_recorded_one_at_another_rate(rollout):
    """The same motion, recorded three times as finely: both jerks are over the same moments, so they are equal."""
    path = 0.02 * np.arange(16)[:, None] ** 2 / 225 * np.ones((1, 3)) + 0.001 * np.sin(np.arange(16))[:, None]
    fine, coarse = np.zeros((15, 7)), np.zeros((5, 7))
    fine[:, :3], coarse[:, :3] = np.diff(path, axis=0), np.diff(path[::3], axis=0)
    found = summarise(run_of(rollout(actions=coarse), reference=rollout("recorded", actions=fine, rate=15.0)))["motion"]
    assert found["jerk"] > 0 and np.isclose(found["jerk"], found["recorded_jerk"], rtol=1e-3)
    odd = summarise(run_of(rollout(actions=coarse), reference=rollout("recorded", actions=fine, rate=7.5)))["motion"]
    assert odd["recorded_jerk"] is None and odd["jerk"] > 0


def test_jerk_needs_no_limits(rollout, scene):
    """A dataset that tells no limits still has a smoothness, for every sample."""
    from dataclasses import replace

    actions = np.random.default_rng(0).uniform(-0.03, 0.03, (6, 7))
    one = rollout(actions=actions)
    assert one.action_space is not None
    one = replace(one, action_space=replace(one.action_space, low=None, high=None))
    found = summarise(run_of(one, one))["motion"]
    assert found["jerk"] > 0 and found["outside_limits"] is None and found["mean"]["jerk"] == found["jerk"]
    assert summarise(run_of(rollout(frames=scene(3))))["motion"] is None


def test_json_holds_it_without_nan(full):
    text = json.dumps(summarise(full), allow_nan=False)
    assert json.loads(text) == summarise(full)


def test_without_a_reference_it_says_so(rollout, scene):
    found = summarise(run_of(rollout(frames=scene(3), actions=np.zeros((2, 7)))))
    assert found["video"] is found["actions"] is found["trajectory"] is found["gripper"] is None
    assert "no ground truth" in found["notes"][0]


def test_every_missing_part_costs_only_itself(rollout, scene):
    reference = rollout("recorded", scene(3), np.zeros((2, 7)))
    acting = summarise(run_of(rollout(actions=np.zeros((2, 7))), reference=reference))
    assert acting["video"] is None and acting["actions"]["mae"] == 0 and "no video" in acting["notes"][0]
    video = summarise(run_of(rollout(frames=scene(3)), reference=reference))
    assert video["actions"] is None and video["video"]["psnr"] == 60
    assert video["notes"] == ["The imagined rollout has no actions."]


def test_actions_that_were_given_are_not_judged(full):
    full.mode = "forward_dynamics"
    found = summarise(full)
    assert found["video"]["psnr"] and found["execution"]
    assert [found[part] for part in ("actions", "trajectory", "gripper", "motion")] == [None] * 4
    assert any("were given" in note for note in found["notes"])


def test_another_action_space_is_a_note_not_an_exception(rollout, scene):
    reference = rollout("recorded", scene(3), np.zeros((2, 7)), kind="ee_pose")
    found = summarise(run_of(rollout(frames=scene(3), actions=np.zeros((2, 7))), reference=reference))
    assert found["actions"] is None and found["gripper"] is None
    assert "ee_pose" in found["notes"][0]


def test_a_sample_out_of_range_is_the_nearest_one(full):
    assert summarise(full, 99)["sample"] == 1
    assert summarise(full, -1)["sample"] == 0


def test_the_context_state_is_the_runs_own_or_the_first_known(rollout):
    states = np.arange(28, dtype=np.float32).reshape(2, 14)
    reference = rollout("recorded", actions=np.zeros((1, 7)), states=states)
    one = rollout(actions=np.zeros((1, 7)))
    assert np.array_equal(context_state(run_of(one, reference=reference)), states[0])
    assert context_state(run_of(one, reference=reference, state=np.zeros(14)))[3] == 0
    assert context_state(run_of(one)) is None


def test_every_explained_metric_exists(full):
    found = summarise(full)
    parts = [found[name] for name in ("video", "actions", "trajectory", "gripper", "motion", "execution", "picture")]
    known = {name for part in parts for name in part}
    assert set(metric_notes()) <= known
    assert all(note.endswith(".") and "\n" not in note for note in metric_notes().values())

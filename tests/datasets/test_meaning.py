"""What numbers mean: known layouts, a person's word above all, and conversions that are exact or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tests.datasets import makers
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ActionSpace
from wamviz.datasets import Layout, convert, open_dataset, to_physical
from wamviz.datasets.convert import normalise, unnormalise
from wamviz.datasets.meaning import ALOHA_NAMES, BRIDGE, DROID_VELOCITY, OSC_POSE, modality_names, understand

SO101 = tuple(
    f"{n}.pos" for n in ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
)
POSES = npst.arrays(np.float64, 6, elements=st.floats(-1, 1))
CHUNKS = npst.arrays(np.float32, st.tuples(st.integers(1, 8), st.just(7)), elements=st.floats(-1, 1, width=32))


@pytest.mark.parametrize(
    ("names", "robot", "kind", "gripper"),
    [
        (SO101, "so101_follower", "joint_position", (5, 0.0)),
        (tuple(f"main_{name.removesuffix('.pos')}" for name in SO101), "so100", "joint_position", (5, 0.0)),
        (ALOHA_NAMES, "aloha", "joint_position", (None, 1.0)),
        (("kLeftElbow", "kRightHandIndex"), "Unitree_G1_Inspire", "joint_position", (None, 1.0)),
        (("kLeftElbow", "kRightHandIndex"), "", "unnamed", (None, 1.0)),
        (("a.vel", "b.vel", "gripper"), "", "joint_velocity", (None, 1.0)),  # which value is closed is not known
        (("delta_x", "delta_y"), "", "ee_delta", (None, 1.0)),
        (("x", "y", "z"), "", "unnamed", (None, 1.0)),  # a pose or its change: not said
        (("motor_0", "motor_1"), "", "unnamed", (None, 1.0)),
        ((), "", "unnamed", (None, 1.0)),
    ],
)
def test_names_are_understood_or_left_unnamed(
    names: tuple[str, ...], robot: str, kind: str, gripper: tuple[int | None, float]
) -> None:
    space, why = understand(len(names) or 3, 30, names, robot=robot)
    assert space.kind == kind and (space.gripper_index, space.gripper_closed) == gripper and why
    assert space.rate == 30 and space.names == (names or ("a0", "a1", "a2"))


def test_names_of_another_count_are_not_used() -> None:
    assert understand(3, 5, ("a.pos", "b.pos"))[0].names == ("a0", "a1", "a2")


def test_a_persons_word_wins(tmp_path: Path) -> None:
    root = makers.make_v2(tmp_path / "set")
    assert open_dataset(root).summary()["actions"]["kind"] == "joint_position"
    makers.write_json(root / "wamviz.json", {"layout": {"kind": "joint_velocity", "units": ["rad/s", "1"], "rate": 10}})
    summary = open_dataset(root).summary()
    assert (summary["actions"]["kind"], summary["actions"]["rate"]) == ("joint_velocity", 10)
    assert summary["actions_known_by"] == "Told by a person's layout."
    given = open_dataset(root, Layout(names=("p", "q"))).summary()  # the caller's word stands above the file's
    assert given["actions"]["names"] == ("p", "q") and given["actions"]["kind"] == "joint_position"


@pytest.mark.parametrize(
    ("layout", "says"),
    [
        ({"names": ["one"]}, "has 1 names, the actions have 2 dimensions"),
        ({"kind": "ee_dleta"}, "Did you mean 'ee_delta'"),
        ({"knid": "ee_delta"}, "Did you mean 'kind'"),
        ({"rate": "fast"}, "must be a number"),
        ({"rate": 0}, "above 0 Hz"),
        ({"units": [1, 2]}, "list of texts"),
        ({"gripper_index": 9}, "lies outside"),
        ({"actions": 3}, "name of a column"),
        ([], "must be a JSON object"),
    ],
)
def test_a_wrong_word_is_explained(layout: object, says: str, tmp_path: Path) -> None:
    root = makers.make_v2(tmp_path / "set")
    makers.write_json(root / "wamviz.json", {"layout": layout})
    with pytest.raises(WamvizError, match=says):
        open_dataset(root).summary()


def test_names_come_from_modality_json_where_the_features_have_none(tmp_path: Path) -> None:
    root = makers.make_v2(tmp_path / "set")
    info = json.loads((root / "meta/info.json").read_text())
    info["features"]["action"]["names"] = ["motor_0", "motor_1"]
    makers.write_json(root / "meta/info.json", info)
    slices = {"arm": {"start": 0, "end": 1}, "gripper": {"start": 1, "end": 2}}
    makers.write_json(root / "meta/modality.json", {"action": slices})
    assert open_dataset(root).episode(0).action_space.names == ("arm", "gripper")  # type: ignore[union-attr]


OVERLAPPING = {"a": {"start": 0, "end": 2}, "b": {"start": 1, "end": 3}}


@pytest.mark.parametrize(
    "groups", [{"a": {"start": 0, "end": 9}}, {"a": {"start": 0, "end": 1}}, {"a": 3}, [], OVERLAPPING]
)
def test_slices_that_do_not_fit_name_nothing(groups: object) -> None:
    assert modality_names({"action": groups}, "action", 3) == ()


@given(start=POSES, actions=CHUNKS)
def test_deltas_integrate_and_differences_bring_them_back(start: np.ndarray, actions: np.ndarray) -> None:
    done = convert(actions, BRIDGE, "ee_pose", start)
    path = np.vstack([start, done.values[:, :6]])
    assert np.diff(path, axis=0) == pytest.approx(actions[:, :6], abs=1e-5)
    assert np.array_equal(done.values[:, 6], actions[:, 6])  # the gripper is a position already
    assert done.space.kind == "ee_pose" and done.space.names[:6] == ("x", "y", "z", "roll", "pitch", "yaw")
    assert "assumes" in done.label


def test_turns_about_the_base_follow_one_another() -> None:
    """Two quarter turns about x, then one about z, as rotation vectors."""
    space = replace(OSC_POSE, units=("m",) * 3 + ("rad",) * 3 + ("1",), low=None, high=None)
    actions = np.zeros((3, 7))
    actions[:2, 3] = actions[2, 5] = np.pi / 2
    done = convert(actions, space, "ee_pose", np.zeros(6))
    assert done.values[0, 3:6] == pytest.approx([np.pi / 2, 0, 0], abs=1e-6)
    assert np.abs(done.values[1, 3:6]) == pytest.approx([np.pi, 0, 0], abs=1e-6)
    half = np.pi / np.sqrt(2)
    assert np.abs(done.values[2, 3:6]) == pytest.approx([half, half, 0], abs=1e-5)


def test_scaled_units_become_physical() -> None:
    done = to_physical(np.ones((2, 7)), OSC_POSE)
    assert done.values[0] == pytest.approx([0.05] * 3 + [0.5] * 3 + [1])
    assert done.space.units == ("m",) * 3 + ("rad",) * 3 + ("1",) and done.space.high == pytest.approx(done.values[0])


def test_velocities_integrate_to_the_joints_that_were_recorded(tmp_path: Path) -> None:
    """Each velocity takes the joints of its step to the commanded joints: the scale of DROID's velocities is right."""
    episode = open_dataset(makers.make_ctrlworld(tmp_path / "set")).episode(1)
    told = json.loads((tmp_path / "set/annotation/train/10.json").read_text())
    joints = np.array(told["observation.state.joint_position"])
    assert episode.actions is not None
    done = convert(episode.actions, DROID_VELOCITY, "joint_position", joints[0])
    assert done.values[:, :7] == pytest.approx(np.array(told["action.joint_position"]), abs=1e-5)
    assert done.space.units[0] == "rad" and done.space.names[0] == "joint1"


@given(values=CHUNKS, method=st.sampled_from(["min_max", "mean_std", "quantile"]))
def test_normalising_and_back(values: np.ndarray, method: str) -> None:
    stats = {
        "min": [-2.0] * 7,
        "max": [3.0] * 7,
        "mean": [0.5] * 7,
        "std": [2.0] * 7,
        "q01": [-1.0] * 7,
        "q99": [1.0] * 7,
    }
    assert unnormalise(normalise(values, stats, method), stats, method) == pytest.approx(values, abs=1e-5)


@pytest.mark.parametrize(
    ("space", "kind", "start", "says"),
    [
        (DROID_VELOCITY, "ee_pose", np.zeros(6), "kinematics"),
        (ActionSpace(("a",) * 7, ("",) * 7, "unnamed", 5), "ee_pose", np.zeros(6), "not known"),
        (replace(BRIDGE, kind="ee_pose"), "ee_delta", np.zeros(6), "measured state"),
        (BRIDGE, "ee_pose", None, "where the robot begins"),
        (BRIDGE, "ee_pose", np.zeros(5), "has 5 numbers"),
        (replace(BRIDGE, units=("",) * 7), "ee_pose", np.zeros(6), "no known unit"),
        (BRIDGE, "ee_psoe", None, "Did you mean 'ee_pose'"),
    ],
)
def test_what_cannot_be_computed_is_refused_with_the_reason(
    space: ActionSpace, kind: str, start: np.ndarray | None, says: str
) -> None:
    with pytest.raises(WamvizError, match=says):
        convert(np.zeros((2, space.dim)), space, kind, start)

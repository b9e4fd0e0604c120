"""What numbers mean: known layouts, a person's word above all, and velocities of the right scale."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tests.datasets import makers
from wamviz.core.action_spaces import ALOHA_JOINTS, DROID_VELOCITY
from wamviz.core.errors import WamvizError
from wamviz.datasets import ActionSpaceOverride, open_dataset
from wamviz.datasets.action_semantics import infer_action_space, modality_names

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
        (ALOHA_JOINTS.names, "aloha", "joint_position", (None, 1.0)),
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
    space, why = infer_action_space(len(names) or 3, 30, names, robot=robot)
    assert space.kind == kind and (space.gripper_index, space.gripper_closed) == gripper and why
    assert space.rate == 30 and space.names == (names or ("a0", "a1", "a2"))


def test_names_of_another_count_are_not_used() -> None:
    assert infer_action_space(3, 5, ("a.pos", "b.pos"))[0].names == ("a0", "a1", "a2")


def test_a_persons_word_wins(tmp_path: Path) -> None:
    root = makers.make_v2(tmp_path / "set")
    assert open_dataset(root).summary()["actions"]["kind"] == "joint_position"
    makers.write_json(root / "wamviz.json", {"layout": {"kind": "joint_velocity", "units": ["rad/s", "1"], "rate": 10}})
    summary = open_dataset(root).summary()
    assert (summary["actions"]["kind"], summary["actions"]["rate"]) == ("joint_velocity", 10)
    assert summary["actions_known_by"] == "Told by a person's layout."
    given = open_dataset(
        root, ActionSpaceOverride(names=("p", "q"))
    ).summary()  # the caller's word stands above the file's
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


def test_velocities_integrate_to_the_joints_that_were_recorded(tmp_path: Path) -> None:
    """Each velocity takes the joints of its step to the commanded joints: the scale of DROID's velocities is right."""
    episode = open_dataset(makers.make_ctrlworld(tmp_path / "set")).episode(1)
    told = json.loads((tmp_path / "set/annotation/train/10.json").read_text())
    joints = np.array(told["observation.state.joint_position"])
    assert episode.actions is not None
    scale = float(DROID_VELOCITY.units[0].split()[0]) / DROID_VELOCITY.rate
    reached = joints[0] + np.cumsum(episode.actions[:, :7] * scale, axis=0)
    assert reached == pytest.approx(np.array(told["action.joint_position"]), abs=1e-5)

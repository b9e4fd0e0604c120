"""GR00T's servers: what they say they want, what they are sent, and what is made of actions by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.models.remote.servers import serving
from tests.models.remote.speakers import (
    DROID_CONTEXT,
    GROOT_DROID,
    LIBERO_CONTEXT,
    PICTURES,
    TABLETOP_CONTEXT,
    Speaker,
    chunk,
    groot,
    modality,
    npy,
)
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Imagined, ImagineRequest, Observation
from wamviz.models.protocol import collect
from wamviz.models.remote.groot import eef_9d

pytest.importorskip("zmq", reason="pyzmq is the extra wamviz[groot]; requirements-dev.txt has it")
LIBERO_KEYS = ["x", "y", "z", "roll", "pitch", "yaw", "gripper"]
GROOT_LIBERO = {
    "video": modality(["image", "wrist_image"]),
    "state": modality(LIBERO_KEYS),
    "action": modality(LIBERO_KEYS, 40),
    "language": modality(["annotation.human.action.task_description"]),
}
# N1.7's DROID checkpoint: a frame of the past, a pose beside joints and gripper.
N17_DROID = {
    **GROOT_DROID,
    "video": modality(["exterior_image_1_left", "wrist_image_left"], 2),
    "state": modality(["eef_9d", "gripper_position", "joint_position"]),
    "action": modality(["eef_9d", "gripper_position", "joint_position"], 40),
}
POSED = replace(DROID_CONTEXT, state=np.arange(14, dtype=np.float32) / 10)


def by_name(widths: dict[str, int], rows: int = 40, prefix: str = "", flat: bool = False):
    """A reply whose tables hold their own running numbers."""

    def reply(speaker: Speaker, told: dict) -> object:
        tables = {
            f"{prefix}{name}": npy(chunk(rows, width, i) if flat else chunk(rows, width, i)[None])
            for i, (name, width) in enumerate(widths.items())
        }
        return tables if flat else [tables, {}]

    return reply


def speaker(config: dict, reply=None, robot: str = "droid", context: Observation = DROID_CONTEXT) -> Speaker:
    return Speaker("GR00T", "groot", robot, context, groot(config, reply), "tcp")


def imagined(asked: Speaker, **settings) -> Imagined:
    with serving(asked.speak()) as served:
        return collect(asked.model(served, settings=settings), ImagineRequest(asked.context, "act_only"))


def test_droid_is_sent_as_its_own_client_sends_it() -> None:
    """A batch of one with one step: letterboxed 180 x 320 views, states in float32, words in lists of lists."""
    asked = speaker(GROOT_DROID)
    end = imagined(asked)
    told = asked.heard[0]
    assert list(told) == ["observation", "options"] and told["options"] is None
    video, state = told["observation"]["video"], told["observation"]["state"]
    assert list(video) == ["exterior_image_1_left", "wrist_image_left"]
    assert all(view.shape == (1, 1, 180, 320, 3) and view.dtype == np.uint8 for view in video.values())
    assert {name: part.shape for name, part in state.items()} == {
        "joint_position": (1, 1, 7),
        "gripper_position": (1, 1, 1),
    }
    assert (state["joint_position"][0, 0] == DROID_CONTEXT.state[:7]).all()
    assert state["joint_position"].dtype == np.float32
    assert told["observation"]["language"] == {"annotation.language.language_instruction": [["pick up the orange"]]}
    assert end.rollouts[0].action_space.kind == "joint_position" and end.rollouts[0].action_space.rate == 15


def test_joints_come_before_the_gripper_whatever_the_reply_s_order() -> None:
    """The speaker returns the gripper first; the action space has it last."""
    rollout = imagined(speaker(GROOT_DROID)).rollouts[0]
    assert (rollout.actions == chunk(32, 8, 1)).all()
    assert rollout.action_space.names[-1] == "gripper" and rollout.action_space.gripper_closed == 1


def test_n17_gets_history_and_the_pose_as_its_client_makes_it() -> None:
    """The context stands for every frame of the past, which is said; the pose becomes position and rotation."""
    widths = {"eef_9d": 9, "gripper_position": 1, "joint_position": 7}
    asked = speaker(N17_DROID, by_name(widths), context=POSED)
    end = imagined(asked)
    told = asked.heard[0]["observation"]
    view = told["video"]["wrist_image_left"]
    assert view.shape == (1, 2, 180, 320, 3) and (view[0, 0] == view[0, 1]).all()
    assert list(told["state"]) == ["eef_9d", "gripper_position", "joint_position"]
    assert np.allclose(told["state"]["eef_9d"][0, 0], eef_9d(POSED.state[:6]))
    assert (told["state"]["gripper_position"][0, 0] == POSED.state[6:7]).all()
    assert (told["state"]["joint_position"][0, 0] == POSED.state[7:]).all()
    assert any("2 steps of history" in note for note in end.notes)
    assert any("left out: eef_9d" in note for note in end.notes)
    assert end.rollouts[0].actions.shape == (40, 8)
    assert (end.rollouts[0].actions[:, :7] == chunk(40, 7, 2)).all()


def test_the_pose_s_rotation_is_droid_s() -> None:
    """Without a turn it is the correction alone; a quarter turn about z turns its rows."""
    assert np.allclose(eef_9d(np.array([1, 2, 3, 0, 0, 0], np.float32)), [1, 2, 3, 0, 0, -1, -1, 0, 0])
    turned = eef_9d(np.array([1, 2, 3, 0, 0, np.pi / 2], np.float32))
    assert np.allclose(turned, [1, 2, 3, 1, 0, 0, 0, 0, -1], atol=1e-6)
    # A quarter turn about x, then one about the fixed z: x comes to y, y to z, z to x.
    order = eef_9d(np.array([0, 0, 0, np.pi / 2, 0, np.pi / 2], np.float32))
    assert np.allclose(order, [0, 0, 0, 0, 1, 0, 0, 0, -1], atol=1e-6)
    both = eef_9d(np.array([0, 0, 0, 0.3, -0.5, 0.7], np.float32))[3:].reshape(2, 3)
    assert np.allclose(both @ both.T, np.eye(2), atol=1e-6)


def test_the_tabletop_s_pose_is_not_taken_for_droid_s() -> None:
    """Its fourteen numbers hold a rotation vector; joints and gripper are known."""
    with pytest.raises(WamvizError, match="cartesian_position.*--state"):
        imagined(speaker(N17_DROID, context=TABLETOP_CONTEXT))
    asked = speaker(GROOT_DROID, context=TABLETOP_CONTEXT)
    imagined(asked)
    state = asked.heard[0]["observation"]["state"]
    assert (state["joint_position"][0, 0] == TABLETOP_CONTEXT.state[7:]).all()
    assert (state["gripper_position"][0, 0] == TABLETOP_CONTEXT.state[6:7]).all()


def test_libero_s_gripper_is_open_at_one() -> None:
    """GR00T's LIBERO returns 0 closed .. 1 open, unlike robosuite's -1 open .. 1 closed."""
    asked = speaker(GROOT_LIBERO, by_name(dict.fromkeys(LIBERO_KEYS, 1)), "libero", LIBERO_CONTEXT)
    rollout = imagined(asked).rollouts[0]
    space = rollout.action_space
    assert (space.gripper_closed, space.low[6], space.high[6], space.kind) == (0.0, 0.0, 1.0, "ee_delta")
    assert rollout.actions.shape == (40, 7) and (rollout.actions[:, 3:4] == chunk(40, 1, 3)).all()
    state = asked.heard[0]["observation"]["state"]
    assert state["gripper"].shape == (1, 1, 2) and state["yaw"].shape == (1, 1, 1)
    assert asked.heard[0]["observation"]["video"]["image"].shape == (1, 1, 90, 160, 3)


def test_a_server_with_the_simulators_wrapper_gets_flat_names() -> None:
    widths = dict.fromkeys(LIBERO_KEYS, 1)
    asked = speaker(GROOT_LIBERO, by_name(widths, prefix="action."), "libero", LIBERO_CONTEXT)
    end = imagined(asked, settings={"layout": "flat"})
    told = asked.heard[0]["observation"]
    assert list(told)[:3] == ["video.image", "video.wrist_image", "state.x"]
    assert told["video.image"].shape == (1, 1, 90, 160, 3) and told["state.gripper"].shape == (1, 1, 2)
    assert told["annotation.human.action.task_description"] == ["open it"]
    assert end.rollouts[0].action_space.kind == "ee_delta"


def test_n15_gets_neither_a_batch_nor_options() -> None:
    """Its names carry their kind; a table of one column has a single axis."""
    config = {
        "video": modality(["video.image", "video.wrist_image"]),
        "state": modality([f"state.{key}" for key in LIBERO_KEYS]),
        "action": modality([f"action.{key}" for key in LIBERO_KEYS], 16),
        "language": modality(["annotation.human.action.task_description"]),
    }

    def reply(one: Speaker, told: dict) -> object:
        return {f"action.{key}": npy(chunk(16, 1, i)[:, 0]) for i, key in enumerate(LIBERO_KEYS)}

    asked = speaker(config, reply, "libero", LIBERO_CONTEXT)
    end = imagined(asked, settings={"layout": "n1.5"})
    told = asked.heard[0]
    assert told["video.image"].shape == (1, 90, 160, 3) and told["state.x"].shape == (1, 1)
    assert told["annotation.human.action.task_description"] == ["open it"]
    assert end.rollouts[0].actions.shape == (16, 7) and end.rollouts[0].action_space.kind == "ee_delta"


HUMANOID = {
    "video": modality(["ego_view"]),
    "state": modality(["left_arm", "waist"]),
    "action": modality(["waist", "left_arm", "base_height_command"], 16),
    "language": modality(["annotation.human.task_description"]),
}


def test_another_robot_s_actions_keep_the_server_s_names_and_claim_no_unit() -> None:
    """The order is the configuration's; how many numbers a state has, the user says."""
    context = Observation({"ego_view": PICTURES["exterior_1_left"]}, "wave", np.arange(12, dtype=np.float32))
    widths = {"base_height_command": 1, "left_arm": 2, "waist": 3, "extra": 1}
    asked = speaker(HUMANOID, by_name(widths, 16), context=context)
    with pytest.raises(WamvizError, match="needs the state 'left_arm'.*--state left_arm=FIRST:END"):
        imagined(asked)
    assert not asked.heard
    end = imagined(asked, state={"left_arm": "5:7", "waist": "0:3"}, rate=20.0)
    state = asked.heard[0]["observation"]["state"]
    assert state["left_arm"].tolist() == [[[5, 6]]] and state["waist"].tolist() == [[[0, 1, 2]]]
    space = end.rollouts[0].action_space
    assert space.names == (
        "waist_1", "waist_2", "waist_3", "left_arm_1", "left_arm_2", "base_height_command", "extra",
    )  # fmt: skip
    assert space.kind == "unnamed" and set(space.units) == {""} and space.rate == 20
    assert (end.rollouts[0].actions[:, :3] == chunk(16, 3, 2)).all()
    assert any("left_arm: 5:7 of the state" in note for note in end.notes)


def test_two_wrists_are_told_apart_by_their_side() -> None:
    config = {**GROOT_DROID, "video": modality(["cam_high", "cam_right_wrist", "cam_left_wrist"])}
    views = {"high": 1, "wrist_left": 2, "wrist_right": 3}
    frames = {name: np.full((20, 20, 3), value, np.uint8) for name, value in views.items()}
    asked = speaker(config, context=replace(DROID_CONTEXT, frames=frames))
    imagined(asked)
    told = asked.heard[0]["observation"]["video"]
    assert [int(told[name].max()) for name in ("cam_high", "cam_left_wrist", "cam_right_wrist")] == [1, 2, 3]


def test_a_token_is_asked_for_in_the_server_s_words(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = speaker(GROOT_DROID)
    asked.script = groot(token="hush")
    with pytest.raises(WamvizError, match="The server said: Unauthorized: Invalid API token"):
        imagined(asked)
    monkeypatch.setenv("POLICY_TOKEN", "hush")
    assert len(imagined(asked, token_env="POLICY_TOKEN").rollouts) == 1


@pytest.mark.parametrize(
    "config",
    [
        [],
        {**GROOT_DROID, "video": None},
        {**GROOT_DROID, "video": modality([])},
        {**GROOT_DROID, "video": modality(["a" * 300])},
        {**GROOT_DROID, "action": modality(["a\x1b[2J"])},
        {**GROOT_DROID, "video": modality(["a"], 100)},
        {**GROOT_DROID, "language": {"__ModalityConfig_class__": True, "as_json": "{"}},
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(config: object) -> None:
    with pytest.raises(WamvizError, match="reply cannot be read"):
        imagined(speaker(config))


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ([{}, {}], "has no actions"),
        ({"joint_position": npy(np.zeros((1, 4, 7)))}, "has no actions"),
        ([{"joint_position": [1, 2]}, {}], "'joint_position' are no table"),
        ([{"a": npy(np.zeros((1, 4, 7))), "b": npy(np.zeros((1, 5, 1)))}, {}], "differ in length"),
        ([{"a": npy(np.full((1, 4, 7), np.inf))}, {}], "not finite"),
    ],
)
def test_actions_that_are_none_are_refused(reply: object, why: str) -> None:
    with pytest.raises(WamvizError, match=why):
        imagined(speaker(GROOT_DROID, lambda *_: reply))


def test_an_unknown_layout_is_refused_before_anybody_is_asked() -> None:
    asked = speaker(GROOT_DROID)
    with serving(asked.speak()) as served:
        with pytest.raises(WamvizError, match="Unknown layout of kind groot 'flatt'.*flat"):
            asked.model(served, settings={"settings": {"layout": "flatt"}}).imagine(
                ImagineRequest(DROID_CONTEXT, "act_only")
            )
        assert served.connections == 0

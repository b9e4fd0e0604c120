"""LingBot-VA's server: what is told to its memory, which numbers are actions, and its video where one sends it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.models.remote.servers import serving
from tests.models.remote.speakers import ARMS, LIBERO_CONTEXT, ROBOTWIN_CONTEXT, Speaker, chunk, clip, lingbot
from wamviz.core.errors import WamvizError
from wamviz.core.media import resize
from wamviz.core.rollout import Imagined, ImagineRequest
from wamviz.models.protocol import collect
from wamviz.models.remote import lingbot_va
from wamviz.models.remote.codec import pack
from wamviz.models.remote.kinds import KINDS

FILMED = {"settings": {"video": "yes"}}


def speaker(robot: str = "robotwin", channels: int = 16, latents: int = 2, each: int = 16, video=None) -> Speaker:
    context = LIBERO_CONTEXT if robot == "libero" else ROBOTWIN_CONTEXT
    return Speaker("LingBot-VA", "lingbot-va", robot, context, lingbot(channels, latents, each, video))


def imagined(asked: Speaker, context=None, settings=None, **wishes) -> Imagined:
    with serving(asked.speak()) as served:
        model = asked.model(served, settings=settings or {})
        return collect(model, ImagineRequest(context or asked.context, "imagine_then_act", **wishes))


def t_shape(asked: Speaker, at: int) -> np.ndarray:
    """RoboTwin's canvas: wrists (20, 30) at half size above the high view; brightness counts the frames."""
    count, before = (5, 0) if at == 0 else (8, 5 + 8 * (at // 2 - 1))
    video = np.zeros((count, 96, 80, 3), np.uint8)
    video[:, 32:] = 100
    video[:, :32, :40], video[:, :32, 40:] = 20, 30
    return video + np.arange(before, before + count, dtype=np.uint8)[:, None, None, None]


def test_robotwin_is_sent_as_its_own_client_sends_it() -> None:
    """Three views under their dataset's names, the task, the prompt; each sample after a reset."""
    asked = speaker()
    imagined(asked, samples=2)
    assert len(asked.heard) == 2
    for told in asked.heard:
        assert list(told) == ["obs", "prompt"] and told["prompt"] == told["obs"]["task"] == "adjust the bottle"
        assert {name: getattr(value, "shape", None) for name, value in told["obs"].items()} == {
            "observation.images.cam_high": (256, 320, 3),
            "observation.images.cam_left_wrist": (128, 160, 3),
            "observation.images.cam_right_wrist": (128, 160, 3),
            "task": None,
        }
        assert (told["obs"]["observation.images.cam_high"] == resize(ARMS["cam_high"], 256, 320)).all()


def test_the_first_latent_frame_is_the_context_and_its_actions_are_none() -> None:
    """(C, F, A) becomes rows in time: row k is frame 1 + k // A, action k % A."""
    end = imagined(speaker())
    reply = chunk(16, 32, 1).reshape(16, 2, 16)
    rows = end.rollouts[0].actions
    assert rows.shape == (16, 16)
    assert all((rows[k] == reply[:, 1, k]).all() for k in range(16))
    frankas = imagined(speaker("franka", 16, 4, 20)).rollouts[0].actions
    reply = chunk(16, 80, 1).reshape(16, 4, 20)
    assert frankas.shape == (60, 16)
    assert all((frankas[k] == reply[:, 1 + k // 20, k % 20]).all() for k in range(60))


def test_the_channels_are_named_as_the_server_orders_them() -> None:
    """Of its 30 channels: left hand 0-6, left gripper 28, right hand 7-13, right gripper 29."""
    space = KINDS["lingbot-va"].robot("robotwin").actions
    assert [space.names.index(f"{side}_gripper") for side in ("left", "right")] == [7, 15]
    assert space.names[:4] == ("left_x", "left_y", "left_z", "left_qx") and space.names[8] == "right_x"
    assert space.units[:4] == ("m", "m", "m", "1") and space.gripper_index is None
    assert space.kind == "unnamed"  # a pose relative to the start would be drawn in the wrong place
    libero = imagined(speaker("libero", 7, 4, 4)).rollouts[0]
    assert libero.action_space.kind == "ee_delta" and libero.actions.shape == (12, 7)


def test_poses_that_are_relative_are_said_to_be() -> None:
    assert lingbot_va.RELATIVE in imagined(speaker()).notes
    franka = imagined(speaker("franka", 16, 4, 20)).notes
    assert lingbot_va.RELATIVE not in franka
    assert any("50 Hz is assumed" in note for note in franka), "nobody knows, and nothing is pretended"


def test_the_released_server_sends_no_video_and_it_is_said() -> None:
    end = imagined(speaker())
    assert end.rollouts[0].frames is None and lingbot_va.KEPT in end.notes
    assert end.timings["server"] == pytest.approx(0.01)


@pytest.mark.parametrize(("main", "value"), [("cam_high", 100), ("cam_left_wrist", 20), ("cam_right_wrist", 30)])
def test_a_video_that_is_sent_is_shown_as_the_main_camera_s(main: str, value: int) -> None:
    """The T of three views is cut; five frames over sixteen actions end together, in the camera's proportions."""
    frames = {main: ARMS[main], **{name: frame for name, frame in ARMS.items() if name != main}}
    rollout = imagined(speaker(video=t_shape), replace(ROBOTWIN_CONTEXT, frames=frames)).rollouts[0]
    assert rollout.camera == main and (rollout.frames[:, 2, 2, 0] == value + np.arange(5)).all()
    assert np.isclose(rollout.frame_times[-1], rollout.action_times[-1]) and rollout.fps == 12.5
    assert np.isclose(rollout.frames.shape[2] / rollout.frames.shape[1], 80 / 60, atol=0.03)
    assert rollout.frames.shape[1] == (64 if main == "cam_high" else 32)
    assert (rollout.frames == rollout.frames[:, :1, :1]).all()  # no other view at an edge


def test_views_in_a_row_and_one_alone_are_recognised() -> None:
    views = KINDS["lingbot-va"].robot("franka").views
    row = np.zeros((2, 224, 960, 3), np.uint8)
    row[:, :, 320:640], row[:, :, 640:] = 1, 2
    found = lingbot_va.cut(row, views)
    assert [int(found[view.key].mean()) for view in views] == [0, 1, 2] and found["cam_high"].shape == (2, 224, 320, 3)
    assert list(lingbot_va.cut(row[:, :, :320], views)) == ["cam_high"]
    two = KINDS["lingbot-va"].robot("libero").views
    assert list(lingbot_va.cut(np.zeros((2, 128, 256, 3), np.uint8), two)) == ["agentview_rgb", "eye_in_hand_rgb"]
    assert list(lingbot_va.cut(np.zeros((2, 128, 128, 3), np.uint8), two)) == ["agentview_rgb"]


def test_a_video_of_shares_is_understood() -> None:
    """diffusers decodes to 0 .. 1."""
    asked = speaker(video=lambda s, at: t_shape(s, at).astype(np.float32) / 255)
    assert (imagined(asked).rollouts[0].frames[:, 2, 2, 0] == 100 + np.arange(5)).all()


def test_going_on_remembers_what_was_imagined() -> None:
    """Three chunks: 4 + 8 frames are remembered with their chunks before the next one is asked for, with the first
    observation; frames and actions stay in step and are cut to what was asked for."""
    asked = speaker(video=t_shape)
    end = imagined(asked, settings=FILMED, horizon=18)
    kinds = ["state" in told for told in asked.heard]
    assert kinds == [False, True, False, True, False]
    first, keys = asked.heard[0]["obs"], asked.heard[1]["obs"]
    assert [frame["observation.images.cam_high"].shape for frame in keys] == [(256, 320, 3)] * 4
    assert [int(frame["observation.images.cam_high"][0, 0, 0]) for frame in keys] == [101, 102, 103, 104]
    assert [int(frame["observation.images.cam_right_wrist"][0, 0, 0]) for frame in keys] == [31, 32, 33, 34]
    assert all((asked.heard[i]["obs"][name] == first[name]).all() for i in (2, 4) for name in list(first)[:3])
    rollout = end.rollouts[0]
    assert len(rollout.frames) == 19 and len(rollout.actions) == 18 * 4
    assert (rollout.frames[:, 2, 2, 0] == 100 + np.arange(19)).all() and rollout.fps == 12.5
    assert (rollout.actions[16:48] == chunk(16, 32, 2).reshape(16, 32).T).all()  # a later chunk is taken whole
    assert any("3 chunks" in note for note in end.notes)


def test_without_its_frames_a_further_chunk_is_left_out() -> None:
    asked = speaker(video=lambda s, at: t_shape(s, 0))  # a later chunk decoded alone: 5 frames for two latent ones
    end = imagined(asked, settings=FILMED, horizon=12)
    assert len(end.rollouts[0].frames) == 5 and any("was left out" in note for note in end.notes)
    alone = speaker(video=lambda s, at: clip(5, 64, 80))  # nothing to remember for the wrists
    end = imagined(alone, settings=FILMED, horizon=12)
    assert len(end.rollouts[0].frames) == 5 and any("no further chunk" in note for note in end.notes)
    assert not any("state" in told for told in alone.heard)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ({"action": np.zeros((16, 32), np.float32)}, "no .channels, frames, actions. but float32 .16, 32."),
        ({"action": np.zeros((16, 1, 16), np.float32)}, "single frame, which is the context"),
        ({"action": np.zeros((14, 2, 16), np.float32)}, "actions of 14 numbers; robot robotwin takes 16.*--robot"),
        ({"action": np.full((16, 2, 16), np.nan, np.float32)}, "not finite"),
        ({"action": np.zeros((16, 2, 16), np.float32), "video": np.full((5, 96, 80, 3), 7.0)}, "outside 0 .. 1"),
        ({"action": np.zeros((16, 2, 16), np.float32), "video": "later"}, "its video"),
    ],
)
def test_replies_that_make_no_sense_are_refused(reply: dict, why: str) -> None:
    def script(_, talk, mood):
        talk.accept()
        talk.send(pack({}))
        while "reset" in str(talk.message()):
            talk.send(pack({}))
        talk.send(pack(reply))

    asked = speaker()
    asked.script = script
    with pytest.raises(WamvizError, match=why):
        imagined(asked)


def test_a_setting_that_is_neither_is_refused() -> None:
    with pytest.raises(WamvizError, match="'video' is yes or no.*--set video=yes"):
        imagined(speaker(), settings={"settings": {"video": "maybe"}})
    end = imagined(speaker(video=t_shape), settings={"settings": {"video": "no"}}, horizon=16)
    assert len(end.rollouts[0].frames) == 5  # what is sent is shown, but nothing goes on from it

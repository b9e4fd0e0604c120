"""openpi's servers: what is sent to the byte, and what is made of what comes back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.models.remote.servers import serving
from tests.models.remote.speakers import (
    ALOHA_CONTEXT,
    DROID_CONTEXT,
    LIBERO_CONTEXT,
    TABLETOP_CONTEXT,
    Speaker,
    all_speakers,
    chunk,
    clip,
    openpi,
)
from wamviz.core.errors import WamvizError
from wamviz.core.media import resize
from wamviz.core.rollout import Imagined, ImagineRequest, Observation
from wamviz.models.protocol import collect
from wamviz.models.remote.asking import video_from
from wamviz.models.remote.codec import pack
from wamviz.models.remote.context import fit_frame
from wamviz.models.remote.kinds import robot_of
from wamviz.models.remote.openpi import canvas_of


def imagined(speaker: Speaker, mode: str, context: Observation | None = None, **settings: str) -> Imagined:
    with serving(speaker.speak()) as served:
        model = speaker.model(served, settings={"settings": settings})
        return collect(model, ImagineRequest(context or speaker.context, mode))


def test_droid_is_sent_as_openpi_wants_it():
    """Two letterboxed views, joints, gripper, prompt; float32 and uint8."""
    speaker = all_speakers()[0]
    imagined(speaker, "act_only")
    told = speaker.heard[0]
    assert list(told) == [
        "observation/exterior_image_1_left", "observation/wrist_image_left", "observation/joint_position",
        "observation/gripper_position", "prompt",
    ]  # fmt: skip
    image = told["observation/exterior_image_1_left"]
    assert image.shape == (224, 224, 3) and image.dtype == np.uint8
    assert not image[:49].any() and not image[-49:].any()  # 90 x 160 leaves 126 rows of 224
    assert (image[49:175] == resize(DROID_CONTEXT.frames["exterior_1_left"], 126, 224)).all()
    assert (told["observation/joint_position"] == DROID_CONTEXT.state[:7]).all()
    assert (told["observation/gripper_position"] == DROID_CONTEXT.state[7:]).all()
    assert told["observation/joint_position"].dtype == np.float32


def test_libero_and_aloha_are_sent_as_openpi_wants_them():
    """LIBERO's whole state in one; ALOHA's pictures nested, colours first."""
    libero, aloha = all_speakers()[1:3]
    imagined(libero, "act_only")
    assert list(libero.heard[0]) == ["observation/image", "observation/wrist_image", "observation/state", "prompt"]
    assert (libero.heard[0]["observation/state"] == LIBERO_CONTEXT.state).all()
    imagined(aloha, "act_only")
    told = aloha.heard[0]
    assert list(told) == ["images", "state", "prompt"] and (told["state"] == ALOHA_CONTEXT.state).all()
    assert {name: image.shape for name, image in told["images"].items()} == dict.fromkeys(
        ("cam_high", "cam_left_wrist", "cam_right_wrist"), (3, 224, 224)
    )


def test_the_tabletop_s_state_is_known():
    """The same Franka: joints are its last seven numbers, the gripper the seventh; 1 is closed on both sides."""
    speaker = all_speakers()[0]
    end = imagined(speaker, "act_only", TABLETOP_CONTEXT)
    told = speaker.heard[0]
    assert (
        "What the server was sent: exterior_image_1_left: camera exterior; wrist_image_left: camera wrist; "
        "joint_position: 7:14 of the state; gripper_position: 6:7 of the state." in end.notes
    )
    assert (told["observation/joint_position"] == TABLETOP_CONTEXT.state[7:]).all()
    assert (told["observation/gripper_position"] == TABLETOP_CONTEXT.state[6:7]).all()


def test_the_tabletop_s_fourteen_numbers_are_not_taken_for_aloha_s():
    """Fourteen of something else are not fourteen joints."""
    aloha = all_speakers()[2]
    context = replace(ALOHA_CONTEXT, world_state=TABLETOP_CONTEXT.world_state)
    with pytest.raises(WamvizError, match="state of 14 numbers is not known"):
        imagined(aloha, "act_only", context)


def test_velocities_and_positions_keep_their_units():
    """pi0.5's joint velocities are no positions; the gripper is 1 when closed."""
    speakers = all_speakers()
    space = imagined(speakers[0], "act_only").rollouts[0].action_space
    assert space.kind == "joint_velocity" and space.units == ("3 rad/s",) * 7 + ("1",) and space.rate == 15
    space = imagined(speakers[3], "joint").rollouts[0].action_space
    assert space.kind == "joint_position" and space.units[0] == "rad" and space.gripper_closed == 1
    space = imagined(speakers[1], "act_only").rollouts[0].action_space
    assert space.kind == "ee_delta" and space.low[6] == -1 and space.gripper_closed == 1


def canvas(frames: int = 33) -> np.ndarray:
    """Cosmos3's layout: the wrist view above (10), the exterior ones below (20, 30)."""
    video = np.zeros((frames, 54, 64, 3), np.uint8)
    video[:, :36], video[:, 36:, :32], video[:, 36:, 32:] = 10, 20, 30
    return video


@pytest.mark.parametrize(
    ("main", "value", "shape"),
    [
        ("exterior_1_left", 20, (18, 32)),
        ("exterior_2_left", 30, (18, 32)),
        ("wrist_left", 10, (36, 64)),
    ],
)
def test_cosmos3_s_canvas_is_cut_to_the_main_camera(main, value, shape):
    """The view that the context shows first is the one that is compared, in its own proportions."""
    speaker = all_speakers()[3]
    speaker.script = openpi(lambda s: {"action": chunk(32, 8), "video": canvas()})
    others = {name: frame for name, frame in DROID_CONTEXT.frames.items() if name != main}
    context = replace(DROID_CONTEXT, frames={main: DROID_CONTEXT.frames[main], **others})
    rollout = imagined(speaker, "joint", context).rollouts[0]
    assert rollout.camera == main and (rollout.frames == value).all() and rollout.frames.shape == (33, *shape, 3)
    assert {name: told.shape for name, told in speaker.heard[0].items() if "image" in name} == {
        "observation/wrist_image_left": (360, 640, 3),
        "observation/exterior_image_1_left": (180, 320, 3),
        "observation/exterior_image_2_left": (180, 320, 3),
    }


@pytest.mark.parametrize("main", ["exterior_1_left", "exterior_2_left", "wrist_left"])
def test_cosmos3_s_padding_is_cut_off(main):
    """The released server sends 544 x 736: its canvas of 540 x 640, filled up by reflection at the right and below."""
    speaker, sent = all_speakers()[3], {}
    smooth = {name: resize(frame[::18, ::18], 90, 160) for name, frame in DROID_CONTEXT.frames.items()}
    context = replace(DROID_CONTEXT, frames={main: smooth[main], **smooth})

    def still(s: Speaker) -> dict:
        """A model that imagines that nothing happens."""
        robot = robot_of(s.connection(1))
        sent.update({view.key: s.heard[-1][view.key] for view in robot.views})
        canvas = np.pad(canvas_of(sent, robot), ((0, 4), (0, 96), (0, 0)), "reflect")
        return {"action": chunk(32, 8), "video": np.repeat(canvas[None], 33, axis=0)}

    speaker.script = openpi(still)
    end = imagined(speaker, "joint", context)
    frames, camera = end.rollouts[0].frames, end.rollouts[0].camera
    assert camera == main and frames.shape[1:3] == ((360, 640) if "wrist" in main else (180, 320))
    assert np.abs(frames[0].astype(int) - resize(smooth[main], *frames.shape[1:3])).max() == 0
    assert not any("hardly like" in note for note in end.notes)


def test_a_square_camera_gets_a_square_video_back():
    """What was stretched to 16:9 for the server is unstretched."""
    speaker = all_speakers()[3]
    square = {name: frame[:, :90] for name, frame in DROID_CONTEXT.frames.items()}
    rollout = imagined(speaker, "joint", replace(DROID_CONTEXT, frames=square)).rollouts[0]
    assert rollout.frames.shape[1] == rollout.frames.shape[2]


def test_without_decoded_video_it_is_said_how_to_get_it():
    """The rollout has actions alone, and no frame is made up."""
    speaker = all_speakers()[3]
    speaker.script = openpi(lambda s: {"action": chunk(32, 8)})
    end = imagined(speaker, "joint")
    assert end.rollouts[0].frames is None and any("--decode-video" in note for note in end.notes)


def test_a_chunk_of_another_length_is_taken_as_it_is():
    """pi0 gives 10 actions where pi0.5 gives 15."""
    speaker = all_speakers()[0]
    speaker.script = openpi(lambda s: {"actions": chunk(10, 8)})
    end = imagined(speaker, "act_only")
    assert (end.rollouts[0].actions == chunk(10, 8)).all() and np.isclose(end.rollouts[0].duration, 10 / 15)
    assert end.timings["server"] == pytest.approx(0.0125)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ({"actions": chunk(10, 7)}, "actions of 7 numbers; robot droid takes 8: joint1_velocity.*--robot"),
        ({"actions": np.full((3, 8), np.nan)}, "not finite at row 0, column 0"),
        ({"actions": np.zeros((10_001, 8))}, "it has 10001 actions; 10000 are the most"),
        ({"actions": np.zeros(8)}, "shape"),
        ({"actions": np.zeros((0, 8))}, "shape"),
        ({"actions": "none"}, "no table of numbers"),
        ({"error": "out of memory"}, "The server said: out of memory"),
        ({"error": {"code": 500, "message": "out of memory"}}, "The server said: out of memory"),
        ({"status": "error", "message": "out of memory"}, "The server said: out of memory"),
        ({"success": False, "detail": "out of memory"}, "The server said: out of memory"),
        ({"detail": [{"msg": "out of memory"}]}, "The server said: .*out of memory"),
        ({"type": "error"}, "an error without words"),
        ({"hello": 1}, "has no actions, only hello"),
    ],
)
def test_actions_that_are_none_are_refused(reply, why):
    speaker = all_speakers()[0]
    speaker.script = openpi(lambda s: reply)
    with pytest.raises(WamvizError, match=why):
        imagined(speaker, "act_only")


@pytest.mark.parametrize(
    "write",
    [
        lambda video: video.astype(np.float32) / 255,
        lambda video: video[None],
        lambda video: video.transpose(0, 3, 1, 2).copy(),
        list,
    ],
    ids=["shares of 1", "an axis before", "colours first", "a list of frames"],
)
def test_a_video_is_understood_in_every_form(write):
    """As numbers of 0 .. 1, with the colours first, in a list: as networks and their libraries leave it."""
    video = clip(33, 54, 64)
    assert (video_from(write(video)) == video).all()


@pytest.mark.parametrize("video", [clip(33, 54, 64).astype(np.float32), clip(33, 54, 64)[..., :1], clip(1, 54, 64), 3])
def test_a_video_that_is_none_is_refused(video):
    speaker = all_speakers()[3]
    speaker.script = openpi(lambda s: {"action": chunk(32, 8), "video": video})
    with pytest.raises(WamvizError, match="cannot be read: its video"):
        imagined(speaker, "joint")


def test_a_sample_of_another_length_is_left_out():
    """A fan is drawn in one plot, of those that are like the first."""
    speaker = all_speakers()[0]
    speaker.script = openpi(lambda s: {"actions": chunk(9 + s.count, 8)})
    with serving(speaker.speak()) as served:
        end = collect(speaker.model(served), ImagineRequest(DROID_CONTEXT, "act_only", samples=2))
    assert len(end.rollouts) == 1 and any("Sample 2 has another length" in note for note in end.notes)


def test_a_bare_array_and_a_greeting_with_facts_are_understood():
    """Some servers return the array itself; what a greeting holds is not relied on."""
    speaker = all_speakers()[0]

    def script(_, talk, mood):
        talk.accept()
        talk.send(pack({"policy": "mine", "nested": {"a": [1, 2.5]}}))
        talk.message()
        talk.send(pack(chunk(4, 8)))

    speaker.script = script
    assert imagined(speaker, "act_only").rollouts[0].actions.shape == (4, 8)


JOINTS = np.array([0.1, -0.5, 0.2, -2.1, 0.0, 1.8, 0.7], np.float32)
AT_REST = replace(DROID_CONTEXT, state=np.append(JOINTS, 0).astype(np.float32))


@pytest.mark.parametrize(
    ("robot", "positions", "doubt"),
    [
        ("droid", False, None),
        ("droid", True, "lie where the arm is, so that they may well be positions"),
        ("droid-jointpos", True, None),
        ("droid-jointpos", False, "do not begin where the arm is, so that they may well be velocities"),
    ],
)
def test_positions_and_velocities_are_told_apart_as_far_as_they_can_be(robot, positions, doubt):
    """They come under one name; the robot says which, and a note says that nobody else does."""
    speaker = all_speakers()[0]
    speaker.robot = robot
    row = np.append(JOINTS + 0.02 if positions else np.full(7, 0.1), 0)
    speaker.script = openpi(lambda s: {"actions": np.tile(row, (15, 1)).astype(np.float32)})
    end = imagined(speaker, "act_only", AT_REST)
    space = end.rollouts[0].action_space
    assert space.kind == ("joint_velocity" if robot == "droid" else "joint_position")
    assert space.units[0] == ("3 rad/s" if robot == "droid" else "rad")
    note = next(note for note in end.notes if "does not say whether" in note)
    assert (doubt or "--robot") in note and ("may well be" in note) == (doubt is not None)


def test_a_greeting_that_names_the_action_space_is_believed():
    speaker = all_speakers()[0]

    def script(_, talk, mood):
        talk.accept()
        talk.send(pack({"action_space": "joint_position"}))
        talk.message()
        talk.send(pack({"actions": chunk(4, 8)}))

    speaker.script = script
    end = imagined(speaker, "act_only")
    assert end.rollouts[0].action_space.kind == "joint_position"
    assert not any("does not say whether" in note for note in end.notes)


def libero_context(**orientation: str) -> Observation:
    return replace(LIBERO_CONTEXT, orientation=orientation)


def test_a_libero_policy_is_sent_mirrored_what_a_dataset_shows_upright():
    """openpi's own client turns the simulator's picture by half, which mirrors what flipping its rows gives."""
    speaker = all_speakers()[1]
    end = imagined(speaker, "act_only", libero_context(image="upright", wrist_image="upright"))
    sent = speaker.heard[0]["observation/image"]
    plain = fit_frame(LIBERO_CONTEXT.frames["image"], robot_of(speaker.connection(1)).views[0])
    assert (sent == plain[:, ::-1]).all() and not (sent == plain).all()
    assert any("Sent mirrored" in note and "image, wrist_image" in note for note in end.notes)


@pytest.mark.parametrize("known", [{}, {"image": "mirrored", "wrist_image": "mirrored"}])
def test_pictures_that_are_turned_already_are_not_turned_again(known):
    """LeRobot's copies of LIBERO are; where nothing is known of it, that is said."""
    speaker = all_speakers()[1]
    end = imagined(speaker, "act_only", libero_context(**known))
    plain = fit_frame(LIBERO_CONTEXT.frames["image"], robot_of(speaker.connection(1)).views[0])
    assert (speaker.heard[0]["observation/image"] == plain).all()
    assert any("does not say which way round" in note for note in end.notes) == (not known)


def test_a_person_says_which_way_round_a_policy_learned_its_pictures():
    speaker = all_speakers()[1]
    end = imagined(speaker, "act_only", None, orientation="turned")
    plain = fit_frame(LIBERO_CONTEXT.frames["image"], robot_of(speaker.connection(1)).views[0])
    assert (speaker.heard[0]["observation/image"] == plain[::-1, ::-1]).all()
    assert any("Sent turned" in note for note in end.notes)
    with pytest.raises(WamvizError, match="Unknown orientation 'mirrord'.*mirrored"):
        robot_of(speaker.connection(1, settings={"orientation": "mirrord"}))

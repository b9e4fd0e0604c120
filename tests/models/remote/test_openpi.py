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
from wamviz.models.remote.codec import pack


def imagined(speaker: Speaker, mode: str, context: Observation | None = None, **settings) -> Imagined:
    with serving(speaker.speak()) as served:
        model = speaker.model(served, settings=settings)
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
        ({"actions": np.full((3, 8), np.nan)}, "not finite"),
        ({"actions": np.zeros(8)}, "shape"),
        ({"actions": np.zeros((0, 8))}, "shape"),
        ({"actions": "none"}, "no table of numbers"),
        ({"error": "out of memory"}, "has no actions, only error"),
    ],
)
def test_actions_that_are_none_are_refused(reply, why):
    speaker = all_speakers()[0]
    speaker.script = openpi(lambda s: reply)
    with pytest.raises(WamvizError, match=why):
        imagined(speaker, "act_only")


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

"""What is particular to RoboArena's servers, Cosmos Policy and Cosmos3 on LIBERO."""

from __future__ import annotations

import base64
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
    act_reply,
    all_speakers,
    chunk,
    clip,
    http,
)
from wamviz.core.action_spaces import OSC_POSE
from wamviz.core.errors import WamvizError
from wamviz.core.media import encode_png, read_image, read_video, resize
from wamviz.core.rollout import ImagineRequest, Observation
from wamviz.core.rotation import rotation_matrix
from wamviz.core.threads import run_sync
from wamviz.models.protocol import collect
from wamviz.models.remote import roboarena, vllm_omni
from wamviz.models.remote.asking import policy_request, protocol_of
from wamviz.models.remote.backend import capabilities_of, probe
from wamviz.models.remote.codec import pack, pack_json, unpack
from wamviz.models.remote.kinds import KINDS
from wamviz.models.remote.model import RemoteModel

CONFIG = {
    "image_resolution": None,
    "needs_wrist_camera": True,
    "n_external_cameras": 1,
    "needs_stereo_camera": False,
    "needs_session_id": False,
    "action_space": "joint_velocity",
}


def ask(speaker: Speaker, mode: str, samples: int = 1, context: Observation | None = None, **settings):
    with serving(speaker.speak()) as served:
        model = speaker.model(served, settings=settings)
        return collect(model, ImagineRequest(context or speaker.context, mode, samples=samples))


def arena(config: dict, reply: object = None, reset: object = "reset successful") -> Speaker:
    """A RoboArena server with another greeting."""

    def script(speaker, talk, mood):
        talk.accept()
        talk.send(pack(config))
        while True:
            told = unpack(talk.message())
            speaker.heard.append(told)
            if told["endpoint"] == "reset":
                talk.send(reset)
            else:
                talk.send(pack({"actions": chunk(8, 8)} if reply is None else reply))

    return Speaker("arena", "roboarena", "droid", DROID_CONTEXT, script)


def test_roboarena_s_greeting_decides_what_is_sent():
    """Views, their size, and the meaning of the actions come from the server."""
    speaker = arena(CONFIG)
    end = ask(speaker, "act_only")
    reset, told = speaker.heard
    assert reset == {"endpoint": "reset"}
    assert list(told) == [
        "observation/exterior_image_0_left", "observation/wrist_image_left", "observation/joint_position",
        "observation/gripper_position", "prompt", "endpoint",
    ]  # fmt: skip
    assert told["endpoint"] == "infer" and told["observation/wrist_image_left"].shape == (90, 160, 3)
    assert end.rollouts[0].action_space.kind == "joint_velocity" and any("stays there" in note for note in end.notes)


def test_dreamzero_gets_a_session_a_sample():
    """It remembers what it saw: two samples are two sessions, each after a reset."""
    speaker = next(one for one in all_speakers() if one.name == "DreamZero")
    ask(speaker, "act_only", samples=2)
    first, second = (told["session_id"] for told in speaker.heard)
    assert first != second and len(first) == 36
    assert speaker.heard[0]["observation/exterior_image_1_left"].shape == (180, 320, 3)


def test_roboarena_s_poses_have_to_be_placed():
    """The tabletop's rotation vector is not sent for Euler angles."""
    speaker = arena({**CONFIG, "action_space": "cartesian_position"}, {"actions": chunk(8, 7)})
    with pytest.raises(WamvizError, match="cartesian_position.*--state"):
        ask(speaker, "act_only", context=TABLETOP_CONTEXT)
    end = ask(speaker, "act_only", context=TABLETOP_CONTEXT, state={"cartesian_position": "0:6"})
    assert end.rollouts[0].action_space.kind == "ee_pose"
    assert (speaker.heard[-1]["observation/cartesian_position"] == TABLETOP_CONTEXT.state[:6]).all()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"action_space": "torque"}, "Unknown action space of the server 'torque'"),
        ({"n_external_cameras": 99}, "external cameras"),
        ({"image_resolution": [1, 10**9]}, "pictures of the size"),
        ({"image_resolution": "big"}, "pictures of the size"),
    ],
)
def test_a_greeting_that_makes_no_sense_is_refused(change, why):
    with pytest.raises(WamvizError, match=why):
        ask(arena({**CONFIG, **change}), "act_only")


def test_a_greeting_of_another_protocol_is_refused():
    with pytest.raises(WamvizError, match="without saying its action space"):
        ask(arena({}), "act_only")


def test_a_reset_that_fails_is_told():
    with pytest.raises(WamvizError, match="The server said: busy"):
        ask(arena(CONFIG, reset="busy"), "act_only")


def test_roboarena_s_first_outer_camera_is_droid_s_first():
    """It counts from 0, DROID from 1; a right eye is no other camera's left one."""
    speaker = arena({**CONFIG, "n_external_cameras": 2})
    end = ask(speaker, "act_only")
    told = speaker.heard[-1]
    for index, camera in enumerate(("exterior_1_left", "exterior_2_left")):
        assert (told[f"observation/exterior_image_{index}_left"] == DROID_CONTEXT.frames[camera]).all()
    assert any("exterior_image_0_left: camera exterior_1_left" in note for note in end.notes)
    with pytest.raises(WamvizError, match="'exterior_image_0_right' .right exterior."):
        ask(arena({**CONFIG, "needs_stereo_camera": True}), "act_only")


def test_stereo_views_are_asked_for_by_eye():
    asked = policy_request(Speaker("arena", "roboarena", "droid", DROID_CONTEXT, lambda *a: None).connection(1))
    views = roboarena.adapt_request(asked, {**CONFIG, "needs_stereo_camera": True}).robot.views
    assert [view.key.rpartition("/")[2] for view in views] == [
        "exterior_image_0_left", "exterior_image_0_right", "wrist_image_left", "wrist_image_right",
    ]  # fmt: skip


# --- vLLM-Omni's robot policies, at a path of their own ---


def omni_robot(reply: object = None, status: object = None) -> Speaker:
    """vLLM-Omni's endpoint as of 2026: a reset and an error are answered in dictionaries, and nothing closes."""

    def script(speaker, talk, mood):
        assert talk.path == "/v1/realtime/robot/openpi"
        talk.accept()
        talk.send(pack({**CONFIG, "image_resolution": [180, 320], "n_external_cameras": 2, "needs_session_id": True,
                        "action_space": "joint_position"}))  # fmt: skip
        while True:
            told = unpack(talk.message())
            speaker.heard.append(told)
            if told["endpoint"] == "reset":
                talk.send(pack({"status": "reset successful"} if status is None else status))
            else:
                talk.send(pack(chunk(24, 8) if reply is None else reply))

    return Speaker("vLLM-Omni", "roboarena", "droid", DROID_CONTEXT, script)


def ask_omni(speaker: Speaker, **settings):
    with serving(speaker.speak()) as served:
        connection = speaker.connection(served.port, settings=settings)
        connection = replace(connection, url=f"{connection.url}/v1/realtime/robot/openpi")
        model = RemoteModel(connection, capabilities_of(connection), beat=0.01)
        return collect(model, ImagineRequest(DROID_CONTEXT, "act_only"))


def test_vllm_omni_s_robot_endpoint_is_asked_at_its_path() -> None:
    """Without an embodiment its usual one counts exterior cameras from 0."""
    speaker = omni_robot()
    assert ask_omni(speaker).rollouts[0].actions.shape == (24, 8)
    told = speaker.heard[1]
    assert "embodiment" not in told and len(told["session_id"]) == 36
    assert [name for name in told if "exterior" in name] == [
        "observation/exterior_image_0_left", "observation/exterior_image_1_left",
    ]  # fmt: skip


def test_vllm_omni_s_embodiment_is_told_and_decides_the_names_of_views() -> None:
    """Its droid counts from 1; the pictures are the same ones."""
    speaker = omni_robot()
    ask_omni(speaker, embodiment="droid")
    droid = speaker.heard[1]
    assert droid["embodiment"] == "droid" and "observation/exterior_image_0_left" not in droid
    ask_omni(speaker, embodiment="roboarena")
    usual = speaker.heard[3]
    assert usual["embodiment"] == "roboarena"
    for index in (0, 1):
        name = "observation/exterior_image_{}_left"
        assert (droid[name.format(index + 1)] == usual[name.format(index)]).all()
    with pytest.raises(WamvizError, match="Unknown embodiment 'driod'.*droid"):
        ask_omni(speaker, embodiment="driod")


def omni_greeting(config: dict, reply: object) -> Speaker:
    return replace(arena(config, reply), name="vLLM-Omni")


def test_cosmos3_behind_vllm_omni_is_sent_its_own_views() -> None:
    """It greets with the size of its canvas and counts its exterior cameras from 1."""
    config = {**CONFIG, "image_resolution": [540, 640], "n_external_cameras": 2, "action_space": "joint_position"}
    speaker = omni_greeting(config, {"actions": chunk(32, 8)})
    assert ask(speaker, "act_only").rollouts[0].actions.shape == (32, 8)
    shapes = {name: told.shape for name, told in speaker.heard[1].items() if "image" in name}
    assert shapes == {
        "observation/wrist_image_left": (360, 640, 3),
        "observation/exterior_image_1_left": (180, 320, 3),
        "observation/exterior_image_2_left": (180, 320, 3),
    }


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize("inside", [False, True])
def test_actions_under_names_of_their_own_are_read(batch: bool, inside: bool) -> None:
    """As vLLM-Omni's GR00T returns them: joints and gripper make up the robot's space, others keep their names."""
    table = chunk(12, 8)
    parts = {"gripper_position": table[:, 7:], "joint_position": table[:, :7]}
    parts = {name: part[None] if batch else part for name, part in parts.items()}
    config = {**CONFIG, "action_space": "joint_position"}
    rollout = ask(omni_greeting(config, {"actions": parts} if inside else parts), "act_only").rollouts[0]
    assert (rollout.actions == table).all() and rollout.action_space.kind == "joint_position"
    other = ask(omni_greeting(config, {"base": chunk(12, 3), "waist": chunk(12, 1)}), "act_only").rollouts[0]
    assert other.action_space.names == ("base_1", "base_2", "base_3", "waist") and other.actions.shape == (12, 4)


def test_a_greeting_without_an_action_space_is_taken_with_a_note() -> None:
    config = {name: value for name, value in CONFIG.items() if name != "action_space"}
    end = ask(omni_greeting(config, {"actions": chunk(12, 8)}), "act_only")
    assert end.rollouts[0].action_space.kind == "joint_position"
    assert any("does not say what its actions mean" in note for note in end.notes)


@pytest.mark.parametrize("place", ["reply", "status"])
def test_vllm_omni_s_errors_are_shown_as_it_says_them(place: str) -> None:
    error = {"type": "error", "message": "Internal inference error"}
    with pytest.raises(WamvizError, match="The server said: Internal inference error"):
        ask_omni(omni_robot(**{place: error}))


# --- Cosmos Policy ---


def policy() -> Speaker:
    return next(one for one in all_speakers() if one.name == "Cosmos Policy")


def test_cosmos_policy_s_future_frame_ends_the_chunk():
    """Two frames two seconds apart: the context as it was sent, and the one that the model imagined."""
    speaker = policy()
    end = ask(speaker, "joint")
    told, rollout = speaker.heard[0], end.rollouts[0]
    assert list(told) == ["primary_image", "left_wrist_image", "right_wrist_image", "proprio", "task_description"]
    assert (told["proprio"] == ALOHA_CONTEXT.state).all() and told["primary_image"].shape == (224, 224, 3)
    assert rollout.frames.shape == (2, 224, 224, 3) and rollout.fps == 0.5 and rollout.duration == 2.0
    assert (rollout.frames[0] == told["primary_image"]).all() and (rollout.frames[1] == 80).all()
    assert rollout.meta["value"] == pytest.approx(0.8) and any("0.80" in note for note in end.notes)


def test_the_main_camera_s_future_is_shown():
    frames = {name: ALOHA_CONTEXT.frames[name] for name in ("cam_right_wrist", "cam_high", "cam_left_wrist")}
    rollout = ask(policy(), "joint", context=replace(ALOHA_CONTEXT, frames=frames)).rollouts[0]
    assert rollout.camera == "cam_right_wrist" and (rollout.frames[1] == 82).all()


def test_best_of_n_comes_best_first():
    """The fan is the server's own candidates, ranked by its own value; fewer than asked for is said."""
    speaker = policy()
    end = ask(speaker, "joint", samples=4)
    assert speaker.heard[0]["return_all_query_results"] is True and speaker.count == 1
    assert [rollout.meta["value"] for rollout in end.rollouts] == pytest.approx([0.8, 0.5, 0.2])
    assert (end.rollouts[2].actions == chunk(50, 14, 0.2)).all() and (end.rollouts[2].frames[1] == 20).all()
    assert any("3 of the 4" in note for note in end.notes)


def test_a_reply_written_as_json_twice_is_understood():
    """FastAPI's servers of this family do so for some clients."""
    speaker = policy()
    speaker.script = http(lambda s, told: pack_json(act_reply(s, told)).decode(), "/act", "error")
    assert ask(speaker, "joint").rollouts[0].actions.shape == (50, 14)


@pytest.mark.parametrize(
    ("status", "why"),
    [(404, "nothing at this address"), (200, "nothing at /act that takes questions"), (401, "wants a token")],
)
def test_another_http_server_is_no_cosmos_policy(status, why):
    """Any server answers HTTP; this one answers a POST at ``/act`` and says so to a GET."""

    def script(speaker, talk, mood):
        assert (talk.method, talk.path) == ("GET", "/act")
        talk.answer(b"hello", status)

    speaker = policy()
    speaker.script = script
    with serving(speaker.speak()) as served, pytest.raises(WamvizError, match=why):
        probe(speaker.connection(served.port))


def test_a_reply_without_futures_makes_none_up():
    speaker = policy()
    speaker.script = http(lambda s, told: {"actions": chunk(50, 14)}, "/act", "error")
    end = ask(speaker, "joint", samples=2)
    assert end.rollouts[0].frames is None and any("no future frame" in note for note in end.notes)


# --- Cosmos3 on LIBERO ---


def libero() -> Speaker:
    return next(one for one in all_speakers() if one.name == "Cosmos3 on LIBERO")


def sent_picture(speaker: Speaker) -> np.ndarray:
    return read_image(base64.b64decode(speaker.heard[-1]["image"]))


def png(frame: np.ndarray) -> str:
    return base64.b64encode(encode_png(frame)).decode()


def still(speaker: Speaker, told: dict, pad: int = 0) -> dict:
    """A policy that imagines that nothing happens, on the canvas of its model: 160 x 320, and ``pad`` rows below."""
    canvas = np.pad(
        resize(read_image(base64.b64decode(told["image"])), 160, 320), ((0, pad), (0, 0), (0, 0)), "reflect"
    )
    return {"action": chunk(16, 10).tolist(), "video": [png(canvas)] * 17}


def test_cosmos3_gets_both_views_and_two_sentences():
    """As its released recipe has it: 256 x 512, agent view to the left, and what its own client adds to the words."""
    speaker = libero()
    ask(speaker, "joint", samples=2)
    told = speaker.heard[0]
    assert list(told) == ["image", "prompt", "domain_name", "image_size"] and speaker.count == 2
    left, right = (resize(LIBERO_CONTEXT.frames[name], 256, 256) for name in ("image", "wrist_image"))
    assert (sent_picture(speaker) == np.concatenate([left, right], axis=1)).all()
    assert told["prompt"] == (
        "open it. This video contains concatenated views from multiple camera perspectives. The left half shows the "
        "third-person view; the right half shows the wrist-mounted camera."
    )
    alone = Observation({"exterior": LIBERO_CONTEXT.frames["image"]}, "open it")
    for context, settings, told in ((None, {"views": "one"}, False), (alone, {}, True)):
        one = libero()
        end = ask(one, "joint", context=context, settings=settings)
        assert sent_picture(one).shape == (256, 256, 3) and one.heard[0]["prompt"] == "open it"
        assert any("no wrist's" in note for note in end.notes) == told


@pytest.mark.parametrize("pad", [0, 32])
@pytest.mark.parametrize("main", ["image", "wrist_image"])
def test_the_shown_view_is_cut_out_of_cosmos3_s_clip(main, pad):
    """In its camera's proportions and the right way round, whether the server takes its padding off or not."""
    smooth = {name: resize(frame[::18, ::18], 90, 160) for name, frame in LIBERO_CONTEXT.frames.items()}
    orientation = dict.fromkeys(smooth, "upright")
    context = Observation({main: smooth[main], **smooth}, "open it", LIBERO_CONTEXT.state, orientation=orientation)
    speaker = libero()
    speaker.script = http(lambda s, told: still(s, told, pad), "/predict", {})
    end = ask(speaker, "joint", context=context)
    rollout = end.rollouts[0]
    assert rollout.camera == main and rollout.frames.shape == (17, 160, 284, 3)
    assert (sent_picture(speaker)[:, :256] == resize(smooth["image"], 256, 256)[:, ::-1]).all()  # sent mirrored
    expected = resize(smooth[main], 160, 284).astype(int)
    assert np.abs(rollout.frames[0] - expected).mean() < 3 < np.abs(rollout.frames[0][:, ::-1] - expected).mean()
    assert any("Sent mirrored" in note for note in end.notes)


def test_future_frames_alone_get_the_context_in_front():
    speaker = libero()
    speaker.script = http(lambda s, told: {**still(s, told), "video": still(s, told)["video"][1:]}, "/predict", {})
    frames = ask(speaker, "joint").rollouts[0].frames
    assert len(frames) == 17 and frames[0].std() > 3


TURN = rotation_matrix(np.array([0.1, -0.2, 0.3]))


@pytest.mark.parametrize(
    "turn", [[0.1, -0.2, 0.3], [*TURN[:, 0], *TURN[:, 1]], [*TURN.reshape(-1)]], ids=["vector", "columns", "matrix"]
)
def test_cosmos3_s_numbers_are_brought_to_libero_s(turn):
    """Position, a rotation in three forms, and a gripper of which 1 is open: as its own client reads them."""
    speaker = libero()
    rows = [[0.5, -0.25, 0.125, *turn, grip] for grip in (1.0, 0.0, 0.25)]
    speaker.script = http(lambda s, told: {"action": rows, "video": []}, "/predict", {})
    end = ask(speaker, "joint")
    rollout = end.rollouts[0]
    assert rollout.action_space == OSC_POSE and np.allclose(rollout.actions[:, :3], [0.5, -0.25, 0.125])
    assert np.allclose(rollout.actions[:, 3:6], [0.1, -0.2, 0.3], atol=1e-6)
    assert np.allclose(
        rollout.actions[:, 6], [rollout.action_space.gripper_open, rollout.action_space.gripper_closed, 0.5]
    )
    assert any(f"its {len(turn) + 4} numbers mean" in note and "20 a second" in note for note in end.notes)
    own = ask(speaker, "joint", settings={"gripper": "pm_one"}).rollouts[0]
    assert np.allclose(own.actions[:, 6], [1.0, 0.0, 0.25])


def test_actions_of_another_width_stay_unnamed():
    """Nothing is claimed about numbers that the server does not explain."""
    speaker = libero()
    speaker.script = http(lambda s, told: {"action": chunk(16, 8).tolist(), "video": []}, "/predict", {})
    end = ask(speaker, "joint")
    assert end.rollouts[0].action_space.kind == "unnamed" and end.rollouts[0].frames is None
    assert not any("numbers mean" in note for note in end.notes)


@pytest.mark.parametrize("video", [["!"], ["aGVsbG8="], "x", [3]])
def test_pictures_that_are_none_are_refused(video):
    speaker = libero()
    speaker.script = http(lambda s, told: {"action": chunk(16, 7).tolist(), "video": video}, "/predict", {})
    with pytest.raises(WamvizError, match="cannot be read: .*video"):
        ask(speaker, "joint", context=LIBERO_CONTEXT)


# --- Cosmos3 on vLLM-Omni ---


def omni(monkeypatch) -> Speaker:
    monkeypatch.setattr(vllm_omni, "POLL_S", 0.0)
    return next(one for one in all_speakers() if one.kind == "vllm-omni")


def test_a_job_says_what_is_wanted_and_its_seed(monkeypatch):
    """Two samples are two jobs; steps, guidance and seed are told."""
    speaker = omni(monkeypatch)
    with serving(speaker.speak()) as served:
        wish = ImagineRequest(LIBERO_CONTEXT, "joint", seed=7, samples=2, steps=12, guidance=2.0)
        end = collect(speaker.model(served), wish)
    told = speaker.heard[1]
    assert (told["seed"], told["num_inference_steps"], told["guidance_scale"]) == ("8", "12", "2")
    assert (told["num_frames"], told["fps"], told["size"], told["prompt"]) == ("17", "5", "160x80", "open it")
    assert told["input_reference"].startswith(b"\x89PNG") and told["flow_shift"] == "5.0"
    assert told["extra"]["action_mode"] == "policy" and told["extra"]["raw_action_dim"] == 10
    assert [rollout.seed for rollout in end.rollouts] == [7, 8] and end.rollouts[0].frames.shape == (17, 32, 32, 3)
    assert end.rollouts[0].action_space.kind == "unnamed" and set(end.rollouts[0].action_space.units) == {""}


def test_a_rate_that_is_no_whole_number_is_rounded_for_vllm_omni_and_said(monkeypatch):
    speaker = omni(monkeypatch)
    end = ask(speaker, "joint", rate=7.5, settings={"flow_shift": "10"})
    assert (speaker.heard[0]["fps"], speaker.heard[0]["flow_shift"]) == ("8", "10")
    assert any("was told 8" in note for note in end.notes) and end.rollouts[0].fps == 7.5
    with pytest.raises(WamvizError, match="no flow shift"):
        ask(speaker, "joint", settings={"flow_shift": "fast"})


def test_given_actions_are_obeyed_and_stay_as_they_were(monkeypatch):
    """They are sent, the video comes back, and what did not fit into a chunk is said."""
    speaker, actions = omni(monkeypatch), chunk(20, 10)
    with serving(speaker.speak()) as served:
        wish = ImagineRequest(LIBERO_CONTEXT, "forward_dynamics", actions=actions)
        end = collect(speaker.model(served), wish)
    assert np.allclose(speaker.heard[0]["extra"]["action"], actions[:16])
    rollout = end.rollouts[0]
    assert (rollout.actions == actions[:16]).all() and rollout.meta["actions"] == "given" and len(rollout.frames) == 17
    assert any("the last 4 " in note for note in end.notes)


def test_a_given_video_is_explained(monkeypatch, tmp_path):
    """It travels as a video; actions come back, and no frame is called imagined."""
    speaker = omni(monkeypatch)
    with serving(speaker.speak()) as served:
        wish = ImagineRequest(LIBERO_CONTEXT, "inverse_dynamics", video=clip(9, 48, 64))
        rollout = collect(speaker.model(served), wish).rollouts[0]
    assert rollout.frames is None and rollout.actions.shape == (8, 10)
    assert speaker.heard[0]["extra"]["action_chunk_size"] == 8 and speaker.heard[0]["prompt"] == "open it"
    (tmp_path / "sent.mp4").write_bytes(speaker.heard[0]["input_reference"])
    assert read_video(tmp_path / "sent.mp4")[0].shape == (9, 48, 64, 3)


def test_of_a_longer_video_one_chunk_is_explained(monkeypatch, tmp_path):
    """Sixteen actions need the context and sixteen frames more; what is left over is said."""
    speaker = omni(monkeypatch)
    with serving(speaker.speak()) as served:
        wish = ImagineRequest(LIBERO_CONTEXT, "inverse_dynamics", video=clip(20, 48, 64))
        end = collect(speaker.model(served), wish)
    assert end.rollouts[0].actions.shape == (16, 10) and any("the last 3 " in note for note in end.notes)
    (tmp_path / "sent.mp4").write_bytes(speaker.heard[0]["input_reference"])
    assert len(read_video(tmp_path / "sent.mp4")[0]) == 17 and speaker.heard[0]["num_frames"] == "17"


@pytest.mark.parametrize(
    ("job", "why"),
    [
        ({"id": "../../x", "status": "queued"}, "no proper id"),
        ({"id": "job-1", "status": "failed", "error": {"message": "out of memory"}}, "The server said: out of memory"),
        ({"id": "job-1", "status": "failed"}, "The server said: the job failed"),
        ({"id": "job-1", "status": "dreaming"}, "status is 'dreaming'"),
        ({"id": "job-1", "status": "completed"}, "has no actions"),
        ({"id": "job-1", "status": "completed", "action": {"data": [1], "shape": [16, 10]}}, "no table"),
        ({"id": "job-1", "status": "completed", "action": {"data": chunk(16, 10).tolist()}}, "its video: "),
    ],
)
def test_jobs_that_go_wrong_are_told(monkeypatch, job, why):
    speaker = omni(monkeypatch)
    speaker.script = lambda s, talk, mood: talk.answer(pack_json(job))
    with pytest.raises(WamvizError, match=why):
        ask(speaker, "joint")


# --- looking whether a server is there ---


@pytest.mark.parametrize("index", range(len(all_speakers())), ids=[one.name for one in all_speakers()])
def test_probing_says_who_answers_and_asks_for_no_action(index, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "a-key")
    speaker = all_speakers()[index]
    well = speaker.speak()

    def script(talk):
        asked_plainly = speaker.scheme == "http" and talk.method == "GET" and "upgrade" not in talk.headers
        if asked_plainly and speaker.kind not in ("veo", "worker", "cosmos-policy"):
            return talk.answer(b'{"model": "cosmos3", "chunk": 16, "data": [{"id": "nano"}]}')
        return well(talk)

    script.talk = well.talk
    with serving(script) as served:
        asked = policy_request(speaker.connection(served.port))
        words = run_sync(lambda: protocol_of(KINDS[speaker.kind]).probe(asked))
    assert "answers at" in words and str(served.port) in words and not speaker.heard

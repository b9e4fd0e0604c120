"""One speaker a protocol: a server that says what a test wants it to say, in that protocol's own words."""

from __future__ import annotations

import base64
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tests.models.remote.servers import Served, Talk, ZeroMq
from tests.models.remote.veo_server import veo
from tests.models.remote.worker_server import INFO, worker
from wamviz.core.media import encode_png, write_mp4
from wamviz.core.rollout import Observation, WorldState
from wamviz.models.connections import Connection
from wamviz.models.remote.backend import capabilities_of
from wamviz.models.remote.codec import pack, pack_json, unpack, unpack_json
from wamviz.models.remote.model import RemoteModel
from wamviz.models.remote.npy import unpack_npy

RNG = np.random.default_rng(0)
PICTURES = {
    name: RNG.integers(0, 255, (90, 160, 3)).astype(np.uint8)
    for name in ("exterior_1_left", "exterior_2_left", "wrist_left")
}
ARMS = {
    name: RNG.integers(0, 255, (60, 80, 3)).astype(np.uint8)
    for name in ("cam_high", "cam_left_wrist", "cam_right_wrist")
}
DROID_CONTEXT = Observation(PICTURES, "pick up the orange", np.arange(8, dtype=np.float32) / 10)
ALOHA_CONTEXT = Observation(ARMS, "fold the shirt", np.arange(14, dtype=np.float32) / 10)
LIBERO_CONTEXT = Observation(
    {"image": PICTURES["exterior_1_left"], "wrist_image": PICTURES["wrist_left"]}, "open it", np.ones(8, np.float32)
)
TABLETOP_CONTEXT = Observation(
    {"exterior": PICTURES["exterior_1_left"], "wrist": PICTURES["wrist_left"]},
    "pick up the orange",
    np.arange(14, dtype=np.float32) / 10,
    WorldState("tabletop", 2_000_000),
)
WORKER_CONTEXT = Observation(
    {"top": PICTURES["exterior_1_left"], "wrist": PICTURES["wrist_left"]}, "tidy up", np.arange(8, dtype=np.float32)
)
ROBOTWIN_CONTEXT = Observation(ARMS, "adjust the bottle")
TRACEBACK = 'Traceback (most recent call last):\n  File "server.py", line 3, in infer\nKeyError: "no such view"\n'


def chunk(rows: int, width: int, shift: float = 0.0) -> np.ndarray:
    """Actions that differ in every number."""
    return (np.arange(rows * width, dtype=np.float32).reshape(rows, width) / (rows * width) + shift).astype(np.float32)


def clip(frames: int, height: int, width: int) -> np.ndarray:
    """A video in which every frame has its own brightness."""
    return np.broadcast_to(
        np.arange(frames, dtype=np.uint8)[:, None, None, None] * 3, (frames, height, width, 3)
    ).copy()


@dataclass
class Speaker:
    """How one system is reached in a test.

    Attributes:
        name, kind, robot: of the connection.
        context: an observation that has all it needs.
        script: what the server does with a connection when all is well.
        scheme: of its address.
        answers: what the server says in place of a good reply, by name; see ``speak``.
        repeats: whether a lost question is asked again.
        heard: what the server understood of each question.
        count: questions so far, so that samples differ.
        tokens: that came within messages.
        settings: of the connection.
        token_header: where its token travels.
        extra: what a test changes about its server.
    """

    name: str
    kind: str
    robot: str
    context: Observation
    script: Callable[[Speaker, Talk, str], None]
    scheme: str = "ws"
    repeats: bool = True
    heard: list = field(default_factory=list)
    count: int = 0
    tokens: list = field(default_factory=list)
    settings: dict = field(default_factory=dict)
    token_header: str = "authorization"
    extra: dict = field(default_factory=dict)

    def speak(self, mood: str = "well") -> Callable[[Talk], None]:
        """A script for ``serving``: ``well``, ``error``, ``garbage``, ``huge``, ``wrong``, ``silent``, ``lost`` or
        ``lost once``."""
        moods = iter(["lost", "well"]) if mood == "lost once" else None

        def script(talk: Talk) -> None:
            self.script(self, talk, next(moods, "well") if moods else mood)

        script.talk = ZeroMq if self.scheme == "tcp" else Talk  # how ``serving`` hears a connection
        return script

    def model(self, served: Served, **options) -> RemoteModel:
        connection = self.connection(served.port, **options.pop("settings", {}))
        return RemoteModel(connection, capabilities_of(connection), **{"beat": 0.01, **options})

    def connection(self, port: int, **settings) -> Connection:
        url = f"{self.scheme}://127.0.0.1:{port}"
        return Connection("served", self.kind, url, self.robot, **{"timeout": 20.0, **self.settings, **settings})


def openpi(reply: Callable[[Speaker], dict]) -> Callable[[Speaker, Talk, str], None]:
    """openpi's server: greets, then answers each observation."""

    def script(speaker: Speaker, talk: Talk, mood: str) -> None:
        talk.accept()
        talk.send(pack({}))
        while True:
            message = talk.message()
            speaker.heard.append(unpack(message))
            if mood == "error":
                talk.send(TRACEBACK)
                return talk.close(1011, "Internal server error. Traceback included in previous frame.")
            if mood == "lost":
                return None
            if mood == "silent":
                talk.wait_until_gone()
            speaker.count += 1
            good = {**reply(speaker), "server_timing": {"infer_ms": 12.5}}
            bad = {"garbage": b"\xc1\xc1", "huge": pack({"actions": np.zeros((1000, 8))}), "wrong": pack({"hello": 1})}
            talk.send(bad.get(mood) or pack(good))

    return script


def roboarena(speaker: Speaker, talk: Talk, mood: str) -> None:
    """RoboArena's server as DreamZero runs it: two outer views, 180 x 320, sessions, bare arrays."""
    talk.accept()
    talk.send(
        pack(
            {
                "image_resolution": [180, 320],
                "needs_wrist_camera": True,
                "n_external_cameras": 2,
                "needs_stereo_camera": False,
                "needs_session_id": True,
                "action_space": "joint_position",
            }
        )
    )
    while True:
        told = unpack(talk.message())
        if told.pop("endpoint") == "reset":
            talk.send("reset successful")
            continue
        speaker.heard.append(told)
        if mood == "error":
            talk.send(TRACEBACK)
            return talk.close(1011)
        if mood == "lost":
            return None
        if mood == "silent":
            talk.wait_until_gone()
        speaker.count += 1
        bad = {"garbage": b"\xc1", "huge": pack(np.zeros((1000, 8))), "wrong": pack({"hello": 1})}
        talk.send(bad.get(mood) or pack(chunk(24, 8, speaker.count)))


def lingbot(
    channels: int, latents: int, each: int, video: Callable[[Speaker, int], np.ndarray] | None = None
) -> Callable[[Speaker, Talk, str], None]:
    """LingBot-VA's server with its memory: what was not reset knows no prompt, and a chunk has to be remembered before
    the next one is another."""

    def script(speaker: Speaker, talk: Talk, mood: str) -> None:
        talk.accept()
        talk.send(pack({}))
        prompt, at, given = None, 0, None
        while True:
            told = unpack(talk.message())
            timing = {"server_timing": {"infer_ms": 10.0}}
            if told.get("reset"):
                prompt, at, given = told["prompt"], 0, None
                talk.send(pack(timing))
                continue
            if told.get("compute_kv_cache"):
                # Each latent frame of a chunk is four key frames, but for the first chunk's first, the context.
                assert len(told["obs"]) == 4 * (latents - (at == 0)) and told["imagine"] is False
                assert given is not None and (told["state"] == given).all()
                at += latents
                speaker.heard.append({**told, "prompt": prompt})
                talk.send(pack(timing))
                continue
            assert prompt == told["prompt"] and prompt, "an observation before any reset"
            speaker.heard.append(told)
            if mood == "error":
                talk.send(TRACEBACK)
                return talk.close(1011, "Internal server error. Traceback included in previous frame.")
            if mood == "lost":
                return None
            if mood == "silent":
                talk.wait_until_gone()
            speaker.count += 1
            given = chunk(channels, latents * each, speaker.count).reshape(channels, latents, each)
            film = {} if video is None else {"video": video(speaker, at)}
            bad = {"garbage": b"\xc1", "huge": pack({"action": np.zeros((16, 100, 16))}), "wrong": pack({"hello": 1})}
            talk.send(bad.get(mood) or pack({"action": given, **film, **timing}))

    return script


def npy(array: np.ndarray) -> dict:
    """An array as GR00T's servers up to N1.7 write it."""
    file = io.BytesIO()
    np.save(file, array)
    return {"__ndarray_class__": True, "as_npy": file.getvalue()}


def modality(keys: list[str], steps: int = 1) -> dict:
    """A modality's configuration as N1.7's server writes it."""
    told = {"delta_indices": list(range(1 - steps, 1)), "modality_keys": keys, "action_configs": None}
    return {"__ModalityConfig_class__": True, "as_json": told}


GROOT_DROID = {
    "video": modality(["exterior_image_1_left", "wrist_image_left"]),
    "state": modality(["joint_position", "gripper_position"]),
    "action": modality(["joint_position", "gripper_position"], 32),
    "language": modality(["annotation.language.language_instruction"]),
}


def groot(
    config: dict = GROOT_DROID, reply: Callable[[Speaker, dict], object] | None = None, token: str = ""
) -> Callable[[Speaker, Talk, str], None]:
    """GR00T's server: one endpoint a request, errors as a dictionary."""

    def usual(speaker: Speaker, told: dict) -> object:
        rows = chunk(32, 8, speaker.count)[None]
        return [{"gripper_position": npy(rows[..., 7:]), "joint_position": npy(rows[..., :7])}, {}]

    def script(speaker: Speaker, talk: Talk, mood: str) -> None:
        talk.accept()
        while True:
            told = unpack_npy(talk.message())
            if token and told.get("api_token") != token:
                talk.send(pack({"error": "Unauthorized: Invalid API token"}))
                continue
            speaker.tokens.append(told.pop("api_token", ""))
            if told == {"endpoint": "get_modality_config"}:
                talk.send(pack(config))
                continue
            assert told.pop("endpoint") == "get_action"
            speaker.heard.append(told["data"])
            if mood == "error":
                talk.send(pack({"error": TRACEBACK}))
                continue
            if mood == "lost":
                return None
            if mood == "silent":
                talk.wait_until_gone()
            speaker.count += 1
            bad = {"garbage": b"\xc1", "huge": pack(npy(np.zeros((1000, 8)))), "wrong": pack({"hello": 1})}
            talk.send(bad.get(mood) or pack((reply or usual)(speaker, told["data"])))

    return script


def http(reply: Callable[[Speaker, dict], object], path: str, failure: object) -> Callable[[Speaker, Talk, str], None]:
    """A server of one POST; ``failure`` is how it tells an error with status 200."""

    def script(speaker: Speaker, talk: Talk, mood: str) -> None:
        if (talk.method, talk.path) != ("POST", path):
            return talk.answer(b"not found", 405 if talk.path == path else 404)  # Method Not Allowed
        told = unpack_json(talk.body)
        speaker.heard.append(told)
        if mood == "lost":
            return None
        if mood == "silent":
            talk.wait_until_gone()
        speaker.count += 1
        bad = {"garbage": b"{]", "huge": b'"' + b"x" * 60_000 + b'"', "wrong": b'{"hello": 1}'}
        bad["error"] = pack_json(failure)
        return talk.answer(bad.get(mood) or pack_json(reply(speaker, told)), Content_Type="application/json")

    return script


def act_reply(speaker: Speaker, told: dict) -> dict:
    """Cosmos Policy's reply: rows of actions, one future frame a camera, a value; all candidates when asked."""

    def one(shift: float) -> dict:
        frame = np.full((224, 224, 3), int(shift * 100) % 255, np.uint8)
        names = ("future_image", "future_wrist_image", "future_wrist_image2")
        return {"actions": list(chunk(50, 14, shift)), "future": {name: frame + i for i, name in enumerate(names)}}

    best = one(0.8)
    reply = {
        "actions": best["actions"],
        "future_image_predictions": best["future"],
        "value_prediction": 0.8,
    }
    if told.get("return_all_query_results"):
        values = (0.2, 0.8, 0.5)
        drawn = [one(value) for value in values]
        reply["all_actions"] = [one["actions"] for one in drawn]
        reply["all_future_image_predictions"] = [one["future"] for one in drawn]
        reply["all_value_predictions"] = list(values)
    return reply


def predict_reply(speaker: Speaker, told: dict) -> dict:
    """Cosmos3's LIBERO reply."""
    pictures = [base64.b64encode(encode_png(frame)).decode() for frame in clip(17, 32, 64)]
    return {"action": chunk(16, 7, speaker.count).tolist(), "video": pictures}


def form_fields(talk: Talk) -> dict:
    """The fields and files of a multipart form, by name."""
    mark = b"--" + talk.headers["content-type"].partition("boundary=")[2].encode()
    found: dict = {}
    for part in talk.body.split(mark)[1:-1]:
        head, _, data = part.strip(b"\r\n").partition(b"\r\n\r\n")
        name = head.split(b'name="')[1].split(b'"')[0].decode()
        found[name] = data if b"filename=" in head else data.decode()
    return found


def videos(speaker: Speaker, talk: Talk, mood: str) -> None:
    """vLLM-Omni's server: a job is given, looked at twice, fetched as a video."""
    if (talk.method, talk.path) == ("POST", "/v1/videos"):
        told = form_fields(talk)
        speaker.heard.append({**told, "extra": unpack_json(told["extra_params"].encode())})
        if mood == "lost":
            return None
        if mood == "silent":
            talk.wait_until_gone()
        bad = {"garbage": b"{]", "huge": b"x" * 60_000, "wrong": b'{"hello": 1}'}
        bad["error"] = pack_json({"id": "job-1", "error": {"message": TRACEBACK}})
        return talk.answer(bad.get(mood) or b'{"id": "job-1", "status": "queued", "progress": 0}')
    rows = int(speaker.heard[-1]["num_frames"]) - 1
    if talk.path == "/v1/videos/job-1":
        speaker.count += 1
        if speaker.count % 2:
            return talk.answer(b'{"id": "job-1", "status": "in_progress", "progress": 50}')
        action = {"data": chunk(rows, 10).tolist(), "shape": [1, rows, 10], "dtype": "float32"}
        return talk.answer(pack_json({"id": "job-1", "status": "completed", "action": action}))
    assert talk.path == "/v1/videos/job-1/content"
    with tempfile.TemporaryDirectory() as folder:
        write_mp4(Path(folder) / "a.mp4", clip(rows + 1, 32, 32), 5.0)
        return talk.answer((Path(folder) / "a.mp4").read_bytes(), Content_Type="video/mp4")


def all_speakers() -> list[Speaker]:
    """A fresh speaker of every system; GR00T's only where its extra is installed."""
    speakers = [
        Speaker(
            "pi0.5 on DROID", "openpi", "droid", DROID_CONTEXT, openpi(lambda s: {"actions": chunk(15, 8, s.count)})
        ),
        Speaker("pi0.5 on LIBERO", "openpi", "libero", LIBERO_CONTEXT, openpi(lambda s: {"actions": chunk(10, 7)})),
        Speaker("pi0 on ALOHA", "openpi", "aloha", ALOHA_CONTEXT, openpi(lambda s: {"actions": chunk(50, 14)})),
        Speaker(
            "Cosmos3 on DROID", "openpi", "cosmos3-droid", DROID_CONTEXT,
            openpi(lambda s: {"action": chunk(32, 8, s.count), "video": clip(33, 54, 64)}),
        ),
        Speaker("DreamZero", "roboarena", "droid", DROID_CONTEXT, roboarena),
        Speaker("GR00T on DROID", "groot", "droid", DROID_CONTEXT, groot(), "tcp"),
        Speaker("LingBot-VA on RoboTwin", "lingbot-va", "robotwin", ROBOTWIN_CONTEXT, lingbot(16, 2, 16)),
        Speaker("LingBot-VA on Frankas", "lingbot-va", "franka", ROBOTWIN_CONTEXT, lingbot(16, 4, 20)),
        Speaker(
            "LingBot-VA with its video", "lingbot-va", "libero", LIBERO_CONTEXT,
            lingbot(7, 4, 4, lambda s, at: clip(13, 64, 128)), settings={"settings": {"video": "yes"}},
        ),
        Speaker("LingBot-VA on LIBERO", "lingbot-va", "libero", LIBERO_CONTEXT, lingbot(7, 4, 4)),
        Speaker(
            "Cosmos Policy", "cosmos-policy", "aloha", ALOHA_CONTEXT, http(act_reply, "/act", "error"), "http"
        ),
        Speaker(
            "Cosmos3 on LIBERO", "cosmos3-libero", "libero", LIBERO_CONTEXT,
            http(predict_reply, "/predict", {"action": [], "error": TRACEBACK}), "http",
        ),
        Speaker("Cosmos3 on vLLM-Omni", "vllm-omni", "bridge", LIBERO_CONTEXT, videos, "http", repeats=False),
        Speaker(
            "Veo", "veo", "", LIBERO_CONTEXT, veo, "http", repeats=False, token_header="x-goog-api-key",
            settings={"token_env": "GEMINI_API_KEY"},
        ),
        Speaker(
            "a worker", "worker", "", WORKER_CONTEXT, worker, "http",
            settings={"settings": {"info": json.dumps(INFO, sort_keys=True)}},
        ),
    ]  # fmt: skip
    return [one for one in speakers if one.scheme != "tcp" or find_spec("zmq") is not None]

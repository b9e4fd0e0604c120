"""RoboArena's dialect of openpi's protocol: DreamZero and the other policies of that arena, vLLM-Omni's robot policies.

Contract: the server's first message says which pictures it wants, at which size, and what its actions mean; every
question names an ``endpoint``, and ``reset`` is answered in text, by vLLM-Omni in a dictionary. Sources: roboarena
``policy_server.py``, dreamzero ``eval_utils/policy_server.py``, vllm-omni ``entrypoints/openpi/connection.py``. A
policy may remember what it saw, so that each sample begins with a reset and, where the server wants one, a session of
its own; asking again is then safe. DreamZero keeps its video to itself, but writes it to a folder when it is reset
after the question: see ``canvas``.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from wamviz.errors import WamvizError, unknown_name
from wamviz.models.remote import canvas
from wamviz.models.remote.asking import Question, Reply, Report, actions_from, seconds
from wamviz.models.remote.codec import malformed, pack, unpack
from wamviz.models.remote.network import Server, refused, said
from wamviz.models.remote.robots import DROID_JOINTS, DROID_STATE, DROID_VELOCITY, StatePart, View
from wamviz.models.remote.websocket import WebSocket, connected
from wamviz.rollout import ActionSpace, Frames

_POSE = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")
SPACES = {
    "joint_position": DROID_JOINTS,
    "joint_velocity": DROID_VELOCITY,
    "cartesian_position": ActionSpace(
        _POSE, ("m",) * 3 + ("rad",) * 3 + ("1",), "ee_pose", DROID_JOINTS.rate, gripper_index=6
    ),
    # Nothing says what 1 means here, so that no unit is claimed.
    "cartesian_velocity": ActionSpace(
        tuple(f"v_{n}" for n in _POSE[:6]) + ("gripper",), ("",) * 6 + ("1",), "unnamed", DROID_JOINTS.rate, 6
    ),
}
EMBODIMENTS = {"roboarena": 0, "droid": 1}  # vLLM-Omni's, and from which number each counts the exterior cameras
KEPT = "This server returns actions alone; a video that it imagines stays there."


def check(question: Question) -> None:
    """Refuse a context without the robot's state, or a folder that is none; only the server knows which views."""
    _ = question.numbers, canvas.folder_of(question)
    if (told := _embodiment(question)) and told not in EMBODIMENTS:
        raise unknown_name("embodiment", told, EMBODIMENTS)


def _embodiment(question: Question) -> str:
    return question.connection.settings.get("embodiment", "")


async def probe(question: Question) -> str:
    """Connect, read what the server wants, and leave."""
    async with connected(question.server) as socket:
        told = fitted(question, await _metadata(socket, question))
    views = ", ".join(view.key.rpartition("/")[2] for view in told.robot.views) or "no pictures"
    return (
        f"A RoboArena server answers at {question.server.url}. It wants {views} and returns "
        f"{told.robot.space.kind.replace('_', ' ')} actions of {told.robot.space.dim} numbers."
    )


async def ask(question: Question, report: Report) -> None:
    """Read what the server wants, then reset and ask once a sample over one connection."""
    server, folder = question.server, canvas.folder_of(question)
    async with connected(server) as socket:
        config = await _metadata(socket, question)
        told = fitted(question, config)
        observation = {**told.pictures, **told.numbers, "prompt": told.prompt}
        if embodiment := _embodiment(question):
            observation["embodiment"] = embodiment
        for _ in range(told.asked.samples):
            report("waiting for the model")
            await _reset(socket, server)
            before = {} if folder is None else canvas.seen(folder)
            session = {"session_id": str(uuid.uuid4())} if config.get("needs_session_id") else {}
            await socket.send(pack({**observation, **session, "endpoint": "infer"}))
            reply = understood(unpack(await socket.receive_bytes(), server.limits), told)
            if folder is not None:
                report("waiting for the video that the server writes")
                await _reset(socket, server)  # DreamZero writes what it imagined when it forgets
                reply = filmed(reply, told, await canvas.film(folder, before))
            report(reply)


async def _reset(socket: WebSocket, server: Server) -> None:
    await socket.send(pack({"endpoint": "reset"}))
    answer = await socket.receive()
    if isinstance(answer, bytes):
        _not_an_error(unpack(answer, server.limits))
    elif "reset" not in answer.lower()[:40]:
        raise refused(answer)


def _not_an_error(reply: Any) -> None:
    """vLLM-Omni tells errors in a dictionary."""
    kind = reply.get("type") if isinstance(reply, dict) else None
    if isinstance(kind, str) and kind == "error":
        raise refused(reply.get("message", ""))


async def _metadata(socket: WebSocket, question: Question) -> dict[str, Any]:
    config = unpack(await socket.receive_bytes(), question.server.limits)
    _not_an_error(config)
    if not isinstance(config, dict) or "action_space" not in config:
        raise malformed("it greets without saying its action space, as RoboArena's servers do")
    return config


def fitted(question: Question, config: Mapping[str, Any]) -> Question:
    """The question with the views, state and action space that the server's first message asks for."""
    told = config["action_space"]
    if not isinstance(told, str) or told not in SPACES:
        raise unknown_name("action space of the server", str(told)[:60], SPACES)
    space = SPACES[told]
    size, count = config.get("image_resolution"), config.get("n_external_cameras", 0)
    if size is not None and not (
        isinstance(size, list) and len(size) == 2 and all(type(n) is int and 8 <= n <= 4096 for n in size)
    ):
        raise malformed(f"it wants pictures of the size {str(size)[:40]}")
    if type(count) is not int or not 0 <= count <= 8:
        raise malformed(f"it wants {str(count)[:20]} external cameras")
    # It counts the outer cameras from 0; DROID's own names count them from 1, and so does vLLM-Omni's DROID.
    first = EMBODIMENTS.get(_embodiment(question), 0)
    wished = [(f"exterior_image_{index + first}", f"exterior_{index + 1}", "exterior") for index in range(count)]
    if config.get("needs_wrist_camera"):
        wished.append(("wrist_image", "wrist", "wrist"))
    eyes = {"left": "", "right": "right "} if config.get("needs_stereo_camera") else {"left": ""}
    pixels = None if size is None else (size[0], size[1])
    views = tuple(
        View(f"observation/{name}_{eye}", f"{side}{role}", pixels, like=f"{like}_{eye}")
        for name, like, role in wished
        for eye, side in eyes.items()
    )
    state: tuple[StatePart, ...] = DROID_STATE
    if config["action_space"].startswith("cartesian"):
        state = (StatePart("observation/cartesian_position", 6, "pose"), *state)
    rate = question.robot.space.rate  # the user may have said that it is another
    return question.wanting(views, state, ActionSpace(**{**space.to_json(), "rate": rate}))


def understood(reply: Any, question: Question) -> Reply:
    """One reply: a dictionary with ``actions``, or DreamZero's bare array."""
    _not_an_error(reply)
    found = reply if isinstance(reply, np.ndarray) else reply.get("actions") if isinstance(reply, dict) else None
    if found is None:
        raise malformed("it has no actions")
    actions = actions_from(found, question.robot.space, "its action space")
    spent = seconds(reply) if isinstance(reply, dict) else None
    notes = (question.sent,) if question.robot.frames else (KEPT, question.sent)
    return Reply(actions, question.robot.space, notes=notes, server_s=spent)


def filmed(reply: Reply, question: Question, found: tuple[Frames, float, str] | str) -> Reply:
    """The reply with the video that appeared, or with the sentence that says why there is none."""
    if isinstance(found, str):
        return replace(reply, notes=(found, *reply.notes))
    video, fps, name = found
    try:
        frames, camera = canvas.cut(video, question)
    except WamvizError as error:
        return replace(reply, notes=(error.message, *reply.notes))
    notes = (f"The video is {said(name)} of the named folder.", canvas.CROPPED, *reply.notes)
    return replace(reply, frames=frames, camera=camera, video_fps=fps, middle=canvas.MIDDLE, notes=notes)

"""RoboArena's form of openpi's protocol: DreamZero and the other policies of that arena, vLLM-Omni's robot policies.

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

from wamviz.core.action_spaces import DROID_JOINTS, DROID_VELOCITY
from wamviz.core.errors import WamvizError, unknown_name
from wamviz.core.rollout import ActionSpace, Frames
from wamviz.models.remote import canvas
from wamviz.models.remote.asking import PolicyRequest, PolicyResponse, Report, actions_from, seconds
from wamviz.models.remote.codec import malformed, pack, unpack
from wamviz.models.remote.network import Server, clean_text, refuse_error, server_error
from wamviz.models.remote.robots import COSMOS3_DROID, DROID_STATE, RobotView, StatePart, unnamed
from wamviz.models.remote.websocket import WebSocket, connected

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
GREETING = {"action_space", "image_resolution", "n_external_cameras", "needs_wrist_camera", "action_horizon"}
COSMOS3_CANVAS = (540, 640)
UNTOLD = "The server does not say what its actions mean: they are taken for {kind}, as this robot has them."
KEPT = "This server returns actions alone; a video that it imagines stays there."


def check(request: PolicyRequest) -> None:
    """Refuse a context without the robot's state, or a folder that is none; only the server knows which views."""
    _ = request.numbers, canvas.folder_of(request)
    if (embodiment := _embodiment(request)) and embodiment not in EMBODIMENTS:
        raise unknown_name("embodiment", embodiment, EMBODIMENTS)


def _embodiment(request: PolicyRequest) -> str:
    return request.connection.settings.get("embodiment", "")


async def probe(request: PolicyRequest) -> str:
    """Connect, read what the server wants, and leave."""
    async with connected(request.server) as socket:
        adapted = adapt_request(request, await _metadata(socket, request))
    views = ", ".join(view.key.rpartition("/")[2] for view in adapted.robot.views) or "no pictures"
    return (
        f"A RoboArena server answers at {request.server.url}. It wants {views} and returns "
        f"{adapted.robot.space.kind.replace('_', ' ')} actions of {adapted.robot.space.dim} numbers."
    )


async def ask(request: PolicyRequest, report: Report) -> None:
    """Read what the server wants, reset, and ask for one sample."""
    server, folder = request.server, canvas.folder_of(request)
    async with connected(server) as socket:
        config = await _metadata(socket, request)
        adapted = adapt_request(request, config)
        observation = {**adapted.pictures, **adapted.numbers, "prompt": adapted.prompt}
        if embodiment := _embodiment(request):
            observation["embodiment"] = embodiment
        report("waiting for the model")
        await _reset(socket, server)
        before = {} if folder is None else canvas.seen(folder)
        session = {"session_id": str(uuid.uuid4())} if config.get("needs_session_id") else {}
        await socket.send(pack({**observation, **session, "endpoint": "infer"}))
        reply = parse_response(unpack(await socket.receive_bytes(), server.limits), adapted)
        if folder is not None:
            report("waiting for the video that the server writes")
            await _reset(socket, server)  # DreamZero writes what it imagined when it forgets
            reply = filmed(reply, adapted, await canvas.film(folder, before))
        report(reply)


async def _reset(socket: WebSocket, server: Server) -> None:
    await socket.send(pack({"endpoint": "reset"}))
    answer = await socket.receive()
    if isinstance(answer, bytes):
        refuse_error(unpack(answer, server.limits))
    elif "reset" not in answer.lower()[:40]:
        raise server_error(answer)


async def _metadata(socket: WebSocket, request: PolicyRequest) -> dict[str, Any]:
    config = unpack(await socket.receive_bytes(), request.server.limits)
    refuse_error(config)
    if not isinstance(config, dict) or not config.keys() & GREETING:
        raise malformed("it greets without saying its action space or its pictures, as RoboArena's servers do")
    return config


def adapt_request(request: PolicyRequest, config: Mapping[str, Any]) -> PolicyRequest:
    """The question with the views, state and action space that the server's first message asks for."""
    named = config.get("action_space", request.robot.space.kind)  # vLLM-Omni's need not say it
    if not isinstance(named, str) or named not in SPACES:
        raise unknown_name("action space of the server", str(named)[:60], SPACES)
    space = SPACES[named]
    size, count = config.get("image_resolution"), config.get("n_external_cameras", 0)
    if size is not None and not (
        isinstance(size, list) and len(size) == 2 and all(type(n) is int and 8 <= n <= 4096 for n in size)
    ):
        raise malformed(f"it wants pictures of the size {str(size)[:40]}")
    if type(count) is not int or not 0 <= count <= 8:
        raise malformed(f"it wants {str(count)[:20]} external cameras")
    # It counts the outer cameras from 0; DROID's own names count them from 1, and so does vLLM-Omni's DROID.
    first = EMBODIMENTS.get(_embodiment(request), 0)
    wished = [(f"exterior_image_{index + first}", f"exterior_{index + 1}", "exterior") for index in range(count)]
    if config.get("needs_wrist_camera"):
        wished.append(("wrist_image", "wrist", "wrist"))
    eyes = {"left": "", "right": "right "} if config.get("needs_stereo_camera") else {"left": ""}
    pixels = None if size is None else (size[0], size[1])
    views = tuple(
        RobotView(f"observation/{name}_{eye}", f"{side}{role}", pixels, like=f"{like}_{eye}")
        for name, like, role in wished
        for eye, side in eyes.items()
    )
    state: tuple[StatePart, ...] = DROID_STATE
    if size == list(COSMOS3_CANVAS) and len(views) == len(COSMOS3_DROID.views):  # it counts cameras from 1
        views = COSMOS3_DROID.views
    if named.startswith("cartesian"):
        state = (StatePart("observation/cartesian_position", 6, "pose"), *state)
    rate = request.robot.space.rate  # the user may have said that it is another
    adapted = request.with_robot(views, state, ActionSpace(**{**space.to_json(), "rate": rate}))
    return replace(adapted, action_space_told="action_space" in config)


def parse_response(reply: Any, request: PolicyRequest) -> PolicyResponse:
    """One reply: a dictionary with ``actions``, or DreamZero's bare array."""
    refuse_error(reply)
    found = reply if isinstance(reply, np.ndarray) else reply.get("actions") if isinstance(reply, dict) else None
    space = request.robot.space
    if found is None or isinstance(found, dict):
        found, space = named_actions(reply if found is None else found, space)
    actions = actions_from(found, space, "its action space")
    spent = seconds(reply) if isinstance(reply, dict) else None
    notes = (*(() if request.robot.frames else (KEPT,)), request.sent, *request.orientation_notes)
    if not request.action_space_told:
        notes = (*notes, UNTOLD.format(kind=space.kind.replace("_", " ")))
    return PolicyResponse(actions, space, notes=notes, server_s=spent)


def named_actions(reply: Any, space: ActionSpace) -> tuple[Any, ActionSpace]:
    """Actions under names of their own, as vLLM-Omni's policies may return them, (H, D) or (1, H, D) each.

    Returns:
        The table (H, A) and its space: the robot's where its joints and its gripper are there, else one without units.
    """
    parts = reply if isinstance(reply, dict) else {}
    tables = {str(name): part for name, part in parts.items() if isinstance(part, np.ndarray)}
    tables = {name: part[0] if part.ndim == 3 and len(part) == 1 else part for name, part in tables.items()}
    if {table.ndim for table in tables.values()} != {2} or len({len(table) for table in tables.values()}) != 1:
        raise malformed("it has no actions")
    names = ("joint_position", "gripper_position")
    short = {name.rpartition("/")[2].removeprefix("action."): table for name, table in tables.items()}
    if (
        set(names) <= set(short)
        and space.kind == "joint_position"
        and space.dim == sum(short[name].shape[1] for name in names)
    ):
        return np.concatenate([short[name] for name in names], axis=1), space
    widths = {name[:80]: table.shape[1] for name, table in short.items()}
    return np.concatenate(list(short.values()), axis=1), unnamed(widths, space.rate)


def filmed(reply: PolicyResponse, request: PolicyRequest, found: tuple[Frames, float, str] | str) -> PolicyResponse:
    """The reply with the video that appeared, or with the sentence that says why there is none."""
    if isinstance(found, str):
        return replace(reply, notes=(found, *reply.notes))
    video, fps, name = found
    try:
        frames, camera = canvas.cut(video, request)
    except WamvizError as error:
        return replace(reply, notes=(error.message, *reply.notes))
    notes = (f"The video is {clean_text(name)} of the named folder.", canvas.CROPPED, *reply.notes)
    return replace(reply, frames=frames, camera=camera, video_fps=fps, middle=canvas.MIDDLE, notes=notes)

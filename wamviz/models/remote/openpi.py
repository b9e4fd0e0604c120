"""openpi's websocket protocol: pi0, pi0-FAST, pi0.5, and Cosmos3-Nano-Policy-DROID with its imagined video.

Contract: the server speaks first (its metadata); an observation is one msgpack message, a reply another; text in place
of it is an error. Sources: openpi ``serving/websocket_policy_server.py`` and ``policies/*_policy.py``; cosmos-framework
``scripts/action_policy_server_robolab.py``. The policies keep nothing between questions, so that one may be repeated.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wamviz.core.errors import WamvizError
from wamviz.core.media import resize
from wamviz.core.rollout import Frames
from wamviz.models.remote.asking import PolicyRequest, PolicyResponse, Report, actions_from, seconds, video_from
from wamviz.models.remote.codec import malformed, pack, unpack
from wamviz.models.remote.websocket import connected


def check(request: PolicyRequest) -> None:
    """Refuse a context that lacks a view or a state, before anything is sent."""
    _ = request.cameras, request.numbers


async def probe(request: PolicyRequest) -> str:
    """Connect, read the metadata with which the server greets, and leave."""
    async with connected(request.server) as socket:
        metadata = unpack(await socket.receive_bytes(), request.server.limits)
    told = f" It says of itself: {', '.join(map(str, metadata))}." if isinstance(metadata, dict) and metadata else ""
    return f"An openpi server answers at {request.server.url}.{told}"


async def ask(request: PolicyRequest, report: Report) -> None:
    """Ask for one sample over a connection of its own: a server that infers answers no ping, and would close it."""
    server = request.server
    async with connected(server) as socket:
        unpack(await socket.receive_bytes(), server.limits)
        report("waiting for the model")
        await socket.send(pack(observation(request)))
        report(parse_response(unpack(await socket.receive_bytes(), server.limits), request))


def observation(request: PolicyRequest) -> dict[str, Any]:
    """What is sent: flat keys as DROID and LIBERO want them; ALOHA's pictures lie one level down, colours first."""
    sent: dict[str, Any] = {}
    for key, frame in request.pictures.items():
        folder, _, name = key.rpartition("/")
        if folder == "images":
            sent.setdefault(folder, {})[name] = np.ascontiguousarray(frame.transpose(2, 0, 1))  # (3, H, W)
        else:
            sent[key] = frame
    return {**sent, **request.numbers, "prompt": request.prompt}


def parse_response(reply: Any, request: PolicyRequest) -> PolicyResponse:
    """One reply; ``actions`` by openpi's name, ``action`` by Cosmos3's, or the bare array of some servers."""
    if isinstance(reply, np.ndarray):
        reply = {"actions": reply}
    if not isinstance(reply, dict):
        raise malformed(f"it is a {type(reply).__name__}, not a dictionary")
    found = next((reply[name] for name in ("actions", "action") if name in reply), None)
    if found is None:
        raise malformed(f"it has no actions, only {', '.join(map(str, list(reply)[:8])) or 'nothing'}")
    robot = request.robot
    actions = actions_from(found, robot.space, f"robot {robot.name}")
    if not robot.frames:
        return PolicyResponse(actions, robot.space, server_s=seconds(reply))
    if "video" not in reply:
        note = "The server returned no video; it imagines one when it is started with --decode-video."
        return PolicyResponse(actions, robot.space, notes=(note,), server_s=seconds(reply))
    frames, camera = tile(video_from(reply["video"]), request)
    return PolicyResponse(actions, robot.space, frames, camera, server_s=seconds(reply))


def tile(video: Frames, request: PolicyRequest) -> tuple[Frames, str]:
    """The shown view cut out of Cosmos3's canvas, (T, H, W, 3), in the proportions of its camera; and that camera.

    The canvas has the wrist view above, two thirds high, and the two exterior ones side by side below.
    """
    view = request.shown
    height, width = video.shape[1:3]
    upper = 2 * height // 3
    if upper < 2 or height - upper < 2 or width < 4:
        raise WamvizError(f"The server's video is only {height} x {width} pixels: no three views fit into it.")
    if view.role == "wrist":
        cut = video[:, :upper]
    else:
        first = next(v for v in request.robot.views if v.role == "exterior")
        half = width // 2
        cut = video[:, upper:, :half] if view is first else video[:, upper:, half : 2 * half]
    camera = request.cameras[view.key]
    tall, wide = request.imagine.observation.frames[camera].shape[:2]
    rows = cut.shape[1]  # it was sent stretched to 16:9; its own width comes back
    return resize(cut, rows, max(1, round(rows * wide / tall))), camera

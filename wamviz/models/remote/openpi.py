"""openpi's websocket protocol: pi0, pi0-FAST, pi0.5, and Cosmos3-Nano-Policy-DROID with its imagined video.

Contract: the server speaks first (its metadata); an observation is one msgpack message, a reply another; text in place
of it is an error. Sources: openpi ``serving/websocket_policy_server.py`` and ``policies/*_policy.py``; cosmos-framework
``scripts/action_policy_server_robolab.py``. The policies keep nothing between questions, so that one may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from wamviz.core.action_spaces import DROID_JOINTS, DROID_VELOCITY
from wamviz.core.errors import Damaged
from wamviz.core.media import resize
from wamviz.core.rollout import ActionSpace, Floats, Frames
from wamviz.models.remote.asking import PolicyRequest, PolicyResponse, Report, actions_from, seconds, video_from
from wamviz.models.remote.codec import malformed, pack, unpack
from wamviz.models.remote.content import find_content
from wamviz.models.remote.network import refuse_error
from wamviz.models.remote.robots import DROID, DROID_JOINTPOS, Robot
from wamviz.models.remote.websocket import connected

_NEAR_RAD = 0.35  # a chunk of positions begins within that of where the arm is


def check(request: PolicyRequest) -> None:
    """Refuse a context that lacks a view or a state, before anything is sent."""
    _ = request.cameras, request.numbers


async def probe(request: PolicyRequest) -> str:
    """Connect, read the metadata with which the server greets, and leave."""
    async with connected(request.server) as socket:
        metadata = unpack(await socket.receive_bytes(), request.server.limits)
    about = f" It says of itself: {', '.join(map(str, metadata))}." if isinstance(metadata, dict) and metadata else ""
    return f"An openpi server answers at {request.server.url}.{about}"


async def ask(request: PolicyRequest, report: Report) -> None:
    """Ask for one sample over a connection of its own: a server that infers answers no ping, and would close it."""
    server = request.server
    async with connected(server) as socket:
        adapted = adapt_request(request, unpack(await socket.receive_bytes(), server.limits))
        report("waiting for the model")
        await socket.send(pack(observation(adapted)))
        report(parse_response(unpack(await socket.receive_bytes(), server.limits), adapted))


def adapt_request(request: PolicyRequest, metadata: Any) -> PolicyRequest:
    """The question, with the action space that the server's greeting names, where it names one of a DROID robot's."""
    named = metadata.get("action_space") if isinstance(metadata, dict) else None
    known = {space.kind: space for space in (DROID_JOINTS, DROID_VELOCITY)}
    robot = request.robot
    if not isinstance(named, str) or named not in known or robot.space not in _rated(known.values(), robot.space.rate):
        return request
    space = replace(known[named], rate=robot.space.rate)
    return replace(request, robot=replace(robot, actions=space), action_space_told=True)


def _rated(spaces: Iterable[ActionSpace], rate: float) -> list[ActionSpace]:
    return [replace(space, rate=rate) for space in spaces]


def doubts(actions: Floats, request: PolicyRequest) -> tuple[str, ...]:
    """What cannot be known of a DROID policy's eight numbers: velocities and positions come under the same name."""
    robot, stated = request.robot, request.action_space_told
    if stated or robot.frames or robot.space.names not in (DROID_JOINTS.names, DROID_VELOCITY.names):
        return ()
    taken, other, alike = "velocities", "positions", "lie where the arm is"
    if robot.space.kind == "joint_position":
        taken, other, alike = "positions", "velocities", "do not begin where the arm is"
    joints = next(part for key, part in request.numbers.items() if key.endswith("joint_position"))
    near = float(np.abs(actions[0, :7] - joints).max()) < _NEAR_RAD
    moved = float(np.abs(joints).max()) > 2 * _NEAR_RAD  # else both look the same
    doubt = f" They {alike}, so that they may well be {other}." if moved and near != (taken == "positions") else ""
    return (
        f"The server does not say whether its numbers are joint velocities or positions; they are taken for {taken}, "
        f"as robot {robot.name} has them.{doubt} For {other} connect it with --robot "
        f"{DROID.name if other == 'velocities' else DROID_JOINTPOS.name}.",
    )


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
    refuse_error(reply)
    found = next((reply[name] for name in ("actions", "action") if name in reply), None)
    if found is None:
        raise malformed(f"it has no actions, only {', '.join(map(str, list(reply)[:8])) or 'nothing'}")
    robot = request.robot
    actions = actions_from(found, robot.space, f"robot {robot.name}")
    if not robot.frames:
        return PolicyResponse(actions, robot.space, notes=doubts(actions, request), server_s=seconds(reply))
    if "video" not in reply:
        note = "The server returned no video; it imagines one when it is started with --decode-video."
        return PolicyResponse(actions, robot.space, notes=(note,), server_s=seconds(reply))
    frames, camera, notes = tile(video_from(reply["video"]), request)
    return PolicyResponse(actions, robot.space, frames, camera, notes=notes, server_s=seconds(reply))


def canvas_of(pictures: Mapping[str, Frames], robot: Robot) -> Frames:
    """The pictures as Cosmos3's server lays them out: the wrist view above, the two exterior ones below."""
    wrist, first, second = (pictures[view.key] for view in robot.views)
    return np.concatenate([wrist, np.concatenate([first, second], axis=1)])


def tile(video: Frames, request: PolicyRequest) -> tuple[Frames, str, tuple[str, ...]]:
    """The shown view cut out of Cosmos3's canvas, (T, H, W, 3), in its camera's proportions; that camera; notes."""
    view, sent = request.shown, canvas_of(request.pictures, request.robot)
    content = find_content(video, sent)
    canvas = content.cut(video)
    height, width = canvas.shape[1:3]
    upper, half = round(height * request.pictures[request.robot.views[0].key].shape[0] / len(sent)), width // 2
    if upper < 2 or height - upper < 2 or width < 4:
        raise Damaged(f"The server's video is only {height} x {width} pixels: no three views fit into it.")
    wrist, first, _ = request.robot.views
    if view is wrist:
        part = canvas[:, :upper]
    else:
        part = canvas[:, upper:, :half] if view is first else canvas[:, upper:, half : 2 * half]
    camera = request.cameras[view.key]
    tall, wide = request.imagine.observation.frames[camera].shape[:2]
    rows = part.shape[1]  # it was sent stretched to 16:9; its own width comes back
    return resize(part, rows, max(1, round(rows * wide / tall))), camera, content.notes

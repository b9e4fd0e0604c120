"""Cosmos3's LIBERO server: ``POST /predict`` with one PNG, a clip of PNGs and a chunk of actions back.

Contract: plain JSON over HTTP; a failure is a reply with an ``error``. What is sent is what the
released recipe trained on and its own client sends: agent view and wrist, 256 x 256 each, side by side, and two
sentences on them after the instruction. Its numbers are brought to LIBERO's seven as that client does it: position,
a rotation as 3, 6 or 9 numbers, and a gripper. Sources: cosmos-framework ``scripts/action_policy_server_libero.py``,
``docs/action_policy_libero_posttrain.md``, ``simulation/libero/closed_loop_eval.py``. Axis letters as in ``asking``.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np

from wamviz.core.errors import WamvizError
from wamviz.core.media import encode_png, read_image, resize
from wamviz.core.rollout import ActionSpace, Floats, Frames
from wamviz.core.rotation import rotation_vector
from wamviz.models.remote.asking import MAX_FRAMES, PolicyRequest, PolicyResponse, Report, actions_from, video_from
from wamviz.models.remote.codec import malformed, pack_json, unpack_json
from wamviz.models.remote.content import find_content
from wamviz.models.remote.network import ask as fetch
from wamviz.models.remote.network import client, refuse_error

DOMAIN = "libero"
IMAGE_SIZE = 256
ROTATIONS = {
    7: "a rotation vector",
    10: "two columns of a rotation",
    13: "a rotation matrix",
}  # by numbers of an action
BOTH_VIEWS = (
    "This video contains concatenated views from multiple camera perspectives.",
    "The left half shows the third-person view; the right half shows the wrist-mounted camera.",
)
ASSUMED = (
    "The server does not say what its {width} numbers mean: they are read as its own client reads them, as position, "
    "{rotation} and a gripper that is {open} when open, {rate:g} a second, and brought to LIBERO's seven."
)
ALONE = (
    "Its released policy learned two views; this context has no wrist's, so that one was sent, as for a single view."
)
MAX_PIXELS = 500_000_000  # of a whole clip


def check(request: PolicyRequest) -> None:
    """Refuse a context without a picture of the scene, before anything is sent."""
    _ = request.cameras


async def probe(request: PolicyRequest) -> str:
    """Ask ``/info``, which every such server has."""
    async with client(request.server) as http:
        info = unpack_json(await fetch(http, request.server, "/info"), request.server.limits)
    about = f" It says of itself: {', '.join(map(str, info))}." if isinstance(info, dict) and info else ""
    return f"A Cosmos3 server answers at {request.server.url}.{about}"


async def ask(request: PolicyRequest, report: Report) -> None:
    """Ask for one sample."""
    message = pack_json(
        {
            "image": base64.b64encode(encode_png(canvas_of(request))).decode(),
            "prompt": prompt_of(request),
            "domain_name": DOMAIN,
            "image_size": IMAGE_SIZE,
        }
    )
    async with client(request.server) as http:
        report("waiting for the model")
        reply = await fetch(http, request.server, "/predict", message)
        report(parse_response(unpack_json(reply, request.server.limits), request))


def canvas_of(request: PolicyRequest) -> Frames:
    """The picture to send, (256, 256 or 512, 3): one view, or both side by side."""
    return np.concatenate([request.pictures[view.key] for view in request.seen], axis=1)


def prompt_of(request: PolicyRequest) -> str:
    """The instruction, with the sentences on both views that the released policy was trained with."""
    words = request.prompt.rstrip()
    for sentence in BOTH_VIEWS if len(request.seen) > 1 else ():
        words = f"{words}{' ' if words.endswith('.') else '. '}{sentence}"
    return words


def parse_response(reply: Any, request: PolicyRequest) -> PolicyResponse:
    """One reply."""
    if not isinstance(reply, dict):
        raise malformed(f"it is a {type(reply).__name__}, not a dictionary")
    refuse_error(reply)
    video = reply.get("video")
    if "action" not in reply:
        raise malformed("it has no actions")
    actions, space, notes = _actions(reply["action"], request)
    if len(request.seen) < len(request.robot.views):
        notes = (*notes, ALONE)
    if video is None or (isinstance(video, list) and not video):
        return PolicyResponse(actions, space, notes=(*notes, "The server returned no video."))
    frames, camera, more = _shown(_clip(video), len(actions), request)
    return PolicyResponse(actions, space, frames, camera, notes=(*notes, *more))


def _actions(payload: Any, request: PolicyRequest) -> tuple[Floats, ActionSpace, tuple[str, ...]]:
    """The actions (K, 7) of LIBERO's controller, or unnamed ones of another width; their space; notes."""
    space, width = request.robot.space, _width(payload)
    if width not in ROTATIONS:
        count = width or space.dim
        unnamed = ActionSpace(tuple(f"a{i + 1}" for i in range(count)), ("",) * count, "unnamed", space.rate)
        return actions_from(payload, unnamed, "LIBERO"), unnamed, ()
    wide = ActionSpace(tuple(f"a{i + 1}" for i in range(width)), ("",) * width, "unnamed", space.rate)
    one_open = request.connection.settings.get("gripper", "zero_one") == "zero_one"
    words = ASSUMED.format(width=width, rotation=ROTATIONS[width], open=1 if one_open else -1, rate=space.rate)
    return libero_actions(actions_from(payload, wide, "LIBERO"), one_open=one_open), space, (words,)


def libero_actions(rows: Floats, *, one_open: bool) -> Floats:
    """Rows (K, 7, 10 or 13) of the server as LIBERO's (K, 7): shares of 5 cm and 0.5 rad, gripper -1 open .. 1 closed.

    Args:
        one_open: whether the gripper is 0 closed .. 1 open; else it is LIBERO's own already.
    """
    position, turn, gripper = rows[:, :3], rows[:, 3:-1], rows[:, -1:]
    if turn.shape[1] > 3:
        turn = np.array([rotation_vector(_matrix(one.astype(np.float64))) for one in turn], np.float32).reshape(-1, 3)
    return np.concatenate([position, turn, np.clip(1 - 2 * gripper if one_open else gripper, -1, 1)], axis=1)


def _matrix(turn: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The rotation (3, 3) nearest to six numbers, its first two columns, or to nine, its rows."""
    if len(turn) == 9:
        left, _, right = np.linalg.svd(turn.reshape(3, 3))
        return left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right
    first = turn[:3] / max(float(np.linalg.norm(turn[:3])), 1e-9)
    second = turn[3:] - first * (first @ turn[3:])
    second /= max(float(np.linalg.norm(second)), 1e-9)
    return np.stack([first, second, np.cross(first, second)], axis=1)


def _shown(video: Frames, actions: int, request: PolicyRequest) -> tuple[Frames, str, tuple[str, ...]]:
    """The shown view of a clip of the canvas, in its camera's proportions, the context first; that camera; notes."""
    view, views, sent = request.shown, request.seen, canvas_of(request)
    content = find_content(video, sent)
    canvas = content.cut(video)
    edges = [canvas.shape[2] * index // len(views) for index in range(len(views) + 1)]
    place = views.index(view)
    if min(canvas.shape[1], edges[1]) < 2:
        raise malformed(f"its video is only {video.shape[1]} x {video.shape[2]} pixels: the views do not fit into it")
    frames = canvas[:, :, edges[place] : edges[place + 1]]
    if len(frames) == actions:  # future frames only: the context goes in front, as it was sent
        frames = np.concatenate([resize(request.pictures[view.key], *frames.shape[1:3])[None], frames])
    camera = request.cameras[view.key]
    tall, wide = request.imagine.observation.frames[camera].shape[:2]
    rows = frames.shape[1]  # it was sent as a square; its own width comes back
    return resize(frames, rows, max(1, round(rows * wide / tall))), camera, content.notes


def _width(actions: Any) -> int:
    if isinstance(actions, list) and actions and isinstance(actions[0], list) and len(actions[0]) <= 64:
        return len(actions[0])
    return 0


def _clip(listed: Any) -> Frames:
    """The pictures of a reply as (T, H, W, 3); what one decodes to is judged before the next is opened."""
    if isinstance(listed, np.ndarray):
        return video_from(listed)
    if not isinstance(listed, list) or not all(isinstance(text, str) for text in listed) or len(listed) > MAX_FRAMES:
        raise malformed("its video is no list of pictures")
    frames: list[Frames] = []
    for text in listed:
        try:
            frame = read_image(base64.b64decode(text.rpartition(",")[2], validate=True))
        except (binascii.Error, WamvizError) as error:
            raise malformed(f"picture {len(frames)} of its video cannot be decoded") from error
        if frames and frame.shape != frames[0].shape:
            raise malformed("the pictures of its video differ in size")
        frames.append(frame)
        if frame.shape[0] * frame.shape[1] * len(listed) > MAX_PIXELS:
            raise malformed("its video is too large")
    return video_from(np.stack(frames))

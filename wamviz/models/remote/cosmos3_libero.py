"""Cosmos3's LIBERO server: ``POST /predict`` with one PNG, a clip of PNGs and a chunk of actions back.

Contract: plain JSON over HTTP; a failure is a reply with an ``error``. A sample is a question of its own. Source:
cosmos-framework ``scripts/action_policy_server_libero.py``. It says neither a rate nor names for its actions: seven
numbers are LIBERO's, another count stays unnamed.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np

from wamviz.core.errors import WamvizError
from wamviz.core.media import encode_png, read_image, resize
from wamviz.core.rollout import ActionSpace, Frames
from wamviz.models.remote.asking import MAX_FRAMES, PolicyRequest, PolicyResponse, Report, actions_from, video_from
from wamviz.models.remote.codec import malformed, pack_json, unpack_json
from wamviz.models.remote.network import ask as fetch
from wamviz.models.remote.network import client, server_error

DOMAIN = "libero"
IMAGE_SIZE = 256
ASSUMED = "The server does not say what its numbers mean: seven are taken for LIBERO's, {rate:g} a second."
MAX_PIXELS = 500_000_000  # of a whole clip


def check(request: PolicyRequest) -> None:
    """Refuse a context without a picture of the scene, before anything is sent."""
    _ = request.cameras


async def probe(request: PolicyRequest) -> str:
    """Ask ``/info``, which every such server has."""
    async with client(request.server) as made:
        info = unpack_json(await fetch(made, request.server, "/info"), request.server.limits)
    told = f" It says of itself: {', '.join(map(str, info))}." if isinstance(info, dict) and info else ""
    return f"A Cosmos3 server answers at {request.server.url}.{told}"


async def ask(request: PolicyRequest, report: Report) -> None:
    """Ask for one sample."""
    picture = request.pictures[request.robot.views[0].key]
    message = pack_json(
        {
            "image": base64.b64encode(encode_png(picture)).decode(),
            "prompt": request.prompt,
            "domain_name": DOMAIN,
            "image_size": IMAGE_SIZE,
        }
    )
    async with client(request.server) as made:
        report("waiting for the model")
        reply = await fetch(made, request.server, "/predict", message)
        report(parse_response(unpack_json(reply, request.server.limits), request))


def parse_response(reply: Any, request: PolicyRequest) -> PolicyResponse:
    """One reply."""
    if not isinstance(reply, dict):
        raise malformed(f"it is a {type(reply).__name__}, not a dictionary")
    error, video = (None if isinstance(reply.get(name), np.ndarray) else reply.get(name) for name in ("error", "video"))
    if error:
        raise server_error(error)
    if "action" not in reply:
        raise malformed("it has no actions")
    space = request.robot.space
    width = _width(reply["action"])
    if width != space.dim and width:
        space = ActionSpace(tuple(f"a{i + 1}" for i in range(width)), ("",) * width, "unnamed", space.rate)
    actions = actions_from(reply["action"], space, "LIBERO")
    notes = (ASSUMED.format(rate=space.rate),) if space is request.robot.space else ()
    view = request.robot.views[0]
    if not video:
        return PolicyResponse(actions, space, notes=(*notes, "The server returned no video."))
    frames = _clip(video)
    if len(frames) == len(actions):  # future frames only: the context goes in front, as it was sent
        context = resize(request.pictures[view.key], *frames.shape[1:3])
        frames = np.concatenate([context[None], frames])
    return PolicyResponse(actions, space, frames, request.cameras[view.key], notes=notes)


def _width(actions: Any) -> int:
    if isinstance(actions, list) and actions and isinstance(actions[0], list) and len(actions[0]) <= 64:
        return len(actions[0])
    return 0


def _clip(listed: Any) -> Frames:
    """The pictures of a reply as (T, H, W, 3); what one decodes to is judged before the next is opened."""
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

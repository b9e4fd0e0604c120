"""LingBot-VA's websocket server, which remembers: a reset, an observation, and what was seen while acting.

Contract: openpi's messages with three meanings. ``reset`` forgets and takes the prompt; ``obs`` is answered with a
chunk ``action`` (C channels, F latent frames, A actions each); ``compute_kv_cache`` puts what was seen during a chunk
into its memory, as a list of key frames with the chunk that was done, and is what makes the next chunk another one.
Every sample begins with a reset, so that a lost question may be asked again. In the first chunk the first latent frame
is the context, and its actions are no actions. Sources: lingbot-va ``wan_va/wan_va_server.py``,
``evaluation/robotwin/eval_polict_client_openpi.py``, ``evaluation/libero/client.py``.

The released server keeps its video. Where one sends it, the video is shown, and its frames, four a latent one, are the
key frames with which the next chunk is asked for; what is on them is then imagined, not seen. Axis letters as in
``asking``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from wamviz.core.errors import InvalidInput
from wamviz.core.media import resize
from wamviz.core.rollout import Floats, Frames
from wamviz.models.remote.asking import PolicyRequest, PolicyResponse, Report, actions_from, seconds, video_from
from wamviz.models.remote.codec import malformed, pack, unpack
from wamviz.models.remote.network import refuse_error
from wamviz.models.remote.robots import RobotView
from wamviz.models.remote.websocket import WebSocket, connected

PER_LATENT = 4  # frames of video that one latent frame stands for, but for the very first
KEPT = "The server returned no video: LingBot-VA keeps what it imagines as latents."
RELATIVE = "Its poses are relative to where the arms are in the context: positions are added, rotations multiplied."
ASSUMED = "Its server does not say how fast it acts: {rate:g} Hz is assumed; connect --rate says otherwise."
_PREFIX = "observation.images."


def check(request: PolicyRequest) -> None:
    """Refuse a context that lacks a view, before anything is sent; the server never reads the state."""
    video = request.connection.settings.get("video", "no")
    if video not in ("yes", "no"):
        raise InvalidInput(f"The setting 'video' is yes or no, not '{video[:40]}'.", "Write connect --set video=yes")
    _ = request.cameras


async def probe(request: PolicyRequest) -> str:
    """Connect, read the metadata with which the server greets, and leave; a reset would forget somebody's episode."""
    async with connected(request.server) as socket:
        unpack(await socket.receive_bytes(), request.server.limits)
    return f"A server of openpi's protocol answers at {request.server.url}, as LingBot-VA's does."


async def ask(request: PolicyRequest, report: Report) -> None:
    """Reset, and ask for one sample, chunk after chunk over one connection."""
    async with connected(request.server) as socket:
        unpack(await socket.receive_bytes(), request.server.limits)
        report("waiting for the model")
        report(await _sample(socket, request, report))


async def _sample(socket: WebSocket, request: PolicyRequest, report: Report) -> PolicyResponse:
    """Reset, ask for a chunk, and go on from its video as long as more is wanted and there is one."""
    await _exchange(socket, request, {"reset": True, "prompt": request.prompt})
    # Later chunks are asked for with the first observation too: what came since is in the server's memory.
    seen = {"obs": observation(request.pictures, request.prompt), "prompt": request.prompt}
    reply = await _exchange(socket, request, seen)
    actions, spent = unrolled(reply.get("action"), request, first=True), seconds(reply)
    views = _views(reply, request)
    notes = [RELATIVE] if request.robot.name == "robotwin" else []
    if request.robot.name in ("robotwin", "franka") and not request.connection.rate:
        notes.append(ASSUMED.format(rate=request.robot.space.rate))
    if views is None:
        return PolicyResponse(actions, request.robot.space, notes=(*notes, KEPT), server_s=spent)
    shown = request.shown.key if request.shown.key in views else request.robot.views[0].key
    film = [views[shown]]
    # Without the setting that says so, a horizon is counted in actions, and one chunk is all.
    wanted = (request.imagine.horizon or 0) if request.robot.longest else 0
    while sum(map(len, film)) - 1 < wanted:
        new = _new_frames(reply, first=len(film) == 1)
        if len(views) < len(request.robot.views) or len(views[shown]) != new + (len(film) == 1):
            notes.append("The server's video does not show every view at four frames a latent one: no further chunk.")
            break
        report(f"going on after {sum(map(len, film)) - 1} frames")
        await _exchange(socket, request, remembered(views, new, reply["action"], request))
        reply = await _exchange(socket, request, seen)
        more = unrolled(reply.get("action"), request, first=False)
        views = _views(reply, request) or {}
        if shown not in views or len(views[shown]) != _new_frames(reply, first=False):
            notes.append("The server's next chunk came without its frames and was left out.")
            break
        actions = np.concatenate([actions, more])
        film.append(views[shown])
        spent = None if spent is None else spent + (seconds(reply) or 0.0)
    frames = _in_proportion(np.concatenate(film), request.imagine.observation.frames[request.cameras[shown]])
    if len(film) > 1:
        notes.append(f"{len(film)} chunks, each imagined from the frames that were imagined before it.")
    if 0 < wanted < len(frames) - 1 and len(actions) % (len(frames) - 1) == 0:  # a frame ends with its last action
        actions, frames = actions[: wanted * (len(actions) // (len(frames) - 1))], frames[: wanted + 1]
    return PolicyResponse(actions, request.robot.space, frames, request.cameras[shown], {}, tuple(notes), spent)


def _new_frames(reply: Mapping[str, Any], *, first: bool) -> int:
    """How many frames a chunk adds to what was there: the first one's first latent frame is the context."""
    latents: int = reply["action"].shape[1]
    return PER_LATENT * (latents - first)


async def _exchange(socket: WebSocket, request: PolicyRequest, message: Mapping[str, Any]) -> dict[str, Any]:
    """Send one message and return the dictionary that answers it."""
    await socket.send(pack(message))
    reply = unpack(await socket.receive_bytes(), request.server.limits)
    if not isinstance(reply, dict):
        raise malformed(f"it is a {type(reply).__name__}, not a dictionary")
    refuse_error(reply)
    return reply


def observation(pictures: Mapping[str, Frames], prompt: str) -> dict[str, Any]:
    """One observation as its own client forms it, {view: (H, W, 3) uint8}; its robot's state is never read there."""
    return {**{f"{_PREFIX}{key}": frame for key, frame in pictures.items()}, "task": prompt}


def remembered(views: Mapping[str, Frames], count: int, action: Any, request: PolicyRequest) -> dict[str, Any]:
    """The message that makes the server remember the last ``count`` frames and the chunk ``action`` (C, F, A)."""
    sizes = {view.key: view.size for view in request.robot.views}
    frames = {key: view if (size := sizes[key]) is None else resize(view, *size) for key, view in views.items()}
    keys = [observation({key: f[i] for key, f in frames.items()}, request.prompt) for i in range(-count, 0)]
    return {"obs": keys, "compute_kv_cache": True, "imagine": False, "state": np.array(action, np.float32)}


def unrolled(action: Any, request: PolicyRequest, *, first: bool) -> Floats:
    """The actions (K, C) of a chunk (C, F, A), in time; of the first one without the frame that is the context."""
    if not isinstance(action, np.ndarray) or action.ndim != 3 or action.dtype.kind != "f":
        what = f"{action.dtype} {action.shape}" if isinstance(action, np.ndarray) else type(action).__name__
        raise malformed(f"its actions are no (channels, frames, actions) but {what}")
    if first and action.shape[1] < 2:
        raise malformed("its first chunk has a single frame, which is the context")
    rows = action.transpose(1, 2, 0)[int(first) :].reshape(-1, action.shape[0])
    return actions_from(rows, request.robot.space, f"robot {request.robot.name}")


def _views(reply: Mapping[str, Any], request: PolicyRequest) -> dict[str, Frames] | None:
    """The views of a chunk's video by key, each (T, H, W, 3) uint8; None where none came."""
    video = reply.get("video")
    if video is None:
        return None
    return cut(video_from(video), request.robot.views)


def cut(video: Frames, views: tuple[RobotView, ...]) -> dict[str, Frames]:
    """The views on a canvas (T, H, W, 3): in a row, RoboTwin's wrists at half size above its high view, or one alone.

    Which of them it is follows from the proportions, which are far apart.
    """
    tall, wide = views[0].size or video.shape[1:3]
    height, width = video.shape[1:3]
    layouts = {"row": len(views) * wide / tall, "one": wide / tall, "t": wide / (1.5 * tall)}
    if len(views) != 3:
        del layouts["t"]
    layout = min(layouts, key=lambda name: abs(math.log(layouts[name] * height / width)))
    if layout == "one":
        return {views[0].key: video}
    if layout == "row":
        edges = [width * i // len(views) for i in range(len(views) + 1)]
        parts = [video[:, :, a:b] for a, b in zip(edges, edges[1:], strict=False)]
    else:
        upper, half = height // 3, width // 2
        parts = [video[:, upper:], video[:, :upper, :half], video[:, :upper, half:]]
    if min(min(part.shape[1:3]) for part in parts) < 1:
        raise malformed(f"its video is only {height} x {width} pixels: the views do not fit into it")
    return {view.key: part for view, part in zip(views, parts, strict=True)}


def _in_proportion(frames: Frames, context: Frames) -> Frames:
    """Frames that were stretched for the server, in the proportions of their camera."""
    rows = frames.shape[1]
    return resize(frames, rows, max(1, round(rows * context.shape[1] / context.shape[0])))

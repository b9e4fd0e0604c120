"""vLLM-Omni's ``/v1/videos`` with Cosmos3: a job is given, looked at until it is done, and fetched.

Contract: the three modes of that model: ``joint`` (its ``policy``), ``forward_dynamics`` with given actions and
``inverse_dynamics`` with a given video. Each sample is a job with a seed of its own. A job that was given is not given
again when the connection breaks. Actions are the model's own normalised numbers, so that no unit is claimed. Source:
vllm-omni, OpenAI-style videos API for Cosmos3.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from wamviz.core.errors import InvalidInput, Unavailable, WamvizError
from wamviz.core.media import encode_png, read_video, write_mp4
from wamviz.core.rollout import Floats, Frames, ImagineRequest
from wamviz.models.remote.asking import MAX_FRAMES, PolicyRequest, PolicyResponse, Report, actions_from, video_from
from wamviz.models.remote.codec import malformed, unpack_json
from wamviz.models.remote.content import find_content
from wamviz.models.remote.network import ConnectionLost, body, client, refuse_error, status_error
from wamviz.models.remote.network import ask as fetch

POLL_S = 0.5
DOMAINS = {"bridge": ("bridge_orig_lerobot", "third_person_view")}  # by robot: the model's name for it, the view
STEPS = 30
FLOW_SHIFT = "5.0"  # of vLLM-Omni's own examples with actions
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_MODES = {"joint": "policy"}


def check(request: PolicyRequest) -> None:
    """Refuse a context without a picture of the scene or a setting that is none, before anything is sent."""
    _ = request.cameras
    shift = request.connection.settings.get("flow_shift", FLOW_SHIFT)
    if re.fullmatch(r"\d{1,3}(\.\d{1,4})?", shift) is None:
        raise InvalidInput(f"'{shift[:20]}' is no flow shift.", f"Write e.g. --set flow_shift={FLOW_SHIFT}.")


async def probe(request: PolicyRequest) -> str:
    """Ask which models the server has."""
    async with client(request.server) as http:
        found = unpack_json(await fetch(http, request.server, "/v1/models"), request.server.limits)
    listed = found.get("data") if isinstance(found, dict) else None
    names = [str(one.get("id")) for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return f"A vLLM server answers at {request.server.url}. Its models: {', '.join(names) or 'none named'}."


async def ask(request: PolicyRequest, report: Report) -> None:
    """Give one job, wait for it, fetch it."""
    try:
        async with client(request.server) as http, asyncio.timeout(request.server.reply_s):
            fields, files = form(request)
            report("giving the job")
            job = await _finished(http, request, await _submit(http, request, fields, files), report)
            report(await _fetched(http, request, job))
    except ConnectionLost as error:  # anything else than a loss would be asked a second time
        raise Unavailable(error.message, "The job may be running there; it was not given again.") from error


def cut_conditioning(request: ImagineRequest, longest: int) -> tuple[Floats | None, Frames | None]:
    """The actions to obey and the video to explain, no longer than a chunk (and the context)."""
    actions = request.actions[:longest] if request.mode == "forward_dynamics" and request.actions is not None else None
    video = request.video[: longest + 1] if request.mode == "inverse_dynamics" and request.video is not None else None
    return actions, video


def form(request: PolicyRequest) -> tuple[dict[str, str], dict[str, tuple[str, bytes, str]]]:
    """The fields and the file of a job."""
    imagine, robot = request.imagine, request.robot
    actions, video = cut_conditioning(imagine, robot.chunk)
    chunk = len(actions) if actions is not None else len(video) - 1 if video is not None else robot.chunk
    picture = request.pictures[robot.views[0].key]
    height, width = (max(64, side // 16 * 16) for side in picture.shape[:2])
    domain, point = DOMAINS[robot.name]
    extra: dict[str, Any] = {
        "action_mode": _MODES.get(imagine.mode, imagine.mode),
        "domain_name": domain,
        "view_point": point,
        "action_chunk_size": chunk,
        "raw_action_dim": robot.space.dim,
        "image_size": 480 if min(height, width) >= 400 else 256,
    }
    if actions is not None:
        extra["action"] = actions.tolist()
    fields = {
        "prompt": request.prompt.strip() or " ",  # an empty field counts as a missing one
        "num_frames": str(chunk + 1),
        "fps": str(max(1, round(robot.fps))),  # it takes whole numbers alone
        "size": f"{width}x{height}",
        "num_inference_steps": str(imagine.steps or STEPS),
        "guidance_scale": f"{imagine.guidance:g}",
        "flow_shift": request.connection.settings.get("flow_shift", FLOW_SHIFT),
        "seed": str(imagine.seed),
        "extra_params": json.dumps(extra),
    }
    if video is not None:
        return fields, {"input_reference": ("video.mp4", _mp4(video, robot.fps), "video/mp4")}
    return fields, {"input_reference": ("context.png", encode_png(picture), "image/png")}


async def _submit(http: httpx.AsyncClient, request: PolicyRequest, fields: Any, files: Any) -> str:
    """Give a job and return its id."""
    server = request.server
    headers = {**server.headers, "Accept-Encoding": "identity"}
    url = server.http_url.rstrip("/") + "/v1/videos"
    async with http.stream("POST", url, data=fields, files=files, headers=headers) as response:
        reply = await body(response, server.limits)
    if not response.is_success:
        raise status_error(server, response.status_code, reply)
    job = _job(reply, request)
    name = job.get("id")
    if not isinstance(name, str) or _ID.fullmatch(name) is None:  # it becomes part of an address
        raise malformed("it gives the job no proper id")
    return name


def _job(reply: bytes, request: PolicyRequest) -> dict[str, Any]:
    job = unpack_json(reply, request.server.limits)
    if not isinstance(job, dict):
        raise malformed(f"it is a {type(job).__name__}, not a dictionary")
    refuse_error(job, "the job failed")
    return job


async def _finished(http: httpx.AsyncClient, request: PolicyRequest, name: str, report: Report) -> dict[str, Any]:
    """Look at a job until it is done."""
    while True:
        job = _job(await fetch(http, request.server, f"/v1/videos/{name}"), request)
        if job.get("status") == "completed":
            return {**job, "id": name}
        if job.get("status") not in ("queued", "in_progress", "processing", "running", "pending"):
            raise malformed(f"the job's status is '{str(job.get('status'))[:40]}'")
        progress = job.get("progress")
        share = f", {progress:.0f} %" if isinstance(progress, int | float) and 0 < progress <= 100 else ""
        report(f"imagining{share}")
        await asyncio.sleep(POLL_S)


async def _fetched(http: httpx.AsyncClient, request: PolicyRequest, job: Mapping[str, Any]) -> PolicyResponse:
    """The actions of a finished job and, where it imagined any, its frames."""
    imagine, robot = request.imagine, request.robot
    obeyed, video = cut_conditioning(imagine, robot.chunk)
    notes: list[str] = []
    if robot.fps != round(robot.fps):
        notes.append(f"vLLM-Omni takes whole frames a second alone: it was told {max(1, round(robot.fps))}.")
    left_out = len(imagine.actions) - len(obeyed) if obeyed is not None and imagine.actions is not None else 0
    left_out += len(imagine.video) - len(video) if video is not None and imagine.video is not None else 0
    if left_out:
        notes.append(f"One chunk is {robot.chunk} steps; the last {left_out} that were given were left out.")
    if obeyed is None:
        actions, meta = actions_from(_table(job.get("action")), robot.space, f"robot {robot.name}"), {}
    else:
        actions, meta = obeyed, {"actions": "given"}
    if video is not None:
        return PolicyResponse(actions, robot.space, meta=meta, notes=tuple(notes))
    frames = _frames(await fetch(http, request.server, f"/v1/videos/{job['id']}/content"))
    view = robot.views[0].key
    content = find_content(frames, request.pictures[view], "whole")
    notes += content.notes
    frames = np.ascontiguousarray(content.cut(frames))
    return PolicyResponse(actions, robot.space, frames, request.cameras[view], meta, tuple(notes))


def _table(action: Any) -> Any:
    if not isinstance(action, dict) or "data" not in action:
        raise malformed("it has no actions")
    shape = action.get("shape")
    try:
        table = np.asarray(action["data"], np.float32)
        return table.reshape([int(n) for n in shape]) if isinstance(shape, list) else table
    except (TypeError, ValueError, OverflowError) as error:
        raise malformed("its actions are no table of numbers") from error


def _frames(data: bytes) -> Frames:
    """The frames of an mp4."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reply.mp4"
        path.write_bytes(data)
        try:
            return video_from(read_video(path, max_frames=MAX_FRAMES)[0])
        except WamvizError as error:
            raise malformed(f"its video: {error.message}") from error


def _mp4(video: Frames, fps: float) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        write_mp4(path, video, fps)
        return path.read_bytes()

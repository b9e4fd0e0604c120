"""A policy in an environment of its own, through ``wamviz/models/worker/wamviz_worker.py``, which says its protocol.

Contract: what the policy wants and gives was asked when the worker was connected; a worker that says something else by
now is refused, so that no number is read with another policy's meaning. Each sample is a question of its own with a
seed of its own; it holds all that the policy knows, so that asking again after a loss is safe. Closing the connection
stops the work. Arrays come as npz and are opened without pickle.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import numpy as np

from wamviz.core.errors import Unavailable, WamvizError
from wamviz.core.media import resize
from wamviz.core.rollout import Frames
from wamviz.core.threads import run_sync
from wamviz.models.connections import Connection
from wamviz.models.remote.asking import PolicyRequest, PolicyResponse, Report, actions_from, server_of, video_from
from wamviz.models.remote.codec import CodecLimits, malformed, too_large, unpack_json
from wamviz.models.remote.network import (
    ConnectionLost,
    Server,
    body,
    clean_text,
    client,
    redact_token,
    server_error,
    status_error,
)
from wamviz.models.remote.network import ask as fetch
from wamviz.models.remote.worker_info import described as described_robot

_CONTENT = "application/x-wamviz-worker"
_LINE = 100_000  # bytes of one event
_INFO = 50_000  # bytes of a description


def check(request: PolicyRequest) -> None:
    """Refuse a context without the views and the state that the policy wants, before anything is sent."""
    _ = request.cameras, request.numbers


def described(connection: Connection, within: float) -> dict[str, str]:
    """Ask a worker what it serves, as settings to keep."""
    server = replace(server_of(connection), reply_s=min(connection.timeout, within))
    with redact_token(connection.token()):
        return {"info": run_sync(lambda: _info(server))}


async def _info(server: Server) -> str:
    async with client(server) as http:
        found = unpack_json(await fetch(http, server, "/info"), server.limits)
    text = json.dumps(found, sort_keys=True) if isinstance(found, dict) else ""
    if not 0 < len(text) <= _INFO:
        raise malformed("it does not say what it serves")
    described_robot(text)
    return text


async def probe(request: PolicyRequest) -> str:
    """Ask what it serves."""
    robot = described_robot(await _info(request.server))
    views = ", ".join(view.key for view in robot.views) or "no pictures"
    state = f" and a state of {robot.state[0].count}" if robot.state else ""
    return (
        f"A worker answers at {request.server.url}: {robot.title}. It wants {views}{state} and gives {robot.gives}: "
        f"{robot.chunk} actions of {robot.space.dim} numbers, {robot.space.rate:g} a second. "
        f"Modes: {', '.join(robot.modes)}."
    )


async def ask(request: PolicyRequest, report: Report) -> None:
    """Ask for one sample; the question says what is thought to be served."""
    async with client(request.server) as http, asyncio.timeout(request.server.reply_s):
        async with _events(http, request.server, packed(request)) as events:
            report(await _answered(events, request, report))


def packed(request: PolicyRequest) -> bytes:
    """One question as the worker reads it: length, JSON header, npz."""
    imagine, arrays = request.imagine, io.BytesIO()
    sent: dict[str, Any] = {f"view/{key}": picture for key, picture in request.pictures.items()}
    if request.numbers:
        sent["state"] = np.concatenate(list(request.numbers.values()))
    np.savez(arrays, **sent)
    question = {"mode": imagine.mode, "instruction": request.prompt, "seed": imagine.seed, "steps": imagine.steps}
    serves = hashlib.sha256(request.connection.settings["info"].encode()).hexdigest()
    header = json.dumps({**question, "serves": serves}).encode()
    return struct.pack(">I", len(header)) + header + arrays.getvalue()


class _Stream:
    """A reply that is read while it is written: lines of JSON, then as many bytes as the last one says."""

    def __init__(self, response: httpx.Response, limits: CodecLimits) -> None:
        self._parts, self._limits = response.aiter_raw(), limits
        self._read = bytearray()

    async def line(self) -> dict[str, Any]:
        while b"\n" not in self._read:
            await self._more(_LINE)
        line, _, rest = bytes(self._read).partition(b"\n")
        self._read = bytearray(rest)
        event = unpack_json(line, self._limits)
        if not isinstance(event, dict):
            raise malformed(f"it is a {type(event).__name__}, not a dictionary")
        return event

    async def exactly(self, count: int) -> bytes:
        if count > self._limits.message_bytes:
            raise too_large(self._limits)
        while len(self._read) < count:
            await self._more(count)
        return bytes(self._read[:count])

    async def _more(self, most: int) -> None:
        if len(self._read) > most:
            raise malformed("one of its lines has no end")
        part = await anext(self._parts, None)
        if part is None:
            raise ConnectionLost("The connection to the worker was lost.", "Is it still running?")
        self._read += part


@asynccontextmanager
async def _events(http: httpx.AsyncClient, server: Server, data: bytes) -> AsyncIterator[_Stream]:
    headers = {**server.headers, "Accept-Encoding": "identity", "Content-Type": _CONTENT}
    url = server.http_url.rstrip("/") + "/imagine"
    async with http.stream("POST", url, content=data, headers=headers) as response:
        if not response.is_success:
            raise status_error(server, response.status_code, await body(response, server.limits))
        yield _Stream(response, server.limits)


async def _answered(events: _Stream, request: PolicyRequest, report: Report) -> PolicyResponse:
    while True:
        event = await events.line()
        if "changed" in event:
            raise Unavailable(
                f"The worker at {request.server.host} serves something else than when it was connected.",
                f"Take it over with connect {request.connection.name} --test.",
            )
        if "error" in event:
            raise server_error(event["error"])
        if "done" in event:
            done = event["done"]
            size = done.get("bytes") if isinstance(done, dict) else None
            if type(size) is not int or size < 1:
                raise malformed("it does not say how long its arrays are")
            return reply_of(unpacked(await events.exactly(size), request.server.limits), done, request)
        step, steps = event.get("step"), event.get("steps")
        if type(step) is not int or type(steps) is not int:
            raise malformed("an event of it is no progress, no error and no end")
        report(f"{clean_text(event.get('words', 'imagining'))}{f', step {step} of {steps}' if steps else ''}")


def unpacked(data: bytes, limits: CodecLimits) -> dict[str, Any]:
    """The arrays of an npz, of plain numbers and within the limit also when unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as found:
            if sum(one.file_size for one in found.infolist()) > limits.message_bytes:
                raise too_large(limits)
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except WamvizError:
        raise
    except (zipfile.BadZipFile, zlib.error, ValueError, OSError, KeyError, EOFError, RuntimeError) as error:
        raise malformed("its arrays are no npz of plain numbers") from error


def reply_of(arrays: Mapping[str, Any], done: Mapping[str, Any], request: PolicyRequest) -> PolicyResponse:
    """One sample: its actions and, where the policy imagined it, the video of the shown view."""
    robot = request.robot
    if "actions" not in arrays:
        raise malformed("it has no actions")
    actions = actions_from(arrays["actions"], robot.space, robot.title)
    spent = done.get("seconds")
    took = float(spent) if isinstance(spent, int | float) and 0 <= spent < 1e9 else None
    if not any(name.startswith("view/") for name in arrays):
        return PolicyResponse(actions, robot.space, server_s=took)
    view = request.shown
    if f"view/{view.key}" not in arrays:
        raise malformed(f"its video has no view '{view.key}'")
    frames, camera = video_from(arrays[f"view/{view.key}"]), request.cameras[view.key]
    tall, wide = request.imagine.observation.frames[camera].shape[:2]
    return PolicyResponse(actions, robot.space, unstretched(frames, tall, wide), camera, server_s=took)


def unstretched(frames: Frames, tall: int, wide: int) -> Frames:
    """The video (T, H, W, 3) in the proportions of its camera, which it was stretched from."""
    rows = frames.shape[1]
    return resize(frames, rows, max(1, round(rows * wide / tall)))

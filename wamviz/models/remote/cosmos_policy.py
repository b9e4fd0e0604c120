"""Cosmos Policy's ``/act``: JSON with numpy arrays; actions, one future frame a camera, and a value.

Contract: one POST a request. The future frame shows the end of the chunk, so that a rollout has two frames: the context
as it was sent, and that one. Where more samples than one are wanted, the server is asked for all candidates of its
best-of-N, and the best by its own value come first. Source: cosmos-policy ``experiments/robot/aloha/deploy.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from wamviz.core.errors import Unavailable
from wamviz.core.media import resize
from wamviz.models.remote.asking import PolicyRequest, PolicyResponse, Report, actions_from, video_from
from wamviz.models.remote.codec import malformed, pack_json, unpack_json
from wamviz.models.remote.network import Server, client, refuse_error, status_error
from wamviz.models.remote.network import ask as post

FUTURE = {
    "primary_image": "future_image",
    "left_wrist_image": "future_wrist_image",
    "right_wrist_image": "future_wrist_image2",
}


def check(request: PolicyRequest) -> None:
    """Refuse a context that lacks a view or a state, before anything is sent."""
    _ = request.cameras, request.numbers


async def probe(request: PolicyRequest) -> str:
    """See that there is an address for questions: it answers a POST alone, and says so (HTTP 405) to a GET."""
    server = request.server
    async with client(server) as http:
        response = await http.get(server.http_url.rstrip("/") + _path(server), headers=server.headers)
    if response.status_code != 405:
        if not response.is_success:
            raise status_error(server, response.status_code, response.content[:1000])
        raise Unavailable(
            f"There is an HTTP server at {server.url}, but nothing at {_path(server)} that takes questions.",
            "Is it this kind of server?",
        )
    return f"A server answers at {server.url} and takes questions at {_path(server) or 'this address'}."


def _path(server: Server) -> str:
    return "" if server.http_url.rstrip("/").endswith("/act") else "/act"


async def ask(request: PolicyRequest, report: Report) -> None:
    """Ask once, for all candidates where more samples than one are wanted."""
    many = request.imagine.samples > 1
    message = pack_json(
        {
            **request.pictures,
            **request.numbers,
            "task_description": request.prompt,
            **({"return_all_query_results": True} if many else {}),
        }
    )
    async with client(request.server) as http:
        report("waiting for the model")
        reply = unpack_json(await post(http, request.server, _path(request.server), message), request.server.limits)
    if isinstance(reply, str) and reply[:1] in "{[":  # a reply that was written as JSON twice
        reply = unpack_json(reply.encode(), request.server.limits)
    if isinstance(reply, str):
        raise Unavailable(f"The server said: {reply[:200] or 'nothing'}", "Its own log says more.")
    if not isinstance(reply, dict):
        raise malformed(f"it is a {type(reply).__name__}, not a dictionary")
    refuse_error(reply)
    for one in candidates(reply, request.imagine.samples) if many else [reply]:
        report(parse_response(one, request))


def candidates(reply: Mapping[str, Any], count: int) -> list[Mapping[str, Any]]:
    """The best ``count`` candidates, best first; only the chosen one where the server did not return them all."""
    names = ("all_actions", "all_future_image_predictions", "all_value_predictions")
    actions, futures, values = (_listed(reply.get(name)) for name in names)
    if not actions:
        return [reply]
    values, futures = (one if len(one) == len(actions) else [None] * len(actions) for one in (values, futures))
    listed = [
        {"actions": one, "future_image_predictions": future, "value_prediction": value}
        for one, future, value in zip(actions, futures, values, strict=True)
    ]
    unknown = float("-inf")
    ranked = sorted(listed, key=lambda one: unknown if (v := _value(one)) is None else v, reverse=True)
    return list(ranked[:count])


def parse_response(reply: Mapping[str, Any], request: PolicyRequest) -> PolicyResponse:
    """One candidate."""
    robot, value, notes = request.robot, _value(reply), []
    actions = actions_from(reply.get("actions"), robot.space, f"robot {robot.name}")
    if value is not None:
        notes.append(f"The model's own value of this future is {value:.2f} (0 .. 1).")
    view, futures = request.shown, reply.get("future_image_predictions")
    future = futures.get(FUTURE[view.key]) if isinstance(futures, dict) else None
    frames = None
    if future is None:
        notes.append("The server returned no future frame of the shown camera.")
    else:
        after = video_from(np.stack([future] * 2) if isinstance(future, np.ndarray) else future)[:1]
        before = resize(request.pictures[view.key], *after.shape[1:3])
        frames = np.concatenate([before[None], after])
        notes.append("The model imagines one frame, the end of its actions; what lies between is not known.")
    meta = {} if value is None else {"value": value}
    return PolicyResponse(actions, robot.space, frames, request.cameras[view.key], meta, tuple(notes))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) or (isinstance(value, np.ndarray) and value.ndim) else []


def _value(reply: Mapping[str, Any]) -> float | None:
    try:
        value = float(np.asarray(reply.get("value_prediction"), np.float64).reshape(()))
    except (TypeError, ValueError, OverflowError):
        return None
    return value if np.isfinite(value) else None

"""The Imagine page's own addresses: ``POST /inside/look``, and an example of a file of actions.

Contract: what a run looks like from inside is told as plain JSON, the attention packed; see ``json_routes``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from wamviz.core.errors import InvalidInput, WamvizError
from wamviz.core.media import encode_jpeg
from wamviz.core.rollout import Floats, Frames
from wamviz.models import registry
from wamviz.runs.actions_file import actions_csv, example_actions
from wamviz.runs.look_inside import Look, look_into
from wamviz.ui.json_routes import Answer, json_route
from wamviz.ui.page import Services
from wamviz.ui.pictures import as_text

QUALITY = 88
FULL = 65535  # of packed attention: all of it


def imagine_routes(services: Services) -> list[BaseRoute]:
    """Handed to Gradio with the page."""

    def look(asked: Answer, here: bool) -> Answer:
        run_id, sample, chunk = asked.get("run"), asked.get("sample", 0), asked.get("chunk", 0)
        if not isinstance(run_id, str) or not all(type(k) is int for k in (sample, chunk)):
            raise InvalidInput("A run is named by its id, its sample and its chunk by whole numbers.")
        return tell_look(look_into(services.repository.load(run_id), sample, chunk))

    def example(request: Request) -> Response:
        try:
            space = registry.entry(request.query_params.get("model", "")).capabilities.action_space
            if space is None:
                raise InvalidInput("This model takes no actions.")
        except WamvizError as error:
            return PlainTextResponse(str(error), status_code=error.http_status)
        headers = {"Content-Disposition": 'attachment; filename="actions-example.csv"'}
        return Response(actions_csv(example_actions(space), space), media_type="text/csv", headers=headers)

    return [json_route("/inside/{verb}", {"look": look}), Route("/actions-example.csv", example, methods=["GET"])]


def tell_look(look: Look) -> dict[str, Any]:
    """A chunk from inside for the page's script: places as (u, v) in 0 .. 1 of the picture, attention packed.

    Of the attention, the context's tokens one by one, then motion's together and the actions' together, as shares of
    ``FULL`` in 16 bits, (T, L, E, K, C + 2) in that order.
    """
    inside = look.inside
    context = [token for token in inside.tokens if token.kind in ("state", "thing", "word")]
    full = np.stack([step.attention for step in inside.steps])  # (T, L, E, K, N)
    here, moving = len(context), sum(token.kind == "motion" for token in inside.tokens)
    parts = full[..., :here], full[..., here : here + moving].sum(-1, keepdims=True)
    packed = np.concatenate([*parts, full[..., here + moving :].sum(-1, keepdims=True)], -1)
    return {
        "picture": jpeg(inside.frame),
        "tokens": [{"kind": token.kind, "name": token.name, "there": token.there, "seen": token.seen}
                   for token in context],
        "grounding": inside.grounding.round(4).tolist(),
        "hand": seen(inside.hand[None], inside.camera)[0],
        "steps": [
            {
                "levels": step.levels, "after": step.after, "moves": step.moves,
                "before": seen(step.before, inside.camera), "predicted": seen(step.predicted, inside.camera),
                "picture": None if step.picture is None else jpeg(step.picture),
            }
            for step in inside.steps
        ],
        "shape": list(packed.shape),
        "attention": as_text(np.rint(packed * FULL).astype("<u2").tobytes()),
        "full": FULL,
        "chunks": look.chunks,
        "samples": look.samples,
        "apart": look.apart,
    }  # fmt: skip


def seen(places: Floats, camera: Floats) -> list[list[float]]:
    """Where places (P, 3) m are in the picture of a camera (3, 4), (u, v) in 0 .. 1; what is behind it, far outside."""
    ends = np.concatenate([places, np.ones((len(places), 1), np.float32)], 1) @ camera.T
    depth = np.where(ends[:, 2:] > 1e-3, ends[:, 2:], np.nan)
    return np.nan_to_num(ends[:, :2] / depth, nan=-9.0).clip(-9, 9).astype(float).round(4).tolist()


def jpeg(frame: Frames) -> str:
    """A picture for ``data:`` addresses."""
    return as_text(encode_jpeg(frame, QUALITY))

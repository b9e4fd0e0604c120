"""Addresses that a page's own script asks, past Gradio: JSON in, JSON out.

Contract: an error is ``{"error": sentence}`` with the status of its class. Asked for by the page itself alone: a
request that another site's page sends is refused, and so is one that is too large or not JSON.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wamviz.core.errors import InvalidInput, Unsafe, WamvizError, unknown_name
from wamviz.core.plain import jsonable
from wamviz.ui.library import is_here

log = logging.getLogger(__name__)
LARGEST = 65536  # bytes of a request
Answer = dict[str, Any]
Verbs = Mapping[str, Callable[[Answer, bool], Answer]]  # what was asked, and whether its visitor sits at this machine


def json_route(path: str, verbs: Verbs) -> Route:
    """``POST`` to ``path``, whose ``{verb}`` says which function answers."""

    async def answer(request: Request) -> Response:
        try:
            check_origin(request.headers)
            asked = await read_json(request)
            verb = request.path_params["verb"]
            if verb not in verbs:
                raise unknown_name("request", verb[:40], verbs)
            told = await run_in_threadpool(verbs[verb], asked, is_here(request.headers))
        except WamvizError as error:
            return JSONResponse({"error": str(error)}, error.http_status)
        except Exception:
            log.exception("A request of a page failed")
            return JSONResponse({"error": "A mistake in wamviz; its log says more."}, 500)
        return JSONResponse(jsonable(told), headers={"Cache-Control": "no-store"})

    return Route(path, answer, methods=["POST"])


def check_origin(headers: Mapping[str, str]) -> None:
    """Raise ``Unsafe`` when another site's page sent a request, as browsers say themselves.

    >>> check_origin({"host": "127.0.0.1:7860", "origin": "http://127.0.0.1:7860"})
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    same = urlsplit(origin).netloc == headers.get("host") if origin else site in (None, "same-origin", "none")
    if not same and not (origin and site == "same-origin"):  # a proxy may have changed the host's name
        raise Unsafe("Only this page itself may ask that.")


async def read_json(request: Request) -> Answer:
    """The body as a JSON object, or ``InvalidInput``."""
    if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
        raise InvalidInput("The request must be JSON.")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise InvalidInput(f"The request is larger than {LARGEST} bytes.")
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict):
        raise InvalidInput("The request must be a JSON object.")
    return asked

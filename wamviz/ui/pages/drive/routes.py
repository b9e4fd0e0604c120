"""``POST /driving/VERB``: what the Drive page's script asks, past Gradio's queue, because a key wants its answer soon.

Contract: JSON in, JSON out; an error is ``{"error": sentence}`` with the status of its class. Asked for by the page
itself alone: a request that another site's page sends is refused, and so is one that is too large or not JSON. A source
is named by the fixed forms of the HTTP API, never by a path that the visitor may not open.
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
from starlette.routing import BaseRoute, Route

from wamviz.core.errors import InvalidInput, Unsafe, WamvizError, unknown_name
from wamviz.core.plain import jsonable
from wamviz.runs.driving import DriveWorld, shared_world
from wamviz.ui import choices
from wamviz.ui.contexts import find_context
from wamviz.ui.library import is_here
from wamviz.ui.page import Services
from wamviz.ui.pages.drive.paths import PathBoard
from wamviz.ui.pages.drive.sessions import DriveSessions

log = logging.getLogger(__name__)
LARGEST = 65536  # bytes of a request
Answer = dict[str, Any]


def drive_routes(services: Services) -> list[BaseRoute]:
    """The page's own addresses."""
    return routes_of(services, DriveSessions(shared_world, services.repository.keep), shared_world)


def routes_of(
    services: Services, drives: DriveSessions, world: Callable[[], DriveWorld] = shared_world
) -> list[BaseRoute]:
    """The same for given sessions and a given tabletop."""
    scenes, repository = services.scenes, services.repository
    board = PathBoard(world, lambda source, here: find_context(source, scenes, here, repository))

    def open_(asked: Answer, here: bool) -> Answer:
        context = find_context(str(asked.get("source", ""))[:300], scenes, here, repository)
        task = asked.get("task")
        if isinstance(task, str):
            context = context.reworded(task[:500])
        model = str(asked.get("model") or choices.default_model())
        return drives.open(context, model, asked.get("hidden") is True)

    verbs: Mapping[str, Callable[[Answer, bool], Answer]] = {
        "open": open_,
        "step": lambda asked, _: drives.step(asked.get("session"), asked.get("actions"), asked.get("missed", 0)),
        "rewind": lambda asked, _: drives.rewind(asked.get("session"), asked.get("moment")),
        "branch": lambda asked, _: drives.branch(asked.get("session"), asked.get("moment")),
        "switch": lambda asked, _: drives.switch(asked.get("session"), asked.get("branch")),
        "reveal": lambda asked, _: drives.reveal(asked.get("session")),
        "keep": lambda asked, _: drives.keep(asked.get("session")),
        "close": lambda asked, _: drives.close(asked.get("session")),
        "lay": lambda asked, here: board.lay(asked.get("source"), asked.get("model"), here),
        "plan": lambda asked, here: board.plan(
            asked.get("source"), asked.get("model"), asked.get("corners"), asked.get("speed", 0.03), here
        ),
        "trace": lambda asked, here: board.trace(asked.get("source"), asked.get("model"), asked.get("actions"), here),
        "read": lambda asked, here: board.read(asked.get("source"), asked.get("model"), asked.get("text"), here),
    }

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
            log.exception("A drive failed")
            return JSONResponse({"error": "A mistake in wamviz; its log says more."}, 500)
        return JSONResponse(jsonable(told), headers={"Cache-Control": "no-store"})

    return [Route("/driving/{verb}", answer, methods=["POST"])]


def check_origin(headers: Mapping[str, str]) -> None:
    """Raise ``Unsafe`` when another site's page sent a request, as browsers say themselves.

    >>> check_origin({"host": "127.0.0.1:7860", "origin": "http://127.0.0.1:7860"})
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    same = urlsplit(origin).netloc == headers.get("host") if origin else site in (None, "same-origin", "none")
    if not same and not (origin and site == "same-origin"):  # a proxy may have changed the host's name
        raise Unsafe("Only this page itself may drive.")


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

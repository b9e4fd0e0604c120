"""``POST /driving/VERB``: what the Drive page's scripts ask, past Gradio's queue, because a key wants its answer soon.

Contract: see ``json_routes``. A source is never a path that the visitor may not open.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.routing import BaseRoute

from wamviz.runs.driving import DriveWorld, shared_world
from wamviz.ui import choices
from wamviz.ui.contexts import find_context
from wamviz.ui.json_routes import Answer, Verbs, json_route
from wamviz.ui.page import Services
from wamviz.ui.pages.drive.paths import PathBoard
from wamviz.ui.pages.drive.sessions import DriveSessions


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

    verbs: Verbs = {
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

    return [json_route("/driving/{verb}", verbs)]

"""Addresses beside Gradio's own: the files of a run, and its downloads.

Contract: ``/runs/ID/NAME`` answers with one of a run's own files (videos with byte ranges, so that a browser
can seek) and ``/runs/ID/download/KIND`` with an export, made when it is asked for. Ids and names are matched
against fixed forms before any path is built, so nothing else can be read. Errors are one plain sentence.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from wamviz.errors import WamvizError, unknown_name
from wamviz.ui.shelf import KINDS, Shelf

SHOWN = re.compile(r"(rollout(-\d{1,3})?|reference|executed)\.mp4|context\.png")
TYPES = {
    "mp4": "video/mp4",
    "png": "image/png",
    "gif": "image/gif",
    "npz": "application/octet-stream",
    "csv": "text/csv",
    "zip": "application/zip",
}


def routes(shelf: Shelf) -> list[BaseRoute]:
    """What the app answers beside the page; handed to Gradio through ``app_kwargs``."""

    def file(request: Request) -> Response:
        run_id, name = request.path_params["run_id"], request.path_params["name"]
        if not SHOWN.fullmatch(name):
            return _refuse("A run has no such file.")
        try:
            path = shelf.folder(run_id) / name
        except WamvizError as error:
            return _refuse(str(error))
        if not path.is_file():
            return _refuse("This run has no such file.")
        # A run's videos change only when it is acted out again, and then the browser asks with the old tag.
        return FileResponse(path, media_type=TYPES[path.suffix[1:]], headers={"Cache-Control": "no-cache"})

    def download(request: Request) -> Response:
        run_id, kind = request.path_params["run_id"], request.path_params["kind"]
        try:
            if kind not in KINDS:
                raise unknown_name("kind of download", kind, KINDS)
            path = shelf.export(run_id, kind)
        except WamvizError as error:
            return _refuse(str(error))
        return FileResponse(path, media_type=TYPES[kind], filename=f"wamviz-{run_id}{path.suffix}")

    return [
        Route("/runs/{run_id}/download/{kind}", download, methods=["GET", "HEAD"]),
        Route("/runs/{run_id}/{name}", file, methods=["GET", "HEAD"]),
    ]


def _refuse(sentence: str) -> Response:
    return PlainTextResponse(sentence, status_code=404)

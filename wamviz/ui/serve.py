"""Addresses beside Gradio's own: the files of a run, and its downloads.

Contract: ``/runs/ID/NAME`` answers with one of a run's own files (videos with byte ranges, so that a browser
can seek) and ``/runs/ID/download/KIND`` with an export, made when it is asked for. Ids and names are matched
against fixed forms before any path is built, so nothing else can be read. Errors are one plain sentence.
``/episodes/KEY/EPISODE/VIEW.jpg`` and ``.mp4`` show recorded episodes of the datasets that are open.
"""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from wamviz.core.errors import NotFound, WamvizError, unknown_name
from wamviz.probes.results import ResultsShelf
from wamviz.runs.store.export import download_name
from wamviz.ui.clip_cache import ClipCache
from wamviz.ui.run_repository import KINDS, RunRepository

SHOWN = re.compile(r"(rollout(-\d{1,3})?|reference|executed)\.mp4|context\.png")
TYPES = {
    "mp4": "video/mp4",
    "png": "image/png",
    "gif": "image/gif",
    "npz": "application/octet-stream",
    "csv": "text/csv",
    "zip": "application/zip",
    "lerobot": "application/zip",
}


def routes(repository: RunRepository) -> list[BaseRoute]:
    """What the app answers beside the page; handed to Gradio through ``app_kwargs``."""

    def file(request: Request) -> Response:
        run_id, name = request.path_params["run_id"], request.path_params["name"]
        if not SHOWN.fullmatch(name):
            return _refuse(NotFound("A run has no such file."))
        try:
            path = repository.folder(run_id) / name
        except WamvizError as error:
            return _refuse(error)
        if not path.is_file():
            return _refuse(NotFound("This run has no such file."))
        # A run's videos change only when it is executed again, and then the browser asks with the old tag.
        return FileResponse(path, media_type=TYPES[path.suffix[1:]], headers={"Cache-Control": "no-cache"})

    def download(request: Request) -> Response:
        run_id, kind = request.path_params["run_id"], request.path_params["kind"]
        try:
            if kind not in KINDS:
                raise unknown_name("kind of download", kind, KINDS)
            path = repository.export(run_id, kind)
        except WamvizError as error:
            return _refuse(error)
        return FileResponse(path, media_type=TYPES[kind], filename=download_name(run_id, kind))

    return [
        Route("/runs/{run_id}/download/{kind}", download, methods=["GET", "HEAD"]),
        Route("/runs/{run_id}/{name}", file, methods=["GET", "HEAD"]),
    ]


# In place of a first frame that cannot be decoded: a list with a hole says less than one that names it.
NO_PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" fill="#8a8f92"/>'
    '<text x="48" y="45" font-family="sans-serif" font-size="15" text-anchor="middle" fill="#fff">no</text>'
    '<text x="48" y="63" font-family="sans-serif" font-size="15" text-anchor="middle" fill="#fff">picture</text></svg>'
)
EPISODE = re.compile(
    r"(?P<key>[0-9a-f]{16})/(?P<index>\d{1,9})/(?P<view>\d{1,3})(-(?P<start>\d{1,9}))?\.(?P<kind>jpg|mp4)"
)


def episode_routes(clips: ClipCache) -> list[BaseRoute]:
    """Pictures of recorded episodes."""

    def picture(request: Request) -> Response:
        match = EPISODE.fullmatch(request.path_params["rest"])
        if match is None:
            return _refuse(NotFound("There is no such picture of an episode."))
        key, index, view = match["key"], int(match["index"]), int(match["view"])
        forever = {"Cache-Control": "private, max-age=3600"}  # the key is another one when the dataset is read anew
        try:
            if match["kind"] == "jpg":
                return Response(clips.thumbnail(key, index, view), media_type="image/jpeg", headers=forever)
            clip = clips.clip(key, index, view, int(match["start"] or 0))
            return FileResponse(clip, media_type="video/mp4", headers=forever)
        except WamvizError as error:
            if match["kind"] == "jpg":
                return Response(NO_PICTURE, media_type="image/svg+xml")
            return _refuse(error)

    return [Route("/episodes/{rest:path}", picture, methods=["GET", "HEAD"])]


def report_routes(shelf: ResultsShelf) -> list[BaseRoute]:
    """``/probe-reports/NAME.html``: the report of some results, made when it is asked for."""

    def report(request: Request) -> Response:
        from wamviz.probes.report import write_report

        name = request.path_params["name"]
        try:
            page = write_report(shelf.folder(name))[0]
        except WamvizError as error:
            return _refuse(error)
        return FileResponse(page, media_type="text/html", filename=f"{name}.html")

    return [Route("/probe-reports/{name}.html", report, methods=["GET", "HEAD"])]


def _refuse(error: WamvizError) -> Response:
    return PlainTextResponse(str(error), status_code=error.http_status)

"""The app: every page in one Gradio Blocks, and how it is served.

Contract: ``build`` makes the page without opening a port and without loading a model; ``launch`` serves it.
Theme, style and script belong to ``launch`` (Gradio 6). Nothing is sent anywhere, nothing is fetched from
anywhere, and no file is served but those of kept runs.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from wamviz.core import devices
from wamviz.core.errors import WamvizError
from wamviz.core.network import is_loopback
from wamviz.lessons import Classroom
from wamviz.models import registry
from wamviz.probes.results import ResultsShelf
from wamviz.runs.store import Store
from wamviz.ui import api, choices, shell
from wamviz.ui.bench import Bench
from wamviz.ui.clip_cache import ClipCache
from wamviz.ui.page_cache import cached
from wamviz.ui.pages import PAGES, Services
from wamviz.ui.run_repository import RunRepository
from wamviz.ui.scenes import Scenes
from wamviz.ui.serve import episode_routes, report_routes, routes
from wamviz.ui.sessions import lighten
from wamviz.ui.theme import FAVICON, css, head, theme

log = logging.getLogger(__name__)
QUEUE = 16  # visitors that may wait; the next one is told so
THREADS = 128  # for everybody who watches something run, and for those who ask meanwhile
UPLOAD = "200mb"  # a dataset in a zip; pictures and videos are refused earlier, with sentences of their own
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
KEEP_UPLOADS = (3600, 24 * 3600)  # look every hour, forget a day after


class PagedBlocks(gr.Blocks):
    """Blocks that describe themselves once all pages are there.

    Gradio describes the app to itself twice whenever a page ends, each time with every page so far, and nobody reads
    it before ``queue`` and ``launch`` do it anew.
    """

    exited = False  # no page has ended yet; Gradio sets it

    def get_config_file(self) -> Any:
        return super().get_config_file() if self.exited else {}


def build(
    store: Store | None = None,
    scenes: Scenes | None = None,
    results: Sequence[str | Path] = (),
    classroom: Classroom | None = None,
) -> gr.Blocks:
    """The whole app, not yet served.

    Args:
        store: where runs are kept; the default store when None.
        scenes: the contexts that can be picked; the shipped ones when None.
        results: folders of probe results to be offered beside those that were made on the page.
        classroom: a class that takes the lessons together, if there is one.
    """
    repository = RunRepository(store)
    shelf = ResultsShelf(repository.store.root.parent / "probes", results)
    services = Services(repository, scenes or Scenes(), shelf, classroom, Bench(shared=classroom is not None))
    demo = PagedBlocks(
        title="wamviz", analytics_enabled=False, fill_width=True, delete_cache=KEEP_UPLOADS, elem_id="wz-app"
    )
    for page in PAGES:
        with demo.route(page.title, page.path) if page.path else demo:
            gr.Navbar(visible=False)
            shell.header(page, PAGES)
            page.build(services, demo)
            device = shell.footer(device_words())
            demo.load(lambda: shell.footer_nodes(device_words()), None, device, **QUIET)
            if not page.path:
                api.endpoints(services.repository, services.scenes)
    demo.queue(max_size=QUEUE, default_concurrency_limit=8)
    demo.wamviz_services = services
    demo.wamviz_repository = services.repository  # launch serves its files
    demo.wamviz_shelf = shelf  # and the reports of probes
    demo.wamviz_clips = ClipCache(services.scenes.library)  # and the pictures of recorded episodes
    return demo


def launch(demo: gr.Blocks | None = None, *, host: str = "127.0.0.1", port: int | None = 7860, **options: Any) -> Any:
    """Serve the app; blocks until interrupted unless ``prevent_thread_lock`` is given.

    Args:
        demo: what ``build`` made; built now when None.
        host, port: where to listen; port 0 takes any free one.
        **options: further arguments of ``gr.Blocks.launch``.
    """
    demo = demo or build()
    repository: RunRepository = demo.wamviz_repository
    clips: ClipCache = demo.wamviz_clips
    pages = [route for page in PAGES for route in page.routes(demo.wamviz_services)]
    served = [*routes(repository), *episode_routes(clips), *report_routes(demo.wamviz_shelf), *pages]
    # Paths that visitors type are paths of this machine: only for visitors who sit at it.
    clips.library.local = is_loopback(host) and not os.environ.get("SPACE_ID") and not options.get("share")
    warm = threading.Thread(target=warm_up, name="wamviz-warm-up", daemon=True)
    warm.start()
    settings: dict[str, Any] = {
        "server_name": host,
        "server_port": port or None,
        "theme": theme(),
        "css": css(),
        "head": head(),
        "favicon_path": str(FAVICON),
        "allowed_paths": [str(repository.store.root)],
        "app_kwargs": {
            "routes": served,
            **({} if options.get("auth") else cached([f"/{page.path}" for page in PAGES])),
        },
        "max_file_size": UPLOAD,
        "max_threads": THREADS,
        "strict_cors": True,
        "show_error": False,
        "footer_links": [],
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "pwa": False,
        "share": False,
        "state_session_capacity": 500,
    }
    started = demo.launch(**{**settings, **options, "prevent_thread_lock": True})
    lighten(started[0])
    if not options.get("prevent_thread_lock"):
        demo.block_thread()
    return started


def warm_up() -> None:
    """Load the default model before anybody presses a button; a failure waits for the press and is told there."""
    try:
        registry.load(choices.default_model(), "auto")
    except WamvizError as error:
        log.warning("The default model could not be loaded yet: %s", error)
    except Exception:
        log.exception("The default model could not be loaded yet")


def device_words() -> str:
    """Which device imagines; not known before torch is there, and this does not load it for the answer."""
    return devices.describe("auto") if "torch" in sys.modules else "found when the model has loaded"

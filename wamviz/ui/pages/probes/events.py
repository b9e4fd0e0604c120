"""What the page of probes does when a probe is designed, run, opened: every event connected to its handler.

Contract: events only; what people say of samples is in ``rating_events``.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from wamviz.ui.background import Start
from wamviz.ui.events import AT_ONCE, LATEST, PICKED, PRIVATE, Updates
from wamviz.ui.library import SHIPPED, is_here
from wamviz.ui.markup import Markup
from wamviz.ui.pages.compare.view import offered
from wamviz.ui.pages.probes import view
from wamviz.ui.pages.probes.layout import ProbesPage
from wamviz.ui.pages.probes.view import Form
from wamviz.ui.run_actions import Parts
from wamviz.ui.runner import Runner


class ProbesEvents:
    """Connects the page's components.

    Args:
        page: the built page.
        demo: the Blocks that it lies in.
    """

    def __init__(self, page: ProbesPage, demo: gr.Blocks) -> None:
        self.page = page
        self.here = gr.State(False)
        self.runner = Runner(
            job=page.job,
            status=page.status,
            cancel=page.cancel,
            buttons=(page.go,),
            update=self._updates,
            outputs=[page.status, page.grid, page.results, page.probe],
        )
        form = [
            page.suite, page.context, page.reference, page.templates, page.lines, page.contenders, page.samples,
            page.seed,
        ]  # fmt: skip
        self.runner.starts(page.go, self.run, [*form, self.here])
        page.suite.change(lambda suite: gr.update(visible=not suite), page.suite, page.own, **LATEST)
        added = [page.context, page.templates, page.picture, page.status]
        page.upload.upload(self.add, page.upload, added, **LATEST)
        picked = gr.Textbox("", visible=False)
        page.cards.pick(self.pick, picked, [page.context, page.reference, page.picture], js=PICKED, **LATEST)
        shown = [page.status, page.grid, page.probe]
        page.results.input(self.show, page.results, shown, **LATEST)
        page.probe.input(self.show, [page.results, page.probe], shown, **LATEST)
        opened = [self.here, page.job, page.contenders, *self.runner.outputs]
        demo.load(self.open, None, opened, **AT_ONCE).then(
            None, page.job, None, js="(job) => window.wamviz.attach(job)", **PRIVATE
        )

    def run(self, *form: Any) -> Start:
        """Ask what the form asks."""
        page = self.page
        return lambda switch: view.run(Form(*form), page.shelf, page.repository, page.scenes, switch)

    def pick(self, picked: str) -> Updates:
        """A shipped episode becomes the context, what was recorded there the reference."""
        page = self.page
        scene = page.scenes.episode(int(picked))
        return {page.context: f"{SHIPPED}#{int(picked)}", page.reference: scene.instruction, page.picture: []}

    def add(self, file: str | None) -> Updates:
        """A picture that was handed over becomes the context; templates need a scene, and it is none."""
        page, parts = self.page, view.add_picture(file)
        if "context" not in parts:
            return {page.status: parts["status"]}
        return {
            page.context: parts["context"], page.templates: gr.update(value=[]), page.picture: parts["picture"],
            page.status: parts["status"],
        }  # fmt: skip

    def show(self, name: str | None, probe: str | None = None) -> Updates:
        """Other results, or another probe of them."""
        return self._updates(view.show(name, probe, self.page.shelf, self.page.repository))

    def open(self, request: gr.Request) -> Updates:
        """The page opens: on named results, on a job that is under way, or on the newest there are."""
        page, query, names = self.page, request.query_params, self.page.shelf.names()
        wanted = query.get("results", "")
        name = wanted if wanted in names else next(iter(names), None)
        parts: Parts = {"results": (names, name), **view.show(name, None, page.shelf, page.repository)}
        updates = {self.here: is_here(request.headers), page.contenders: gr.update(choices=offered())}
        updates |= self._updates(parts)
        if "job" in query:
            updates |= self.runner.returned(query["job"])[1]
        return updates

    def _updates(self, parts: Parts) -> Updates:
        """Named parts to components; a choice comes as its choices and the chosen one."""
        found: dict[Any, Any] = {}
        for name in ("status", "grid", "results", "probe"):
            if name in parts:
                component, value = getattr(self.page, name), parts[name]
                is_markup = isinstance(component, Markup)
                found[component] = value if is_markup else gr.update(choices=value[0], value=value[1])
        return found

"""What the main page's controls do: every event connected to its handler, and parts to components.

Contract: events only; each handler here is a few lines around a pure function. All of them are private to the
page (the public endpoints are in ``api``). A handler's dict of named parts becomes updates in ``_updates``, the
one place that knows which component a name means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from wamviz.ui import choices, form, handlers, present
from wamviz.ui.events import (
    AT_ONCE,
    EXAMPLE,
    LATEST,
    ON_MODEL,
    ON_PHYSICS,
    PRIVATE,
    SAMPLE,
    SCHEME_AFTER_STAGE,
    SCHEME_AND_FIELDS,
    SCHEME_AND_REST,
    Updates,
    visitor,
)
from wamviz.ui.form_wiring import FormWiring
from wamviz.ui.imagine_page import ImaginePage
from wamviz.ui.jobs import Jobs, Switch
from wamviz.ui.library import is_here
from wamviz.ui.offers import SETTLED
from wamviz.ui.scenes import Scene


class Wiring:
    """Connects one page's components.

    Args:
        page: the built page.
        demo: the Blocks that it lies in, for opening and closing.
    """

    def __init__(self, page: ImaginePage, demo: gr.Blocks) -> None:
        self.page, self.jobs = page, Jobs()
        self.named: dict[str, Any] = {
            "run": page.run,
            "stage": page.stage,
            "metrics": page.metrics,
            "action_plot": page.action_plot,
            "metric_plot": page.metric_plot,
            "path_plot": page.path_plot,
            "told": page.told,
            "table": page.table,
            "facts": page.facts,
            "downloads": page.downloads,
            "verdict": page.verdict,
            "status": page.status,
            "imagine": page.imagine,
            "cancel": page.cancel,
            "act_why": page.act_why,
            "explain": page.explain,
        }
        self.everything = list(self.named.values())
        self.form = FormWiring(page)
        self._run_events()
        asked = [page.scene, page.image, page.frame, page.caption, page.chips, page.given_words, page.offers.offer]
        asked += [page.model, page.mode, page.model_words, page.mode_words, page.given_panel, page.samples, page.steps]
        restored = [page.theme, *self.everything, *asked, page.horizon, page.guidance]
        fields = list(page.offers.fields.values())
        chosen = page.examples.pick(self.example, [page.picked, page.theme, *fields], restored, js=EXAMPLE, **LATEST)
        page.offers.guard(chosen)[0].then(None, js="() => { window.wamviz.remember(); }", **PRIVATE)
        opened = demo.load(self.open, [page.theme, *fields], restored, js=SCHEME_AND_FIELDS, **AT_ONCE)
        page.offers.guard(opened)
        # Plotly is megabytes of script: it comes after the stage can be played.
        drawn = [page.theme, page.action_plot, page.metric_plot, page.path_plot]
        opened.then(self.draw, [page.theme, page.run], drawn, js=SCHEME_AFTER_STAGE, **AT_ONCE)
        page.recolour.click(self.draw, [page.theme, page.run], drawn, js=SCHEME_AND_REST, **AT_ONCE)
        demo.unload(self.leave)

    def _run_events(self) -> None:
        page = self.page
        wish = [page.scene, page.frame, page.instruction, page.model, page.mode, page.seed, page.samples, page.steps]
        buttons = [page.imagine, page.cancel, page.status]
        page.instruction.submit(None, js="() => { document.getElementById('wz-imagine').click(); }", **PRIVATE)
        begun = page.imagine.click(self.begin, None, buttons, js=SETTLED, **AT_ONCE)
        begun.then(None, js="() => { window.wamviz.show(); }", **PRIVATE)
        done = begun.then(
            self.run,
            [*wish, page.given, page.horizon, page.guidance, page.run, page.theme],
            self.everything,
            **ON_MODEL,
        )
        done.then(None, js="() => { window.wamviz.remember(); }", **PRIVATE)
        acting = page.act.click(self.begin, None, buttons, **AT_ONCE)
        acting.then(self.act, [page.run, page.theme], self.everything, **ON_PHYSICS)
        reading = page.explain.click(self.begin, None, buttons, **AT_ONCE)
        asked = [page.picked, page.run, page.model, page.theme]
        read = reading.then(self.explain, asked, self.everything, js=SAMPLE, **ON_MODEL)
        read.then(None, js="() => { window.wamviz.remember(); }", **PRIVATE)
        page.cancel.click(self.cancel, None, [page.status], **AT_ONCE)
        page.share.click(None, None, [page.status], js="async () => await window.wamviz.share()", **PRIVATE)

    # --- running ----------------------------------------------------------------------------------------------------

    def begin(self, request: gr.Request) -> Updates:
        """At once, before the queue: the button is taken, and Cancel works while others are served."""
        self.jobs.begin(visitor(request))
        page = self.page
        waiting = present.status("busy", "Waiting for the model …", done=0.0)
        return {
            page.imagine: gr.update(interactive=False),
            page.cancel: gr.update(interactive=True),
            page.status: waiting,
        }

    def run(
        self,
        scene: Scene,
        frame: Any,
        told: str,
        model: str,
        mode: str,
        seed: Any,
        samples: Any,
        steps: Any,
        given: str | None,
        horizon: Any,
        guidance: Any,
        held: str | None,
        theme: str,
        request: gr.Request,
    ) -> Iterator[Updates]:
        """Imagine, step by step."""
        wish = handlers.Wish(scene, frame, told, model, mode, seed, samples, steps, given, horizon, guidance)
        yield from self._running(
            lambda switch: handlers.imagine(wish, self.page.scenes, self.page.shelf, switch, held, theme), request
        )

    def act(self, run_id: str | None, theme: str, request: gr.Request) -> Iterator[Updates]:
        """Act the imagined actions out, action by action."""
        yield from self._running(lambda switch: handlers.act_out(run_id, self.page.shelf, switch, theme), request)

    def explain(
        self, sample: str, run_id: str | None, model: str, theme: str, request: gr.Request
    ) -> Iterator[Updates]:
        """Read the actions out of the imagined video, of the sample that is shown."""
        reader, _ = choices.readable(model, None)
        yield from self._running(
            lambda switch: handlers.explain(run_id, sample, reader, self.page.shelf, switch, theme), request
        )

    def _running(self, start: Callable[[Switch], Iterator[handlers.Parts]], request: gr.Request) -> Iterator[Updates]:
        who = visitor(request)
        switch = self.jobs.current(who)
        try:
            for parts in start(switch):
                yield self._updates(parts)
        finally:
            self.jobs.end(who, switch)

    def cancel(self, request: gr.Request) -> Any:
        """Turn the switch off; the generator itself has the last word."""
        stopping = self.jobs.cancel(visitor(request))
        return present.status("busy", "Stopping after this step …") if stopping else gr.skip()

    # --- opening and closing ----------------------------------------------------------------------------------------

    def open(self, request: gr.Request, theme: str, *fields: Any) -> Updates:
        """The page opens: with a permalink, on that run."""
        asked, page, seen = request.query_params, self.page, self._seen(fields)
        parts: handlers.Parts = {}
        question: Updates = {}
        if "run" in asked:
            parts = handlers.reopen(page.shelf, asked["run"], asked.get("frame"), asked.get("view"), theme)
            parts = {name: value for name, value in parts.items() if not name.endswith("_plot")}  # they follow
            question = self.form.asked(parts.get("run"), is_here(request.headers), seen)
        elif "context" in asked:
            question = self.form.linked(asked["context"], asked.get("camera", ""), is_here(request.headers), seen)
        return {page.theme: theme, **self._updates(parts), **self.form.menu(), **question}

    def example(self, request: gr.Request, run_id: str, theme: str, *fields: Any) -> Updates:
        """One of the shipped examples onto the stage, playing, and its question into the form."""
        page = self.page
        try:
            run = page.shelf.load(run_id)
            told = present.status("idle", "An example, imagined earlier.", "Press Imagine to make one now.")
            parts = {**handlers.run_parts(run, page.shelf, theme, autoplay=True), "status": told}
            question = self.form.asked(run.id, is_here(request.headers), self._seen(fields))
            return {page.theme: theme, **self._updates(parts), **question}
        except Exception as error:
            return {page.status: handlers.refused(error)["status"]}

    def _seen(self, fields: tuple[Any, ...]) -> dict[str, Any]:
        """The guarded fields as the browser sent them."""
        return dict(zip(self.page.offers.fields, fields, strict=True))

    def draw(self, theme: str, run_id: str | None) -> Updates:
        """The plots, in the visitor's colours."""
        return {self.page.theme: theme, **self._updates(handlers.recolour(run_id, self.page.shelf, theme))}

    def leave(self, request: gr.Request) -> None:
        """Nobody watches any more: stop sampling."""
        self.jobs.cancel(visitor(request))
        self.form.newest.forget(visitor(request))

    def _updates(self, parts: handlers.Parts) -> Updates:
        """Named parts to components."""
        updates: Updates = {self.named[name]: value for name, value in parts.items() if name in self.named}
        if "running" in parts:
            updates[self.page.imagine] = gr.update(interactive=not parts["running"])
            updates[self.page.cancel] = gr.update(interactive=parts["running"])
        if "explain" in parts:
            updates[self.page.explain] = gr.update(visible=parts["explain"])
        if "act" in parts:
            updates[self.page.act_why] = form.why(parts["act"])
        return updates

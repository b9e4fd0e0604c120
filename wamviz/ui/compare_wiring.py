"""What the Compare page's controls do: every event connected to its handler, and parts to components.

Contract: events only; each handler is a few lines around ``contenders`` and ``scenes``, and private to the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from wamviz.ui import contenders, form, handlers, present
from wamviz.ui.compare_page import ComparePage
from wamviz.ui.contenders import Held, Wish
from wamviz.ui.events import (
    AT_ONCE,
    LATEST,
    ON_MODEL,
    PICKED,
    PRIVATE,
    SCHEME_AFTER_STAGE,
    SCHEME_AND_FIELDS,
    SCHEME_AND_REST,
    Updates,
    visitor,
)
from wamviz.ui.form_wiring import frame_slider
from wamviz.ui.handlers import Parts
from wamviz.ui.jobs import Jobs
from wamviz.ui.library import is_here, place_of
from wamviz.ui.offers import BEGIN, SETTLED, Newest, skip
from wamviz.ui.scenes import Scene


class CompareWiring:
    """Connects the page's components.

    Args:
        page: the built page.
        demo: the Blocks that it lies in, for opening and closing.
    """

    def __init__(self, page: ComparePage, demo: gr.Blocks) -> None:
        self.page, self.jobs, self.newest = page, Jobs(), Newest()
        names = "held stage table action_plot metric_plot status"
        self.named: dict[str, Any] = {name: getattr(page, name) for name in names.split()}
        shown = [component for name, component in self.named.items() if name != "status"]
        shown += [page.go, page.cancel]
        self.context = [page.scene, page.image, page.frame, page.caption, page.status, page.offers.offer]
        context, fields = self.context, list(page.offers.fields.values())

        restored = [page.theme, page.contenders, *shown, *context]
        opened = demo.load(self.open, [page.theme, *fields], restored, js=SCHEME_AND_FIELDS, **AT_ONCE)
        page.offers.guard(opened)
        # Plotly is megabytes of script: it comes after the stage can be played.
        drawn = [page.theme, page.action_plot, page.metric_plot]
        opened.then(self.draw, [page.theme, page.held], drawn, js=SCHEME_AFTER_STAGE, **AT_ONCE)
        page.recolour.click(self.draw, [page.theme, page.held], drawn, js=SCHEME_AND_REST, **AT_ONCE)
        demo.unload(self.leave)

        asked = [page.scene, page.frame, page.instruction]
        page.offers.guard(
            page.cards.pick(self.pick, [page.picked, *asked], context, js=PICKED, **LATEST),
            page.image.input(self.add, [page.image, *asked], context, js=BEGIN, **LATEST),
            page.image.clear(self.clear, asked, context, js=BEGIN, **AT_ONCE),
        )
        page.frame.input(self.scrub, [page.scene, page.frame], [page.image, page.caption], **LATEST)

        begun = page.go.click(self.begin, None, [page.go, page.cancel, page.status], js=SETTLED, **AT_ONCE)
        begun.then(None, js="() => { window.wamviz.show(); }", **PRIVATE)
        wish = [page.scene, page.frame, page.instruction, page.contenders, page.seed, page.seconds, page.theme]
        done = begun.then(self.run, wish, [*shown, page.status], **ON_MODEL)
        done.then(None, js="() => { window.wamviz.remember(); }", **PRIVATE)
        page.cancel.click(self.cancel, None, [page.status], **AT_ONCE)
        page.share.click(None, None, [page.status], js="async () => await window.wamviz.share()", **PRIVATE)

    # --- the context ------------------------------------------------------------------------------------------------

    def pick(self, picked: str, scene: Scene, frame: Any, told: str, request: gr.Request) -> Updates:
        """An episode was picked."""
        return self._context(lambda: (self.page.scenes.episode(int(picked)), 0), scene, frame, told, request)

    def add(self, added: Any, scene: Scene, frame: Any, told: str, request: gr.Request) -> Updates:
        """A picture was uploaded, dropped or pasted."""
        if added is None:
            return skip(self.context)
        return self._context(lambda: (self.page.scenes.picture(*added), 0), scene, frame, told, request)

    def clear(self, scene: Scene, frame: Any, told: str, request: gr.Request) -> Updates:
        """The context was taken away; the instruction stays."""
        return self._context(lambda: (Scene(), 0), scene, frame, told, request)

    def scrub(self, scene: Scene, frame: Any, request: gr.Request) -> Updates:
        """Another frame of the episode."""
        page, at, who = self.page, int(frame or 0), visitor(request)
        begun = self.newest.current(who)
        updates = {page.image: page.scenes.frame(scene, at), page.caption: form.caption(page.scenes, scene, at)}
        return updates if self.newest.current(who) is begun else skip(list(updates))

    def _context(self, make: Any, before: Scene, frame: Any, told: str, request: gr.Request) -> Updates:
        """Show the scene that ``make`` returns; when it refuses, put the earlier picture back and say why."""
        page, who = self.page, visitor(request)
        begun = self.newest.begin(who)
        try:
            scene, at = make()
            keep = told.strip() and told.strip() != before.instruction
            words = told if keep or not scene.instruction else scene.instruction
            offered = page.offers.values({"instruction": told}, {"instruction": words})
            updates = {**self._scene(scene, at), **offered, page.status: []}
        except Exception as error:
            picture = None if before.kind == "none" else page.scenes.frame(before, int(frame or 0))
            updates = {page.status: handlers.refused(error)["status"], page.image: picture}
        return updates if self.newest.end(who, begun) else skip(self.context)

    def _scene(self, scene: Scene, at: int) -> Updates:
        page = self.page
        return {
            page.scene: scene,
            page.image: None if scene.kind == "none" else page.scenes.frame(scene, at),
            page.frame: frame_slider(scene, at),
            page.caption: form.caption(page.scenes, scene, at),
        }

    # --- running ----------------------------------------------------------------------------------------------------

    def begin(self, request: gr.Request) -> Updates:
        """At once, before the queue: the button is taken, and Cancel works while others are served."""
        self.jobs.begin(visitor(request))
        waiting = present.status("busy", "Waiting for the first model …", done=0.0)
        return {**self._buttons(True), self.page.status: waiting}

    def run(
        self, scene: Scene, frame: Any, told: str, picked: list[str], seed: Any, seconds: Any, theme: str,
        request: gr.Request,
    ) -> Iterator[Updates]:  # fmt: skip
        """Ask one after the other."""
        page, who = self.page, visitor(request)
        switch = self.jobs.current(who)
        try:
            wish = Wish(scene, frame, told, picked, seed, seconds)
            for parts in contenders.compare(wish, page.scenes, page.shelf, switch, theme):
                yield self._updates(parts)
        finally:
            self.jobs.end(who, switch)

    def cancel(self, request: gr.Request) -> Any:
        """Turn the switch off; the generator itself has the last word."""
        stopping = self.jobs.cancel(visitor(request))
        return present.status("busy", "Stopping after this step …") if stopping else gr.skip()

    def leave(self, request: gr.Request) -> None:
        """Nobody watches any more: stop sampling."""
        self.jobs.cancel(visitor(request))
        self.newest.forget(visitor(request))

    # --- opening ----------------------------------------------------------------------------------------------------

    def open(self, request: gr.Request, theme: str, *fields: Any) -> Updates:
        """The page opens: on kept runs, on the question of one run, on a context, or empty."""
        asked, page = request.query_params, self.page
        updates: Updates = {page.theme: theme, page.contenders: gr.update(choices=contenders.offered())}
        here, seen = is_here(request.headers), dict(zip(page.offers.fields, fields, strict=True))
        if "runs" in asked:
            parts = contenders.reopen(page.shelf, asked["runs"], asked.get("frame"), asked.get("view"), theme)
            held: Held = parts.get("held", [])
            parts = {name: value for name, value in parts.items() if not name.endswith("_plot")}  # they follow
            updates |= self._updates(parts)
            if held:
                names = contenders.known([name for name, _, _ in held])
                updates |= self._question(held[0][1], here, seen, contenders=names)
        elif "run" in asked:
            updates |= self._question(asked["run"], here, seen)
        elif "context" in asked:
            updates |= self._linked(asked["context"], asked.get("camera", ""), here, seen)
        return updates

    def _question(self, run_id: str, here: bool, seen: dict[str, Any], **offered: Any) -> Updates:
        """The form on the question of a kept run; ``offered`` goes into further fields."""
        page = self.page
        try:
            run = page.shelf.load(run_id)
            scene, at = page.scenes.of(run, page.shelf.folder(run.id), here)
            values = {**offered, "instruction": run.instruction, "seed": run.seed}
            return {**self._scene(scene, at), **page.offers.values(seen, values)}
        except Exception as error:
            return {page.status: handlers.refused(error)["status"]}

    def _linked(self, source: str, camera: str, here: bool, seen: dict[str, Any]) -> Updates:
        """The form on the frame of an episode."""
        page = self.page
        try:
            page.scenes.library.allow(place_of(source)[0], here)
            scene, at = page.scenes.at(source, camera)
            return {**self._scene(scene, at), **page.offers.values(seen, {"instruction": scene.instruction})}
        except Exception as error:
            return {page.status: handlers.refused(error)["status"]}

    def draw(self, theme: str, held: Held | None) -> Updates:
        """The plots, in the visitor's colours."""
        return {self.page.theme: theme, **self._updates(contenders.recolour(held, self.page.shelf, theme))}

    # --- parts to components ----------------------------------------------------------------------------------------

    def _updates(self, parts: Parts) -> Updates:
        updates = {self.named[name]: value for name, value in parts.items() if name in self.named}
        return updates | (self._buttons(parts["running"]) if "running" in parts else {})

    def _buttons(self, running: bool) -> Updates:
        return {self.page.go: gr.update(interactive=not running), self.page.cancel: gr.update(interactive=running)}

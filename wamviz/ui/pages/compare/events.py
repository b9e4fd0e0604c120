"""What the Compare page's controls do: every event connected to its handler, and parts to components.

Contract: events only; each handler is a few lines around ``view`` and ``scenes``, and private to the page.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from wamviz.ui import question_view, run_actions
from wamviz.ui.background import Start
from wamviz.ui.events import (
    AT_ONCE,
    LATEST,
    PICKED,
    PRIVATE,
    SCHEME_AFTER_STAGE,
    SCHEME_AND_FIELDS,
    SCHEME_AND_REST,
    Updates,
    visitor,
)
from wamviz.ui.library import is_here, place_of
from wamviz.ui.offers import BEGUN, SETTLED, Newest, skip
from wamviz.ui.pages.compare import view
from wamviz.ui.pages.compare.layout import ComparePage
from wamviz.ui.pages.compare.view import Held
from wamviz.ui.run_actions import Parts
from wamviz.ui.runner import Runner
from wamviz.ui.scenes import Scene

PARTS = "held stage table action_plot metric_plot status"


class CompareEvents:
    """Connects the page's components.

    Args:
        page: the built page.
        demo: the Blocks that it lies in, for opening and closing.
    """

    def __init__(self, page: ComparePage, demo: gr.Blocks) -> None:
        self.page, self.newest = page, Newest()
        self.named = {name: getattr(page, name) for name in PARTS.split()}
        self.context = [page.scene, page.image, page.frame, page.caption, page.status, page.offers.offer]
        self.runner = Runner(
            job=page.job,
            status=page.status,
            cancel=page.cancel,
            buttons=(page.go,),
            update=self._updates,
            outputs=list(self.named.values()),
        )
        question = [page.scene, page.frame, page.instruction, page.candidates, page.seed, page.seconds, page.theme]
        self.runner.starts(page.go, self.compare, question, before=SETTLED, question=self.question)
        page.share.click(None, None, [page.status], js="async () => await window.wamviz.share()", **PRIVATE)
        self._context_events()
        self._open_events(demo)

    def _context_events(self) -> None:
        page, context = self.page, self.context
        inputs = [page.scene, page.frame, page.instruction]
        page.offers.guard(
            page.cards.pick(self.pick, [page.picked, *inputs], context, js=PICKED, **LATEST),
            page.image.input(self.add, [page.image, *inputs], context, js=BEGUN, **LATEST),
            page.image.clear(self.clear, inputs, context, js=BEGUN, **AT_ONCE),
        )
        page.frame.input(self.scrub, [page.scene, page.frame], [page.image, page.caption], **LATEST)

    def _open_events(self, demo: gr.Blocks) -> None:
        page = self.page
        fields, context = list(page.offers.fields.values()), [one for one in self.context if one is not page.status]
        restored = [page.theme, page.job, page.candidates, *self.runner.outputs, *context]
        opened = demo.load(self.open, [page.theme, *fields], restored, js=SCHEME_AND_FIELDS, **AT_ONCE)
        page.offers.guard(opened)[0].then(None, page.job, None, js="(job) => window.wamviz.attach(job)", **PRIVATE)
        # Plotly is megabytes of script: it comes after the stage can be played.
        drawn = [page.theme, page.action_plot, page.metric_plot]
        opened.then(self.draw, [page.theme, page.held], drawn, js=SCHEME_AFTER_STAGE, **AT_ONCE)
        page.recolour.click(self.draw, [page.theme, page.held], drawn, js=SCHEME_AND_REST, **AT_ONCE)
        demo.unload(self.leave)

    # --- the context ------------------------------------------------------------------------------------------------

    def pick(self, picked: str, scene: Scene, frame: Any, instruction: str, request: gr.Request) -> Updates:
        """An episode was picked."""
        return self._context(lambda: (self.page.scenes.episode(int(picked)), 0), scene, frame, instruction, request)

    def add(self, added: Any, scene: Scene, frame: Any, instruction: str, request: gr.Request) -> Updates:
        """A picture was uploaded, dropped or pasted."""
        if added is None:
            return skip(self.context)
        return self._context(lambda: (self.page.scenes.picture(*added), 0), scene, frame, instruction, request)

    def clear(self, scene: Scene, frame: Any, instruction: str, request: gr.Request) -> Updates:
        """The context was taken away; the instruction stays."""
        return self._context(lambda: (Scene(), 0), scene, frame, instruction, request)

    def scrub(self, scene: Scene, frame: Any, request: gr.Request) -> Updates:
        """Another frame of the episode."""
        page, at, who = self.page, int(frame or 0), visitor(request)
        begun = self.newest.current(who)
        updates = {
            page.image: page.scenes.frame(scene, at),
            page.caption: question_view.caption(page.scenes, scene, at),
        }
        return updates if self.newest.current(who) is begun else skip(list(updates))

    def _context(self, make: Any, before: Scene, frame: Any, instruction: str, request: gr.Request) -> Updates:
        """Show the scene that ``make`` returns; when it refuses, put the earlier picture back and say why."""
        page, who = self.page, visitor(request)
        begun = self.newest.begin(who)
        try:
            scene, at = make()
            keep = instruction.strip() and instruction.strip() != before.instruction
            words = instruction if keep or not scene.instruction else scene.instruction
            offered = page.offers.values({"instruction": instruction}, {"instruction": words})
            updates = {**self._scene(scene, at), **offered, page.status: []}
        except Exception as error:
            picture = None if before.kind == "none" else page.scenes.frame(before, int(frame or 0))
            updates = {page.status: run_actions.refused(error)["status"], page.image: picture}
        return updates if self.newest.end(who, begun) else skip(self.context)

    def _scene(self, scene: Scene, at: int) -> Updates:
        page = self.page
        return {
            page.scene: scene,
            page.image: None if scene.kind == "none" else page.scenes.frame(scene, at),
            page.frame: question_view.frame_slider(scene, at),
            page.caption: question_view.caption(page.scenes, scene, at),
        }

    # --- running ----------------------------------------------------------------------------------------------------

    def compare(
        self, scene: Scene, frame: Any, instruction: str, picked: list[str], seed: Any, seconds: Any, theme: str
    ) -> Start:
        """Ask one after the other."""
        page = self.page
        return lambda switch: view.compare(
            scene, frame, instruction, picked, seed, seconds, page.scenes, page.repository, switch, theme
        )

    def question(
        self, scene: Scene, frame: Any, instruction: str, picked: list[str], seed: Any, *_: Any
    ) -> dict[str, Any]:
        """What a page that returns to the job shows in its form."""
        return {
            "scene": scene,
            "frame": frame,
            "fields": {"instruction": instruction, "candidates": picked, "seed": seed},
        }

    def leave(self, request: gr.Request) -> None:
        """The page was closed: what runs goes on and ends in History; what it picked is forgotten."""
        self.newest.forget(visitor(request))

    # --- opening ----------------------------------------------------------------------------------------------------

    def open(self, request: gr.Request, theme: str, *fields: Any) -> Updates:
        """The page opens: on kept runs, on the question of one run, on a context, or empty."""
        query, page = request.query_params, self.page
        updates: Updates = {page.theme: theme, page.candidates: gr.update(choices=view.offered())}
        if "job" in query:
            job, returned = self.runner.returned(query["job"])
            updates |= returned
            if job is not None and job.question:
                scene, at = job.question["scene"], int(job.question["frame"] or 0)
                updates |= {**self._scene(scene, at), **page.offers.values({}, job.question["fields"])}
            return updates
        here, seen = is_here(request.headers), dict(zip(page.offers.fields, fields, strict=True))
        if "runs" in query:
            parts = view.reopen(page.repository, query["runs"], query.get("frame"), query.get("view"), theme)
            held: Held = parts.get("held", [])
            parts = {name: value for name, value in parts.items() if not name.endswith("_plot")}  # they follow
            updates |= self._updates(parts)
            if held:
                names = view.known([name for name, _, _ in held])
                updates |= self._question(held[0][1], here, seen, candidates=names)
        elif "run" in query:
            updates |= self._question(query["run"], here, seen)
        elif "context" in query:
            updates |= self._linked(query["context"], query.get("camera", ""), here, seen)
        return updates

    def _question(self, run_id: str, here: bool, seen: dict[str, Any], **offered: Any) -> Updates:
        """The form on the question of a kept run; ``offered`` goes into further fields."""
        page = self.page
        try:
            run = page.repository.load(run_id)
            scene, at = page.scenes.of(run, page.repository.folder(run.id), here)
            values = {**offered, "instruction": run.instruction, "seed": run.seed}
            return {**self._scene(scene, at), **page.offers.values(seen, values)}
        except Exception as error:
            return {page.status: run_actions.refused(error)["status"]}

    def _linked(self, source: str, camera: str, here: bool, seen: dict[str, Any]) -> Updates:
        """The form on the frame of an episode."""
        page = self.page
        try:
            page.scenes.library.allow(place_of(source)[0], here)
            scene, at = page.scenes.at(source, camera)
            return {**self._scene(scene, at), **page.offers.values(seen, {"instruction": scene.instruction})}
        except Exception as error:
            return {page.status: run_actions.refused(error)["status"]}

    def draw(self, theme: str, held: Held | None) -> Updates:
        """The plots, in the visitor's colours."""
        return {self.page.theme: theme, **self._updates(view.recolour(held, self.page.repository, theme))}

    def _updates(self, parts: Parts) -> Updates:
        """Named parts to components."""
        return {self.named[name]: value for name, value in parts.items() if name in self.named}

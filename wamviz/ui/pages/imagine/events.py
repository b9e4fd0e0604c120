"""What the Imagine page's controls do: every event connected to its handler, and parts to components.

Contract: events only; each handler here is a few lines around a pure function. All of them are private to the page (the
public endpoints are in ``api``). A stream's dict of named parts becomes updates in ``_updates``, the one place that
knows which component a name means.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from wamviz.ui import choices, rank, run_actions, run_view
from wamviz.ui.background import Start
from wamviz.ui.events import (
    AT_ONCE,
    EXAMPLE,
    LATEST,
    PRIVATE,
    SAMPLE,
    SCHEME_AFTER_STAGE,
    SCHEME_AND_FIELDS,
    SCHEME_AND_REST,
    WANTED,
    Updates,
    visitor,
)
from wamviz.ui.library import is_here
from wamviz.ui.offers import SETTLED
from wamviz.ui.pages.imagine import view
from wamviz.ui.pages.imagine.form_events import FormEvents
from wamviz.ui.pages.imagine.layout import ImaginePage
from wamviz.ui.runner import REMEMBER, Runner
from wamviz.ui.scenes import Scene

PARTS = "run stage metrics action_plot metric_plot path_plot plot_words table facts downloads verdict status act_why"
PARTS += " explain rank order"
QUESTION = "scene image frame caption chips given_words model mode model_words mode_words given_panel samples steps"


class ImagineEvents:
    """Connects one page's components.

    Args:
        page: the built page.
        demo: the Blocks that it lies in, for opening and closing.
    """

    def __init__(self, page: ImaginePage, demo: gr.Blocks) -> None:
        self.page = page
        self.named = {name: getattr(page, name) for name in PARTS.split()}
        self.form = FormEvents(page)
        self.runner = Runner(
            job=page.job,
            status=page.status,
            cancel=page.cancel,
            buttons=(page.imagine, page.act, page.explain, page.rank),
            update=self._updates,
            outputs=list(self.named.values()),
        )
        self._run_events()
        self._open_events(demo)

    def _run_events(self) -> None:
        page, run = self.page, self.runner
        question = [page.scene, page.frame, page.instruction, page.model, page.mode, page.seed, page.samples]
        question += [page.steps, page.given, page.horizon, page.guidance, page.run, page.theme]
        run.starts(page.imagine, self.imagine, question, before=SETTLED, question=self.question)
        run.starts(page.act, self.act, [page.run, page.theme])
        run.starts(page.explain, self.explain, [page.picked, page.run, page.model, page.theme], js=SAMPLE)
        run.starts(page.rank, self.rank, [page.run, page.theme])
        page.share.click(None, None, [page.status], js="async () => await window.wamviz.share()", **PRIVATE)

    def _open_events(self, demo: gr.Blocks) -> None:
        page, run = self.page, self.runner
        fields, question = list(page.offers.fields.values()), [getattr(page, name) for name in QUESTION.split()]
        restored = [page.theme, page.job, *run.outputs, *question, page.horizon, page.suggested, page.guidance]
        restored.append(page.offers.offer)
        chosen = page.examples.pick(self.example, [page.picked, page.theme, *fields], restored, js=EXAMPLE, **LATEST)
        page.offers.guard(chosen)[0].then(None, js=REMEMBER, **PRIVATE)
        wanted = page.open_run.click(self.example, [page.picked, page.theme, *fields], restored, js=WANTED, **LATEST)
        page.offers.guard(wanted)[0].then(None, js=REMEMBER, **PRIVATE)
        page.present.click(None, js="() => { window.wamviz.present(); }", **PRIVATE)
        opened = demo.load(self.open, [page.theme, *fields], restored, js=SCHEME_AND_FIELDS, **AT_ONCE)
        page.offers.guard(opened)[0].then(None, page.job, None, js="(job) => window.wamviz.attach(job)", **PRIVATE)
        # Plotly is megabytes of script: it comes after the stage can be played.
        drawn = [page.theme, page.action_plot, page.metric_plot, page.path_plot]
        opened.then(self.draw, [page.theme, page.run], drawn, js=SCHEME_AFTER_STAGE, **AT_ONCE)
        page.recolour.click(self.draw, [page.theme, page.run], drawn, js=SCHEME_AND_REST, **AT_ONCE)
        demo.unload(self.leave)

    # --- running ----------------------------------------------------------------------------------------------------

    def imagine(self, scene: Scene, *values: Any) -> Start:
        """Imagine what the form asks."""
        *asked, held, theme = values
        wish = run_actions.Wish(scene, *asked)
        return lambda switch: run_actions.imagine(wish, self.page.scenes, self.page.repository, switch, held, theme)

    def question(self, scene: Scene, frame: Any, *values: Any) -> dict[str, Any]:
        """What a page that returns to the job shows in its form."""
        names = ("instruction", "model", "mode", "seed", "samples", "steps", "given", "horizon", "guidance")
        fields = dict(zip(names, values, strict=False))
        return {"scene": scene, "frame": frame, "fields": {name: fields[name] for name in names if name != "given"}}

    def act(self, run_id: str | None, theme: str) -> Start:
        """Execute the imagined actions, action by action."""
        return lambda switch: run_actions.execute(run_id, self.page.repository, switch, theme)

    def explain(self, sample: str, run_id: str | None, model: str, theme: str) -> Start:
        """Infer the actions of the imagined video, of the sample that is shown."""
        reader, _ = choices.readable(model, None)
        return lambda switch: run_actions.infer(run_id, sample, reader, self.page.repository, switch, theme)

    def rank(self, run_id: str | None, theme: str) -> Start:
        """Have the samples judged and put in order."""
        return lambda switch: rank.rank(run_id, self.page.repository, switch, theme)

    # --- opening and closing ----------------------------------------------------------------------------------------

    def open(self, request: gr.Request, theme: str, *fields: Any) -> Updates:
        """The page opens: on a job that is under way, on the run of a permalink, on a context, or on the example."""
        asked, page, here = request.query_params, self.page, is_here(request.headers)
        seen, parts, updates = self._seen(fields), {}, Updates()
        if "job" in asked:
            job, updates = self.runner.returned(asked["job"])
            if job is not None and job.question:
                updates |= self.form.returned(job.question, seen)
            asked = {name: value for name, value in asked.items() if name == "run" and job is None}
        if "run" in asked:
            parts = run_actions.reopen(page.repository, asked["run"], asked.get("frame"), asked.get("view"), theme)
            parts = {name: value for name, value in parts.items() if not name.endswith("_plot")}  # they follow
            updates = {**self._updates(parts), **updates, **self.form.asked(parts.get("run"), here, seen)}
        elif "context" in asked:
            updates |= self.form.linked(asked["context"], asked.get("camera", ""), here, seen)
        return {page.theme: theme, **self.form.menu(), **updates}

    def example(self, request: gr.Request, run_id: str, theme: str, *fields: Any) -> Updates:
        """One of the shipped examples onto the stage, playing, and its question into the form."""
        page = self.page
        try:
            run = page.repository.load(run_id)
            status = run_view.status("idle", "An example, imagined earlier.", "Press Imagine to make one now.")
            parts = {**run_actions.run_parts(run, page.repository, theme, autoplay=True), "status": status}
            question = self.form.asked(run.id, is_here(request.headers), self._seen(fields))
            return {page.theme: theme, **self._updates(parts), **question}
        except Exception as error:
            return {page.status: run_actions.refused(error)["status"]}

    def draw(self, theme: str, run_id: str | None) -> Updates:
        """The plots, in the visitor's colours."""
        return {self.page.theme: theme, **self._updates(run_actions.recolour(run_id, self.page.repository, theme))}

    def leave(self, request: gr.Request) -> None:
        """The page was closed: what runs goes on and ends in History; what it picked is forgotten."""
        self.form.newest.forget(visitor(request))

    def _seen(self, fields: tuple[Any, ...]) -> dict[str, Any]:
        """The guarded fields as the browser sent them."""
        return dict(zip(self.page.offers.fields, fields, strict=True))

    def _updates(self, parts: run_actions.Parts) -> Updates:
        """Named parts to components."""
        updates: Updates = {self.named[name]: value for name, value in parts.items() if name in self.named}
        for name in ("explain", "rank"):
            if name in parts:
                updates[self.named[name]] = gr.update(visible=parts[name])
        if "act" in parts:
            updates[self.page.act_why] = view.why(parts["act"])
        return updates

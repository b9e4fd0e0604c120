"""What the Drive page's Gradio components do: a drawn path or a model that drives becomes a job with a kept run.

Contract: events only; each handler is a few lines around ``asks``. The cockpit and the board have scripts of their own.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from wamviz.models import registry
from wamviz.runs.sources import Context
from wamviz.ui import choices, run_actions
from wamviz.ui.background import Start
from wamviz.ui.contexts import find_context
from wamviz.ui.events import AT_ONCE, LATEST, NEW_SEED, PRIVATE, SCHEME, Updates, picked_in
from wamviz.ui.library import is_here
from wamviz.ui.markup import h
from wamviz.ui.pages.drive import asks
from wamviz.ui.pages.drive.layout import MODEL, MODES, PATH, DrivePage, execute_label
from wamviz.ui.pages.drive.scene_card import scene_card
from wamviz.ui.run_actions import Parts
from wamviz.ui.runner import Runner

PARTS = "run stage verdict report downloads status"
DRAWN = """(job, _, ...rest) => {
  const board = document.querySelector('#wz-path .wp-path').wamvizPath;
  return [job, board.question(), ...rest];
}"""
SEEK = """() => {
  const look = document.querySelector('#wz-report .wz-markup').dataset.picked;
  document.querySelector('#wz-stage .wv-stage').wamvizPlayer.seek(Number(look));
}"""
MODE_KEPT = """(mode) => {
  const here = new URL(location.href);
  here.searchParams.set('mode', mode);
  history.replaceState(history.state, '', here);
}"""


class DriveEvents:
    """Connects the page's components.

    Args:
        page: the built page.
        demo: the Blocks that it lies in, for opening.
    """

    def __init__(self, page: DrivePage, demo: gr.Blocks) -> None:
        self.page = page
        self.named = {name: getattr(page, name) for name in PARTS.split()}
        self.runner = run = Runner(
            job=page.job,
            status=page.status,
            cancel=page.cancel,
            buttons=(page.imagine, page.go),
            update=self._updates,
            outputs=[*self.named.values(), page.permalink],
        )
        run.starts(page.imagine, self.imagine, [page.drawn, page.here, page.run, page.theme], js=DRAWN)
        question = [page.seed, page.task, page.model, page.way, page.execute, page.sampling, page.run, page.theme]
        run.starts(page.go, self.drive, question)
        page.report.pick(None, js=SEEK, **PRIVATE)
        page.mode.change(None, page.mode, None, js=MODE_KEPT, **PRIVATE)
        page.share.click(None, None, [page.status], js="async () => await window.wamviz.share()", **PRIVATE)
        page.dice.click(None, None, [page.seed], js=NEW_SEED, **PRIVATE)
        page.seed.change(scene_card, page.seed, page.card, **LATEST)
        page.card.pick(None, None, [page.task], js=picked_in("wz-loop-scene").replace("(_, ...rest)", "()").replace(
            ", ...rest]", "]"), **PRIVATE)  # fmt: skip
        page.model.input(self.model, page.model, [page.way, page.execute], **AT_ONCE)
        restored = [page.theme, page.here, page.job, page.mode, *run.outputs]
        opened = demo.load(self.open, page.theme, restored, js=SCHEME, **AT_ONCE)
        opened.then(None, page.job, None, js="(job) => window.wamviz.attach(job)", **PRIVATE)

    def imagine(self, drawn: str, here: bool, held: str | None, theme: str) -> Start:
        """Imagine and execute what was drawn."""
        page = self.page

        def find(source: str) -> Context:
            return find_context(source, page.scenes, here, page.repository)

        return lambda switch: asks.drive_path(drawn, find, page.repository, switch, held, theme)

    def drive(self, *values: Any) -> Start:
        """Let a model drive."""
        seed, task, model, mode, execute, sampling_seed, held, theme = values
        question = asks.Question(seed, task, model, mode, execute, sampling_seed)
        return lambda switch: asks.drive_model(question, self.page.repository, switch, held, theme)

    def model(self, model: str) -> Updates:
        """Another model's modes, and its chunk."""
        page, modes = self.page, asks.loop_modes(model)
        most = registry.entry(model).capabilities.horizon
        offered = [(choices.MODE_TITLES[mode], mode) for mode in modes]
        return {
            page.way: gr.update(choices=offered, value=modes[0]),
            page.execute: gr.update(maximum=most, value=max(1, most // 2), label=execute_label(most)),
        }

    def open(self, request: gr.Request, theme: str) -> Updates:
        """The page opens: on a job that is under way, on a kept run, or with nothing."""
        query, page = request.query_params, self.page
        modes = [mode for _, mode in MODES]
        updates: Updates = {page.theme: theme, page.here: is_here(request.headers)}
        if query.get("mode") in modes:
            updates[page.mode] = query["mode"]
        if "job" in query:
            _, returned = self.runner.returned(query["job"])
            updates |= returned
        elif "run" in query and query.get("mode") in (PATH, MODEL):
            parts = run_actions.reopen(page.repository, query["run"], query.get("frame"), query.get("view"), theme)
            if "run" in parts:
                parts["report"] = asks.loop_report(page.repository.load(parts["run"]))
            updates |= self._updates(parts)
        return updates

    def _updates(self, parts: Parts) -> Updates:
        """Named parts to components."""
        updates: Updates = {self.named[name]: value for name, value in parts.items() if name in self.named}
        if "run" in parts:
            link = h("a", {"href": f"./?run={parts['run']}", "data-testid": "run-permalink"}, f"run {parts['run']}")
            words = "Kept as ", link, ", with its plots, measures and permalink."
            updates[self.page.permalink] = [h("p", {"class": "wz-note"}, *words)]
        return updates

"""The buttons that start something lasting, on any page: one at a time, watched, cancelled, returned to.

Contract: ``Runner`` connects buttons to jobs. A page gives it the hidden field that holds the job's id and says how
named parts become updates; it knows neither what runs nor what is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr

from wamviz.core.errors import WamvizError
from wamviz.ui import run_view
from wamviz.ui.background import MOST_RUNNING, Job, JobBoard, Parts, Start
from wamviz.ui.events import AT_ONCE, PRIVATE, WATCH, Updates

WAITING = "Waiting for the model …"
FOLLOW = "(job) => { window.wamviz.job(job); window.wamviz.show(); }"
REMEMBER = "() => { window.wamviz.remember(); }"
GONE = "This run is not under way any more: it was stopped, or the server was restarted."


class Runner:
    """Starts, shows and stops a page's jobs.

    Args:
        job: hidden field with the id of the page's job.
        status, cancel: where it is told how things stand, and the button that stops.
        buttons: what starts something, off while anything runs.
        update: named parts as updates.
        outputs: every component that ``update`` may name.
        most: how many of its jobs may be under way.
    """

    def __init__(
        self,
        *,
        job: Any,
        status: Any,
        cancel: Any,
        buttons: Sequence[Any],
        update: Callable[[Parts], Updates],
        outputs: Sequence[Any],
        most: int = MOST_RUNNING,
    ) -> None:
        self.board = JobBoard(most)
        self.job, self.status, self.cancel, self.buttons = job, status, cancel, tuple(buttons)
        self._update, self.outputs = update, [*outputs, cancel, *buttons]
        self.attach = gr.Button("Attach", visible="hidden", elem_id="wz-attach")
        attached = self.attach.click(self._watch, job, self.outputs, **WATCH)
        attached.then(None, js=REMEMBER, **PRIVATE)
        cancel.click(self.stop, job, None, **AT_ONCE)

    def starts(self, button: Any, stream: Callable[..., Start], inputs: Sequence[Any], *, js: str | None = None,
               before: str | None = None, question: Callable[..., dict[str, Any]] | None = None) -> None:  # fmt: skip
        """Pressing ``button`` runs ``stream(*inputs)``.

        Args:
            js: script over the inputs of the run, the first of which is the job's id.
            before: script that has to end before anything begins.
            question: what to show in the form of a page that returns to the job, from the same inputs.
        """

        def run(job_id: str, *values: Any) -> Iterator[Updates]:
            job = self.board.get(job_id)
            if job is not None:
                job.start(stream(*values), question(*values) if question else None)
            yield from self._watch(job_id)

        begun = button.click(self.begin, self.job, [self.job, self.status, self.cancel, *self.buttons], js=before,
                             **AT_ONCE)  # fmt: skip
        begun.then(None, self.job, None, js=FOLLOW, **PRIVATE)
        done = begun.then(run, [self.job, *inputs], self.outputs, js=js, **WATCH)
        done.then(None, js=REMEMBER, **PRIVATE)

    def begin(self, job_id: str) -> Updates:
        """At once, before anything waits: the buttons are taken, and Cancel works. A second press changes nothing."""
        if self.board.running(job_id) is not None:
            return {self.job: gr.skip()}
        try:
            job = self.board.open()
        except WamvizError as error:
            return {self.job: "", self.status: run_view.status("bad", error.message, error.hint)}
        return {self.job: job.id, self.status: run_view.status("busy", WAITING, done=0.0), **self.taken(True)}

    def taken(self, running: bool) -> Updates:
        """The buttons while something runs, and afterwards."""
        off = {button: gr.update(interactive=not running) for button in self.buttons}
        return {**off, self.cancel: gr.update(interactive=running)}

    def returned(self, job_id: str | None) -> tuple[Job | None, Updates]:
        """For a page that opens with a job in its address: the job, if it is known, and what the page shows at once."""
        job = self.board.get(job_id)
        if job is None:
            return None, {self.job: "", self.status: run_view.status("idle", GONE, "Finished runs are in History.")}
        return job, {self.job: job.id, **self.taken(job.running)}

    def stop(self, job_id: str) -> None:
        """Turn the switch off. The words go the way of the stream's own, or they might come after its last."""
        self.board.cancel(job_id, {"status": run_view.status("busy", "Stopping after this step …")})

    def _watch(self, job_id: str) -> Iterator[Updates]:
        job = self.board.get(job_id)
        if job is not None:
            for parts in job.watch():
                yield self._update(parts)
        yield self.taken(False)

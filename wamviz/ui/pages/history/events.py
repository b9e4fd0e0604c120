"""What the History page's controls do: list, search, star, note, delete.

Contract: events only; what is listed is built in ``view``, runs are read by the repository, notes by ``Annotations``.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from wamviz.core.errors import WamvizError
from wamviz.ui import run_view
from wamviz.ui.annotations import Annotations
from wamviz.ui.events import AT_ONCE, LATEST, Updates, picked_in
from wamviz.ui.pages.history import view
from wamviz.ui.pages.history.layout import PER_PAGE, HistoryPage

CARD = picked_in("wz-history")


class HistoryEvents:
    """Connects the page's components.

    Args:
        page: the built page.
        demo: the Blocks that it lies in.
    """

    def __init__(self, page: HistoryPage, demo: gr.Blocks) -> None:
        self.page, self.annotations = page, Annotations(page.repository.store.root)
        self.pictures: dict[str, str] = {}
        wish = [page.limit, page.query, page.starred]
        shown = [page.runs, page.more, page.present, page.panel.picked]
        demo.load(self.show, wish, shown, **AT_ONCE)
        page.query.change(self.show, wish, shown, **LATEST)
        page.starred.change(self.show, wish, shown, **LATEST)
        page.more.click(lambda now: now + PER_PAGE, page.limit, page.limit, **AT_ONCE).then(
            self.show, wish, shown, **AT_ONCE
        )
        edited = [*shown, page.status, page.editing, page.note_row, page.note]
        page.runs.pick(self.act, [page.picked, *wish], edited, js=CARD, trigger_mode="multiple", **AT_ONCE)
        for trigger in (page.save.click, page.note.submit):
            trigger(self.keep_note, [page.editing, page.note, *wish], edited, **AT_ONCE)

    def show(self, limit: float, query: str, starred: bool) -> Updates:
        """The runs that fit, newest first."""
        page, annotations = self.page, self.annotations.all()
        fitting = view.fitting(page.repository.list(None), annotations, query, starred)
        listed = fitting[: int(limit)]
        return {
            page.runs: view.listing(listed, annotations, self.pictures, found_by=bool(query or starred)),
            page.more: gr.update(visible=len(fitting) > limit),
            page.present: view.present_link(listed),
            page.panel.picked: page.panel.choices(listed),
        }

    def act(self, picked: str, limit: float, query: str, starred: bool) -> Updates:
        """A card's button: ``star ID``, ``note ID`` or ``delete ID``."""
        page = self.page
        what, _, run_id = picked.partition(" ")
        try:
            if what == "star":
                self.annotations.toggle_star(run_id)
            elif what == "note":
                return self._edit(run_id)
            elif what == "delete":
                page.repository.delete(run_id)
                self.annotations.forget(run_id)
                return {**self.show(limit, query, starred), page.status: run_view.status("good", "Deleted.")}
        except WamvizError as error:
            return {page.status: run_view.status("bad", error.message, error.hint)}
        return self.show(limit, query, starred)

    def keep_note(self, run_id: str, note: str, limit: float, query: str, starred: bool) -> Updates:
        """Save what was written about a run."""
        page = self.page
        if run_id:
            self.annotations.set_note(run_id, note)
        status = run_view.status("good", "Note saved." if note.strip() else "Note removed.")
        closed: dict[Any, Any] = {page.note_row: gr.update(visible=False), page.editing: "", page.status: status}
        return {**self.show(limit, query, starred), **closed}

    def _edit(self, run_id: str) -> Updates:
        page = self.page
        run = page.repository.load(run_id)
        label = f"Note on “{run.instruction or run.mode}”"
        text = self.annotations.all().get(run_id)
        row, field = gr.update(visible=True), gr.update(label=label, value="" if text is None else text.note)
        return {page.editing: run_id, page.note_row: row, page.note: field, page.status: []}

"""The page of kept runs. Layout only: what is listed is in ``view``, what the controls do in ``events``."""

from __future__ import annotations

import gradio as gr

from wamviz.ui.markup import Markup, h
from wamviz.ui.pages.history.export_panel import ExportPanel
from wamviz.ui.run_repository import RunRepository

PER_PAGE = 48
LEAD = "Every finished run stays on this machine until you delete it. Identical settings reuse the saved run."


class HistoryPage:
    """Builds the page inside the current Blocks and keeps what its events need."""

    def __init__(self, repository: RunRepository) -> None:
        self.repository = repository
        Markup([h("h1", {"class": "wz-title"}, "Runs"), h("p", {"class": "wz-lead"}, LEAD)])
        with gr.Row(elem_classes="wz-find"):
            self.query = gr.Textbox(
                label="Search", placeholder="instruction, model, mode or note", elem_id="wz-history-query", scale=3
            )
            self.starred = gr.Checkbox(label="Starred only", elem_id="wz-history-starred", scale=0, min_width=160)
            self.present = Markup([], elem_id="wz-history-present")
        self.status = Markup([], role="status", live="polite", testid="status", elem_id="wz-history-status")
        self.limit = gr.Number(PER_PAGE, visible=False)
        self.picked = gr.Textbox("", visible=False)
        self.editing = gr.State("")
        with gr.Row(visible=False, elem_classes="wz-find", elem_id="wz-note-row") as self.note_row:
            self.note = gr.Textbox(label="Note", max_length=500, elem_id="wz-note-text", scale=3)
            self.save = gr.Button("Save note", size="md", scale=0, elem_id="wz-note-save")
        self.runs = Markup([], elem_id="wz-history", testid="history")
        self.more = gr.Button("Show more", visible=False, elem_id="wz-more")
        self.panel = ExportPanel(repository, self.limit)

"""The page of probes: what is asked on the left; on the right the grid that fills, and what people say of it.

Contract: layout only, with the main page's names for its parts; what the controls do is in ``events`` and
``rating_events``, what is shown in ``view`` and ``rating_view``.
"""

from __future__ import annotations

import gradio as gr

from wamviz.probes.extensions import TEMPLATES
from wamviz.ui import question_view, run_view
from wamviz.ui.markup import Markup, h
from wamviz.ui.page import Services
from wamviz.ui.pages.compare.view import offered
from wamviz.ui.pages.probes import view

LEAD = "A reference task with ground truth, extensions beyond it, many samples of each: run, judged blind, reported."
SOURCES = "tabletop:SEED, an episode from below, or your own picture"
OWN_LINES = "e.g. push the toaster lever, then pick up the orange"


class ProbesPage:
    """Builds the page inside the current Blocks and keeps what its events need.

    Args:
        services: runs, scenes and results.
    """

    def __init__(self, services: Services) -> None:
        self.repository, self.scenes, self.shelf = services.repository, services.scenes, services.shelf
        self.job = gr.Textbox("", visible="hidden", elem_id="wz-job")
        Markup(
            [h("h1", {"class": "wz-title"}, "Probes"), h("p", {"class": "wz-lead"}, LEAD)],
            elem_classes="wz-compare-title",
        )
        with gr.Row(elem_id="wz-main", elem_classes="wz-main"):
            with gr.Column(elem_id="wz-ask", elem_classes="wz-ask", scale=0, min_width=320):
                self._question()
                self._contenders()
            with gr.Column(elem_id="wz-see", elem_classes="wz-see", scale=1, min_width=320):
                self._results()

    def _question(self) -> None:
        Markup([h("h2", {"class": "wz-step"}, h("b", None, "1"), "What is asked?")])
        self.suite = gr.Dropdown(
            view.suite_choices(), value=view.OWN, label="Suite", show_label=False, container=False, elem_id="wz-suite"
        )
        with gr.Column(elem_id="wz-own") as self.own:
            self.context = gr.Textbox(
                view.FIRST_CONTEXT, label="Context", info=SOURCES, max_length=400, elem_id="wz-probe-context"
            )
            with gr.Row(elem_classes="wz-find"):
                self.upload = gr.UploadButton(
                    "Your own picture", file_types=["image"], size="md", scale=0, elem_id="wz-probe-upload"
                )
                self.picture = Markup([], elem_id="wz-probe-picture")
            cards = question_view.cards(self.scenes.cards())
            self.cards = Markup(cards, elem_id="wz-cards", label="Shipped episodes", role="group")
            self.reference = gr.Textbox(
                view.FIRST_REFERENCE, label="Reference task", max_length=400, elem_id="wz-reference"
            )
            self.templates = gr.CheckboxGroup(
                [(name.replace("_", " "), name) for name in TEMPLATES], value=["then", "no_op"],
                label="Extensions by template", elem_id="wz-templates",
            )  # fmt: skip
            self.lines = gr.Textbox(
                "", label="Your own extensions, one a line", placeholder=OWN_LINES, lines=2, max_lines=6,
                max_length=4000, elem_id="wz-lines",
            )  # fmt: skip

    def _contenders(self) -> None:
        Markup([h("h2", {"class": "wz-step"}, h("b", None, "2"), "Who is asked, how often?")])
        self.contenders = gr.Dropdown(
            offered(), value=view.first_contenders(), multiselect=True, max_choices=view.MOST_CONTENDERS,
            label="Models and modes", elem_id="wz-candidates",
        )  # fmt: skip
        with gr.Row(elem_classes="wz-seed"):
            self.samples = gr.Number(3, label="Samples of each", minimum=1, maximum=view.MOST_SAMPLES, precision=0)
            self.seed = gr.Number(0, label="First seed", precision=0, minimum=0)
        with gr.Column(elem_classes="wz-dock"):
            with gr.Row(elem_classes="wz-go"):
                self.go = gr.Button("Run", variant="primary", size="lg", scale=3, elem_id="wz-imagine")
                self.cancel = gr.Button("Cancel", size="lg", scale=1, interactive=False, elem_id="wz-cancel")
            ready = run_view.status("idle", "Ready.", "What was answered before is not asked again.")
            self.status = Markup(ready, role="status", live="polite", testid="status", elem_id="wz-status")

    def _results(self) -> None:
        with gr.Row(elem_classes="wz-find"):
            self.results = gr.Dropdown([], label="Results", elem_id="wz-results", scale=2)
            self.probe = gr.Dropdown([], label="Probe", elem_id="wz-probe", scale=2)
        with gr.Tabs(elem_id="wz-tabs"):
            with gr.Tab("Samples"):
                self.grid = Markup([], testid="grid", elem_id="wz-grid")  # filled when the page opens
            with gr.Tab("Rate"):
                self._rate()
            with gr.Tab("Blind A/B"):
                self._vote()
            with gr.Tab("Figures") as self.figures_tab:
                self.figures = Markup([], testid="figures", elem_id="wz-figures")

    def _rate(self) -> None:
        with gr.Row(elem_classes="wz-find"):
            self.rater = gr.Textbox(
                "", label="Your name or initials", max_length=60, elem_id="wz-rater", scale=1, max_lines=1
            )
            self.begin_rating = gr.Button("Show a sample", size="md", scale=0, elem_id="wz-rate-begin")
        self.rate_status = Markup([], role="status", live="polite", testid="rate-status")
        self.rated = gr.State("")
        self.sample = Markup([], testid="sample", elem_id="wz-sample")
        self.said = gr.Textbox("", visible=False)
        with gr.Column(visible=False) as self.rate_foot:
            self.note = gr.Textbox("", label="Note", max_length=2000, elem_id="wz-rate-note", max_lines=3)
            self.save = gr.Button("Save and next", variant="primary", size="md", elem_id="wz-rate-save")

    def _vote(self) -> None:
        with gr.Row(elem_classes="wz-find"):
            self.voter = gr.Textbox(
                "", label="Your name or initials", max_length=60, elem_id="wz-voter", scale=1, max_lines=1
            )
            self.begin_voting = gr.Button("Show a pair", size="md", scale=0, elem_id="wz-vote-begin")
        self.vote_status = Markup([], role="status", live="polite", testid="vote-status")
        self.paired = gr.State(("", ""))
        self.picked = gr.Textbox("", visible=False)
        self.pair = Markup([], testid="pair", elem_id="wz-pair")
        with gr.Column(visible=False) as self.vote_foot:
            self.reason = gr.Textbox("", label="Reason", max_length=2000, elem_id="wz-reason", max_lines=3)

"""The page that asks several models the same: the question on the left, their answers side by side on the right.

Contract: layout only, in the shape of the main page (and with its names for the parts, so that one style sheet and one
script serve both); what the controls do is in ``events``, what is shown in ``view``.
"""

from __future__ import annotations

import gradio as gr

from wamviz.runs.comparison import LONGEST_S, MOST
from wamviz.ui import question_view, run_view
from wamviz.ui.context_image import ContextImage
from wamviz.ui.markup import Markup, h
from wamviz.ui.offers import Offers
from wamviz.ui.pages.compare import view
from wamviz.ui.run_repository import RunRepository
from wamviz.ui.scenes import Scenes
from wamviz.ui.stage import Stage, empty_value

LEAD = "Ask several models, or one model in several modes, the same question. A failure doesn't stop the others."
NOTHING = "Choose two to four, and press Compare."
PLOTS = ("wz-action-plot", "wz-metric-plot")


class ComparePage:
    """Builds the page inside the current Blocks and keeps what its events need.

    Args:
        repository: the runs that can be opened.
        scenes: the contexts that can be picked.
    """

    def __init__(self, repository: RunRepository, scenes: Scenes) -> None:
        self.repository, self.scenes = repository, scenes
        self.first = question_view.first_scene(scenes, None)
        self.theme = gr.Textbox("light", visible=False)
        self.picked = gr.Textbox("", visible=False)
        self.job = gr.Textbox("", visible="hidden", elem_id="wz-job")
        self.recolour = gr.Button("Recolour", visible="hidden", elem_id="wz-recolour")
        self.scene, self.held = gr.State(self.first.scene), gr.State([])
        Markup(
            [h("h1", {"class": "wz-title"}, "Compare models"), h("p", {"class": "wz-lead"}, LEAD)],
            elem_classes="wz-compare-title",
        )
        with gr.Row(elem_id="wz-main", elem_classes="wz-main"):
            with gr.Column(elem_id="wz-ask", elem_classes="wz-ask", scale=0, min_width=320):
                self._question()
                self._candidates()
            with gr.Column(elem_id="wz-see", elem_classes="wz-see", scale=1, min_width=320):
                self._answers()
        fields = {"instruction": self.instruction, "candidates": self.candidates, "seed": self.seed}
        self.offers = Offers(fields)

    def _question(self) -> None:
        first = self.first
        Markup([h("h2", {"class": "wz-step"}, h("b", None, "1"), "Where does it start?")])
        with gr.Row(elem_classes="wz-context"):
            self.image = ContextImage(
                value=first.picture, label="Context frame", sources=["upload", "clipboard"], height=196, min_width=120,
                buttons=[], elem_id="wz-context",
            )  # fmt: skip
            with gr.Column(elem_classes="wz-context-words", min_width=120):
                self.caption = Markup(
                    question_view.caption(self.scenes, first.scene, first.frame), elem_id="wz-caption"
                )
                self.frame = gr.Slider(
                    0, max(1, first.scene.frames - 1), value=first.frame, step=1, label="Start at frame",
                    visible=first.scene.frames > 1, elem_id="wz-frame", buttons=[],
                )  # fmt: skip
        cards = question_view.cards(self.scenes.cards())
        self.cards = Markup(cards, elem_id="wz-cards", label="Shipped episodes", role="group")
        Markup([h("h2", {"class": "wz-step"}, h("b", None, "2"), "What should the robot do?")])
        self.instruction = gr.Textbox(
            first.instruction, label="Instruction", show_label=False, container=False,
            placeholder="e.g. pick up the orange", lines=2, max_lines=4, elem_id="wz-instruction",
        )  # fmt: skip

    def _candidates(self) -> None:
        Markup([h("h2", {"class": "wz-step"}, h("b", None, "3"), "Models to compare")])
        self.candidates = gr.Dropdown(
            view.offered(), value=view.first_choice(), multiselect=True, max_choices=MOST,
            label="Models and modes", elem_id="wz-candidates",
        )  # fmt: skip
        with gr.Row(elem_classes="wz-seed"):
            self.seed = gr.Number(0, label="Seed", precision=None, elem_id="wz-seed")
            label = f"Seconds (up to {LONGEST_S:g}; 0: until it is done, or a chunk)"
            self.seconds = gr.Number(0, label=label, minimum=0, elem_id="wz-seconds")
        with gr.Column(elem_classes="wz-dock"):
            with gr.Row(elem_classes="wz-go"):
                self.go = gr.Button("Compare", variant="primary", size="lg", scale=3, elem_id="wz-imagine")
                self.cancel = gr.Button("Cancel", size="lg", scale=1, interactive=False, elem_id="wz-cancel")
            ready = run_view.status("idle", "Ready.", NOTHING)
            self.status = Markup(ready, role="status", live="polite", testid="status", elem_id="wz-status")

    def _answers(self) -> None:
        waiting = empty_value(NOTHING, NOTHING)
        self.stage = Stage(waiting, plots=PLOTS, several=MOST, elem_id="wz-stage")
        with gr.Row(elem_classes="wz-after"):
            self.share = gr.Button("Copy link", size="md", scale=0, elem_id="wz-share")
        Markup([h("h2", {"class": "wz-title"}, "How close, and how quick?")])
        self.table = Markup([], testid="metrics", elem_id="wz-metrics")
        with gr.Tabs(elem_id="wz-tabs"):
            with gr.Tab("Actions"):
                self.action_plot = gr.Plot(
                    label="Actions over time", show_label=False, elem_id="wz-action-plot", container=False
                )
            with gr.Tab("Frame by frame"):
                self.metric_plot = gr.Plot(
                    label="PSNR of every frame", show_label=False, elem_id="wz-metric-plot", container=False
                )

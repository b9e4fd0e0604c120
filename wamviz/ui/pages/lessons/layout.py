"""The page of lessons: the list, and one lesson from the prediction to the reading.

Contract: layout only; what is shown is in ``view``, what the controls do in ``events``. The controls of every
experiment lie here and those of the opened lesson are shown; their words come with its language.
"""

from __future__ import annotations

import gradio as gr

from wamviz.lessons import AnswerStore, Choice, all_experiments
from wamviz.ui.markup import Markup
from wamviz.ui.page import Services
from wamviz.ui.stage import Stage

FIGURES = 3  # that an experiment can have


class LessonsPage:
    """Builds the page inside the current Blocks and keeps what its events need.

    Args:
        services: runs, and where answers are kept: beside them.
    """

    def __init__(self, services: Services) -> None:
        self.repository = services.repository
        self.store = AnswerStore(services.repository.store.root.parent / "lessons" / "answers.jsonl")
        self.job = gr.Textbox("", visible="hidden", elem_id="wz-job")
        self.recolour = gr.Button("Recolour", visible="hidden", elem_id="wz-recolour")
        self.theme = gr.Textbox("light", visible=False)
        self.pupil = gr.Textbox("", visible=False)
        self.lesson = gr.Textbox("", visible=False)
        self.language = gr.Textbox("", visible=False)
        self.picked = gr.Textbox("", visible=False)
        self.finding = gr.State(None)
        with gr.Row(elem_classes="wz-lessons", elem_id="wz-lessons"):
            with gr.Column(elem_classes="wz-lessons-list", scale=0, min_width=240):
                self.contents = Markup([], testid="lessons", elem_id="wz-lessons-list")
                self.another = gr.Button("", size="sm", elem_id="wz-another")
            with gr.Column(elem_classes="wz-lesson", scale=1, min_width=320):
                self._lesson()

    def _lesson(self) -> None:
        self.opening = Markup([], testid="lesson")
        self.before = Markup([], testid="predict", elem_id="wz-before")
        self.trial = Markup([])
        self._controls()
        with gr.Row(elem_classes="wz-go"):
            self.go = gr.Button("", variant="primary", size="lg", scale=3, interactive=False, elem_id="wz-imagine")
            self.cancel = gr.Button("", size="lg", scale=1, interactive=False, elem_id="wz-cancel")
        self.status = Markup([], role="status", live="polite", testid="status", elem_id="wz-status")
        with gr.Column(visible=False, elem_classes="wz-finding") as self.results:
            self.found = Markup([], testid="found")
            self.plots = [gr.Plot(show_label=False, container=False, label=f"Figure {k + 1}", visible=False,
                                  elem_id=f"wz-lesson-plot-{k}") for k in range(FIGURES)]  # fmt: skip
            self.numbers = Markup([], testid="numbers")
            with gr.Column(visible=False) as self.seen:
                self.stage = Stage(elem_id="wz-stage", plots=())
        self.skip = gr.Button("", size="sm", elem_id="wz-skip", visible=False)
        self.reveal = Markup([], testid="claim")
        self.questions = Markup([], testid="questions", elem_id="wz-questions")
        self.glossary = Markup([], testid="glossary")

    def _controls(self) -> None:
        """The controls of every experiment, in a group each."""
        self.groups: dict[str, gr.Group] = {}
        self.controls: dict[str, list[tuple[str, gr.Slider | gr.Dropdown]]] = {}
        for name, experiment in all_experiments().items():
            with gr.Row(visible=False, elem_classes="wz-controls") as self.groups[name]:
                self.controls[name] = []
                for control in experiment.controls:
                    made = (
                        gr.Dropdown(list(control.options), value=control.default, label=control.name, min_width=200)
                        if isinstance(control, Choice)
                        else gr.Slider(control.low, control.high, value=control.default, step=1, label=control.name,
                                       min_width=200, buttons=[])
                    )  # fmt: skip
                    self.controls[name].append((control.name, made))

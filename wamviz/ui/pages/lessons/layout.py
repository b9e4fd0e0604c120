"""The page of lessons: the list, and one lesson from the prediction to the reading.

Contract: layout only; what is shown is in ``view``, what the controls do in ``events``. The controls of an experiment
are one component with a script (``js/controls.js``): filling a page costs by the component, for every visitor.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from wamviz.lessons import AnswerStore, ClassStore
from wamviz.ui import classroom
from wamviz.ui.markup import Markup
from wamviz.ui.page import Services
from wamviz.ui.script_panel import ScriptPanel
from wamviz.ui.stage import Stage

FIGURES = 3  # that an experiment can have
CLASSROOM = Path(classroom.__file__).parent


class LessonsPage:
    """Builds the page inside the current Blocks and keeps what its events need.

    Args:
        services: runs, and where answers are kept: beside them, or with a class.
    """

    def __init__(self, services: Services) -> None:
        self.repository = services.repository
        self.classroom, self.bench = services.classroom, services.bench
        self._alone = AnswerStore(services.repository.store.root.parent / "lessons" / "answers.jsonl")
        self.job = gr.Textbox("", visible="hidden", elem_id="wz-job")
        self.look_again = gr.Button("Look again", visible="hidden", elem_id="wz-look-again")
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

    def store(self, pupil: str) -> AnswerStore | ClassStore:
        """Where somebody's answers are kept: with their class, if they have joined one."""
        return self.classroom.store if self.classroom and self.classroom.has(pupil) else self._alone

    def _lesson(self) -> None:
        if self.classroom:
            ScriptPanel(CLASSROOM, "learner", elem_id="wz-class", padding=False)
        self.opening = Markup([], testid="lesson")
        self.before = Markup([], testid="predict", elem_id="wz-before")
        self.trial = Markup([])
        self.controls = ScriptPanel(Path(__file__).parent, "controls", elem_id="wz-controls", padding=False)
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

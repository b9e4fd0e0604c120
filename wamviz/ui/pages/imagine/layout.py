"""The main page: ask on the left, see on the right. Layout only.

Contract: ``ImaginePage`` builds its components inside the current Blocks and holds them as attributes; what they
do when pressed is in ``events``, what that means in ``run_actions``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gradio as gr

from wamviz.runs.store import Run
from wamviz.ui import choices, question_view, run_actions
from wamviz.ui.context_image import ContextImage
from wamviz.ui.markup import Markup, h
from wamviz.ui.offers import Offers
from wamviz.ui.pages.imagine import view
from wamviz.ui.run_repository import RunRepository
from wamviz.ui.scenes import Scenes
from wamviz.ui.script_panel import ScriptPanel
from wamviz.ui.stage import Stage

PLOTS = ("wz-action-plot", "wz-metric-plot")


class ImaginePage:
    """Builds the page and keeps what its events need.

    Args:
        repository: the runs that can be opened.
        scenes: the contexts that can be picked.
        shown: the run on the stage at first paint, or None.
    """

    def __init__(self, repository: RunRepository, scenes: Scenes, shown: Run | None) -> None:
        self.repository, self.scenes, self.shown = repository, scenes, shown
        self.first = question_view.first_scene(scenes, shown)
        self.theme = gr.Textbox("light", visible=False)
        self.picked = gr.Textbox("", visible=False)
        self.job = gr.Textbox("", visible="hidden", elem_id="wz-job")
        self.recolour = gr.Button("Recolour", visible="hidden", elem_id="wz-recolour")
        with gr.Row(elem_id="wz-main", elem_classes="wz-main"):
            with gr.Column(elem_id="wz-ask", elem_classes="wz-ask", scale=0, min_width=320):
                self._context()
                self._instruction()
                self._settings()
                self._buttons()
            with gr.Column(elem_id="wz-see", elem_classes="wz-see", scale=1, min_width=320):
                self._stage()
                self._figures()
        names = "instruction model mode seed"  # sliders change with their limits, or Gradio refuses their values
        self.offers = Offers({name: getattr(self, name) for name in names.split()})

    # --- layout -----------------------------------------------------------------------------------------------------

    def _context(self) -> None:
        first = self.first
        self.scene = gr.State(first.scene)
        Markup([h("h2", {"class": "wz-step"}, h("b", None, "1"), "Where does it start?")])
        with gr.Row(elem_classes="wz-context"):
            self.image = ContextImage(
                value=first.picture,
                label="Context frame",
                sources=["upload", "clipboard", "webcam"],
                height=196,
                min_width=120,
                buttons=[],
                elem_id="wz-context",
            )
            with gr.Column(elem_classes="wz-context-words", min_width=120):
                self.caption = Markup(
                    question_view.caption(self.scenes, first.scene, first.frame), elem_id="wz-caption"
                )
                self.frame = gr.Slider(
                    0,
                    max(1, first.scene.frames - 1),
                    value=first.frame,
                    step=1,
                    label="Start at frame",
                    visible=first.scene.frames > 1,
                    elem_id="wz-frame",
                    buttons=[],
                )
        cards = self.scenes.cards()
        self.cards = Markup(question_view.cards(cards), elem_id="wz-cards", label="Shipped episodes", role="group")
        with gr.Row(elem_classes="wz-fresh"):
            Markup([h("span", {"class": "wz-note"}, "Or a fresh scene, by seed")])
            self.world_seed = gr.Number(
                2100, label="Seed of a fresh tabletop scene", show_label=False, container=False, elem_id="wz-world-seed"
            )
            self.world = gr.Button("Generate scene", size="sm", elem_id="wz-world")

    def _instruction(self) -> None:
        Markup([h("h2", {"class": "wz-step"}, h("b", None, "2"), "What should the robot do?")])
        self.instruction = gr.Textbox(
            self.first.instruction,
            label="Instruction",
            show_label=False,
            container=False,
            placeholder="e.g. pick up the orange",
            lines=2,
            max_lines=4,
            elem_id="wz-instruction",
        )
        self.chips = Markup(
            question_view.chips(self.scenes, self.first.scene, self.first.frame, choices.default_model()),
            elem_id="wz-chips",
        )

    def _settings(self) -> None:
        model = choices.default_model()
        caps = choices.capabilities(model)
        with gr.Column(elem_id="wz-settings", elem_classes="wz-settings"):
            # Any text is let through, because our own message names the nearest model or mode.
            self.model = gr.Dropdown(
                choices.menu(), value=model, label="Model", allow_custom_value=True, elem_id="wz-model"
            )
            self.model_words = Markup(question_view.sentences(choices.model_words(model)))
            self.mode = gr.Dropdown(
                choices.modes(model), value=caps.modes[0], label="Mode", allow_custom_value=True, elem_id="wz-mode"
            )
            self.mode_words = Markup(question_view.sentences([choices.MODE_WORDS[caps.modes[0]]]))
            with gr.Column(visible=False, elem_classes="wz-given") as self.given_panel:
                self.given_words = Markup([])
                self.given = gr.File(label="Your own file", height=110, type="filepath", elem_id="wz-given")
            with gr.Row(elem_classes="wz-seed"):
                self.seed = gr.Number(0, label="Seed", precision=None, elem_id="wz-seed")
                self.dice = gr.Button("New seed", size="sm", elem_id="wz-dice")
            self.samples = gr.Slider(
                1, caps.max_samples, 1, step=1, label="Samples (the fan)", elem_id="wz-samples", buttons=[]
            )
            self.horizon = gr.Slider(
                0,
                max(2, caps.longest),
                choices.first_horizon(model),
                step=1,
                label=choices.horizon_label(model),
                visible=caps.longest > 1,
                elem_id="wz-horizon",
                buttons=[],
            )
            self.horizon_words = Markup([], elem_id="wz-horizon-words")
            self.suggested = gr.State(choices.first_horizon(model))  # where the horizon stood when it was last proposed
            self.steps = gr.Slider(
                1,
                max(2, caps.max_steps),
                max(1, caps.default_steps),
                step=1,
                label=choices.steps_label(model),
                visible=caps.default_steps > 0,
                elem_id="wz-steps",
                buttons=[],
            )
            self.guidance = gr.Slider(
                0,
                max(1.0, caps.max_guidance),
                1,
                step=0.25,
                label="Guidance (weight of the words; 1 is off)",
                visible=caps.max_guidance > 1,
                elem_id="wz-guidance",
                buttons=[],
            )

    def _buttons(self) -> None:
        with gr.Column(elem_classes="wz-dock"):
            self._dock()

    def _dock(self) -> None:
        # In the dock, which is always in view: below the suggestions nobody would find modes and samples.
        model = choices.default_model()
        seconds = question_view.seconds_of(self.scenes, self.first.scene, self.first.instruction)
        title = choices.settings_title(model, choices.first_horizon(model), seconds)
        self.fold = gr.Button(title, size="sm", elem_id="wz-settings-toggle", elem_classes="wz-fold")
        with gr.Row(elem_classes="wz-go"):
            self.imagine = gr.Button("Imagine", variant="primary", size="lg", scale=3, elem_id="wz-imagine")
            self.cancel = gr.Button("Cancel", size="lg", scale=1, interactive=False, elem_id="wz-cancel")
        self.status = Markup(
            view.first_status(self.shown, self.scenes),
            role="status",
            live="polite",
            testid="status",
            elem_id="wz-status",
        )

    def _stage(self) -> None:
        parts = run_actions.run_parts(self.shown, self.repository) if self.shown else {}
        self.run = gr.State(parts.get("run"))
        self.first_parts = parts
        # What is shown on arrival plays by itself, unless the visitor asked for reduced motion.
        value = replace(parts["stage"], autoplay=True) if parts else None
        self.stage = Stage(value, plots=PLOTS, elem_id="wz-stage")
        self.verdict = Markup(parts.get("verdict", ()), elem_id="wz-verdict")  # the status announces it
        self.order = Markup(parts.get("order", ()), elem_id="wz-order", testid="ranking")
        self.examples = Markup(view.examples(self.repository), elem_id="wz-examples")
        with gr.Row(elem_classes="wz-after"):
            self.act = gr.Button("Run in simulator", size="md", scale=0, elem_id="wz-act", elem_classes="wz-aside")
            self.explain = gr.Button(
                "Infer actions", size="md", scale=0, elem_id="wz-explain", visible=bool(parts.get("explain"))
            )
            self.rank = gr.Button(
                "Rank samples", size="md", scale=0, elem_id="wz-rank", visible=bool(parts.get("rank"))
            )
            self.share = gr.Button("Copy link", size="md", scale=0, elem_id="wz-share")
            self.present = gr.Button("Present", size="md", scale=0, elem_id="wz-present")
            self.open_run = gr.Button("Open", visible="hidden", elem_id="wz-open-run")
            self.downloads = Markup(parts.get("downloads", ()), elem_id="wz-downloads")
        self.act_why = Markup(view.why(parts.get("act", "")), elem_id="wz-act-why")

    def _figures(self) -> None:
        parts = self.first_parts
        with gr.Tabs(elem_id="wz-tabs"):
            with gr.Tab("Actions"):
                self.action_plot = _plot("wz-action-plot", "Actions over time")
            with gr.Tab("Frame by frame"):
                self.metric_plot = _plot("wz-metric-plot", "PSNR and SSIM of every frame")
            with gr.Tab("Path in 3-D"):
                self.path_plot = _plot("wz-path-plot", "End-effector path in space")
            with gr.Tab("Numbers"):
                self.table = Markup(parts.get("table", ()), elem_id="wz-table")
            with gr.Tab("Inside the model"):
                ScriptPanel(Path(__file__).parent, "inside", elem_id="wz-inside")
            with gr.Tab("About this run"):
                self.facts = Markup(parts.get("facts", ()), elem_id="wz-facts")
        Markup([h("h2", {"class": "wz-title"}, "How close is it?")])
        self.metrics = Markup(parts.get("metrics", ()), testid="metrics", elem_id="wz-metrics")
        self.plot_words = Markup(parts.get("plot_words", ()))


def _plot(elem_id: str, label: str) -> gr.Plot:
    """Filled after the page has opened, see ``events``."""
    return gr.Plot(label=label, show_label=False, elem_id=elem_id, container=False)

"""The page of models: the user's connections and the form that makes one, over the map of the field.

Contract: layout only; what the controls do is in ``events``, what is shown in ``view``. The upper half is
for visitors at this machine alone (see ``events``), so it is not there at first paint.
"""

from __future__ import annotations

import gradio as gr

from wamviz.models import connecting
from wamviz.models.field import GIVES, places, systems
from wamviz.models.reaching import CAN
from wamviz.ui.markup import Markup, h
from wamviz.ui.pages.models.chart import chart

ALL = ""
REACHED = "reached"
LEAD = (
    "Which world-action models there are, what each gives, and how wamviz reaches them. Connect one, and it is a model "
)
LEAD += "like any other on the Imagine page."


class ModelsPage:
    """Builds the page inside the current Blocks and keeps what its events need."""

    def __init__(self) -> None:
        self.editing, self.asked, self.picked = gr.State(""), gr.State(""), gr.Textbox("", visible=False)
        Markup([h("h1", {"class": "wz-title"}, "Models"), h("p", {"class": "wz-lead"}, LEAD)])
        self.note = Markup([], elem_id="wz-elsewhere", testid="elsewhere")
        with gr.Column(visible=False, elem_id="wz-own", elem_classes="wz-own") as self.own:
            self._connections()
        self._map()

    def _connections(self) -> None:
        Markup([h("h2", {"class": "wz-title"}, "Your connections")])
        self.listing = Markup([], elem_id="wz-links", testid="connections")
        with gr.Accordion("Connect a model", open=False, elem_id="wz-connect") as self.panel:
            self._form()
        with gr.Row(elem_classes="wz-after"):
            self.cancel = gr.Button("Stop testing", size="md", visible=False, elem_id="wz-stop")
        self.look = gr.Button("Look", visible="hidden", elem_id="wz-look")
        self.status = Markup([], role="status", live="polite", testid="status", elem_id="wz-status")

    def _form(self) -> None:
        kinds = connecting.kinds()
        most = max((len(kind.settings) for kind in kinds.values()), default=0)
        with gr.Row():
            self.name = _text("Name", "what the model is called from then on", "pi05", elem_id="wz-c-name")
            self.kind = gr.Dropdown(
                [(f"{name}: {kind.title}", name) for name, kind in kinds.items()],
                value=next(iter(kinds)),
                label="Kind",
                info="which protocol it speaks, or which pipeline runs it",
                min_width=240,
                elem_id="wz-c-kind",
            )
        self.about = Markup([], elem_id="wz-c-about")
        with gr.Row():
            self.url = _text("Address", "nobody else is asked", "ws://127.0.0.1:8000", elem_id="wz-c-url", scale=2)
            self.robot = gr.Dropdown([], label="Robot", info="whose views, state and actions", elem_id="wz-c-robot")
        with gr.Row():
            self.token = _text(
                "Token's environment variable",
                "its name, never the token itself; empty where none is wanted",
                "POLICY_TOKEN",
                elem_id="wz-c-token",
            )
            self.timeout = gr.Number(
                300, label="Timeout", info="seconds that one reply may take", elem_id="wz-c-timeout"
            )
            self.rate = gr.Number(
                0, label="Actions a second", info="0 keeps the robot's usual rate", min_width=160, elem_id="wz-c-rate"
            )
        self.settings = []
        with gr.Row(elem_classes="wz-settings-grid"):
            for k in range(most):
                self.settings.append(gr.Textbox(label="Setting", max_lines=1, visible=False, elem_id=f"wz-c-set-{k}"))
        with gr.Accordion("Cameras, state, certificates", open=False, elem_id="wz-finer"):
            with gr.Row():
                self.views = _lines("Views", "one VIEW=CAMERA a line, where names differ", "wrist_image_left=hand")
                self.state = _lines("State", "one PART=FIRST:END a line, counted from 0", "joint_position=0:7")
            self.ca = _text("Certificates", "a PEM file to trust in place of the usual ones", "", elem_id="wz-c-ca")
        with gr.Row(elem_classes="wz-after"):
            self.save = gr.Button("Save", variant="primary", size="md", elem_id="wz-save")
            self.test = gr.Button("Test without saving", size="md", elem_id="wz-test")
            self.clear = gr.Button("Empty the form", size="md", elem_id="wz-clear")

    def _map(self) -> None:
        Markup([h("h2", {"class": "wz-title"}, "Model catalog")])
        self.chart = Markup(chart(systems()), elem_id="wz-design", testid="design-space")
        with gr.Row(elem_id="wz-sift", elem_classes="wz-sift"):
            self.query = gr.Textbox(
                label="Search", placeholder="Search the map", max_lines=1, min_width=180, elem_id="wz-sift-query"
            )
            self.paradigm = _axis("Formulation", "paradigm")
            self.integration = _axis("How actions enter", "integration")
            self.architecture = _axis("Architecture", "architecture")
            self.gives = _choice("Gives", [("anything", ALL), *((name, name) for name in GIVES)])
            self.can = _choice(
                "Availability",
                [("all", ALL), ("can be reached", REACHED), *((words, can) for can, words in CAN.items())],
            )
        self.count = Markup([], role="status", live="polite", elem_id="wz-count", testid="count")
        self.table = Markup([], elem_id="wz-field", testid="field")

    @property
    def fields(self) -> list[gr.Blocks]:
        """What the form holds, in the order in which ``events`` reads it."""
        told = [self.name, self.kind, self.url, self.robot, self.token, self.timeout, self.rate]
        return [*told, self.views, self.state, self.ca, *self.settings]

    @property
    def filters(self) -> list[gr.Blocks]:
        """What sifts the map, in the order in which ``static/page/sift.js`` reads it."""
        return [self.query, self.paradigm, self.integration, self.architecture, self.gives, self.can]


def _text(label: str, info: str, example: str, elem_id: str, scale: int = 1) -> gr.Textbox:
    return gr.Textbox(
        label=label, info=info, placeholder=example, max_lines=1, scale=scale, min_width=200, elem_id=elem_id
    )


def _lines(label: str, info: str, example: str) -> gr.Textbox:
    return gr.Textbox(
        label=label, info=info, placeholder=example, lines=2, max_lines=6, elem_id=f"wz-c-{label.lower()}"
    )


def _axis(label: str, axis: str) -> gr.Dropdown:
    return _choice(label, [("all", ALL), *((name, name) for name in places(axis))])


def _choice(label: str, choices: list[tuple[str, str]]) -> gr.Dropdown:
    elem_id = f"wz-sift-{label.lower().replace(' ', '-')}"
    return gr.Dropdown(choices, value=ALL, label=label, filterable=False, min_width=150, elem_id=elem_id)

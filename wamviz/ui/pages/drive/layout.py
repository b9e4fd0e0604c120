"""The Drive page: by keys, along a drawn path, or by the model itself.

Contract: layout only. The cockpit and the path board are components with scripts of their own, which ask the routes
beside the page and not Gradio. The page's style sheet shows one of the three modes at a time, by the radio button that
is on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from wamviz.core.errors import WamvizError
from wamviz.models import registry
from wamviz.runs.closed_loop import EXECUTED_OF_CHUNK, LIMIT
from wamviz.runs.driving import LONGEST, STEP_MOST
from wamviz.ui import choices, run_view
from wamviz.ui.library import SHIPPED
from wamviz.ui.markup import Markup, h
from wamviz.ui.pages.drive.asks import loop_models, loop_modes
from wamviz.ui.pages.drive.paths import space_of
from wamviz.ui.pages.drive.scene_card import SEED, scene_card
from wamviz.ui.run_repository import TASKS, RunRepository
from wamviz.ui.scenes import Scenes
from wamviz.ui.script_panel import ScriptPanel
from wamviz.ui.stage import Stage, empty_value

FOLDER = Path(__file__).parent
KEYS, PATH, MODEL = "keys", "path", "model"
MODES = [("Keys", KEYS), ("Draw a path", PATH), ("Model drives", MODEL)]
LEAD = "Actions in, imagined future out; physics does the same beside it."
STOPS = f"It stops when physics says that the task is done, or after {LIMIT} actions."
NOTHING = "Nothing is imagined yet: draw a path, or let the model drive."


class DrivePage:
    """Builds the page inside the current Blocks and keeps what its events need."""

    def __init__(self, repository: RunRepository, scenes: Scenes) -> None:
        self.repository, self.scenes = repository, scenes
        self.theme = gr.Textbox("light", visible=False)
        self.drawn = gr.Textbox("", visible=False)
        self.job = gr.Textbox("", visible="hidden", elem_id="wz-job")
        self.run, self.here = gr.State(None), gr.State(False)  # here: whether the visitor sits at this machine
        with gr.Row(elem_id="wz-drive-title"):
            title = h("h1", {"class": "wz-title"}, "Drive the imagined world")
            Markup([title, h("p", {"class": "wz-lead"}, LEAD)])
            self.mode = gr.Radio(MODES, value=KEYS, show_label=False, label="Who drives", container=False,
                                 elem_id="wz-drive-mode", scale=0, min_width=320)  # fmt: skip
        value = offered(scenes)
        ScriptPanel(FOLDER, "drive", value, elem_id="wz-drive")
        with gr.Row(elem_id="wz-main", elem_classes="wz-main"):
            with gr.Column(elem_id="wz-ask", elem_classes="wz-ask", scale=0, min_width=320):
                ScriptPanel(FOLDER, "path", value, elem_id="wz-path")
                with gr.Column(elem_id="wz-self"):
                    self._self_driving()
                self._dock()
            with gr.Column(elem_id="wz-see", elem_classes="wz-see", scale=1, min_width=320):
                self._answer()

    def _self_driving(self) -> None:
        with gr.Row(elem_classes="wz-seed"):
            Markup([h("span", {"class": "wz-note"}, "Tabletop scene, by seed")])
            self.seed = gr.Number(SEED, label="Tabletop scene, by seed", show_label=False, container=False,
                                  precision=None, elem_id="wz-loop-seed")  # fmt: skip
            self.dice = gr.Button("New scene", size="sm", elem_id="wz-dice")
        self.card = Markup(scene_card(SEED), elem_id="wz-loop-scene")
        self.task = gr.Textbox("", label="Task", placeholder="Task: the scene's own, or yours", show_label=False,
                               container=False, max_lines=1, max_length=500, elem_id="wz-loop-task")  # fmt: skip
        models = loop_models()
        first = next((name for _, name in models if name == _default()), models[0][1] if models else None)
        modes = loop_modes(first) if first else []
        most = registry.entry(first).capabilities.horizon if first else 16
        self.execute = gr.Slider(
            1, most, min(EXECUTED_OF_CHUNK, most), step=1, elem_id="wz-execute", buttons=[], label=execute_label(most)
        )
        with gr.Row(elem_classes="wz-loop-model"):
            self.model = gr.Dropdown(models, value=first, label="Model", min_width=110, elem_id="wz-model")
            self.way = gr.Dropdown(
                [(choices.MODE_TITLES[mode], mode) for mode in modes], value=modes[0] if modes else None,
                label="Mode", min_width=110, elem_id="wz-mode",
            )  # fmt: skip
            self.sampling = gr.Number(0, label="Seed", precision=None, min_width=60, elem_id="wz-seed")
        Markup([h("p", {"class": "wz-note"}, STOPS)])

    def _dock(self) -> None:
        with gr.Column(elem_classes="wz-dock"):
            with gr.Row(elem_classes="wz-go"):
                self.imagine = gr.Button("Imagine and execute", variant="primary", size="lg", scale=3,
                                         elem_id="wz-imagine")  # fmt: skip
                self.go = gr.Button("Let it drive", variant="primary", size="lg", scale=3, elem_id="wz-go-model")
                self.cancel = gr.Button("Cancel", size="lg", scale=1, interactive=False, elem_id="wz-cancel")
            ready = run_view.status("idle", "Ready.")
            self.status = Markup(ready, role="status", live="polite", testid="status", elem_id="wz-status")

    def _answer(self) -> None:
        self.stage = Stage(empty_value(NOTHING, NOTHING), plots=(), elem_id="wz-stage")
        self.verdict = Markup([], elem_id="wz-verdict")
        self.report = Markup([], elem_id="wz-report", testid="report")
        with gr.Row(elem_classes="wz-after"):
            self.share = gr.Button("Copy link", size="md", scale=0, elem_id="wz-share")
            self.downloads = Markup([], elem_id="wz-downloads")
        self.permalink = Markup([], elem_id="wz-permalink")


def execute_label(most: int) -> str:
    """What stands above the slider of n."""
    return f"Actions taken before it looks again, of {most} imagined"


def offered(scenes: Scenes) -> dict[str, Any]:
    """Where a drive can start, and which models can be driven or given a path; of the others, their names."""
    cards = [
        {"source": f"{SHIPPED}#{card.index}@0", "task": card.instruction, "picture": card.picture,
         "kind": TASKS.get(card.kind, card.kind)}
        for card in scenes.cards()
    ]  # fmt: skip
    drivable, others, led = [], [], []
    for choice in choices.models():
        caps = registry.entry(choice.model_id).capabilities
        told = {"id": choice.model_id, "label": choice.label, "missing": choice.missing or ""}
        if caps.drivable:
            drivable.append(told)
        else:
            others.append(caps.title)
        if _takes_paths(choice.model_id):
            led.append(told)
    return {"cards": cards, "models": drivable, "path_models": led, "others": others, "model": _default(),
            "most": STEP_MOST, "longest": LONGEST}  # fmt: skip


def _takes_paths(model_id: str) -> bool:
    try:
        space_of(model_id)
    except WamvizError:
        return False
    return True


def _default() -> str:
    try:
        return choices.default_model()
    except (IndexError, WamvizError):
        return ""

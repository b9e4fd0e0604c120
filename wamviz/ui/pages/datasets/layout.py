"""The page of datasets: open one and pick an episode on the left, watch it and read its numbers on the right.

Contract: layout only, in the shape of the main page (and with its names for the two halves, so that one style sheet
serves both); what the controls do is in ``events``, what is shown in ``view`` and ``episode_view``.
"""

from __future__ import annotations

import gradio as gr

from wamviz.core.rollout import ACTION_KINDS
from wamviz.datasets.containers.tables import SUFFIXES as TABLES
from wamviz.datasets.containers.videos import SUFFIXES as VIDEOS
from wamviz.ui.markup import Markup, h
from wamviz.ui.pages.datasets.episode_view import KIND_WORDS
from wamviz.ui.stage import Stage, episode_value

UPLOADS = f"One zip or HDF5 file; or the videos of one episode ({', '.join(VIDEOS)}), with a table of its actions "
UPLOADS += f"({', '.join(TABLES)}) where there is one. Up to 200 MB; it stays on the machine that serves this page."


class DatasetsPage:
    """Builds the page inside the current Blocks and keeps what its events need."""

    def __init__(self) -> None:
        self.theme = gr.Textbox("light", visible=False)
        self.picked = gr.Textbox("", visible=False)
        self.recolour = gr.Button("Recolour", visible="hidden", elem_id="wz-recolour")
        self.place, self.index, self.page = gr.State(""), gr.State(None), gr.State(0)
        self.offset = gr.State(0)  # the episode's frame with which the part on the stage begins
        Markup([h("h1", {"class": "wz-title"}, "Datasets"), h("p", {"class": "wz-lead"}, LEAD)])
        with gr.Row(elem_id="wz-main", elem_classes="wz-main"):
            with gr.Column(elem_id="wz-ask", elem_classes="wz-ask", scale=0, min_width=320):
                self._sources()
                self._list()
            with gr.Column(elem_id="wz-see", elem_classes="wz-see", scale=1, min_width=320):
                self._episode()

    def _sources(self) -> None:
        Markup([h("h2", {"class": "wz-step"}, h("b", None, "1"), "Which dataset?")])
        self.about = Markup([], elem_id="wz-about", testid="dataset")
        with gr.Row(elem_classes="wz-fresh"):
            self.path = gr.Textbox(
                label="Folder of a dataset on this machine, or hub:OWNER/NAME",
                show_label=False,
                container=False,
                placeholder="Folder, or hub:OWNER/NAME[@REVISION]",
                max_lines=1,
                elem_id="wz-path",
            )
            self.open = gr.Button("Open", size="sm", elem_id="wz-open")
            self.stop = gr.Button("Stop", size="sm", visible=False, elem_id="wz-stop")
        with gr.Accordion("Or upload one", open=False, elem_id="wz-upload"):
            Markup([h("p", {"class": "wz-note"}, UPLOADS)])
            self.files = gr.File(label="Files", file_count="multiple", type="filepath", height=120, elem_id="wz-files")
            self.table = Markup([], role="status", live="polite", elem_id="wz-table", testid="table")
            self.acting = gr.Dropdown(
                [], multiselect=True, visible=False, elem_id="wz-acting",
                label="Columns that are the actions, in order (none chosen: all)",
            )  # fmt: skip
            self.seeing = gr.Dropdown(
                [], multiselect=True, visible=False, label="Columns that are the states, if any", elem_id="wz-seeing"
            )
            self.sort = gr.Dropdown(
                [(KIND_WORDS[kind].partition(":")[0], kind) for kind in ACTION_KINDS], value="unnamed", visible=False,
                label="What the actions are", elem_id="wz-sort",
            )  # fmt: skip
            self.rate = gr.Number(None, label="Actions a second (with a table)", elem_id="wz-rate")
            self.told = gr.Textbox(label="What the robot was told (with videos)", max_lines=2, elem_id="wz-told")
            self.upload = gr.Button("Open the upload", size="sm", elem_id="wz-upload-open")
        self.shipped = gr.Button("Back to the shipped episodes", size="sm", visible=False, elem_id="wz-shipped")
        self.status = Markup([], role="status", live="polite", testid="status", elem_id="wz-status")

    def _list(self) -> None:
        Markup([h("h2", {"class": "wz-step"}, h("b", None, "2"), "Which episode?")])
        self.query = gr.Textbox(
            label="Search the episodes",
            show_label=False,
            container=False,
            placeholder="Search instructions, or a number",
            max_lines=1,
            elem_id="wz-query",
        )
        with gr.Row(elem_classes="wz-fresh"):
            self.previous = gr.Button("Previous", size="sm", visible=False, elem_id="wz-previous")
            self.pages = Markup([], role="status", live="polite", elem_id="wz-pages")
            self.next = gr.Button("Next", size="sm", visible=False, elem_id="wz-next")
        self.listing = Markup([], elem_id="wz-episodes", testid="episodes", label="Episodes", role="group")

    def _episode(self) -> None:
        waiting = episode_value(None, "", 0, 0, 0, missing="The first episode opens in a moment.")
        self.stage = Stage(waiting, plots=("wz-action-plot",), alone=True, elem_id="wz-stage")
        with gr.Row(elem_classes="wz-fresh", visible=False, elem_id="wz-parts") as self.parts:
            self.earlier = gr.Button("Earlier part", size="sm", elem_id="wz-earlier")
            self.part = Markup([], role="status", live="polite", elem_id="wz-part", testid="part")
            self.later = gr.Button("Later part", size="sm", elem_id="wz-later")
        with gr.Row(elem_classes="wz-after"):
            self.start = Markup([], elem_id="wz-start")
            self.camera = gr.Radio([], label="Camera", visible=False, elem_id="wz-camera")
        Markup([h("h2", {"class": "wz-title"}, "Actions")])
        self.plot = gr.Plot(label="Actions over time", show_label=False, elem_id="wz-action-plot", container=False)
        Markup([h("h2", {"class": "wz-title"}, "What the numbers mean")])
        self.meaning = Markup([], elem_id="wz-meaning", testid="meaning")
        with gr.Accordion("Correct what they mean", open=False, visible=False, elem_id="wz-correct") as self.correct:
            self.kind = gr.Dropdown(list(ACTION_KINDS), label="Kind", elem_id="wz-kind")
            self.names = gr.Textbox(label="Names, separated by commas", max_lines=4, elem_id="wz-names")
            self.units = gr.Textbox(
                label="Units, separated by commas (? is not known)", max_lines=4, elem_id="wz-units"
            )
            with gr.Row(elem_classes="wz-fresh"):
                self.hz = gr.Number(label="Actions a second", elem_id="wz-hz")
                self.gripper = gr.Textbox(label="Gripper (its name)", max_lines=1, elem_id="wz-gripper")
                self.closed = gr.Number(label="Closed is", elem_id="wz-closed")
            self.apply = gr.Button("Apply", size="sm", elem_id="wz-apply")
            self.applied = Markup([], role="status", live="polite", elem_id="wz-applied", testid="applied")
        Markup([h("h2", {"class": "wz-title"}, "About this episode")])
        self.facts = Markup([], elem_id="wz-facts", testid="facts")


LEAD = "Watch what was recorded, see what its numbers mean, and let a model imagine from any frame."

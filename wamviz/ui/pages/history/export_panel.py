"""Several kept runs as one LeRobot dataset, from the History page.

Contract: a panel inside the current Blocks and its one event; the dataset is written by ``store.episodes``. A run that
LeRobot has no place for is left out and named, so that it does not hold up the others.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import ORIGINS
from wamviz.runs.store import Run, RunSummary
from wamviz.runs.store.export import pack_lerobot
from wamviz.ui import run_view
from wamviz.ui.markup import Markup, Node
from wamviz.ui.run_actions import refused
from wamviz.ui.run_repository import RunRepository

MOST = 500  # runs in one download; the command line takes any number
WORDS = "Imagined, executed and recorded rollouts become episodes of their own, with where they come from. Nothing "
WORDS += "picked means all that are listed above."


class ExportPanel:
    """Builds the panel; ``choices`` is what its menu offers for the listed runs."""

    def __init__(self, repository: RunRepository, limit: gr.Number) -> None:
        self._repository = repository
        with gr.Accordion("Export several as one LeRobot dataset", open=False, elem_id="wz-export"):
            Markup([["p", {"class": "wz-note"}, WORDS]])
            self.picked = gr.Dropdown([], multiselect=True, label="Runs", elem_id="wz-export-runs")
            self.origins = gr.CheckboxGroup(
                [(name, name) for name in ORIGINS], value=list(ORIGINS), label="Rollouts", elem_id="wz-export-origins"
            )
            make = gr.Button("Export", size="md", elem_id="wz-export-make")
            status = Markup([], role="status", live="polite", testid="export-status", elem_id="wz-export-status")
            file = gr.File(label="Dataset (zip)", visible=False, interactive=False, elem_id="wz-export-file")
        inputs = [self.picked, self.origins, limit]
        make.click(self.make, inputs, [status, file], api_visibility="private", show_progress="hidden")

    def choices(self, found: Sequence[RunSummary]) -> Any:
        """The menu's update for these runs."""
        words = [f"{run.instruction or run.mode} · {run.model} · {run_view.format_time(run.created)}" for run in found]
        return gr.update(choices=list(zip(words, (run.id for run in found), strict=True)), value=[])

    def make(self, picked: list[str] | None, origins: list[str], limit: float) -> Iterator[tuple[list[Node], Any]]:
        """Write the dataset, run by run, and offer it."""
        hidden = gr.update(visible=False, value=None)
        try:
            names = picked or [run.id for run in self._repository.list(int(limit))]
            if not names:
                raise InvalidInput("Nothing is kept yet.", "Imagine something first.")
            if len(names) > MOST:
                raise InvalidInput(f"A download holds at most {MOST} runs.", "`wamviz export --all` takes any number.")
            if not origins:
                raise InvalidInput("No rollouts were chosen.", f"Choose some of {', '.join(ORIGINS)}.")
            yield run_view.status("busy", f"Writing {len(names)} runs …", done=0.0), hidden
            left_out: list[str] = []
            with tempfile.TemporaryDirectory(prefix="wamviz-export-") as folder:  # Gradio keeps a copy of its own
                path = Path(folder) / "wamviz-runs-lerobot.zip"
                written = pack_lerobot(path, self._runs(names), origins=origins, left_out=left_out)
                episodes = sum(sum(one.episodes.values()) for one in written)
                several = f" in {len(written)} datasets, which differ in rate or form" if len(written) > 1 else ""
                words = f"{episodes} episodes of {len(names)} runs{several}."
                yield run_view.status("good", words, " ".join(left_out)), gr.update(visible=True, value=str(path))
        except Exception as error:
            yield refused(error)["status"], hidden

    def _runs(self, names: Sequence[str]) -> Iterator[Run]:
        """One at a time: several may not fit into memory."""
        for name in names:
            yield self._repository.load(name)

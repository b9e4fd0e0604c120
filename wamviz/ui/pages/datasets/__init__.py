"""Recorded episodes: open a dataset, watch one, start from any of its frames."""

from __future__ import annotations

import gradio as gr

from wamviz.ui.page import Page, Services
from wamviz.ui.pages.datasets.events import DatasetsEvents
from wamviz.ui.pages.datasets.layout import DatasetsPage


def build(services: Services, demo: gr.Blocks) -> None:
    """Add the page to the current Blocks."""
    DatasetsEvents(DatasetsPage(), services.scenes.library, demo)


PAGE = Page("Datasets", "datasets", build, order=20)

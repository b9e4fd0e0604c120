"""Models that are connected, and the catalog of those that could be."""

from __future__ import annotations

import gradio as gr

from wamviz.ui.page import Page, Services
from wamviz.ui.pages.models.events import ModelsEvents
from wamviz.ui.pages.models.layout import ModelsPage


def build(services: Services, demo: gr.Blocks) -> None:
    """Add the page to the current Blocks."""
    ModelsEvents(ModelsPage(), services.scenes.library, demo)


PAGE = Page("Models", "models", build, order=30)

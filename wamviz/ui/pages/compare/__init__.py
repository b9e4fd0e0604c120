"""Several models, or modes of one, on the same question."""

from __future__ import annotations

import gradio as gr

from wamviz.ui.page import Page, Services
from wamviz.ui.pages.compare.events import CompareEvents
from wamviz.ui.pages.compare.layout import ComparePage


def build(services: Services, demo: gr.Blocks) -> None:
    """Add the page to the current Blocks."""
    CompareEvents(ComparePage(services.repository, services.scenes), demo)


PAGE = Page("Compare", "compare", build, order=10)

"""Kept runs, newest first."""

from __future__ import annotations

import gradio as gr

from wamviz.ui.page import Page, Services
from wamviz.ui.pages.history.events import HistoryEvents
from wamviz.ui.pages.history.layout import HistoryPage


def build(services: Services, demo: gr.Blocks) -> None:
    """Add the page to the current Blocks."""
    HistoryEvents(HistoryPage(services.repository), demo)


PAGE = Page("History", "history", build, order=40)

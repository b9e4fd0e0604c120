"""A probe designed, run, rated blind and reported."""

from __future__ import annotations

import gradio as gr

from wamviz.ui.page import Page, Services
from wamviz.ui.pages.probes.events import ProbesEvents
from wamviz.ui.pages.probes.layout import ProbesPage
from wamviz.ui.pages.probes.rating_events import RatingEvents
from wamviz.ui.pages.probes.view import mount_all


def build(services: Services, demo: gr.Blocks) -> None:
    """Add the page to the current Blocks."""
    mount_all(services.shelf, services.repository)
    page = ProbesPage(services)
    ProbesEvents(page, demo)
    RatingEvents(page)


PAGE = Page("Probes", "probes", build, order=15)

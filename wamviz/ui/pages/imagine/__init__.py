"""The start page: ask on the left, see on the right."""

from __future__ import annotations

import gradio as gr

from wamviz.ui import example
from wamviz.ui.page import Page, Services
from wamviz.ui.pages.imagine.events import ImagineEvents
from wamviz.ui.pages.imagine.layout import ImaginePage
from wamviz.ui.pages.imagine.routes import imagine_routes


def build(services: Services, demo: gr.Blocks) -> None:
    """Add the page to the current Blocks."""
    repository, scenes = services.repository, services.scenes
    ImagineEvents(ImaginePage(repository, scenes, example.example_run(repository, scenes)), demo)


PAGE = Page("Imagine", "", build, order=0, routes=imagine_routes)

"""Eight lessons with live experiments."""

from __future__ import annotations

import gradio as gr

from wamviz.ui.classroom.routes import class_routes
from wamviz.ui.page import Page, Services
from wamviz.ui.pages.lessons.events import LessonsEvents
from wamviz.ui.pages.lessons.layout import LessonsPage


def build(services: Services, demo: gr.Blocks) -> None:
    """Add the page to the current Blocks."""
    LessonsEvents(LessonsPage(services), demo)


PAGE = Page(
    "Lessons", "lessons", build, order=17, routes=lambda services: class_routes(services.classroom, services.bench)
)

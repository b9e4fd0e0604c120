"""Driving an imagined world with keys, along a drawn path or by a model, beside the real one."""

from __future__ import annotations

import gradio as gr

from wamviz.ui.page import Page, Services
from wamviz.ui.pages.drive.events import DriveEvents
from wamviz.ui.pages.drive.layout import DrivePage
from wamviz.ui.pages.drive.routes import drive_routes


def build(services: Services, demo: gr.Blocks) -> None:
    """Add the page to the current Blocks."""
    DriveEvents(DrivePage(services.repository, services.scenes), demo)


PAGE = Page("Drive", "drive", build, order=5, routes=drive_routes)

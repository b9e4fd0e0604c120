"""What a page is to the app: its name, its address, and how it is built."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import gradio as gr
from starlette.routing import BaseRoute

from wamviz.core.errors import InvalidInput
from wamviz.lessons import Classroom
from wamviz.probes.results import ResultsShelf
from wamviz.ui.bench import Bench
from wamviz.ui.run_repository import RunRepository
from wamviz.ui.scenes import Scenes


@dataclass(frozen=True)
class Services:
    """What pages work with.

    Args:
        repository: kept runs and shipped examples.
        scenes: the contexts that can be picked, and the datasets that are open.
        shelf: results of probes.
        classroom: the class that is under way, if any.
        bench: where experiments of lessons run.
    """

    repository: RunRepository
    scenes: Scenes
    shelf: ResultsShelf
    classroom: Classroom | None = None
    bench: Bench = field(default_factory=Bench)


@dataclass(frozen=True)
class Page:
    """One page of the app.

    Args:
        title: its name in the menu, and in the browser's tab.
        path: its address below the app's; "" is the start page.
        build: adds its components and events to the current Blocks, which it is handed too.
        order: its place in the menu; the built-in pages have 0 to 40.
        routes: addresses of its own beside Gradio's.
    """

    title: str
    path: str
    build: Callable[[Services, gr.Blocks], None]
    order: int = 100
    routes: Callable[[Services], Sequence[BaseRoute]] = lambda services: ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9-]*", self.path):
            raise InvalidInput(f"'{self.path}' is no address of a page.", "Use small letters, digits and dashes.")

    @property
    def link(self) -> str:
        """Its address, from any page.

        >>> Page("Compare", "compare", print).link
        './compare'
        """
        return f"./{self.path}"

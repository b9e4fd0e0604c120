"""The pages of the app, in the order of the menu.

A page is a folder with ``layout.py`` (components), ``events.py`` (what they do) and ``view.py`` (runs and numbers as
markup), and a ``Page`` called ``PAGE`` in its ``__init__``. The folder is searched: nothing else lists the pages.
"""

from __future__ import annotations

import importlib
import pkgutil

from wamviz.ui.page import Page, Services

__all__ = ["PAGES", "Page", "Services"]


def found_pages() -> tuple[Page, ...]:
    """Every page below this folder, sorted by ``order``."""
    modules = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    return tuple(sorted((module.PAGE for module in modules), key=lambda page: (page.order, page.title)))


PAGES = found_pages()

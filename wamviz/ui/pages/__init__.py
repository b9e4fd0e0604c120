"""The pages of the app, in the order of the menu.

A page is a folder with ``layout.py`` (components), ``events.py`` (what they do) and ``view.py`` (runs and numbers as
markup), and a ``Page`` in its ``__init__``. Adding one takes that folder and one name in ``PAGES``.
"""

from wamviz.ui.page import Page, Services
from wamviz.ui.pages import compare, datasets, history, imagine, models

PAGES: tuple[Page, ...] = (imagine.PAGE, compare.PAGE, datasets.PAGE, models.PAGE, history.PAGE)

__all__ = ["PAGES", "Page", "Services"]

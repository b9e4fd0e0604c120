"""The component itself: static files from this folder in a ``gr.HTML``.

Contract: the template never changes and holds no placeholder, because Gradio evaluates placeholders as scripts;
everything that varies travels in ``value`` and is written as text by the script. It knows no run and no page.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from wamviz.ui.scripts import inline
from wamviz.ui.stage.messages import StageValue, to_json
from wamviz.ui.stage.values import empty_value
from wamviz.ui.wire import pack

FOLDER = Path(__file__).parent
SCRIPTS = FOLDER / "js"


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


class Stage(gr.HTML):
    """Imagined, recorded and executed rollouts in lockstep, with one clock for them and for plots on the page.

    Args:
        value: what to show, see ``values.py`` and ``several.py``; None is an empty stage.
        plots: ``elem_id`` (or ``data-testid``) of Plotly plots whose x axis is time in seconds: they get a moving
            cursor, and a click on them seeks. They may come, go and be drawn anew.
        alone: show the recorded pane only, and nothing that compares.
        several: panes for this many models (up to 4) beside the recorded one, for what ``several_value`` made.
        **kwargs: further arguments of ``gr.HTML`` (``elem_id``, ``visible`` ...).

    >>> from wamviz.ui.wire import unpack
    >>> unpack(Stage().value)["panes"]["imagined"]["samples"]
    []
    """

    def __init__(
        self,
        value: StageValue | None = None,
        *,
        plots: Sequence[str] = ("action-plot", "metric-plot"),
        alone: bool = False,
        several: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value=value or empty_value(),
            html_template=_text("stage.html"),
            css_template=_text("stage.css"),
            js_on_load=inline(SCRIPTS / "stage.js", "stage") + "\nstage.start({ element, props, watch });",
            apply_default_css=False,
            plots=list(plots),
            **({"alone": True} if alone else {}),
            **({"several": several} if several else {}),
            **kwargs,
        )

    def preprocess(self, payload: Any) -> None:
        """The stage is never an input: what a browser sends back is not ours to trust."""
        return None

    def postprocess(self, value: StageValue | None) -> dict[str, Any]:
        """Messages go to the browser as packed JSON; None empties the stage."""
        return pack(to_json(value or empty_value()))

    def api_info(self) -> dict[str, Any]:
        """For the API's description: an object, see ``messages.py``."""
        return {"type": "object"}

"""The Drive page: one component with its own script, which asks the routes beside the page and not Gradio.

Contract: the template never changes and holds no placeholder; what can be chosen travels in ``value``, packed, and is
written as text by the script.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from wamviz.core.errors import WamvizError
from wamviz.models import registry
from wamviz.runs.driving import LONGEST, STEP_MOST
from wamviz.ui import choices
from wamviz.ui.library import SHIPPED
from wamviz.ui.markup import Markup, h
from wamviz.ui.run_repository import TASKS
from wamviz.ui.scenes import Scenes
from wamviz.ui.scripts import inline
from wamviz.ui.wire import pack

FOLDER = Path(__file__).parent
LEAD = "You give the actions, the model imagines what they lead to. Beside it physics does the same."


class DrivePanel(gr.HTML):
    """The cockpit.

    Args:
        value: what can be chosen, see ``offered``.
    """

    def __init__(self, value: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(
            value=value,
            html_template=(FOLDER / "drive.html").read_text(encoding="utf-8"),
            css_template=(FOLDER / "drive.css").read_text(encoding="utf-8"),
            js_on_load=inline(FOLDER / "js" / "drive.js", "drive") + "\ndrive.start({ element, props });",
            apply_default_css=False,
            **kwargs,
        )

    def get_block_name(self) -> str:
        """The browser knows it as plain HTML."""
        return "html"

    def preprocess(self, payload: Any) -> None:
        """What the browser holds is never an input."""
        return None

    def postprocess(self, value: Any) -> Any:
        """To the browser packed."""
        return pack(value or {})


class DrivePage:
    """Builds the page inside the current Blocks."""

    def __init__(self, scenes: Scenes) -> None:
        Markup([h("h1", {"class": "wz-title"}, "Drive the imagined world"), h("p", {"class": "wz-lead"}, LEAD)])
        DrivePanel(offered(scenes), elem_id="wz-drive")


def offered(scenes: Scenes) -> dict[str, Any]:
    """Where a drive can start, and which models can be driven; of the others, their names."""
    cards = [
        {"source": f"{SHIPPED}#{card.index}@0", "task": card.instruction, "picture": card.picture,
         "kind": TASKS.get(card.kind, card.kind)}
        for card in scenes.cards()
    ]  # fmt: skip
    drivable, others = [], []
    for choice in choices.models():
        caps = registry.entry(choice.model_id).capabilities
        if caps.drivable:
            drivable.append({"id": choice.model_id, "label": choice.label, "missing": choice.missing or ""})
        else:
            others.append(caps.title)
    try:
        first = choices.default_model()
    except (IndexError, WamvizError):
        first = ""
    return {"cards": cards, "models": drivable, "others": others, "model": first, "most": STEP_MOST, "longest": LONGEST}

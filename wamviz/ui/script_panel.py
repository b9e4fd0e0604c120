"""A component with a script of its own, which asks the page's addresses and not Gradio.

Contract: the template never changes and holds no placeholder, because Gradio evaluates those as scripts; what it is
told travels in ``value``, packed, and is written as text by the script.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wamviz.ui.markup import ShownHTML
from wamviz.ui.scripts import inline
from wamviz.ui.wire import pack


class ScriptPanel(ShownHTML):
    """A ``gr.HTML`` of three files of a folder: ``NAME.html``, ``NAME.css`` and ``js/NAME.js``.

    Args:
        folder, name: where the files are, and what they are called.
        value: what the script is told, JSON-ready.
    """

    def __init__(self, folder: Path, name: str, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(
            value=value or {},
            html_template=(folder / f"{name}.html").read_text(encoding="utf-8"),
            css_template=(folder / f"{name}.css").read_text(encoding="utf-8"),
            js_on_load=inline(folder / "js" / f"{name}.js", name) + f"\n{name}.start({{ element, props, watch }});",
            apply_default_css=False,
            **kwargs,
        )

    def postprocess(self, value: Any) -> Any:
        """To the browser packed."""
        return pack(value or {})

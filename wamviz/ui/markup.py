"""Markup that Python owns and the browser builds safely: a tree of nodes instead of a string of HTML.

Contract: a node is a string (shown as text, whatever it holds) or ``[tag, attributes, *children]``. The page's
script builds it with ``createElement`` and text nodes from allow-lists, so that an instruction full of angle
brackets, ``{{}}`` or ``${}`` is only ever text. Elements with ``data-pick`` send their value to the
component's ``pick`` event; ``data-confirm`` asks once more before. It knows no run, no model and no page.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from wamviz.ui.scripts import inline
from wamviz.ui.wire import pack

Node = str | list[Any]

STATIC = Path(__file__).parent / "static"


def h(tag: str, attributes: dict[str, Any] | None = None, *children: Node | Sequence[Node] | None) -> list[Any]:
    """One element. Attributes that are None or False are left out, True becomes an empty one; children that are
    None are left out, lists of nodes are spread.

    >>> h("p", {"class": "note", "hidden": False}, "two ", h("b", None, "words"))
    ['p', {'class': 'note'}, 'two ', ['b', {}, 'words']]
    """
    kept = {
        name: "" if value is True else str(value)
        for name, value in (attributes or {}).items()
        if value is not None and value is not False
    }
    node: list[Any] = [tag, kept]
    for child in children:
        if child is None:
            continue
        if isinstance(child, str) or (child and isinstance(child[0], str) and _is_element(child)):
            node.append(child)
        else:
            node.extend(child)
    return node


def _is_element(child: Sequence[Any]) -> bool:
    return len(child) >= 2 and isinstance(child[1], dict)


class ShownHTML(gr.HTML):
    """A ``gr.HTML`` that is told things and never asked: what a subclass puts into its value travels one way."""

    def get_block_name(self) -> str:
        """The browser knows it as plain HTML."""
        return "html"

    def preprocess(self, payload: Any) -> None:
        """What the browser holds is never an input: a forged value must not reach a handler."""
        return None


class Markup(ShownHTML):
    """A gr.HTML whose template never changes and whose value is a list of nodes.

    Args:
        value: the nodes shown at first paint.
        role, live, label, testid: set on the one root element, which stays when the nodes change (a live
            region must exist before its text does).
    """

    def __init__(
        self,
        value: Sequence[Node] = (),
        *,
        role: str = "",
        live: str = "",
        label: str = "",
        testid: str = "",
        **kwargs: Any,
    ) -> None:
        # These four come from the code, never from a user: templates are evaluated as scripts in the browser.
        aria = {"role": role, "aria-live": live, "aria-label": label, "data-testid": testid}
        attributes = "".join(f' {name}="{text}"' for name, text in aria.items() if text)
        super().__init__(
            value=list(value),
            html_template=f'<div class="wz-markup"{attributes}></div>',
            js_on_load=inline(STATIC / "markup.js", "markup") + "\nmarkup.start({ element, props, trigger, watch });",
            apply_default_css=False,
            **kwargs,
        )

    def postprocess(self, value: Any) -> Any:
        """Nodes go to the browser packed."""
        return pack(list(value) if value is not None else [])

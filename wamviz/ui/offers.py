"""Values that the server proposes for fields which a visitor may have changed while it was thinking.

Contract: an event that takes time never writes into such a field itself. It returns an ``offer`` (what the field held
when the event was sent, and what it should hold), and a step in the browser takes it up only where the field is still
as it was (``static/page/offers.js``). ``Newest`` says which of a visitor's events about one thing came last. It knows
no page.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from wamviz.core.plain import dumps
from wamviz.ui.events import PRIVATE

BEGUN = "(...data) => { window.wamviz.begin(); return data; }"
SETTLED = "async (...data) => { await window.wamviz.question(); return data; }"


class Offers:
    """The guarded fields of one page.

    Args:
        fields: the components by the names that offers use.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = dict(fields)
        self.offer = gr.Textbox("", visible="hidden", elem_id="wz-offer")

    def values(self, seen: Mapping[str, Any], offered: Mapping[str, Any]) -> dict[Any, Any]:
        """The update that proposes ``offered`` to a browser whose fields held ``seen`` when it asked.

        Args:
            seen: the fields as the event's inputs brought them; a field that is not among them is taken for untouched.
            offered: new values by field.

        Raises:
            KeyError: a name that is no guarded field.
        """
        rows = [[name, seen.get(name), offered[name], name in seen] for name in self.fields if name in offered]
        if len(rows) != len(offered):
            raise KeyError(next(name for name in offered if name not in self.fields))
        return {self.offer: dumps(rows)}

    def guard(self, *events: Any) -> list[Any]:
        """After each of ``events`` the browser takes up what was offered; returns these steps."""
        names = list(self.fields)
        fields = [self.fields[name] for name in names]
        take = f"(...data) => window.wamviz.take({json.dumps(names)}, ...data)"
        return [event.then(None, [self.offer, *fields], [self.offer, *fields], js=take, **PRIVATE) for event in events]


class Newest:
    """Of several events of one visitor about the same thing, the last one to begin counts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, object] = {}

    def begin(self, visitor: str) -> object:
        """A token for an event that begins now."""
        token = object()
        with self._lock:
            self._last[visitor] = token
        return token

    def current(self, visitor: str) -> object | None:
        """The token of the event that began last, or None."""
        with self._lock:
            return self._last.get(visitor)

    def end(self, visitor: str, token: object) -> bool:
        """Whether the event of ``token`` still counts. If so, what ran beside it counts no more."""
        with self._lock:
            counts = self._last.get(visitor) is token
            if counts:
                self._last[visitor] = object()
            return counts

    def forget(self, visitor: str) -> None:
        """The visitor has left."""
        with self._lock:
            self._last.pop(visitor, None)


def skip(outputs: Sequence[Any]) -> dict[Any, Any]:
    """An update that leaves every one of ``outputs`` as it is."""
    return {component: gr.skip() for component in outputs}

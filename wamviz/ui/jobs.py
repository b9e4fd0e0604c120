"""Stopping what runs: one switch a visitor, looked at between two steps.

Contract: ``begin`` hands out a fresh switch and turns off the visitor's earlier one, so nobody samples twice at
once; ``cancel`` turns the current one off and says whether there was anything to stop. Gradio's own cancel
drops the event without a last word; here the generator itself ends, closes the model's stream and says how far
it came.
"""

from __future__ import annotations

import threading
from typing import Any

# How many may sample or wait to: the device's own line serves them in turn (``wamviz.models.queue``) and tells each
# where it stands, which Gradio's queue, where the next ones wait, would not do on this page.
ON_MODEL: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 8}


class Switch:
    """Turned off once, never on again."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def off(self) -> bool:
        """Whether somebody asked to stop."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until somebody asks to stop, at most so long; whether somebody did."""
        return self._event.wait(seconds)

    def turn_off(self) -> None:
        """Ask to stop."""
        self._event.set()


class Jobs:
    """The current switch of every visitor."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._switches: dict[str, Switch] = {}

    def begin(self, visitor: str) -> Switch:
        """A fresh switch for ``visitor``; an earlier one is turned off."""
        switch = Switch()
        with self._lock:
            earlier = self._switches.get(visitor)
            self._switches[visitor] = switch
        if earlier is not None:
            earlier.turn_off()
        return switch

    def current(self, visitor: str) -> Switch:
        """The visitor's switch; a fresh one when nothing was begun."""
        with self._lock:
            return self._switches.setdefault(visitor, Switch())

    def end(self, visitor: str, switch: Switch) -> None:
        """Forget ``switch`` unless a newer one has taken its place."""
        with self._lock:
            if self._switches.get(visitor) is switch:
                del self._switches[visitor]

    def cancel(self, visitor: str) -> bool:
        """Turn the visitor's switch off; False when nothing runs."""
        with self._lock:
            switch = self._switches.get(visitor)
        if switch is None:
            return False
        switch.turn_off()
        return True

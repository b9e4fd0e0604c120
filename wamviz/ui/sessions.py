"""Visitors' sessions without what only Gradio's deep links need.

For every page that opens, Gradio 6.31 writes down the configuration of every component of every page (0.3 s of a
processor for ours, on the one thread that answers everybody), and once more of each component that an event changes. It
is read where a deep link is made, and this app makes none: its links name runs and lessons. Contract: a session holds
all else that Gradio's does.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gradio.state_holder import SessionState, StateHolder


class LightSession(SessionState):  # type: ignore[misc]
    """What one page holds on the server."""

    def __init__(self, blocks: Any) -> None:
        super().__init__(SimpleNamespace(default_config=blocks.default_config, blocks=()))
        self.blocks_config.config_for_block = _nothing  # of what is changed later


def _nothing(*_: Any) -> dict[str, Any]:
    return {}


class LightSessions(StateHolder):  # type: ignore[misc]
    """The sessions of a server."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = LightSession(self.blocks)
        return super().__getitem__(session_id)


def lighten(app: Any) -> None:
    """Give a running app of Gradio such sessions; those that it has stay."""
    sessions = LightSessions()
    sessions.session_data, sessions.time_last_used = app.state_holder.session_data, app.state_holder.time_last_used
    sessions.set_blocks(app.get_blocks())
    app.state_holder = sessions

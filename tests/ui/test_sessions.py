"""A light session does what Gradio's does for the page, and writes down no configuration."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import StateHolder

from wamviz.core.threads import run_sync
from wamviz.ui.sessions import LightSession, LightSessions, lighten


@pytest.fixture(autouse=True)
def _telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradio writes its own word for off into this when a page is built."""
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")


def opened(kind: type[StateHolder]) -> Any:
    """The sessions of a page with two buttons; built in a running loop, or Gradio leaves one of its own behind."""
    with gr.Blocks(analytics_enabled=False) as demo:
        kept, menu, told = gr.State(0), gr.Dropdown(["a"], value="a"), gr.Textbox()
        button = gr.Button()
        button.click(lambda count, _: (count + 1, gr.update(choices=["a", "b"])), [kept, menu], [kept, menu])
        button.click(lambda count, choice: f"{choice} {count}", [kept, menu], told)
    sessions = kind()
    sessions.set_blocks(demo)
    return sessions


async def press(sessions: Any, event: int, choice: str, session: str = "one") -> list[Any]:
    """What the browser of a session is told when it presses a button."""
    demo = sessions.blocks
    done = await demo.process_api(demo.fns[event], [None, choice], state=sessions[session])
    return list(done["data"])


@pytest.mark.parametrize("kind", [StateHolder, LightSessions])
def test_a_session_remembers_its_state_and_what_was_changed_and_shares_neither(kind: type[StateHolder]) -> None:
    async def visit() -> None:
        sessions = opened(kind)
        assert await press(sessions, 1, "a") == ["a 0"]
        with pytest.raises(gr.Error, match="not in the list of choices"):
            await press(sessions, 1, "b")
        assert [tuple(one) for one in (await press(sessions, 0, "a"))[1]["choices"]] == [("a", "a"), ("b", "b")]
        assert await press(sessions, 1, "b") == ["b 1"]
        assert await press(sessions, 1, "a", "two") == ["a 0"]
        with pytest.raises(gr.Error, match="not in the list of choices"):
            await press(sessions, 1, "b", "two")

    run_sync(visit)


def test_no_configuration_is_written_down_and_open_sessions_go_on() -> None:
    async def visit() -> None:
        sessions = opened(StateHolder)
        app = SimpleNamespace(state_holder=sessions, get_blocks=lambda: sessions.blocks)
        await press(sessions, 0, "a")
        lighten(app)
        assert await press(app.state_holder, 1, "b") == ["b 1"]
        await press(app.state_holder, 0, "a", "two")
        session = app.state_holder["two"]
        assert isinstance(session, LightSession) and not any(session.config_values.values())

    run_sync(visit)

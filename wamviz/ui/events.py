"""How the pages' events are sent: queues, limits, and what the browser puts in place of an input.

Contract: options of Gradio's event listeners and snippets of script, nothing that knows a page's layout beyond the
ids in them.
"""

from __future__ import annotations

from typing import Any

import gradio as gr


def picked_in(markup: str, first: str = "") -> str:
    """Script that puts what was picked in a ``Markup`` in place of the first input.

    Args:
        markup: its ``elem_id``.
        first: script to run before.
    """
    picked = f"document.querySelector('#{markup} .wz-markup').dataset.picked"
    return f"(_, ...rest) => {{ {first} return [{picked}, ...rest]; }}"


def player_number(name: str, place: int = 0) -> str:
    """Script that puts a number of the stage's player (``frame``, ``sample``) in the place of one of the inputs."""
    number = f"String(document.querySelector('#wz-stage .wv-stage').wamvizPlayer.{name})"
    return f"(...data) => {{ data[{place}] = {number}; return data; }}"


BEGIN = "window.wamviz.begin();"  # an event about the question is under way, see ``offers``
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# Only what samples or simulates goes through the queue: its event stream is opened and closed by the browser, and
# Gradio 6.31 can lose the answer to an event that is sent just as the stream of the one before closes.
AT_ONCE: dict[str, Any] = {**PRIVATE, "queue": False}
# Of quick clicks, the last one counts. Only inputs may be read then, not the event: when Gradio 6.31 comes back to a
# click that had to wait, it gathers the inputs anew but sends the event of the click before.
LATEST: dict[str, Any] = {**AT_ONCE, "trigger_mode": "always_last"}
PICKED = picked_in("wz-cards", BEGIN)
SAMPLE = player_number("sample", 1)  # after the job
EXAMPLE = picked_in("wz-examples", BEGIN)
WANTED = f"(_, ...rest) => {{ {BEGIN} return [window.wamviz.wanted(), ...rest]; }}"
SAID = "() => document.querySelector('#wz-chips .wz-markup').dataset.picked"
# What runs has a thread of its own (``background``); such an event only watches.
MOST_WATCHING = 64  # a class, and some more; each holds a thread (``app.THREADS``)
WATCH: dict[str, Any] = {**PRIVATE, "concurrency_id": "watch", "concurrency_limit": MOST_WATCHING}
NEW_SEED = "() => Math.floor(Math.random() * 2147483647)"
SCHEME = "() => window.wamviz.scheme()"
SCHEME_AND_FIELDS = "(_, ...fields) => { window.wamviz.begin(); return [window.wamviz.scheme(), ...fields]; }"
SCHEME_AND_REST = "(_, run) => [window.wamviz.scheme(), run]"
SCHEME_AFTER_STAGE = "async (_, run) => { await window.wamviz.settled(); return [window.wamviz.scheme(), run]; }"
Updates = dict[Any, Any]


def visitor(request: gr.Request) -> str:
    """Which open page a request comes from."""
    return str(request.session_hash or "")

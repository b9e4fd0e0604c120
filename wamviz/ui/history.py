"""The page of kept runs: newest first, each a picture and a line, to be opened again or forgotten.

Contract: layout and its two events; the runs themselves are the store's business.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from wamviz.core.errors import WamvizError
from wamviz.core.media import read_image
from wamviz.metrics import brief_lines
from wamviz.runs.store import RunSummary
from wamviz.ui import choices, present
from wamviz.ui.history_export import ExportPanel
from wamviz.ui.markup import Markup, Node, h
from wamviz.ui.pictures import thumbnail
from wamviz.ui.shelf import Shelf

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
PAGE = 48


def history_page(shelf: Shelf) -> None:
    """Build the page inside the current Blocks."""
    pictures: dict[str, str] = {}

    def show(limit: float) -> tuple[list[Node], Any, Any]:
        found = shelf.list(int(limit) + 1)
        listed = found[: int(limit)]
        return listing(listed, pictures), gr.update(visible=len(found) > limit), panel.choices(listed)

    def forget(limit: float, event: gr.EventData) -> tuple[list[Node], Any, Any, list[Node]]:
        try:
            shelf.delete(str(event.value))
            said = present.status("good", "Forgotten.")
        except WamvizError as error:
            said = present.status("bad", error.message, error.hint)
        return *show(limit), said

    Markup([h("h1", {"class": "wz-title"}, "Kept runs"), h("p", {"class": "wz-lead"}, LEAD)])
    said = Markup([], role="status", live="polite", testid="status", elem_id="wz-history-status")
    limit = gr.Number(PAGE, visible=False)
    runs = Markup([], elem_id="wz-history", testid="history")
    more = gr.Button("Show more", visible=False, elem_id="wz-more")
    panel = ExportPanel(shelf, limit)
    shown = [runs, more, panel.picked]
    gr.context.Context.root_block.load(show, limit, shown, **PRIVATE)
    more.click(lambda now: now + PAGE, limit, limit, **PRIVATE).then(show, limit, shown, **PRIVATE)
    runs.pick(forget, limit, [*shown, said], trigger_mode="multiple", **PRIVATE)


LEAD = "Every finished run stays on this machine until you forget it. The same question asked again is the same run."


def listing(found: list[RunSummary], pictures: dict[str, str]) -> list[Node]:
    """The runs as a list of cards; a plain sentence when there are none."""
    if not found:
        return [h("p", {"class": "wz-empty"}, "Nothing is kept yet. ", h("a", {"href": "./"}, "Imagine something."))]
    return [h("ul", {"class": "wz-runs"}, [_card(run, pictures) for run in found])]


def _card(run: RunSummary, pictures: dict[str, str]) -> list[Any]:
    told = run.instruction or "no instruction"
    line = f"{run.model} · {choices.MODE_TITLES.get(run.mode, run.mode)} · seed {run.seed}"
    line += f" · {run.samples} samples" if run.samples > 1 else ""
    badges = [_closeness(run), _executed(run)]
    return h(
        "li",
        {"class": "wz-run"},
        h(
            "a",
            {"href": f"./?run={run.id}", "class": "wz-runlink"},
            h("img", {"src": _picture(run, pictures), "alt": "", "width": 112, "height": 112, "loading": "lazy"}),
            h("span", {"class": "wz-runwords"}, h("b", None, told), h("small", {"class": "wz-note"}, line),
              h("small", {"class": "wz-note"}, present.made(run.created))),
        ),
        h("div", {"class": "wz-runside"}, [badge for badge in badges if badge is not None],
          h("button", {"type": "button", "class": "wz-forget", "data-pick": run.id, "data-confirm": "Really forget?",
                       "aria-label": f"Forget the run '{told}'"}, "Forget")),
    )  # fmt: skip


def _closeness(run: RunSummary) -> list[Any] | None:
    lines = brief_lines(run.metrics)
    return h("span", {"class": "wz-badge"}, lines[0]) if lines else None


def _executed(run: RunSummary) -> list[Any] | None:
    if not run.has_executed:
        return None
    badges: dict[bool | None, tuple[str, str]] = {
        True: ("succeeded", "wz-good"),
        False: ("failed", "wz-warm"),
        None: ("acted out", "wz-idle"),
    }
    words, kind = badges[run.success]
    return h("span", {"class": f"wz-badge {kind}"}, words)


def _picture(run: RunSummary, pictures: dict[str, str]) -> str:
    if run.id not in pictures:
        try:
            pictures[run.id] = thumbnail(read_image(run.folder / "context.png"))
        except (WamvizError, OSError):
            return ""
    return pictures[run.id]

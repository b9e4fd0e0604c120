"""What the Imagine page says around a run, as markup nodes and values.

Contract: pure functions from runs and models; no component and no event.
"""

from __future__ import annotations

from urllib.parse import quote

from wamviz.runs.actions_file import actions_csv, describe_columns, example_actions
from wamviz.runs.store import Run
from wamviz.ui import choices, run_view
from wamviz.ui.markup import Node, h
from wamviz.ui.run_repository import TASKS, RunRepository
from wamviz.ui.scenes import Scenes

EXAMPLE_RULE = (
    "The first shipped episode of each task, imagined once with seed 0 and run in the simulator; shown as it came out."
)


def examples(repository: RunRepository) -> list[Node]:
    """The shipped examples as buttons, with the rule that chose them; the page's script marks the one on the stage."""
    if not repository.examples:
        return []
    buttons = [
        h("button", {"type": "button", "class": "wz-chip wz-example", "data-pick": run_id}, TASKS[task])
        for task, run_id in repository.examples.items()
    ]
    group = {"class": "wz-chips", "role": "group", "aria-label": "Examples", "data-arrows": True}
    return [
        h("div", {"class": "wz-examples"}, h("span", {"class": "wz-chiptitle"}, "Examples"), h("div", group, buttons)),
        h("p", {"class": "wz-note"}, EXAMPLE_RULE),
    ]


def file_format(model: str) -> list[Node]:
    """What a CSV file of actions looks like for a model, with an example to take away."""
    space = choices.capabilities(model).action_space
    if space is None:
        return []
    rows = actions_csv(example_actions(space)[[0, -1]], space).split()
    link = h(
        "a", {"href": f"./actions-example.csv?model={quote(model)}", "download": "actions-example.csv"}, "An example"
    )
    items = [h("li", None, words) for words in describe_columns(space)]
    text = f"As CSV: the names in the first row, then one row an action, {space.rate:g} a second."
    return [
        h("details", {"class": "wz-format"}, h("summary", None, "The format of a CSV file"),
          h("p", {"class": "wz-note"}, text, " ", link, "."),
          h("ul", {"class": "wz-note"}, items),
          h("p", {"class": "wz-note"}, [h("code", None, f"{row} ") for row in rows])),
    ]  # fmt: skip


def first_settings(model: str) -> dict[str, float]:
    """Where the settings of a model stand before anybody moves them."""
    caps = choices.capabilities(model)
    return {"samples": 1, "horizon": choices.first_horizon(model), "steps": max(1, caps.default_steps), "guidance": 1.0}


def why(reason: str) -> list[Node]:
    """Why the actions cannot be acted out; the page's script reads the mark and greys the button."""
    return [h("p", {"class": "wz-note wz-why", "data-off": True}, reason)] if reason else []


def first_status(shown: Run | None, scenes: Scenes) -> list[Node]:
    """The status before anything was pressed: what is on the stage, and what to do."""
    if scenes.problem and shown is None:
        return run_view.status("idle", "Ready.", f"{scenes.problem} Add a picture of your own to start.")
    if shown is None:
        return run_view.status("idle", "Ready.", "Pick a context, say what to do, and press Imagine.")
    if choices.capabilities(shown.model).control:
        text = f"The example shown was made by a baseline ({shown.model}), not by a trained model."
        return run_view.status("idle", text, "Press Imagine to make your own.")
    return run_view.status("idle", "The example shown was imagined earlier.", "Press Imagine to make one now.")

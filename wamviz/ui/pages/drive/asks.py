"""What the page's two buttons start: a drawn path is imagined and executed, or a model drives by itself.

Contract: generators of named parts, like ``run_actions``; whatever is refused becomes a sentence in the status. Each
ends with a kept run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from wamviz.core.devices import on_gpu
from wamviz.core.errors import InvalidInput
from wamviz.core.media import resize
from wamviz.core.rollout import Preview
from wamviz.models import registry
from wamviz.models.cache import resolve_device
from wamviz.models.protocol import Capabilities
from wamviz.models.queue import DEVICE_QUEUE
from wamviz.runs.closed_loop import ClosedLoop, LoopStep, check_can_act, loop_run, stream_closed_loop
from wamviz.runs.driving.path import away_from_path, check_corners
from wamviz.runs.imagine import Eta
from wamviz.runs.loop_report import Stretch, stretches, what_went_wrong
from wamviz.runs.sources import Context
from wamviz.runs.store import Run
from wamviz.ui import choices, run_actions, run_view
from wamviz.ui.jobs import Switch
from wamviz.ui.markup import Node, h
from wamviz.ui.pages.drive.paths import check_actions, space_of
from wamviz.ui.run_actions import GPU_SECONDS, Parts, refused, whole
from wamviz.ui.run_repository import RunRepository
from wamviz.ui.stage import StageValue, preview_value
from wamviz.ui.stage.clips import strip

Find = Callable[[str], Context]
HEAD = "look", "from", "task's progress", "farthest from where it was imagined", "arm's overlap"


# --- a drawn path ---


def drive_path(
    drawn: str, find: Find, repository: RunRepository, switch: Switch, held: str | None, theme: str
) -> Iterator[Parts]:
    """Imagine what the actions of a path lead to, then execute them.

    Args:
        drawn: what the board says, as JSON: source, model, task, actions, and the corners where they were drawn.
        find: the context of a source.
    """
    told: dict[str, Any] = {}
    corners: list[Any] = []

    def read() -> run_actions.Question:
        try:
            told.update(json.loads(drawn or "{}"))
        except (ValueError, TypeError):
            raise InvalidInput("Nothing was drawn.", "Drag on the picture first.") from None
        space = space_of(told.get("model"))
        actions = space.clip(check_actions(told.get("actions"), space))
        if told.get("corners"):
            corners.extend(check_corners(told["corners"]))
        context = find(str(told.get("source", ""))[:300]).reworded(str(told.get("task", ""))[:500])
        caps = registry.entry(str(told["model"])).capabilities
        return caps, context, {"mode": "forward_dynamics", "actions": actions}

    run_id = None
    for parts in run_actions.ask(read, repository, switch, held, theme):
        run_id = parts.get("run", run_id)
        yield {**parts, "report": []}
    if run_id is None or switch.off or run_actions.why_not_act(repository.load(run_id)):
        return
    executed = False
    for parts in run_actions.execute(run_id, repository, switch, theme):
        executed = executed or "run" in parts
        yield parts
    if executed:
        yield {"report": path_report(repository.load(run_id), corners)}


def path_report(run: Run, corners: list[Any]) -> list[Node]:
    """How well the hand followed what was drawn, in physics; nothing where nothing was drawn."""
    executed = run.executed
    if not corners or executed is None or executed.states is None:
        return []
    places = np.asarray(executed.states[:, :3], np.float64)
    line = np.concatenate([places[:1], np.asarray(corners, np.float64)[:, :3]])
    off, end = 100 * float(away_from_path(places, line).max()), 100 * float(np.linalg.norm(places[-1] - line[-1]))
    clipped = " The table or a thing was in its way, or the arm ends there." if off > 3 else ""
    words = f"In physics the hand stayed within {off:.1f} cm of what was drawn and ended {end:.1f} cm from its end."
    return [h("p", {"class": "wz-note", "data-testid": "path-report"}, words + clipped)]


# --- a model that drives ---


class Question(NamedTuple):
    """What the form in which a model drives holds, as the browser sent it.

    Attributes:
        seed: of the scene; task: what is to be done, "" for the scene's own.
        model, mode: who drives, and how it is asked.
        execute: actions taken before it looks again.
        sampling_seed: chunk i is imagined with this plus i.
    """

    seed: Any
    task: str
    model: str
    mode: str
    execute: Any
    sampling_seed: Any


def drive_model(
    question: Question, repository: RunRepository, switch: Switch, held: str | None, theme: str
) -> Iterator[Parts]:
    """The model looks, acts, and looks again after ``execute`` actions, until it is done or stopped."""
    shown = False
    try:
        yield {"status": run_view.status("busy", "Setting up the scene …", done=0.0), "report": []}
        model_id = choices.read_model(question.model)
        stream = loop_on_card(
            model_id,
            choices.read_mode(question.mode),
            switch,
            seed=whole(question.seed, "seed of the scene"),
            instruction=question.task,
            execute=whole(question.execute, "number of actions a look"),
            sampling_seed=whole(question.sampling_seed, "seed"),
        )
        caps, eta, run = choices.capabilities(model_id), Eta(), None
        with closing(stream):  # type: ignore[type-var]
            for event in stream:
                if isinstance(event, Run):
                    run = event
                    break
                if switch.off:
                    break
                if isinstance(event, str):
                    yield {"status": run_view.status("busy", event, done=0.0)}
                    continue
                yield {"status": loop_status(event, eta)}
                if event.doing == "imagining" and event.taken:
                    shown = True
                    yield {"stage": loop_preview(event, caps, question.task), "verdict": []}
        if run is None or switch.off:
            yield {"status": run_view.status("idle", "Stopped; nothing was kept.")}
            if shown:
                yield run_actions.restore(held, repository)
            return
        kept = repository.keep(run)
        yield {**run_actions.run_parts(kept, repository, theme, autoplay=True), **loop_words(kept)}
    except Exception as error:  # whatever it was, the page stays usable
        yield {**refused(error), **(run_actions.restore(held, repository) if shown else {})}


@on_gpu(GPU_SECONDS)
def loop_on_card(model_id: str, mode: str, switch: Switch, **options: Any) -> Iterator[LoopStep | Run | str]:
    """The closed loop of a registered model: how it goes, what it waits for, and the finished run at the end."""
    entry = registry.entry(model_id)
    entry.capabilities.check_mode(mode)
    with DEVICE_QUEUE.join(resolve_device(entry, "auto"), f"drive {entry.capabilities.model_id}") as turn:
        if entry.resident:
            while (wait := turn.wait()) is not None:
                yield wait.words
        with registry.borrow(model_id) as model, run_actions.its_turn(run_actions.PHYSICS, switch):
            check_can_act(model, mode)
            for event in stream_closed_loop(model, mode=mode, **options):
                if isinstance(event, ClosedLoop):
                    yield "Measuring how far it agrees …"
                    yield loop_run(model, mode, event)
                else:
                    yield event


def loop_status(event: LoopStep, eta: Eta) -> list[Node]:
    """Actions taken, and at most how long it still takes: nobody knows when it will be done."""
    remaining = eta.update(event.taken, event.limit)
    left = "" if remaining is None or not event.taken else f" · at most {run_view.seconds(remaining)} left"
    doing = "looks and imagines" if event.doing == "imagining" else event.doing
    words = f"Action {event.taken} of at most {event.limit}"
    return run_view.status("busy", words, f"{doing}{left}", event.taken / max(1, event.limit))


def loop_preview(event: LoopStep, caps: Capabilities, task: str) -> StageValue:
    """What was imagined look by look, beside what happened, until now."""
    value = preview_value(Preview(event.taken, event.limit, None, note="driving"), caps)
    happened = np.stack(event.happened)
    panes = {**value.panes, "executed": replace(value.panes["executed"], samples=(strip(happened, 5.0),))}
    if len(event.expected) > 1 and caps.video_fps == 5.0:
        size = event.expected[-1].shape[1:3]
        frames = np.concatenate([resize(part, *size) for part in event.expected])
        panes["imagined"] = replace(value.panes["imagined"], samples=(strip(frames, caps.video_fps, "look by look"),))
    return replace(value, panes=panes, instruction=task)


def loop_words(run: Run) -> Parts:
    """The status and the report of a closed loop."""
    executed = run.executed
    assert executed is not None
    found = stretches(run)
    words = what_went_wrong(run, found)
    first, _, rest = words.partition(". ")
    kind = {True: "good", False: "warm", None: "idle"}[executed.success]
    return {"status": run_view.status(kind, f"{first.rstrip('.')}.", rest), "report": loop_report(run)}


def loop_report(run: Run) -> list[Node]:
    """A row a look, each with a button that shows its moment; nothing for runs that are no closed loop."""
    found = stretches(run)
    if not found:
        return []
    rate = 5.0 if run.executed is None or run.executed.action_space is None else run.executed.action_space.rate
    head = h("tr", None, [h("th", {"scope": "col"}, name) for name in HEAD])
    rows = [look_row(one, rate) for one in found]
    table = h("table", {"class": "wz-table wd-looks"}, h("thead", None, head), h("tbody", None, rows))
    note = "Pixels of 128; where things are in the imagined picture, an independent network says."
    return [h("p", {"class": "wz-note"}, what_went_wrong(run, found, rate)), table, h("p", {"class": "wz-note"}, note)]


def look_row(one: Stretch, rate: float) -> Node:
    """What came of one look; its button seeks the moment before the next one."""
    progress = gap = arm = "not known"
    if one.after is not None:
        progress = f"{100 * (one.before or 0):.0f} → {100 * one.after:.0f} %"
    if one.gap is not None:
        gap = f"{one.which.replace('_', ' ')}, {f'{one.gap:.1f} px' if np.isfinite(one.gap) else 'not shown'}"
    if one.arm is not None:
        arm = f"{100 * one.arm:.0f} %"
    title = "Show the moment before the next look"
    button = h("button", {"type": "button", "class": "wz-chip", "data-pick": one.stop, "title": title}, str(one.look))
    cells = [h("td", None, text) for text in (f"{one.start / rate:.1f} s", progress, gap, arm)]
    return h("tr", None, h("th", {"scope": "row"}, button), cells)


def loop_models() -> list[tuple[str, str]]:
    """Models that can drive by themselves, as (label, id)."""
    return [
        (choice.label, choice.model_id)
        for choice in choices.models()
        if "tabletop" in registry.entry(choice.model_id).capabilities.worlds and loop_modes(choice.model_id)
    ]


def loop_modes(model_id: str) -> list[str]:
    """The modes in which a model gives actions from a context alone."""
    modes = registry.entry(model_id).capabilities.modes
    return [mode for mode in modes if mode in ("joint", "imagine_then_act", "act_only")]

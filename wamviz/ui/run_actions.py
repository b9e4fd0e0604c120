"""What happens when something is pressed: generators of updates, without a layout.

Contract: a handler takes plain values and yields dicts from the name of a part of the page to its new value; the
page knows which component is which. Bad input becomes a sentence in the status, and leaves
everything else as it is; so does a mistake of ours, whose trace goes to the log.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

from wamviz.core.devices import on_gpu
from wamviz.core.errors import InvalidInput, WamvizError
from wamviz.core.rollout import Preview, Rollout
from wamviz.models.protocol import Capabilities
from wamviz.runs import execution, infer_actions, ranking
from wamviz.runs.conditioning import REQUIRED, frames_at_most
from wamviz.runs.imagine import Eta, imagine_run
from wamviz.runs.sources import Context, context_of
from wamviz.runs.store import Run
from wamviz.ui import choices, metrics_table, plots, ranking_view, run_view
from wamviz.ui.jobs import Switch
from wamviz.ui.run_repository import RunRepository
from wamviz.ui.scenes import Scene, Scenes
from wamviz.ui.stage import StageValue, empty_value, preview_value, stage_value

log = logging.getLogger(__name__)
Parts = dict[str, Any]
Question = tuple[Capabilities, Context, dict[str, Any]]
GPU_SECONDS = 120
CHUNK_ERROR = "error of each chunk (% of half the range, against the recording)"
PHYSICS = threading.Lock()  # one simulation at a time: they share the renderer and two cores

# On a ZeroGPU Space the card is borrowed for the sampling alone; elsewhere this is imagine_run itself.
imagine_on_card = on_gpu(GPU_SECONDS)(imagine_run)


# What the form holds when Imagine is pressed, beside the scene and its frame; values are as the browser sent them.
FORM = ("instruction", "model", "mode", "seed", "samples", "steps", "given", "horizon", "guidance")


def imagine(
    scene: Scene,
    frame: Any,
    form: Mapping[str, Any],
    scenes: Scenes,
    repository: RunRepository,
    switch: Switch,
    held: str | None,
    theme: str,
) -> Iterator[Parts]:
    """Stream previews to the stage and end with the finished, kept run.

    Args:
        form: the values of ``FORM`` by name.
        held: id of the run that is on the stage now; it comes back when this one is stopped or fails.
        theme: the visitor's colour scheme, for the plots.
    """

    def read() -> Question:
        caps = choices.capabilities(choices.read_model(form["model"]))
        return caps, *read_form(scene, frame, form, caps, scenes)

    yield from ask(read, repository, switch, held, theme)


def ask(
    read: Callable[[], Question], repository: RunRepository, switch: Switch, held: str | None, theme: str
) -> Iterator[Parts]:
    """The same for what ``read`` returns: a model's capabilities, a context, and the arguments of ``imagine_run``."""
    step, shown = 0, None
    try:
        yield {"status": run_view.status("busy", "Reading the context …", done=0.0)}
        caps, context, options = read()
        eta, run = Eta(), None
        with closing(imagine_on_card(caps.model_id, context, **options)) as stream:  # type: ignore[type-var]
            for event in stream:
                if isinstance(event, Run):
                    run = event
                    break
                step = event.step
                if switch.off:
                    break
                parts = preview_parts(event, caps, context, eta)
                if shown is None and "stage" in parts:
                    parts |= {"verdict": [], "order": []}  # of the run before, they do not belong to this picture
                shown = parts.get("stage", shown)
                yield parts
        if run is None or switch.off:
            yield stopped(step, shown)
            return
        yield {**run_parts(repository.keep(run), repository, theme, autoplay=True), "status": run_view.finished(run)}
    except Exception as error:  # whatever it was, the page stays usable and nothing entered is lost
        yield {**refused(error), **(restore(held, repository) if shown else {})}


def execute(run_id: str | None, repository: RunRepository, switch: Switch, theme: str) -> Iterator[Parts]:
    """Execute the imagined actions in the world and put the executed rollout on the stage."""
    try:
        run = repository.load(run_id) if run_id else None
        reason = why_not_act(run)
        if run is None or reason:
            yield {"status": run_view.status("idle", reason)}
            return
        yield {"status": run_view.status("busy", "Setting up the simulator …", done=0.0)}
        executed, first = None, run.imagined[0]
        assert first.actions is not None  # why_not_act has looked
        stream = execution.act_out(
            run.world_state, first.actions, run.instruction, camera=first.camera or "exterior", space=first.action_space
        )
        with its_turn(PHYSICS, switch), closing(stream):  # type: ignore[type-var]
            for event in stream:
                if switch.off:
                    break
                if isinstance(event, Rollout):
                    executed = event
                    break
                yield {"status": run_view.execution_status(event.step, event.steps)}
        if executed is None:
            yield {"status": run_view.status("idle", "Stopped the simulator; nothing was kept.")}
            return
        yield {"status": run_view.status("busy", "Measuring how far it agrees …", done=1.0)}
        run = repository.attach_executed(run.id, executed)
        yield {**run_parts(run, repository, theme, autoplay=True), "status": run_view.executed(run)}
    except Exception as error:
        yield {**refused(error)}


def infer(
    run_id: str | None, sample: str, model: str, repository: RunRepository, switch: Switch, theme: str
) -> Iterator[Parts]:
    """Read the actions out of an imagined video: a new run with the same video, by ``model`` or else whoever can."""
    step = 0
    try:
        run = repository.load(run_id) if run_id else None
        reason = infer_actions.why_not(run)
        if run is None or reason:
            yield {"status": run_view.status("idle", reason)}
            return
        yield {"status": run_view.status("busy", "Looking at the video …", done=0.0)}
        readers = infer_actions.readers()
        reader = model if model in readers else readers[0]
        eta, finished = Eta(), None
        chosen = int(sample) if sample.isdecimal() and len(sample) < 4 else 0
        opened = imagine_on_card(reader, context_of(run, chosen), mode=infer_actions.MODE)
        with closing(opened) as stream:  # type: ignore[type-var]
            for event in stream:
                if isinstance(event, Run):
                    finished = event
                    break
                step = event.step
                if switch.off:
                    break
                yield {"status": run_view.step_status(event, eta.update(event.step, event.steps))}
        if finished is None or switch.off:
            yield {**stopped(step)}
            return
        yield {
            **run_parts(repository.keep(finished), repository, theme, autoplay=True),
            "status": run_view.finished(finished),
        }
    except Exception as error:
        yield {**refused(error)}


@contextmanager
def its_turn(lock: threading.Lock, switch: Switch) -> Iterator[None]:
    """Hold ``lock``; whoever waits for it hears of Cancel within a moment, and then goes on without it."""
    while not (held := lock.acquire(timeout=0.2)) and not switch.off:
        pass
    try:
        yield
    finally:
        if held:
            lock.release()


def why_not_act(run: Run | None) -> str:
    """Why the actions of this run cannot be executed, or ""."""
    if run is None:
        return "There is no run to execute yet: imagine one first."
    first = run.imagined[0]
    reason = execution.why_not(run.world_state, first.actions, first.action_space)
    if reason and (first.actions is None or run.world_state is None):
        return f"{reason} Pick an episode or a fresh tabletop scene, and a mode that returns actions."
    return reason or ""


def read_form(
    scene: Scene, frame: Any, form: Mapping[str, Any], caps: Capabilities, scenes: Scenes
) -> tuple[Context, dict[str, Any]]:
    """The context and the arguments of ``imagine_run`` that a form means; ``WamvizError`` says what to change.

    No more is read of what really happened than this model can imagine.
    """
    mode = choices.read_mode(form["mode"])
    horizon = whole(form.get("horizon") or 0, "horizon") or None
    seconds = frames_at_most(caps, mode, horizon) / caps.video_fps
    context = scenes.context(scene, whole(frame or 0, "frame"), seconds)
    options: dict[str, Any] = {
        "mode": mode,
        "seed": whole(form["seed"], "seed"),
        "samples": whole(form["samples"], "number of samples"),
        "steps": whole(form["steps"], "number of steps") if caps.default_steps else None,
        "horizon": horizon,
        "guidance": number(form.get("guidance", 1.0), "guidance"),
        "truth": True,
    }
    if form.get("given") and mode in REQUIRED:
        options[REQUIRED[mode]] = form["given"]
    return context.reworded(form["instruction"] or ""), options


def whole(value: Any, what: str) -> int:
    """``value`` as an int, or ``WamvizError``: an emptied number field is None, a typed one may be 0.5."""
    read = number(value, what, "Write a whole number.")
    if read != int(read):
        raise InvalidInput(f"The {what} must be a whole number, not {read:g}.")
    return int(read)


def number(value: Any, what: str, hint: str = "Write a number.") -> float:
    """``value`` as a float, or ``WamvizError`` when the field was emptied."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InvalidInput(f"The {what} is missing.", hint) from None


def preview_parts(event: Preview, caps: Capabilities, context: Context, eta: Eta) -> Parts:
    """The stage and the status while it forms."""
    remaining = eta.update(event.step, event.steps)
    parts: Parts = {"status": run_view.step_status(event, remaining)}
    if event.frames is not None or event.step:
        parts["stage"] = preview_value(event, caps, context, eta=remaining)
    return parts


def chunk_borders(run: Run) -> list[float]:
    """When (s) one call of the model ended and the next began; none for a single chunk or an unknown model."""
    first = run.imagined[0]
    if first.actions is None or first.action_space is None:
        return []
    try:
        size = int(first.meta.get("chunk") or choices.capabilities(run.model).horizon)
    except WamvizError:  # it is not connected any more
        return []
    return [k / first.action_space.rate for k in range(size, len(first.actions), size)] if size > 0 else []


def figure_parts(run: Run, theme: str) -> Parts:
    """The plots of a run in the visitor's colour scheme."""
    theme = theme if theme in plots.THEMES else "light"
    borders = chunk_borders(run)
    error = plots.chunk_error_lane(run, borders)
    figure = plots.add_lanes(plots.action_figure(run, theme=theme), [error] if error else [], CHUNK_ERROR, theme)
    return {
        "action_plot": plots.mark_chunks(figure, borders, theme),
        "metric_plot": plots.metric_figure(run, theme=theme),
        "path_plot": plots.trajectory_figure(run, theme=theme),
    }


def recolour(run_id: str | None, repository: RunRepository, theme: str) -> Parts:
    """The plots again, after the colour scheme has changed."""
    try:
        return figure_parts(repository.load(run_id), theme) if run_id else {}
    except WamvizError:  # deleted meanwhile; what is drawn stays
        return {}


def run_parts(run: Run, repository: RunRepository, theme: str = "light", **stage: Any) -> Parts:
    """Everything on the page that shows a run; ``stage`` goes on to ``stage_value`` (frame, view, autoplay)."""
    return {
        "run": run.id,
        "stage": _stage(run, repository, **stage),
        "metrics": metrics_table.table(run),
        **figure_parts(run, theme),
        "plot_words": run_view.plot_words(run),
        "table": run_view.numbers(run),
        "facts": run_view.facts(run),
        "downloads": run_view.downloads(run.id),
        "verdict": run_view.verdict(run),
        "act": why_not_act(run),
        "explain": run.imagined[0].actions is None and not infer_actions.why_not(run),
        "rank": not ranking.why_not(run),
        "order": ranking_view.order(run),
    }


def _stage(run: Run, repository: RunRepository, **more: Any) -> StageValue:
    """What the stage is told of a run that is kept."""
    weights, order = choices.weights_words(run), ranking_view.ranked(run)
    return stage_value(run, repository.url(run.id), weights=weights, ranking=order, **more)


def restore(held: str | None, repository: RunRepository) -> Parts:
    """Put the earlier run back on the stage after a preview was shown there; an empty stage when there was none."""
    try:
        run = None if held is None else repository.load(held)
        if run is None:
            return {"stage": empty_value()}
        return {"stage": _stage(run, repository)}
    except WamvizError:  # deleted meanwhile
        return {"stage": empty_value()}


def reopen(repository: RunRepository, run_id: str, frame: str | None, view: str | None, theme: str) -> Parts:
    """The run of a permalink, at its frame and in its view; a clear message for an id that is not kept here."""
    try:
        run = repository.load(run_id)
        at = int(frame) if frame and frame.isdecimal() and len(frame) < 7 else None
        status = run_view.status(
            "good", "Reopened from its link.", f"{run.model}, made {run_view.format_time(run.created)}."
        )
        return {**run_parts(run, repository, theme, frame=at, view=view), "status": status}
    except Exception as error:
        return refused(error)


def stopped(step: int, shown: StageValue | None = None) -> Parts:
    """The status after Cancel, and on the stage what there was until then."""
    where = f"Stopped at step {step}" if step else "Stopped before the first step"
    if shown is None:
        return {"status": run_view.status("idle", f"{where}; nothing was kept.")}
    unfinished = replace(shown, preview=None, note=f"Unfinished: {where.lower()}. It is not in History.")
    words = "The unfinished video stays on the stage; below are still the numbers of the run before."
    return {"status": run_view.status("idle", f"{where}.", words), "stage": unfinished}


def refused(error: BaseException) -> Parts:
    """One plain sentence for whatever went wrong; the trace of our own mistakes goes to the log."""
    if isinstance(error, WamvizError):
        return {"status": run_view.status("bad", error.message, error.hint), "sentence": str(error)}
    log.error("Unexpected mistake", exc_info=error)
    text = "Something went wrong on our side. What you entered is still here; the server's log says more."
    return {"status": run_view.status("bad", text), "sentence": text}

"""What happens when something is pressed: generators of updates, without a layout.

Contract: a handler takes plain values and yields dicts from the name of a part of the page to its new value; the
page knows which component is which. Bad input becomes a sentence in the status, and leaves
everything else as it is; so does a mistake of ours, whose trace goes to the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from wamviz.core.devices import on_gpu
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Preview, Rollout, cut
from wamviz.models.protocol import Capabilities
from wamviz.runs import execution, infer_actions
from wamviz.runs.conditioning import REQUIRED, frames_at_most
from wamviz.runs.imagine import Eta, imagine_run
from wamviz.runs.sources import Context, context_of
from wamviz.runs.store import Run
from wamviz.ui import choices, measures, plots, present
from wamviz.ui.jobs import Switch
from wamviz.ui.scenes import Scene, Scenes
from wamviz.ui.shelf import Shelf
from wamviz.ui.stage import empty_value, preview_value, stage_value

log = logging.getLogger(__name__)
Parts = dict[str, Any]
GPU_SECONDS = 120

# On a ZeroGPU Space the card is borrowed for the sampling alone; elsewhere this is imagine_run itself.
imagine_on_card = on_gpu(GPU_SECONDS)(imagine_run)


@dataclass(frozen=True)
class Wish:
    """What the form holds when Imagine is pressed; numbers are as the browser sent them."""

    scene: Scene
    frame: Any
    instruction: str | None
    model: str
    mode: str
    seed: Any
    samples: Any
    steps: Any
    given: str | None = None
    horizon: Any = None
    guidance: Any = 1.0


def imagine(wish: Wish, scenes: Scenes, shelf: Shelf, switch: Switch, held: str | None, theme: str) -> Iterator[Parts]:
    """Stream previews to the stage and end with the finished, kept run.

    Args:
        held: id of the run that is on the stage now; it comes back when this one is stopped or fails.
        theme: the visitor's colour scheme, for the plots.
    """
    step, shown = 0, False
    try:
        yield {"status": present.status("busy", "Reading the context …", done=0.0), "running": True}
        wish = replace(wish, model=choices.read_model(wish.model), mode=choices.read_mode(wish.mode))
        caps = choices.capabilities(wish.model)
        context, options = prepare(wish, scenes)
        eta, run = Eta(), None
        with closing(imagine_on_card(wish.model, context, **options)) as stream:  # type: ignore[type-var]
            for event in stream:
                if isinstance(event, Run):
                    run = event
                    break
                step = event.step
                if switch.off:
                    break
                parts = preview_parts(event, caps, context, eta)
                shown = shown or "stage" in parts
                yield parts
        if run is None or switch.off:
            yield {**stopped(step), **(restore(held, shelf) if shown else {}), "running": False}
            return
        kept = shelf.load(shelf.save(run))  # asked before, it may have been acted out since
        yield {**run_parts(kept, shelf, theme, autoplay=True), "status": present.finished(run), "running": False}
    except Exception as error:  # whatever it was, the page stays usable and nothing entered is lost
        yield {**refused(error), **(restore(held, shelf) if shown else {}), "running": False}


def act_out(run_id: str | None, shelf: Shelf, switch: Switch, theme: str) -> Iterator[Parts]:
    """Execute the imagined actions in the world and put the executed rollout on the stage."""
    try:
        run = shelf.load(run_id) if run_id else None
        reason = why_not_act(run)
        if run is None or reason:
            yield {"status": present.status("idle", reason), "running": False}
            return
        yield {"status": present.status("busy", "Setting the table …", done=0.0), "running": True}
        executed, first = None, run.imagined[0]
        assert first.actions is not None  # why_not_act has looked
        stream = execution.act_out(
            run.world_state, first.actions, run.instruction, camera=first.camera or "exterior", space=first.action_space
        )
        with closing(stream):  # type: ignore[type-var]
            for event in stream:
                if switch.off:
                    break
                if isinstance(event, Rollout):
                    executed = event
                    break
                yield {"status": present.acting_status(event.step, event.steps)}
        if executed is None:
            yield {"status": present.status("idle", "Stopped acting out; nothing was kept."), "running": False}
            return
        yield {"status": present.status("busy", "Measuring how far it agrees …", done=1.0)}
        run = shelf.attach_executed(run.id, executed)
        yield {**run_parts(run, shelf, theme, autoplay=True), "status": present.acted(run), "running": False}
    except Exception as error:
        yield {**refused(error), "running": False}


def explain(run_id: str | None, sample: str, model: str, shelf: Shelf, switch: Switch, theme: str) -> Iterator[Parts]:
    """Read the actions out of an imagined video: a new run with the same video, by ``model`` or else whoever can."""
    step = 0
    try:
        run = shelf.load(run_id) if run_id else None
        reason = infer_actions.why_not(run)
        if run is None or reason:
            yield {"status": present.status("idle", reason), "running": False}
            return
        yield {"status": present.status("busy", "Looking at the video …", done=0.0), "running": True}
        readers = infer_actions.readers()
        reader = model if model in readers else readers[0]
        eta, made = Eta(), None
        chosen = int(sample) if sample.isdecimal() and len(sample) < 4 else 0
        opened = imagine_on_card(reader, context_of(run, chosen), mode=infer_actions.MODE)
        with closing(opened) as stream:  # type: ignore[type-var]
            for event in stream:
                if isinstance(event, Run):
                    made = event
                    break
                step = event.step
                if switch.off:
                    break
                yield {"status": present.step_status(event, eta.update(event.step, event.steps))}
        if made is None or switch.off:
            yield {**stopped(step), "running": False}
            return
        shelf.save(made)
        yield {**run_parts(made, shelf, theme, autoplay=True), "status": present.finished(made), "running": False}
    except Exception as error:
        yield {**refused(error), "running": False}


def why_not_act(run: Run | None) -> str:
    """Why the actions of this run cannot be acted out, or ""."""
    if run is None:
        return "There is no run to act out yet: imagine one first."
    first = run.imagined[0]
    reason = execution.why_not(run.world_state, first.actions, first.action_space)
    if reason and (first.actions is None or run.world_state is None):
        return f"{reason} Pick an episode or a fresh tabletop scene, and a mode that returns actions."
    return reason or ""


def prepare(wish: Wish, scenes: Scenes) -> tuple[Context, dict[str, Any]]:
    """The context and the arguments of ``imagine_run`` that a wish means; ``WamvizError`` says what to change."""
    caps = choices.capabilities(wish.model)
    horizon = None if wish.horizon is None else whole(wish.horizon, "horizon") or None
    seconds = frames_at_most(caps, wish.mode, horizon) / caps.video_fps
    # What is cut off below need not be decoded.
    context = scenes.context(wish.scene, whole(wish.frame or 0, "frame"), seconds + 1)
    options: dict[str, Any] = {
        "mode": wish.mode,
        "seed": whole(wish.seed, "seed"),
        "samples": whole(wish.samples, "number of samples"),
        "steps": whole(wish.steps, "number of steps") if caps.default_steps else None,
        "horizon": horizon,
        "guidance": number(wish.guidance, "guidance"),
    }
    if context.reference is not None:
        context = replace(context, reference=cut(context.reference, seconds))
    if wish.given and wish.mode in REQUIRED:
        options[REQUIRED[wish.mode]] = wish.given
    return replace(context, instruction=wish.instruction or ""), options


def whole(value: Any, what: str) -> int:
    """``value`` as an int, or ``WamvizError``: an emptied number field is None, a typed one may be 0.5."""
    read = number(value, what, "Write a whole number.")
    if read != int(read):
        raise WamvizError(f"The {what} must be a whole number, not {read:g}.")
    return int(read)


def number(value: Any, what: str, hint: str = "Write a number.") -> float:
    """``value`` as a float, or ``WamvizError`` when the field was emptied."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise WamvizError(f"The {what} is missing.", hint) from None


def preview_parts(event: Preview, caps: Capabilities, context: Context, eta: Eta) -> Parts:
    """The stage and the status while it forms."""
    remaining = eta.update(event.step, event.steps)
    parts: Parts = {"status": present.step_status(event, remaining)}
    if event.frames is not None or event.step:
        parts["stage"] = preview_value(event, caps, context, eta=remaining)
    return parts


def figure_parts(run: Run, theme: str) -> Parts:
    """The plots of a run in the visitor's colour scheme."""
    theme = theme if theme in plots.THEMES else "light"
    return {
        "action_plot": plots.action_figure(run, theme=theme),
        "metric_plot": plots.metric_figure(run, theme=theme),
        "path_plot": plots.trajectory_figure(run, theme=theme),
    }


def recolour(run_id: str | None, shelf: Shelf, theme: str) -> Parts:
    """The plots again, after the colour scheme has changed."""
    try:
        return figure_parts(shelf.load(run_id), theme) if run_id else {}
    except WamvizError:  # deleted meanwhile; what is drawn stays
        return {}


def run_parts(run: Run, shelf: Shelf, theme: str = "light", **stage: Any) -> Parts:
    """Everything on the page that shows a run; ``stage`` goes on to ``stage_value`` (frame, view, autoplay)."""
    return {
        "run": run.id,
        "stage": stage_value(run, shelf.url(run.id), weights=choices.weights_words(run), **stage),
        "metrics": measures.table(run),
        **figure_parts(run, theme),
        "told": present.told(run),
        "table": present.numbers(run),
        "facts": present.facts(run),
        "downloads": present.downloads(run.id),
        "verdict": present.verdict(run),
        "act": why_not_act(run),
        "explain": run.imagined[0].actions is None and not infer_actions.why_not(run),
    }


def restore(held: str | None, shelf: Shelf) -> Parts:
    """Put the earlier run back on the stage after a preview was shown there; an empty stage when there was none."""
    try:
        run = None if held is None else shelf.load(held)
        if run is None:
            return {"stage": empty_value()}
        return {"stage": stage_value(run, shelf.url(run.id), weights=choices.weights_words(run))}
    except WamvizError:  # deleted meanwhile
        return {"stage": empty_value()}


def reopen(shelf: Shelf, run_id: str, frame: str | None, view: str | None, theme: str) -> Parts:
    """The run of a permalink, at its frame and in its view; a clear message for an id that is not kept here."""
    try:
        run = shelf.load(run_id)
        at = int(frame) if frame and frame.isdecimal() and len(frame) < 7 else None
        told = present.status("good", "Reopened from its link.", f"{run.model}, made {present.made(run.created)}.")
        return {**run_parts(run, shelf, theme, frame=at, view=view), "status": told}
    except Exception as error:
        return refused(error)


def stopped(step: int) -> Parts:
    """The status after Cancel."""
    where = f"Stopped at step {step}" if step else "Stopped before the first step"
    return {"status": present.status("idle", f"{where}; nothing was kept.")}


def refused(error: BaseException) -> Parts:
    """One plain sentence for whatever went wrong; the trace of our own mistakes goes to the log."""
    if isinstance(error, WamvizError):
        return {"status": present.status("bad", error.message, error.hint), "sentence": str(error)}
    log.error("Unexpected mistake", exc_info=error)
    text = "Something went wrong on our side. What you entered is still here; the server's log says more."
    return {"status": present.status("bad", text), "sentence": text}

"""Imagine, then act, with anybody's video: what a model imagined gains the actions that another model reads out of it.

Contract: the frames of the new run are those that were sampled, untouched; its actions are the inverse dynamics of
them, and its notes say whose they are. Stopping is closing the generator. It knows no page and no argument parser.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

from wamviz.core.errors import InvalidInput, NotFound
from wamviz.core.rollout import Observation, Preview
from wamviz.metrics.summary import summarise
from wamviz.models import registry
from wamviz.runs.conditioning import at_rate
from wamviz.runs.imagine import cut, imagine_run
from wamviz.runs.sources import Context, orientation_of
from wamviz.runs.store import Run

MODE = "inverse_dynamics"


def explainers() -> list[str]:
    """The models that name the actions of a given video and can run here, the embedded one first."""
    return [name for name, entry in registry.entries().items()
            if MODE in entry.capabilities.modes and entry.missing() is None]  # fmt: skip


def why_not(run: Run | None) -> str:
    """Why the video of this run cannot be given to an inverse dynamics, or ""."""
    if run is None:
        return "There is no run yet: imagine one first."
    if run.imagined[0].frames is None or len(run.imagined[0].frames) < 2:
        return "This run has no imagined video."
    return "" if explainers() else f"No model that can run here has the mode {MODE}."


def explain_run(
    run: Run, model_id: str = "", *, sample: int = 0, seed: int = 0, device: str = "auto", imagine: Any = imagine_run
) -> Iterator[Preview | Run]:
    """Check now; the returned iterator yields ``Preview``s and ends with a new ``Run``: the same video, with actions.

    Args:
        run: one with an imagined video.
        model_id: who reads the actions; the first of ``explainers`` when empty.
        sample: which of the run's samples.
        seed, device: see ``imagine_run``.
        imagine: what runs the model, in the place of ``imagine_run``.

    Raises:
        WamvizError: no video, no such sample, or no model for it.
    """
    reason = why_not(run)
    if reason:
        raise InvalidInput(reason)
    if not 0 <= sample < len(run.imagined):
        raise NotFound(f"There is no sample {sample}.", f"This run has samples 0 .. {len(run.imagined) - 1}.")
    caps = registry.entry(model_id or explainers()[0]).capabilities
    shown = run.imagined[sample]
    assert shown.frames is not None  # why_not has looked
    video = at_rate(shown.frames, shown.fps, caps.video_fps, caps.longest)
    stream = imagine(caps.model_id, context_of(run), mode=MODE, seed=seed, video=video, device=device)
    return _joined(stream, run, sample)


def context_of(run: Run) -> Context:
    """What the run was handed, as far as it was kept: its frame, state, world and calibration."""
    first = run.imagined[0]
    camera, (height, width) = first.camera or "exterior", run.context.shape[:2]
    model = None if first.camera_model is None else first.camera_model.resized(width, height)
    observation = Observation(
        {camera: run.context}, run.instruction, state=run.state, world_state=run.world_state,
        cameras={} if model is None else {camera: model}, source=run.source,
        orientation=orientation_of(run),
    )  # fmt: skip
    return Context(observation, run.reference, f"the video of run {run.id}")


def _joined(stream: Iterator[Preview | Run], run: Run, sample: int) -> Iterator[Preview | Run]:
    shown = run.imagined[sample]
    with closing(stream):  # type: ignore[type-var]
        for event in stream:
            if not isinstance(event, Run):
                yield event
                continue
            read = event.imagined[0]
            whose = (
                f"The video was imagined by {run.model} (run {run.id}); the actions are {event.model}'s reading of it."
            )
            told = {"model": run.model, "run": run.id, "sample": sample}
            rollout = replace(
                cut(shown, read.duration), actions=read.actions, action_space=read.action_space, states=read.states,
                meta={**read.meta, "video": told},
            )  # fmt: skip
            reference = None if run.reference is None else cut(run.reference, read.duration)  # never the video itself
            notes = (whose, *event.notes)
            if shown.duration > read.duration + 0.5 / shown.fps:
                notes += (f"Only the first {read.duration:.1f} s of the video have actions, as long as it can read.",)
            made = replace(event, imagined=(rollout,), reference=reference, notes=notes, source=run.source)
            yield replace(made, metrics=summarise(made))

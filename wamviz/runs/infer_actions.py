"""Inverse dynamics of an imagined video: what one model imagined gains the actions that another reads out of it.

The frames of the new run are those that were sampled, untouched; its actions are the inverse dynamics of them, and its
notes say whose they are. ``imagine_run`` does it for every context that is a kept run (``sources.context_of``).
"""

from __future__ import annotations

from dataclasses import replace

from wamviz.core.rollout import cut
from wamviz.metrics.summary import summarise
from wamviz.models import registry
from wamviz.runs.store import Run

MODE = "inverse_dynamics"


def readers() -> list[str]:
    """The models with inverse dynamics that can run here, the embedded one first."""
    return [name for name, entry in registry.entries().items()
            if MODE in entry.capabilities.modes and entry.missing() is None]  # fmt: skip


def why_not(run: Run | None) -> str:
    """Why the actions cannot be inferred from the video of this run, or ""."""
    if run is None:
        return "There is no run yet: imagine one first."
    if run.imagined[0].frames is None or len(run.imagined[0].frames) < 2:
        return "This run has no imagined video."
    return "" if readers() else f"No model that can run here has the mode {MODE}."


def join_video(read: Run, shown: Run, sample: int) -> Run:
    """``read``, whose actions were inferred from sample ``sample`` of ``shown``, with that video as it was imagined."""
    video, actions = shown.imagined[sample], read.imagined[0]
    whose = f"The video was imagined by {shown.model} (run {shown.id}); the actions are {read.model}'s reading of it."
    rollout = replace(
        cut(video, actions.duration), actions=actions.actions, action_space=actions.action_space, states=actions.states,
        meta={**actions.meta, "video": {"model": shown.model, "run": shown.id, "sample": sample}},
    )  # fmt: skip
    reference = None if shown.reference is None else cut(shown.reference, actions.duration)  # never the video itself
    notes = (whose, *read.notes)
    if video.duration > actions.duration + 0.5 / video.fps:
        notes += (f"Only the first {actions.duration:.1f} s of the video have actions, as long as it can read.",)
    joined = replace(read, imagined=(rollout,), reference=reference, notes=notes, source=shown.source)
    return replace(joined, metrics=summarise(joined))

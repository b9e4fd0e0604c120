"""What the stage is told of several models side by side.

Contract: ``several_value`` makes the value of a stage with ``several`` panes; a model that failed says why in its
own pane. Nothing here knows Gradio, reads or writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Preview
from wamviz.runs.comparison import Candidate, Outcome
from wamviz.runs.sources import Context
from wamviz.runs.store import Run
from wamviz.ui.stage.clips import file_clip, strip
from wamviz.ui.stage.messages import Pane, StageValue, view_or_none
from wamviz.ui.stage.values import NO_RECORDING, camera_of, no_video, progress, recorded_pane, reference_pane

Address = Callable[[str], Callable[[str], str]]


def several_value(
    events: Sequence[Preview | Outcome | None],
    candidates: Sequence[Candidate],
    context: Context | None,
    url: Address,
    *,
    instruction: str = "",
    frame: int | None = None,
    view: str | None = None,
    autoplay: bool = False,
) -> StageValue:
    """The value that shows several models side by side.

    Args:
        events: what was last heard of each candidate, None before its turn.
        candidates: who they are, in the order of the panes.
        context: what all were handed, while its recording is not yet a file of a run; None afterwards.
        url: address of a run's files, by its id and the file's name.
        instruction, frame, view, autoplay: see ``stage_value``.
    """
    runs = [event.run for event in events if isinstance(event, Outcome) and event.run is not None]
    live = next((event for event in reversed(events) if isinstance(event, Preview)), None)
    panes = {"recorded": _recorded(runs, context, url)}
    for k, (event, candidate) in enumerate(zip(events, candidates, strict=True), start=1):
        panes[f"contender-{k}"] = _pane(event, candidate, url)
    return StageValue(
        run=None if live is not None or not runs else ",".join(run.id for run in runs),
        instruction=instruction,
        frame=frame,
        view=view_or_none(view),
        autoplay=autoplay,
        preview=None if live is None else progress(live, None),
        panes=panes,
    )


def _recorded(runs: Sequence[Run], context: Context | None, url: Address) -> Pane:
    """The longest recording of all, because it covers the others."""
    recorded = [run for run in runs if run.reference is not None]
    if not recorded:
        return reference_pane(None if context is None else context.reference)
    longest = max(recorded, key=lambda run: 0.0 if run.reference is None else run.reference.duration)
    address = url(longest.id)("reference.mp4")
    return recorded_pane(longest.reference, address, NO_RECORDING, camera_of(longest), longest.state)


def _pane(event: Preview | Outcome | None, candidate: Candidate, url: Address) -> Pane:
    if event is None:
        return Pane(candidate.title, missing="Its turn comes after the one before.")
    if isinstance(event, Outcome):
        return _outcome(event, url)
    shown = () if event.frames is None else (strip(event.frames[0], candidate.capabilities.video_fps),)
    return Pane(candidate.title, shown, "The first frames appear with the next step.", live=True)


def _outcome(outcome: Outcome, url: Address) -> Pane:
    run, title = outcome.run, outcome.candidate.title
    if run is None:
        return Pane(title, missing=f"It failed: {outcome.error}")
    address = url(run.id)("rollout.mp4")
    clip = file_clip(run.imagined[0], address, camera=camera_of(run), start=run.state, missing=no_video(run))
    speed = outcome.real_time_factor
    verdict = "" if speed is None else f"{outcome.latency_s:.2f} s, {speed:.1f}x real time"
    return Pane(title, (clip,), verdict=verdict, weights=_weights(outcome, run))


def _weights(outcome: Outcome, run: Run) -> str:
    """Size and origin of the weights, as long as they are the weights that made the run."""
    try:
        extras = outcome.candidate.capabilities.extras
    except WamvizError:  # a model that was deleted since; its run is shown all the same
        return ""
    same = run.weights_digest and extras.get("weights_digest") == run.weights_digest
    return str(extras.get("origin", "")) if same else ""

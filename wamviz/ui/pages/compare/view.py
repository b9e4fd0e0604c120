"""What the Compare page shows and does, as named parts; no layout and no event.

Contract: like ``run_actions``: plain values in, dicts of parts out; whatever is refused becomes a sentence in the
status. A candidate that fails keeps its place with the reason. Every run is kept as soon as it is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from wamviz.core.errors import InvalidInput, WamvizError
from wamviz.core.rollout import Preview
from wamviz.metrics import Metric, all_metrics
from wamviz.models import registry
from wamviz.runs.comparison import MOST, Candidate, KeptCandidate, Outcome, check_seconds, compare_models, read
from wamviz.runs.imagine import Eta
from wamviz.ui import choices, plots, run_view
from wamviz.ui.jobs import Switch
from wamviz.ui.markup import Node, h
from wamviz.ui.run_actions import Parts, imagine_on_card, number, refused, whole
from wamviz.ui.run_repository import RunRepository
from wamviz.ui.scenes import Scene, Scenes
from wamviz.ui.stage import several_value

NONE = "–"
NOTE = "Real time is how many seconds are imagined in one: above 1 the model is quicker than what it imagines. "
NOTE += "Loading is left out. Below a number stands its baseline, measured on pictures of that model's own size: where "
NOTE += "sizes differ, judge a model by how far it is from its baseline. "
NOTE += "Every run is kept, with all its measures behind its name."
Held = list[tuple[str, str, str]]  # of each candidate: its name, its run's id or "", and why there is none


def offered() -> list[tuple[str, str]]:
    """(label, name) of every mode of every model; those that cannot run here say so, and those that somebody bills."""
    return [
        (f"{choice.label}: {choices.MODE_TITLES[mode].lower()}{_billed(choice.model_id)}", f"{choice.model_id}:{mode}")
        for choice in choices.models()
        for mode in choices.capabilities(choice.model_id).modes
    ]


def _billed(model_id: str) -> str:
    """What asking costs, where it costs anything: here nothing else says it before it is sent."""
    cost = choices.capabilities(model_id).extras.get("cost")
    return f". {cost}" if cost else ""


def first_choice() -> list[str]:
    """What is picked at first: two formulations of the default model, and the control that nothing moves."""
    caps = choices.capabilities(choices.default_model())
    return [*(f"{caps.model_id}:{mode}" for mode in caps.modes[:2]), "copy-last-frame:video"]


def compare(
    scene: Scene,
    frame: Any,
    instruction: str | None,
    picked: Sequence[str] | None,
    seed: Any,
    duration: Any,
    scenes: Scenes,
    repository: RunRepository,
    switch: Switch,
    theme: str,
) -> Iterator[Parts]:
    """Stream previews to the stage and end with every outcome beside the others.

    Args:
        scene, frame, instruction, picked, seed, duration: the form, as the browser sent it.
    """
    outcomes: list[Outcome] = []
    try:
        yield {"status": run_view.status("busy", "Reading the context …", done=0.0)}
        candidates = read(picked or ())
        seconds = number(duration, "seconds") or None
        check_seconds(seconds)
        usual = [one.capabilities.unasked(one.mode) / one.capabilities.video_fps for one in candidates]
        longest = max(seconds or 0.0, *usual)
        context = scenes.context(scene, whole(frame or 0, "frame"), longest).reworded(instruction or "")
        heard: list[Preview | Outcome | None] = [None] * len(candidates)
        eta = Eta()
        stream = compare_models(candidates, context, seed=whole(seed, "seed"), seconds=seconds, imagine=imagine_on_card)
        with closing(stream):  # type: ignore[type-var]
            for index, event in stream:
                if switch.off:
                    break
                heard[index] = event
                if isinstance(event, Outcome):
                    outcomes.append(event)
                    eta = Eta()
                    if event.run is not None:
                        repository.keep(event.run)
                    continue
                left = eta.update(event.step, event.steps)
                value = several_value(heard, candidates, context, repository.url, instruction=context.instruction)
                yield {"status": progress(candidates, index, event, left), "stage": value}
        ended = shown_parts(outcomes, repository, theme, autoplay=True) if outcomes else {}
        if len(outcomes) < len(candidates):
            words = f"Stopped after {len(outcomes)} of {len(candidates)}; those are kept."
            yield {**ended, "status": run_view.status("idle", words)}
            return
        yield {**ended, "status": finished(outcomes)}
    except Exception as error:  # whatever it was, the page stays usable and nothing entered is lost
        yield {**refused(error)}


def progress(candidates: Sequence[Candidate], index: int, event: Preview, left: float | None) -> list[Node]:
    """Whose turn it is, and how far along."""
    title = f"{index + 1} of {len(candidates)}, {candidates[index].title}"
    parts = [f"step {event.step} of {event.steps}" if event.step else event.note]
    parts += [] if left is None else [f"about {run_view.seconds(left)} left"]
    done = (index + event.step / max(1, event.steps)) / len(candidates)
    return run_view.status("busy", title, " · ".join(part for part in parts if part), done)


def finished(outcomes: Sequence[Outcome]) -> list[Node]:
    """The status line at the end."""
    failed = [one for one in outcomes if one.run is None]
    if not failed:
        return run_view.status("good", f"{len(outcomes)} side by side.")
    why = " ".join(f"{one.candidate.title}: {one.error}" for one in failed)
    return run_view.status("warm", f"{len(outcomes) - len(failed)} of {len(outcomes)} answered.", why)


def shown_parts(outcomes: Sequence[Outcome], repository: RunRepository, theme: str = "light", **stage: Any) -> Parts:
    """Everything on the page that shows outcomes; ``stage`` goes on to ``several_value``."""
    instruction = next((one.run.instruction for one in outcomes if one.run is not None), "")
    candidates = [one.candidate for one in outcomes]
    return {
        "held": [(one.candidate.name, "" if one.run is None else one.run.id, one.error) for one in outcomes],
        "stage": several_value(list(outcomes), candidates, None, repository.url, instruction=instruction, **stage),
        "table": table(outcomes),
        **figure_parts(outcomes, theme),
    }


def figure_parts(outcomes: Sequence[Outcome], theme: str) -> Parts:
    """The plots in the visitor's colour scheme."""
    theme = theme if theme in plots.THEMES else "light"
    runs = {one.candidate.title: one.run for one in outcomes}
    return {
        "action_plot": plots.plot_candidate_actions(runs, theme=theme),
        "metric_plot": plots.plot_candidate_metrics(runs, theme=theme),
    }


def recolour(held: Held | None, repository: RunRepository, theme: str) -> Parts:
    """The plots again, after the colour scheme has changed."""
    try:
        return figure_parts(outcomes_of(held or [], repository), theme) if held else {}
    except WamvizError:  # deleted meanwhile; what is drawn stays
        return {}


def outcomes_of(held: Held, repository: RunRepository) -> list[Outcome]:
    """What the page held, from the kept runs."""
    found = []
    for name, run_id, error in held:
        model, _, mode = name.partition(":")
        run = repository.load(run_id) if run_id else None
        found.append(Outcome(KeptCandidate(model, mode), run, "" if run is not None else error))
    return found


def reopen(repository: RunRepository, text: str, frame: str | None, view: str | None, theme: str) -> Parts:
    """The runs of a permalink, ``ID,ID``; a clear message for one that is not kept here."""
    try:
        names = [name for name in text.split(",") if name][: MOST + 1]
        if not 1 <= len(names) <= MOST:
            raise InvalidInput(f"A link of this page names one to {MOST} runs.")
        runs = [repository.load(name) for name in names]
        outcomes = [Outcome(KeptCandidate(run.model, run.mode), run) for run in runs]
        at = int(frame) if frame and frame.isdecimal() and len(frame) < 7 else None
        status = run_view.status("good", "Reopened from its link.")
        return {**shown_parts(outcomes, repository, theme, frame=at, view=view), "status": status}
    except Exception as error:
        return refused(error)


def table(outcomes: Sequence[Outcome]) -> list[Node]:
    """One row a candidate: how long it took and how close it came, or why it failed."""
    ids = ",".join(one.run.id for one in outcomes if one.run is not None)
    head = h("thead", None, h("tr", None, [h("th", {"scope": "col"}, name) for name in _columns()]))
    body = h("tbody", None, [_row(one) for one in outcomes])
    caption = h("caption", {"class": "wz-sr"}, "The models side by side")
    return [
        h("table", {"class": "wz-table wz-metrics", "data-runs": ids}, caption, head, body),
        h("p", {"class": "wz-note"}, NOTE),
    ]


def _columns() -> list[str]:
    return ["Model", "Took", "Real time", *(metric.brief for metric in all_metrics() if metric.brief)]


def _row(one: Outcome) -> Node:
    title, columns = one.candidate.title, _columns()
    if one.run is None:
        why = h("td", {"colspan": len(columns) - 1, "class": "wz-worse"}, f"Failed. {one.error}")
        return h("tr", None, h("th", {"scope": "row"}, title), why)
    factor = one.real_time_factor
    cells: list[list[Node | str]] = [
        [NONE if one.latency_s is None else f"{one.latency_s:.2f} s"],
        [NONE if factor is None else f"{factor:.1f}x"],
        *(_with_baseline(metric, one.run.metrics) for metric in all_metrics() if metric.brief),
    ]
    named = zip(columns[1:], cells, strict=True)
    link = h("a", {"href": f"./?run={one.run.id}"}, title)
    device = h("small", {"class": "wz-note"}, one.run.versions.get("device", ""))
    return h(
        "tr", None, h("th", {"scope": "row"}, link, device),
        [h("td", {"class": "wz-number", "data-label": label}, cell) for label, cell in named],
    )  # fmt: skip


def _with_baseline(metric: Metric, found: Mapping[str, Any]) -> list[Node | str]:
    """A number, and below it what its baseline gets."""
    both = metric.read(found)
    if both is None or both.value is None:
        return [NONE]
    value = metric.write(both.value)
    if metric.baseline is None or both.baseline is None:
        return [value]
    return [value, h("small", {"class": "wz-note"}, f"{metric.baseline.name} {metric.write(both.baseline)}")]


def known(names: Sequence[str] | None) -> list[str]:
    """Those of the picked names that are still offered: a connection may be gone."""
    models = registry.entries()
    return [name for name in names or () if name.partition(":")[0] in models]

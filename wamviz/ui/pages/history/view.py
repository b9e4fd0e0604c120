"""Kept runs as cards: a moving picture, what was asked, how it was asked, what came of it.

Contract: pure functions from summaries and annotations to markup nodes; files of a run are read for its picture and its
settings alone, and a card does without what cannot be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from wamviz.core.errors import WamvizError
from wamviz.core.media import read_image
from wamviz.metrics import brief_lines
from wamviz.runs.store import RunSummary
from wamviz.runs.store.files import read_manifest
from wamviz.ui import choices, run_view
from wamviz.ui.annotations import Annotation
from wamviz.ui.markup import Node, h
from wamviz.ui.pictures import thumbnail


def fitting(
    found: Sequence[RunSummary], annotations: Mapping[str, Annotation], query: str, starred: bool
) -> list[RunSummary]:
    """The runs that hold every word of ``query`` (in instruction, model, mode, source or note), and a star if asked."""
    words = query.lower().split()

    def fits(run: RunSummary) -> bool:
        annotation = annotations.get(run.id, Annotation())
        mode = choices.MODE_TITLES.get(run.mode, run.mode)
        text = " ".join((run.instruction, run.model, run.mode, mode, run.source, annotation.note, run.id)).lower()
        return (annotation.star or not starred) and all(word in text for word in words)

    return [run for run in found if fits(run)]


def listing(
    found: Sequence[RunSummary], annotations: Mapping[str, Annotation], pictures: dict[str, str], *, found_by: bool
) -> list[Node]:
    """The runs as a list of cards; a plain sentence when there are none."""
    if not found and found_by:
        return [h("p", {"class": "wz-empty"}, "No run fits. Take a word or the star away.")]
    if not found:
        return [h("p", {"class": "wz-empty"}, "No runs yet. ", h("a", {"href": "./"}, "Imagine something."))]
    cards = [_card(run, annotations.get(run.id, Annotation()), pictures) for run in found]
    return [h("ul", {"class": "wz-runs"}, cards)]


def present_link(found: Sequence[RunSummary], most: int = 40) -> list[Node]:
    """A link that plays the listed runs one after the other, for a hall or an unattended screen."""
    if not found:
        return []
    ids = ",".join(run.id for run in found[:most])
    words = f"Present these {min(len(found), most)}" if len(found) > 1 else "Present this one"
    return [h("a", {"href": f"./?present=1&playlist={ids}", "class": "wz-button"}, words)]


def _card(run: RunSummary, annotation: Annotation, pictures: dict[str, str]) -> list[Any]:
    instruction = run.instruction or "no instruction"
    poster = _picture(run, pictures)
    picture = (
        h("img", {"src": poster, "alt": "", "width": 112, "height": 112, "loading": "lazy"})
        if not (run.folder / "rollout.mp4").is_file()
        else h("video", {"src": f"runs/{run.id}/rollout.mp4", "poster": poster, "muted": True, "loop": True,
                         "playsinline": True, "preload": "none", "width": 112, "height": 112, "data-live": True,
                         "aria-hidden": "true"})
    )  # fmt: skip
    words = [
        h("b", None, instruction),
        h("small", {"class": "wz-note"}, f"{run.model} · {choices.MODE_TITLES.get(run.mode, run.mode)}"),
        h("small", {"class": "wz-note"}, " · ".join(settings(run))),
        h("small", {"class": "wz-note"}, run_view.format_time(run.created)),
        h("q", {"class": "wz-runnote"}, annotation.note) if annotation.note else None,
    ]
    badges = [badge for badge in (_closeness(run), _executed(run)) if badge is not None]
    star = {"type": "button", "class": "wz-star", "data-pick": f"star {run.id}",
            "aria-pressed": str(annotation.star).lower(),
            "aria-label": f"Star the run '{instruction}'", "title": "Star"}  # fmt: skip
    note = {
        "type": "button",
        "class": "wz-forget",
        "data-pick": f"note {run.id}",
        "aria-label": f"Note on '{instruction}'",
    }
    gone = {"type": "button", "class": "wz-forget", "data-pick": f"delete {run.id}", "data-confirm": "Really delete?",
            "aria-label": f"Delete the run '{instruction}'"}  # fmt: skip
    buttons = [
        h("button", star, "★" if annotation.star else "☆"),
        h("button", note, "Note"),
        h("button", gone, "Delete"),
    ]
    return h(
        "li",
        {"class": "wz-run"},
        h(
            "a",
            {"href": f"./?run={run.id}", "class": "wz-runlink"},
            picture,
            h("span", {"class": "wz-runwords"}, words),
        ),
        h("div", {"class": "wz-runside"}, badges, h("span", {"class": "wz-runbuttons"}, buttons)),
    )


def settings(run: RunSummary) -> list[str]:
    """How a run was asked: seed, samples, horizon, steps, guidance; only what differs from the usual or is a number."""
    facts = _facts(str(run.folder), run.created)
    parts = [f"seed {run.seed}"]
    parts += [f"{run.samples} samples"] if run.samples > 1 else []
    parts += [f"{facts['horizon']} frames"] if facts.get("horizon") else []
    parts += [f"{facts['steps']} steps"] if facts.get("steps") else []
    parts += [f"guidance {facts['guidance']:g}"] if facts.get("guidance", 1) not in (1, None) else []
    return parts


@lru_cache(maxsize=2048)
def _facts(folder: str, created: str) -> dict[str, Any]:
    try:
        return read_manifest(Path(folder))
    except WamvizError:
        return {}


def _closeness(run: RunSummary) -> list[Any] | None:
    lines = brief_lines(run.metrics)
    return h("span", {"class": "wz-badge"}, lines[0]) if lines else None


def _executed(run: RunSummary) -> list[Any] | None:
    if not run.has_executed:
        return None
    badges: dict[bool | None, tuple[str, str]] = {
        True: ("succeeded", "wz-good"),
        False: ("failed", "wz-warm"),
        None: ("executed", "wz-idle"),
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

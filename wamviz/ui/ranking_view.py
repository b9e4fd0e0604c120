"""The order of a run's samples in words: who is best, why, and by which rule.

Contract: pure functions from runs to markup nodes; nothing is said of samples that were not judged.
"""

from __future__ import annotations

from wamviz.runs import ranking
from wamviz.runs.ranking import JUDGED
from wamviz.runs.store import Run
from wamviz.ui import run_view
from wamviz.ui.markup import Node, h
from wamviz.ui.stage.messages import Ranked


def ranked(run: Run) -> tuple[Ranked, ...]:
    """The order for the stage."""
    return tuple(Ranked(place.sample, place.why) for place in ranking.ranking(run))


def verdict(run: Run) -> list[Node]:
    """The status line after the samples were judged."""
    places = ranking.ranking(run)
    if not places:
        text = "The judges could not tell the samples apart."
        return run_view.status("idle", text, "The instruction is no task of this scene, and no video could be read.")
    best = places[0]
    return run_view.status("good", f"Best of {len(places)}: sample {best.sample + 1}.", f"It {_short(best.why)}.")


def order(run: Run) -> list[Node]:
    """All samples in their order with the reasons, and the rule; nothing where they were not judged."""
    places = ranking.ranking(run)
    if not places:
        return []
    items = [h("li", None, h("b", None, f"Sample {place.sample + 1}"), f" {_short(place.why)}") for place in places]
    return [
        h(
            "details",
            {"class": "wz-order"},
            h("summary", None, f"Best of {len(places)}: sample {places[0].sample + 1} {_short(places[0].why)}."),
            h("ol", None, items),
            h("p", {"class": "wz-note"}, rule(run)),
        )
    ]


def rule(run: Run) -> str:
    """How the samples were put in order."""
    told = [one.meta.get(JUDGED) or {} for one in run.imagined]
    readers = {str(one["reader"]) for one in told if one.get("reader")}
    read = f"how near the stated path lies to the one that {', '.join(sorted(readers))} reads off the video"
    if not any("progress" in one for one in told):
        return f"Ordered by {read}. That is consistency; it says nothing of the task."
    equal = f" What is equal there is ordered by {read}." if readers else ""
    return f"Ordered by the simulator: success, then how far the task came.{equal} The rest stands in order of seeds."


def _short(why: str) -> str:
    """The reason as the end of a sentence about a sample."""
    return why.replace("its stated path lies", "states a path") if why.startswith("its") else why

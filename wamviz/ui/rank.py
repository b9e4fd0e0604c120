"""Best of N on the page: what happens when *Rank samples* is pressed.

Contract: a handler like those of ``run_actions``; who judges and in which order is ``wamviz.runs.ranking``'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from wamviz.runs import ranking
from wamviz.runs.ranking import JUDGED
from wamviz.runs.store import Run
from wamviz.ui import ranking_view, run_actions, run_view
from wamviz.ui.jobs import Switch
from wamviz.ui.run_actions import PHYSICS, Parts, its_turn
from wamviz.ui.run_repository import RunRepository


def rank(run_id: str | None, repository: RunRepository, switch: Switch, theme: str) -> Iterator[Parts]:
    """Have every sample of a run judged, keep what was found, and show all of them in its order."""
    try:
        run = repository.load(run_id) if run_id else None
        reason = ranking.why_not(run)
        if run is None or reason:
            yield {"status": run_view.status("idle", reason)}
            return
        judged = None
        yield {"status": run_view.status("busy", "Asking the judges …", done=0.0)}
        with its_turn(PHYSICS, switch), closing(ranking.judge(run)) as stream:  # type: ignore[type-var]
            for event in stream:
                if isinstance(event, Run):
                    judged = event
                if switch.off or isinstance(event, Run):
                    break
                words = f"Sample {event.step + 1} of {event.steps}"
                yield {"status": run_view.status("busy", words, event.note, event.step / event.steps)}
        if judged is None:
            yield {"status": run_view.status("idle", "Stopped before all samples were judged; nothing was kept.")}
            return
        told = [{JUDGED: one.meta[JUDGED]} for one in judged.imagined]
        run = repository.attach_facts(run.id, told)
        places = ranking.ranking(run)
        shown = {"view": "samples", "sample": places[0].sample} if places else {}
        yield {**run_actions.run_parts(run, repository, theme, **shown), "status": ranking_view.verdict(run)}
    except Exception as error:
        yield {**run_actions.refused(error)}

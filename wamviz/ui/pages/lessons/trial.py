"""Running a lesson's experiment: a stream of parts for the page, kept as the visitor's measurement at its end.

Contract: plain values in, dicts of parts out; whatever is refused becomes a sentence in the status.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from wamviz.core.errors import Canceled
from wamviz.lessons import (
    Answer,
    AnswerStore,
    ClassStore,
    Desk,
    Finding,
    Lab,
    Progress,
    all_experiments,
    find_lesson,
    load_course,
    load_words,
)
from wamviz.runs.imagine import Eta
from wamviz.ui import run_view
from wamviz.ui.bench import Bench, Waiting
from wamviz.ui.jobs import Switch
from wamviz.ui.pages.lessons import view
from wamviz.ui.run_actions import PHYSICS, Parts, imagine_on_card, its_turn, refused
from wamviz.ui.run_repository import RunRepository
from wamviz.ui.stage import stage_value


def open_desk(lesson: str, language: str, pupil: str, store: AnswerStore | ClassStore) -> Desk:
    """A visitor at a lesson.

    Raises:
        NotFound: there is no such lesson or language.
    """
    say, terms = load_words(language)
    return Desk(
        find_lesson(lesson, language), load_course(language), say, terms, store.of(pupil), waits=store.waits(lesson)
    )


def measure(
    lesson: str, language: str, pupil: str, values: Mapping[str, Any], store: AnswerStore | ClassStore,
    repository: RunRepository, switch: Switch, bench: Bench,
) -> Iterator[Parts]:  # fmt: skip
    """Run the experiment of a lesson; its verdict is kept for the visitor."""
    say = load_words(language)[0]
    try:
        desk, eta, shared = open_desk(lesson, language, pupil, store), Eta(), False
        yield {"status": run_view.status("busy", say["starting"], done=0.0)}
        experiment, finding = all_experiments()[desk.lesson.experiment], None

        def keep(finding: Finding) -> Finding:
            return finding if finding.run is None else replace(finding, run=repository.keep(finding.run))

        with closing(bench.ask(pupil, experiment, values, make_lab, switch, keep)) as stream:  # type: ignore[type-var]
            for event in stream:
                if isinstance(event, Waiting):
                    yield {"status": run_view.status("busy", say["queued"].format(ahead=event.ahead), done=0.0)}
                elif isinstance(event, Progress):
                    left = eta.update(event.done, event.total)
                    words = say["progress"].format(done=event.done, total=event.total)
                    more = "" if left is None else say["left"].format(time=run_view.seconds(left))
                    yield {"status": run_view.status("busy", words, more, event.done / max(1, event.total))}
                elif isinstance(event, Finding):
                    finding = event
                else:
                    shared = True
        assert finding is not None  # every experiment ends with one
        store.keep(Answer(pupil, lesson, "measured", finding.verdict, language=language))
        done = run_view.status("good", say["finished"], say["class_shared"] if shared else "")
        yield {**shown(desk, finding, repository), "status": done}
    except Canceled:
        yield {"status": run_view.status("idle", say["stopped"])}
    except Exception as error:  # whatever it was, the page stays usable and nothing entered is lost
        yield {"status": refused(error)["status"]}


def make_lab(switch: Switch) -> Lab:
    """A lab that stops with its switch, and that simulates when nobody else does."""
    return Lab(imagine=imagine_on_card, stopped=lambda: switch.off, physics=lambda: its_turn(PHYSICS, switch))


def shown(desk: Desk, finding: Finding, repository: RunRepository) -> Parts:
    """Everything that a finding puts on the page."""
    stage = None
    if finding.run is not None:
        run = finding.run if repository.store.has(finding.run.id) else repository.keep(finding.run)  # deleted since
        stage = stage_value(run, repository.url(run.id), executed_reason=desk.say["not_executed"])
    return {
        "found": view.found(desk, finding),
        "numbers": view.numbers(desk, finding),
        "finding": finding,
        "stage": stage,
    }

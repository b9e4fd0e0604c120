"""What the page of lessons does when it opens, when something is answered and when the experiment is run.

Contract: events only; each handler is a few lines around ``view`` and ``trial``. A lesson and a language stand in the
address; who answers is a random number that the browser keeps (``static/page/pupil.js``).
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import gradio as gr

from wamviz.core.errors import WamvizError
from wamviz.lessons import LANGUAGES, Answer, Desk, Figure, Finding, Lesson, find_lesson, load_course
from wamviz.lessons.answers import PUPIL
from wamviz.ui import plots, run_view
from wamviz.ui.background import Start
from wamviz.ui.events import AT_ONCE, MOST_WATCHING, PRIVATE, Updates, picked_in
from wamviz.ui.pages.lessons import trial, view
from wamviz.ui.pages.lessons.layout import LessonsPage
from wamviz.ui.plots.lessons import lesson_figure
from wamviz.ui.run_actions import Parts
from wamviz.ui.runner import Runner

OPENED = "(...data) => [window.wamviz.scheme(), window.wamviz.pupil(), ...data.slice(2)]"
# Every answer counts, also one that comes while the one before is under way.
EACH: dict[str, Any] = {**AT_ONCE, "trigger_mode": "multiple"}
TURNED = "(...data) => { data[5] = document.querySelector('#wz-controls .wl-controls').dataset.values; return data; }"
LONGEST = 4000  # characters of what the controls say
ANOTHER = "() => { window.wamviz.anotherPupil(); location.reload(); }"


class LessonsEvents:
    """Connects the page's components.

    Args:
        page: the built page.
        demo: the Blocks that it lies in.
    """

    def __init__(self, page: LessonsPage, demo: gr.Blocks) -> None:
        self.page = page
        self.where = [page.lesson, page.language, page.pupil]
        later = [page.contents, page.before, page.reveal, page.questions, page.go, page.skip]
        results = [page.results, page.found, page.numbers, page.finding, page.seen, page.stage, *page.plots]
        self.runner = Runner(
            job=page.job, status=page.status, cancel=page.cancel, buttons=(page.go,), update=self._updates,
            outputs=[page.status, *results, *later[:-2], page.skip], most=MOST_WATCHING,
        )  # fmt: skip
        self.runner.starts(page.go, self.run, [*self.where, page.theme, page.picked], js=TURNED)
        answered = [page.status, *later]
        for part, name in ((page.before, "wz-before"), (page.questions, "wz-questions")):
            part.pick(self.answer, [page.picked, *self.where], answered, js=picked_in(name), **EACH)
        page.skip.click(self.skip, self.where, answered, **AT_ONCE)
        page.look_again.click(self.look_again, self.where, [part for part in later if part is not page.go], **AT_ONCE)
        page.another.click(None, None, None, js=ANOTHER, **PRIVATE)
        page.recolour.click(self.draw, [page.theme, page.finding, *self.where[:2]], [page.theme, *page.plots],
                            js="(_, ...rest) => [window.wamviz.scheme(), ...rest]", **AT_ONCE)  # fmt: skip
        opened = [
            *self.where, page.theme, page.job, page.opening, page.trial, page.glossary, page.another, page.controls,
            page.status, page.cancel, *later,
        ]  # fmt: skip
        demo.load(self.open, [page.theme, page.pupil], opened, js=OPENED, **AT_ONCE).then(
            None, page.job, None, js="(job) => { window.wamviz.attach(job); window.wamviz.openHash(); }", **PRIVATE
        )

    # --- opening ----------------------------------------------------------------------------------------------------

    def open(self, request: gr.Request, theme: str, pupil: str) -> Updates:
        """The page opens on the lesson of its address, else on the first."""
        query, page = request.query_params, self.page
        language = query.get("lang", "")
        language = language if language in LANGUAGES else next(iter(LANGUAGES))
        names = [one.id for one in load_course(language)]
        wanted = query.get("lesson", "")
        if page.classroom and query.get("class") and PUPIL.fullmatch(pupil):
            page.classroom.admit(pupil, query["class"])
        desk = trial.open_desk(wanted if wanted in names else names[0], language, pupil, page.store(pupil))
        say = desk.say
        updates: Updates = {
            page.theme: theme, page.pupil: pupil, page.lesson: desk.lesson.id, page.language: language,
            page.opening: view.opening(desk), page.trial: view.trial(desk), page.glossary: view.glossary(desk),
            page.another: gr.update(value=say["another"]), page.cancel: gr.update(value=say["cancel"]),
            page.status: run_view.status("idle", say["ready" if desk.predicted else "predict_first"]),
            page.controls: view.controls(desk), **self._later(desk),
        }  # fmt: skip
        if "job" in query:
            updates |= self.runner.returned(query["job"])[1]
        return updates

    def _later(self, desk: Desk) -> Updates:
        """What changes with every answer."""
        page = self.page
        return {
            page.contents: view.contents(desk), page.before: view.before(desk), page.reveal: view.reveal(desk),
            page.questions: view.questions(desk),
            page.go: gr.update(value=desk.say["run"], interactive=desk.predicted),
            page.skip: gr.update(value=desk.say["skip"], visible=desk.predicted and not desk.measured),
        }  # fmt: skip

    # --- answering --------------------------------------------------------------------------------------------------

    def answer(self, picked: str, lesson: str, language: str, pupil: str) -> Updates:
        """An option was pressed: ``kind:question:option``. The first answer stays."""
        page = self.page
        try:
            desk = trial.open_desk(lesson, language, pupil, page.store(pupil))
            kind, question, option = (picked.split(":") + ["", ""])[:3]
            if desk.answer(kind, question) is None:
                page.store(pupil).keep(read_answer(desk.lesson, pupil, kind, question, option))
                desk = trial.open_desk(lesson, language, pupil, page.store(pupil))
            said = {} if kind == "after" else {
                page.status: run_view.status("idle", desk.say["ready" if desk.predicted else "predict_first"])
            }  # fmt: skip
            return {**self._later(desk), **said}
        except WamvizError as error:
            return {page.status: run_view.status("bad", error.message, error.hint)}

    def skip(self, lesson: str, language: str, pupil: str) -> Updates:
        """Go on without measuring, where that cannot be done."""
        self.page.store(pupil).keep(Answer(pupil, lesson, "measured", "skipped", language=language))
        return self._later(trial.open_desk(lesson, language, pupil, self.page.store(pupil)))

    def look_again(self, lesson: str, language: str, pupil: str) -> Updates:
        """The teacher has revealed the lesson, or hidden it again."""
        later = self._later(trial.open_desk(lesson, language, pupil, self.page.store(pupil)))
        return {part: value for part, value in later.items() if part is not self.page.go}  # it may be taken by a run

    # --- the experiment ---------------------------------------------------------------------------------------------

    def run(self, lesson: str, language: str, pupil: str, theme: str, turned: str) -> Start:
        """Run the lesson's experiment with what its controls say, as JSON."""
        page, chosen = self.page, read_values(turned)
        return lambda switch: (
            {**parts, "theme": theme, "where": (lesson, language, pupil)}
            for parts in trial.measure(
                lesson, language, pupil, chosen, page.store(pupil), page.repository, switch, page.bench
            )
        )

    def draw(self, theme: str, finding: Finding | None, lesson: str, language: str) -> Updates:
        """The figures again, in other colours."""
        return {self.page.theme: theme, **(self._figures(finding, lesson, language, theme) if finding else {})}

    def _figures(self, finding: Finding, lesson: str, language: str, theme: str) -> Updates:
        theme = theme if theme in plots.THEMES else "light"
        updates: Updates = {plot: gr.update(visible=False) for plot in self.page.plots}
        for plot, figure in zip(self.page.plots, finding.figures, strict=False):
            updates[plot] = gr.update(value=draw_figure(figure, lesson, language, theme), visible=True)
        return updates

    def _updates(self, parts: Parts) -> Updates:
        """Named parts to components."""
        page = self.page
        found: Updates = {}
        if "status" in parts:
            found[page.status] = parts["status"]
        if "finding" in parts:
            finding: Finding = parts["finding"]
            lesson, language, pupil = parts["where"]
            found |= {
                page.results: gr.update(visible=True),
                page.found: parts["found"],
                page.numbers: parts["numbers"],
                page.finding: finding,
            }
            found |= self._figures(finding, lesson, language, parts["theme"])
            later = self._later(trial.open_desk(lesson, language, pupil, page.store(pupil)))
            found |= {part: value for part, value in later.items() if part is not page.go}
            found[page.seen] = gr.update(visible=parts["stage"] is not None)
            if parts["stage"] is not None:
                found[page.stage] = parts["stage"]
        return found


@lru_cache(maxsize=64)  # a class sees the same ones
def draw_figure(figure: Figure, lesson: str, language: str, theme: str) -> Any:
    """A figure in a lesson's words; not to be changed."""
    return lesson_figure(figure, find_lesson(lesson, language).labels, theme)


def read_values(text: str) -> dict[str, Any]:
    """What the controls say; what it is good for, the experiment checks.

    >>> read_values('{"scenes": 3}'), read_values("[1]")
    ({'scenes': 3}, {})
    """
    try:
        values = json.loads(text) if len(text) < LONGEST else None
    except ValueError:
        values = None
    return values if isinstance(values, dict) else {}


def read_answer(lesson: Lesson, pupil: str, kind: str, question: str, option: str) -> Answer:
    """An answer as it is kept, or ``WamvizError`` where the lesson has no such question or option."""
    from wamviz.core.errors import unknown_name

    asked = lesson.prediction if kind == "prediction" else lesson.question(question)
    names = [one.id for one in asked.options]
    if option not in names:
        raise unknown_name("option", option[:40], names)
    right = None if kind == "prediction" else option == lesson.question(question).right
    return Answer(pupil, lesson.id, kind, option, question if kind != "prediction" else "", right, lesson.language)

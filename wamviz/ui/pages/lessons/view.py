"""What the page of lessons shows, as markup nodes: pure functions of a lesson, its words and what was answered.

Contract: text is the lessons' own and only ever text; what a visitor may see (the claim, the explanations) depends on
what was answered alone. Nothing here samples, reads or writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from wamviz.lessons import LANGUAGES, Answer, Choice, Desk, Finding, Lesson, Option, Question, all_experiments
from wamviz.lessons.desk import Answers
from wamviz.lessons.experiment import Curve, Measure
from wamviz.ui.markup import Node, h
from wamviz.ui.pages.lessons.markdown import link, render
from wamviz.ui.plots.style import number


def address(lesson: str, language: str) -> str:
    """The link of a lesson.

    >>> address("cost", "ja")
    './lessons?lesson=cost&lang=ja'
    """
    return f"./lessons?{urlencode({'lesson': lesson, 'lang': language})}"


def contents(desk: Desk) -> list[Node]:
    """The list of lessons with how far each is done, and the languages."""
    language = desk.lesson.language
    rows = []
    for one in desk.course:
        done = done_of(one, desk.answers)
        words = desk.say["done"] if done == 1 else f"{done:.0%}" if done else ""
        mark = h("small", {"class": "wz-done"}, words) if words else None
        here = {"aria-current": "page"} if one is desk.lesson else {}
        rows.append(
            h("li", None, h("a", {"href": address(one.id, language), **here}, h("span", None, one.title), mark))
        )
    others = [
        h("a", {"href": address(desk.lesson.id, code), "lang": code,
                **({"aria-current": "true"} if code == language else {})}, title)
        for code, title in LANGUAGES.items()
    ]  # fmt: skip
    return [
        h("nav", {"class": "wz-lessons-nav", "aria-label": desk.say["lessons"], "lang": language},
          h("ol", None, rows),
          h("div", {"class": "wz-languages", "role": "group", "aria-label": desk.say["languages"]}, others)),
    ]  # fmt: skip


def done_of(lesson: Lesson, answers: Answers) -> float:
    """How much of a lesson is done, 0 .. 1."""
    places = [("prediction", ""), ("measured", ""), *(("after", question.id) for question in lesson.questions)]
    return sum((lesson.id, *place) in answers for place in places) / len(places)


def opening(desk: Desk) -> list[Node]:
    """Title, what it is about, and the text before the prediction."""
    one = desk.lesson
    facts = desk.say["facts"].format(number=one.number, count=len(desk.course), minutes=one.minutes)
    return [
        _article(desk, h("p", {"class": "wz-lesson-facts"}, facts), h("h1", {"class": "wz-lesson-title"}, one.title),
                 h("p", {"class": "wz-lead"}, one.summary), *_section(desk, "idea")),
    ]  # fmt: skip


def before(desk: Desk) -> list[Node]:
    """What is asked and predicted before anything is measured."""
    kept = desk.answer("prediction")
    parts: list[Node] = [_step(desk, "1", desk.say["predict"])]
    for question in desk.lesson.questions:
        if question.before:
            parts += _choices(desk, f"before:{question.id}", question.ask, question.shown,
                              desk.answer("before", question.id))  # fmt: skip
    parts += _choices(desk, "prediction:", desk.lesson.prediction.ask, desk.lesson.prediction.options, kept)
    parts.append(h("p", {"class": "wz-note"}, desk.say["kept" if desk.predicted else "keep"]))
    return [_article(desk, *parts)]


def trial(desk: Desk) -> list[Node]:
    """How the experiment goes, above its controls."""
    parts: list[Node] = [_step(desk, "2", desk.say["measure"]), *_section(desk, "try")]
    return [_article(desk, *parts)]


def controls(desk: Desk) -> dict[str, Any]:
    """The controls of the lesson's experiment in its words, for ``js/controls.js``."""
    labels, made = desk.lesson.labels, []
    for one in all_experiments()[desk.lesson.experiment].controls:
        told: dict[str, Any] = {"name": one.name, "label": labels[one.name], "value": one.default}
        if isinstance(one, Choice):
            told["options"] = [(option, labels[f"{one.name}_{option}"]) for option in one.options]
        else:
            told |= {"low": one.low, "high": one.high}
        made.append(told)
    return {"experiment": desk.lesson.experiment, "controls": made}


def found(desk: Desk, finding: Finding) -> list[Node]:
    """What came out: prediction, verdict and every number with its interval."""
    one, say = desk.lesson, desk.say
    options = {option.id: option.text for option in one.prediction.options}
    predicted = desk.answer("prediction")
    lines: list[Node] = []
    if predicted is not None:
        lines.append(h("p", None, h("b", None, say["you_predicted"]), f" {options.get(predicted.option, '')}"))
    answer = options.get(finding.answer, say["cannot_tell"])
    lines.append(h("p", None, h("b", None, say["measured_here"]), f" {answer}"))
    kind = {"holds": "good", "broken": "warm", "open": "idle"}[finding.verdict]
    verdict = h("div", {"class": f"wz-status wz-{kind}"}, h("p", None, h("b", None, say[finding.verdict]), " ",
                                                           one.verdicts[finding.verdict]))  # fmt: skip
    note = say["contexts"].format(count=finding.contexts)
    return [_article(desk, h("div", {"class": "wz-found", "tabindex": "-1"}, *lines, verdict),
                     h("p", {"class": "wz-note"}, note))]  # fmt: skip


def numbers(desk: Desk, finding: Finding) -> list[Node]:
    """Every number of the figures, for those who do not see them and those who want to know."""
    say, labels, shown = desk.say, desk.lesson.labels, []
    for figure in finding.figures:
        head: tuple[str, ...]
        rows: list[tuple[str, ...]]
        if figure.measures:
            head = (labels[figure.name], say["mean"], say["interval"])
            rows = [(labels[one.name], number(one.value, figure.unit), _interval(one, say)) for one in figure.measures]
        else:
            places = figure.curves[0].x
            head = (labels[figure.x_name], *(labels[curve.name] for curve in figure.curves))
            rows = [(f"{x:g}", *(_at(curve, k, figure.unit) for curve in figure.curves)) for k, x in enumerate(places)]
        shown.append(_table(labels[figure.name], head, rows))
    return [_article(desk, h("details", {"class": "wz-numbers"}, h("summary", None, say["numbers"]), shown))]


def reveal(desk: Desk) -> list[Node]:
    """What the article claims and how far it vouches for it; nothing before the experiment, or before the teacher."""
    if not desk.measured:
        return []
    if desk.waits:
        return [_article(desk, h("p", {"class": "wz-claim-status"}, desk.say["class_waits"]))]
    status = h("p", {"class": "wz-claim-status"}, h("b", None, desk.say[f"status_{desk.lesson.status}"]), " ",
               desk.say[f"status_{desk.lesson.status}_means"])  # fmt: skip
    parts: list[Node] = [_step(desk, "3", desk.say["article"]), status, *_section(desk, "claim")]
    return [_article(desk, *parts, *_section(desk, "limits"))]


def questions(desk: Desk) -> list[Node]:
    """The three questions, each explained once it is answered; then where to read on."""
    if not desk.measured or desk.waits:
        return []
    parts: list[Node] = [_step(desk, "4", desk.say["questions"])]
    for one in desk.lesson.questions:
        answer = desk.answer("after", one.id)
        parts += _choices(desk, f"after:{one.id}", one.ask, one.shown, answer, None if answer is None else one)
    return [_article(desk, *parts), _article(desk, *reading(desk))]


def reading(desk: Desk) -> list[Node]:
    """Further reading and the way to the next lesson."""
    items = [h("li", None, link(one.title, one.url), f" {one.note}" if one.note else None)
             for one in desk.lesson.reading]  # fmt: skip
    later = [one for one in desk.course if one.number > desk.lesson.number]
    onward = h("a", {"class": "wz-button", "href": address(later[0].id, desk.lesson.language)},
               desk.say["next"].format(title=later[0].title)) if later else None  # fmt: skip
    return [_step(desk, "5", desk.say["reading"]), h("ul", None, items), h("p", None, onward) if onward else None]  # type: ignore[list-item]


def glossary(desk: Desk) -> list[Node]:
    """Every term with its paper."""
    rows = [
        h("div", None, h("dt", {"id": f"term-{term.key}"}, term.name),
          h("dd", None, f"{term.means} ", link(term.paper, term.url) if term.paper else None))
        for term in sorted(desk.terms.values(), key=lambda term: term.name.lower())
    ]  # fmt: skip
    listed = h("details", {"class": "wz-glossary", "id": "glossary"}, h("summary", None, desk.say["glossary"]),
               h("dl", {"class": "wz-facts"}, rows))  # fmt: skip
    return [_article(desk, listed, h("p", {"class": "wz-note"}, desk.say["privacy"]))]


# --- parts ----------------------------------------------------------------------------------------------------------


def _article(desk: Desk, *parts: Node | None) -> Node:
    kept = [part for part in parts if part is not None]
    return h("div", {"class": "wz-lesson-text", "lang": desk.lesson.language}, kept)


def _step(desk: Desk, digit: str, words: str) -> Node:
    return h("h2", {"class": "wz-step"}, h("b", None, digit), words)


def _section(desk: Desk, name: str) -> list[Node]:
    title, body = desk.lesson.sections[name]
    return [h("h3", None, title), *render(body, desk.terms)]


def _choices(
    desk: Desk, place: str, ask: str, options: Sequence[Option], answer: Answer | None, judged: Question | None = None
) -> list[Node]:
    """A question as buttons; once answered they are fixed, and judged ones say why."""
    name = f"ask-{place.replace(':', '-').strip('-')}"
    rows = []
    for option in options:
        mine = answer is not None and answer.option == option.id
        state: dict[str, Any] = {
            "aria-pressed": "true" if mine else "false",
            "aria-disabled": "true" if answer else None,
        }
        kind = "" if judged is None else " wz-right" if option.id == judged.right else " wz-wrong" if mine else ""
        mark = None
        if judged is not None and (mine or option.id == judged.right):
            mark = h("b", {"class": "wz-verdict"}, desk.say["right" if option.id == judged.right else "wrong"])
        state |= {"class": f"wz-option{kind}", "data-pick": f"{place}:{option.id}"}
        button = h("button", {"type": "button", **state}, option.text)
        why = None if judged is None else h("p", {"class": "wz-why"}, mark, " " if mark else None, option.why)
        rows.append(h("li", None, button, why))
    group = {"class": "wz-options", "data-arrows": True, "role": "group", "aria-labelledby": name}
    return [h("p", {"class": "wz-ask-words", "id": name}, ask), h("div", group, h("ul", None, rows))]


def _interval(one: Measure, say: Mapping[str, str]) -> str:
    return say["too_few"] if one.low is None or one.high is None else f"{number(one.low)} … {number(one.high)}"


def _at(curve: Curve, k: int, unit: str) -> str:
    interval = f" ({number(curve.low[k])} … {number(curve.high[k])})" if curve.low else ""
    return f"{number(curve.y[k], unit)}{interval}"


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Node:
    body = [h("tr", None, h("th", {"scope": "row"}, first), [h("td", {"class": "wz-number"}, one) for one in rest])
            for first, *rest in rows]  # fmt: skip
    table = h(
        "table", {"class": "wz-table"}, h("caption", {"class": "wz-sr"}, title),
        h("thead", None, h("tr", None, [h("th", {"scope": "col"}, one) for one in head])), h("tbody", None, body),
    )  # fmt: skip
    return h("div", {"class": "wz-scroll", "tabindex": "0", "role": "region", "aria-label": title}, table)

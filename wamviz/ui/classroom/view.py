"""What the teacher and the learners of a class see of it, as markup nodes: pure functions of what was answered.

Contract: before the reveal a learner sees how many have predicted and nothing of what; so does everybody in front of a
projector (``presenting``). Text is the lessons' own and only ever text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wamviz.lessons import LANGUAGES, ClassAnswer, Desk, Lesson, Option, Place, Question
from wamviz.ui.markup import Node, h


@dataclass(frozen=True)
class Board:
    """A class as it stands, seen at one lesson.

    Attributes:
        name: of the class; link: by which learners join.
        course: all lessons in the reader's language; lesson: one of them; say: words of the page.
        learners: everybody's number; places: where they were seen; answers: all of them.
        revealed: ids of lessons; presenting: whether learners look at it too.
    """

    name: str
    link: str
    course: Sequence[Lesson]
    lesson: Lesson
    say: Mapping[str, str]
    learners: Sequence[int]
    places: Mapping[int, Place] = field(default_factory=dict)
    answers: Sequence[ClassAnswer] = ()
    revealed: frozenset[str] = frozenset()
    presenting: bool = False

    @property
    def open(self) -> bool:
        """Whether the lesson was revealed."""
        return self.lesson.id in self.revealed

    def counts(self, kind: str, question: str = "", lesson: str = "") -> Counter[str]:
        """How often each option was chosen; of predictions, before the reveal alone."""
        place = (lesson or self.lesson.id, kind, question)
        return Counter(
            one.answer.option
            for one in self.answers
            if one.answer.place == place and not (one.late and kind == "prediction")
        )

    def desk(self, number: int, lesson: str) -> Desk:
        """A learner at a lesson."""
        at = next((one for one in self.course if one.id == lesson), self.lesson)
        mine = {one.answer.place: one.answer for one in self.answers if one.learner == number}
        return Desk(at, self.course, self.say, {}, mine, waits=at.id not in self.revealed)


# --- for the teacher --------------------------------------------------------------------------------------------------


def board(room: Board, computed: int = 0, shared: int = 0) -> list[Node]:
    """The teacher's page; with how many experiments were computed, and how often one of those answered."""
    say = room.say
    here = sum(place.here for place in room.places.values())
    toggle = _button("present:0" if room.presenting else "present:1", say["class_present_off" if room.presenting
                     else "class_present"], pressed=room.presenting)  # fmt: skip
    parts = [
        h("header", {"class": "wc-head"},
          h("h1", None, say["class_title"].format(name=room.name)),
          h("p", {"class": "wc-join"}, h("span", None, say["class_join"]), " ",
            h("strong", {"data-testid": "join-link"}, room.link.split("://")[-1])),
          h("p", {"class": "wc-facts"}, say["class_count"].format(count=len(room.learners), here=here)),
          h("div", {"class": "wc-tools"}, toggle, None if room.presenting else _button("export", say["class_export"]))),
        _lessons(room),
        h("section", {"class": "wc-lesson", "aria-label": room.lesson.title},
          _prediction(room), *(_answers(room) if room.open or not room.presenting else [])),
    ]  # fmt: skip
    if room.presenting:
        return parts
    experiments = say["class_experiments"].format(computed=computed, shared=shared)
    return [*parts, _seats(room), h("p", {"class": "wc-facts"}, experiments)]


def _lessons(room: Board) -> Node:
    rows = []
    for one in room.course:
        count = sum(room.counts("prediction", lesson=one.id).values())
        here = sum(place.here and place.lesson == one.id for place in room.places.values())
        note = room.say["class_lesson_note"].format(here=here, predicted=count)
        state = {"aria-pressed": "true" if one is room.lesson else "false", "data-pick": f"lesson:{one.id}"}
        rows.append(h("li", None, h("button", {"type": "button", "class": "wc-choice", **state},
                                    h("b", None, f"{one.number}. {one.title}"), h("small", None, note))))  # fmt: skip
    return h("nav", {"class": "wc-lessons", "aria-label": room.say["lessons"], "data-arrows": True},
             h("ol", None, rows))  # fmt: skip


def _prediction(room: Board) -> Node:
    """The predictions of the class and the button that reveals them."""
    say, lesson = room.say, room.lesson
    counts = room.counts("prediction")
    told = say["class_predicted"].format(done=sum(counts.values()), count=len(room.learners))
    state = say["class_revealed" if room.open else "class_hidden" if room.presenting else "class_only_you"]
    reveal = _button("reveal:0" if room.open else "reveal:1", say["class_hide" if room.open else "class_reveal"],
                     strong=not room.open)  # fmt: skip
    shown = room.open or not room.presenting
    return h(
        "section", {"class": "wc-prediction", "data-testid": "predictions", "aria-labelledby": "wc-ask"},
        h("h2", {"id": "wc-ask"}, lesson.prediction.ask),
        h("p", {"class": "wc-facts"}, h("b", None, told), " ", state),
        bars(lesson.prediction.options, counts) if shown else None,
        h("p", {"class": "wc-tools"}, reveal),
    )  # fmt: skip


def _answers(room: Board) -> list[Node]:
    """How often each option of each question was chosen."""
    parts: list[Node] = [h("h2", None, room.say["class_questions"])]
    for one in room.lesson.questions:
        parts.append(h("h3", None, one.ask))
        for kind in ("before", "after") if one.before else ("after",):
            counts = room.counts(kind, one.id)
            parts.append(h("p", {"class": "wc-facts"}, room.say[f"class_{kind}"].format(count=sum(counts.values()))))
            parts.append(bars(one.shown, counts, one, room.say["right"]))
    return [h("section", {"class": "wc-questions", "data-testid": "class-answers"}, parts)]


def _seats(room: Board) -> Node:
    """Who is where."""
    titles = {one.id: f"{one.number}. {one.title}" for one in room.course}
    rows = []
    for number in room.learners:
        place = room.places.get(number)
        where = room.say["class_not_seen"] if place is None else titles.get(place.lesson, "")
        step = "" if place is None else room.say[f"class_step_{room.desk(number, place.lesson).step}"]
        away = place is None or not place.here
        rows.append(h("li", {"class": "wc-seat wc-away" if away else "wc-seat"},
                      h("b", None, room.say["class_learner"].format(number=number)), " ", h("span", None, where), " ",
                      h("small", None, f"{step} {room.say['class_away']}".strip() if away else step)))  # fmt: skip
    empty = h("p", {"class": "wc-facts"}, room.say["class_empty"])
    return h("section", {"class": "wc-seats", "data-testid": "seats", "aria-labelledby": "wc-seats"},
             h("h2", {"id": "wc-seats"}, room.say["class_where"]), h("ol", None, rows) if rows else empty)  # fmt: skip


def bars(options: Sequence[Option], counts: Mapping[str, int], judged: Question | None = None, right: str = "") -> Node:
    """Options with how often each was chosen; the right one marked where they are ``judged``."""
    total = sum(counts.values())
    rows = []
    for option in options:
        count, good = counts.get(option.id, 0), judged is not None and option.id == judged.right
        share = f" ({count / total:.0%})" if total else ""
        bar = h("progress", {"max": max(total, 1), "value": count, "aria-hidden": "true"})
        mark = h("b", {"class": "wc-mark"}, f"✓ {right}") if good else None
        rows.append(h("li", {"class": "wc-bar wc-good" if good else "wc-bar", "data-option": option.id},
                      h("span", None, option.text, " " if mark else None, mark), " ", bar, " ",
                      h("b", {"class": "wc-count"}, f"{count}{share}")))  # fmt: skip
    return h("ul", {"class": "wc-bars"}, rows)


def languages(language: str, words: str) -> Node:
    """Links to the teacher's page in every language."""
    links = [
        h("a", {"href": f"?lang={code}", "lang": code, "aria-current": "true" if code == language else None}, title)
        for code, title in LANGUAGES.items()
    ]
    return h("nav", {"class": "wc-languages", "aria-label": words}, links)


def _button(pick: str, words: str, strong: bool = False, pressed: bool | None = None) -> Node:
    state = {} if pressed is None else {"aria-pressed": "true" if pressed else "false"}
    kind = "wc-button wc-strong" if strong else "wc-button"
    return h("button", {"type": "button", "class": kind, "data-pick": pick, **state}, words)


# --- for learners -----------------------------------------------------------------------------------------------------


def learner_panel(room: Board, number: int) -> list[Node]:
    """What a learner sees of the class at a lesson."""
    say = room.say
    counts = room.counts("prediction")
    who = say["class_you_are"].format(name=room.name, number=number)
    told = say["class_predicted"].format(done=sum(counts.values()), count=len(room.learners))
    state = say["class_revealed" if room.open else "class_waits"]
    return [
        h("p", {"class": "wc-who"}, h("b", None, who)),
        h("p", {"class": "wc-told"}, told),
        h("p", {"class": "wc-state", "role": "status"}, state),
        bars(room.lesson.prediction.options, counts) if room.open else "",
    ]

"""The addresses of a class: ``/join``, the teacher's page ``/class``, and what the two ask (see ``json_routes``).

Contract: everything that the teacher sees or does is asked with the key; everything of a learner with the number of a
browser that has joined, and it tells of others only what was revealed. Nothing is told to anybody else. The key comes
in the part of the link that browsers do not send, so that it stands in no log.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from wamviz.core.errors import InvalidInput
from wamviz.lessons import LANGUAGES, Classroom, Lesson, load_course, load_words
from wamviz.lessons.answers import PUPIL
from wamviz.lessons.classroom import export_csv
from wamviz.ui.bench import Bench
from wamviz.ui.classroom import view
from wamviz.ui.classroom.view import Board
from wamviz.ui.json_routes import Answer, json_route
from wamviz.ui.scripts import inline
from wamviz.ui.shell import SCHEME
from wamviz.ui.theme import STATIC, fonts

HERE = Path(__file__).parent


def class_routes(classroom: Classroom | None, bench: Bench) -> list[BaseRoute]:
    """The addresses of a class that is under way and runs its experiments on ``bench``; none without one."""
    if classroom is None:
        return []
    room = classroom

    def join(request: Request) -> Response:
        code = request.path_params.get("code", "")
        known = re.fullmatch(r"[0-9A-Za-z]{1,12}", code)
        up = "../" if "code" in request.path_params else "./"
        return RedirectResponse(f"{up}lessons?class={code}" if known else f"{up}lessons", 303)

    def teacher(request: Request) -> Response:
        page, policy = teacher_page()
        return HTMLResponse(page, headers={
            "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache",
        })  # fmt: skip

    def look(asked: Answer, _: bool) -> Answer:
        room.check_teacher(asked.get("key"))
        seen = look_at(room, asked, asked.get("present") is True)
        return {
            "title": seen.say["class_title"].format(name=seen.name),
            "language": seen.lesson.language,
            "lesson": seen.lesson.id,
            "computed": bench.computed,
            "shared": bench.answered,
            "nodes": [
                view.languages(seen.lesson.language, seen.say["languages"]),
                *view.board(seen, bench.computed, bench.answered),
            ],
        }

    def reveal(asked: Answer, here: bool) -> Answer:
        room.check_teacher(asked.get("key"))
        shown = asked.get("shown")
        if not isinstance(shown, bool):
            raise InvalidInput("'shown' is true or false.")
        room.store.reveal(read_lesson(asked).id, shown)
        return look(asked, here)

    def export(asked: Answer, _: bool) -> Answer:
        room.check_teacher(asked.get("key"))
        table = export_csv(room.store.answers(), texts_of(read_language(asked)))
        return {"name": f"{room.store.name}.csv", "csv": f"\ufeff{table}"}  # the mark tells spreadsheets of UTF-8

    def learner(asked: Answer, _: bool) -> Answer:
        lesson, say = read_lesson(asked), load_words(read_language(asked))[0]
        words = {name: say[f"class_{name}"] for name in ("code", "enter", "wrong_code")}
        pupil, code = asked.get("pupil"), asked.get("code")
        if not isinstance(pupil, str) or not PUPIL.fullmatch(pupil):
            return {"joined": False, "words": words}
        if isinstance(code, str) and code:
            room.admit(pupil, code)
        number = room.see(pupil, lesson.id)
        if number is None:
            return {"joined": False, "words": words}
        seen = look_at(room, asked)
        return {"joined": True, "revealed": seen.open, "words": words, "nodes": view.learner_panel(seen, number)}

    return [
        Route("/join", join, methods=["GET"]),
        Route("/join/{code}", join, methods=["GET"]),
        Route("/class", teacher, methods=["GET"]),
        json_route("/class/teacher/{verb}", {"look": look, "reveal": reveal, "export": export}),
        json_route("/class/learner/{verb}", {"look": learner}),
    ]


def look_at(room: Classroom, asked: Answer, presenting: bool = False) -> Board:
    """The class at the lesson and in the language that was asked for."""
    lesson, store = read_lesson(asked), room.store
    return Board(
        store.name, room.join_link, load_course(lesson.language), lesson, load_words(lesson.language)[0],
        store.learners(), room.places(), store.answers(), frozenset(store.revealed()), presenting,
    )  # fmt: skip


def read_language(asked: Answer) -> str:
    """The language that was asked for, or the first."""
    language = asked.get("lang")
    return language if isinstance(language, str) and language in LANGUAGES else next(iter(LANGUAGES))


def read_lesson(asked: Answer) -> Lesson:
    """The lesson that was asked for, or the first."""
    course = load_course(read_language(asked))
    return next((one for one in course if one.id == asked.get("lesson")), course[0])


def texts_of(language: str) -> dict[tuple[str, str, str, str], tuple[str, str]]:
    """What was asked and what was chosen in words, as ``export_csv`` takes them."""
    found = {}
    for lesson in load_course(language):
        for option in lesson.prediction.options:
            found[lesson.id, "prediction", "", option.id] = lesson.prediction.ask, option.text
        for question in lesson.questions:
            for option in question.options:
                for kind in ("before", "after"):
                    found[lesson.id, kind, question.id, option.id] = question.ask, option.text
    return found


@cache
def teacher_page() -> tuple[str, str]:
    """The teacher's page, empty until its script has shown the key, and the policy that allows it that one script."""
    styles = [STATIC / "tokens.css", HERE / "teacher.css", HERE / "bars.css"]
    style = fonts() + "".join(path.read_text(encoding="utf-8") for path in styles)
    script = f"{{\n{inline(HERE / 'js' / 'teacher.js', 'teacher')}\nteacher.start();\n}}"
    page = (HERE / "teacher.html").read_text(encoding="utf-8")
    for name, text in {"STYLE": style, "SCRIPT": script, "SCHEME": SCHEME}.items():
        page = page.replace(f"<!--{name}-->", text)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy: dict[str, Any] = {
        "default-src": "'none'", "script-src": f"'sha256-{digest}'", "style-src": "'unsafe-inline'",
        "connect-src": "'self'", "font-src": "'self'", "img-src": "'self'", "base-uri": "'none'",
        "form-action": "'none'", "frame-ancestors": "'none'",
    }  # fmt: skip
    return page, "; ".join(f"{name} {value}" for name, value in policy.items())

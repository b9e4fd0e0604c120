"""Who may ask what of a class: the teacher all, a learner what was revealed, a stranger nothing."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re

import pytest
from starlette.testclient import TestClient

from tests.ui.classroom.conftest import ADA, BOB, STRANGER
from wamviz.lessons import Answer, Classroom, load_course
from wamviz.ui.bench import Bench
from wamviz.ui.classroom.routes import class_routes, teacher_page

LESSON = load_course("en")[0]
OPTION, OTHER = LESSON.prediction.options[0], LESSON.prediction.options[1]
VERBS = {"look": {}, "reveal": {"lesson": LESSON.id, "shown": True}, "export": {}}


def answer(room: Classroom, pupil: str, option: str) -> None:
    room.store.keep(Answer(pupil, LESSON.id, "prediction", option))


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "key", [None, "", "x", 7, ["x"], ADA, "CODE", "KEY-"], ids=["none", "empty", "wrong", "number", "list", "learner",
            "code", "a part"])  # fmt: skip
def test_a_learner_and_a_stranger_reach_no_address_of_the_teacher(
    client: TestClient, classroom: Classroom, verb: str, key: object
) -> None:
    answer(classroom, BOB, OPTION.id)
    shown = {"CODE": classroom.store.code, "KEY-": classroom.key[:-1]}.get(key, key) if isinstance(key, str) else key
    body = {**VERBS[verb], **({} if key is None else {"key": shown}), "pupil": ADA, "code": classroom.store.code}
    told = client.post(f"/class/teacher/{verb}", json=body)
    assert told.status_code == 403 and set(told.json()) == {"error"}, told.text
    assert "Only the teacher" in told.json()["error"] and OPTION.text not in told.text
    assert classroom.store.revealed() == set()


def test_another_sites_page_asks_for_nothing_even_with_the_key(client: TestClient, classroom: Classroom) -> None:
    headers = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    for who, body in (("teacher", {"key": classroom.key}), ("learner", {"pupil": ADA})):
        told = client.post(f"/class/{who}/look", json=body, headers=headers)
        assert told.status_code == 403 and "Only this page itself" in told.json()["error"]
    assert client.get("/class/teacher/look").status_code == 405


def test_the_key_is_in_nothing_that_learners_or_strangers_are_told(client: TestClient, classroom: Classroom) -> None:
    told = [
        client.get("/class").text, client.get("/join").text, client.get(f"/join/{classroom.store.code}").text,
        *(client.post("/class/learner/look", json={"pupil": pupil}).text for pupil in (ADA, STRANGER)),
    ]  # fmt: skip
    assert all(classroom.key not in text for text in told)
    assert classroom.store.code not in client.get("/class").text


def test_a_learner_sees_of_others_only_how_many_until_the_reveal(client: TestClient, classroom: Classroom) -> None:
    answer(classroom, BOB, OPTION.id)
    before = client.post("/class/learner/look", json={"pupil": ADA, "lesson": LESSON.id}).json()
    assert before["joined"] and before["revealed"] is False
    assert "1 of 2 have predicted" in str(before["nodes"]) and OPTION.text not in str(before["nodes"])
    told = client.post("/class/teacher/reveal", json={"key": classroom.key, "lesson": LESSON.id, "shown": True})
    assert told.status_code == 200
    after = client.post("/class/learner/look", json={"pupil": ADA, "lesson": LESSON.id}).json()
    assert after["revealed"] is True and OPTION.text in str(after["nodes"]) and BOB not in str(after)
    other = client.post("/class/learner/look", json={"pupil": ADA, "lesson": load_course("en")[1].id}).json()
    assert other["revealed"] is False


@pytest.mark.parametrize("pupil", [STRANGER, "", "no number", None, 7])
def test_who_has_not_joined_is_told_nothing_of_the_class(
    client: TestClient, classroom: Classroom, pupil: object
) -> None:
    classroom.store.reveal(LESSON.id, True)
    answer(classroom, BOB, OPTION.id)
    told = client.post("/class/learner/look", json={"pupil": pupil, "lesson": LESSON.id, "code": "WRONG1"}).json()
    assert told["joined"] is False and set(told) == {"joined", "words"}
    assert len(classroom.store.learners()) == 2


def test_the_code_of_the_class_lets_one_in(client: TestClient, classroom: Classroom) -> None:
    link = client.get(f"/join/{classroom.store.code}")
    assert link.status_code == 303 and link.headers["location"] == f"../lessons?class={classroom.store.code}"
    told = client.post("/class/learner/look", json={"pupil": STRANGER, "code": classroom.store.code.lower()}).json()
    assert told["joined"] and "learner 3" in str(told["nodes"])
    assert client.get("/join").headers["location"] == "./lessons"
    odd = client.get("/join/%0d%0aset-cookie:a")
    assert odd.headers["location"] == "../lessons" and "set-cookie" not in odd.headers


def test_the_teacher_sees_who_is_where_and_what_they_predict(client: TestClient, classroom: Classroom, clock) -> None:
    client.post("/class/learner/look", json={"pupil": ADA, "lesson": LESSON.id})
    answer(classroom, ADA, OTHER.id)
    told = client.post("/class/teacher/look", json={"key": classroom.key, "lang": "ja", "lesson": LESSON.id}).json()
    assert (told["language"], told["lesson"]) == ("ja", LESSON.id)
    text = str(told["nodes"])
    assert "学習者1" in text and "10.0.0.7:7860/join/" in text and ADA not in text
    clock.now += 60
    later = client.post("/class/teacher/look", json={"key": classroom.key}).json()
    assert "2 have joined, 0 are here now" in str(later["nodes"]) and "(away)" in str(later["nodes"])
    told = client.post("/class/teacher/reveal", json={"key": classroom.key, "lesson": LESSON.id, "shown": "yes"})
    assert told.status_code == 400


def test_an_export_has_every_answer_in_words_and_no_browsers_number(client: TestClient, classroom: Classroom) -> None:
    answer(classroom, ADA, OPTION.id)
    told = client.post("/class/teacher/export", json={"key": classroom.key, "lang": "ja"}).json()
    assert told["name"] == "8b.csv" and told["csv"].startswith("\ufeff") and ADA not in told["csv"]
    (row,) = csv.DictReader(io.StringIO(told["csv"][1:]))
    assert row["answered"] == load_course("ja")[0].prediction.options[0].text and row["learner"] == "1"


def test_the_teachers_page_runs_its_own_script_alone(client: TestClient) -> None:
    page, policy = teacher_page()
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy and "default-src 'none'" in policy
    answered = client.get("/class")
    assert answered.headers["content-security-policy"] == policy
    assert answered.headers["referrer-policy"] == "no-referrer" and "<!--" not in page
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page)


def test_there_are_no_such_addresses_without_a_class() -> None:
    assert class_routes(None, Bench()) == []

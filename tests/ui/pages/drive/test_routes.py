"""The page's own addresses: strangers, other sites' pages and malformed requests are refused with a sentence."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from wamviz.probes.results import ResultsShelf
from wamviz.runs.store import Store
from wamviz.ui.json_routes import LARGEST
from wamviz.ui.page import Services
from wamviz.ui.pages.drive import sessions
from wamviz.ui.pages.drive.routes import routes_of
from wamviz.ui.pages.drive.sessions import DriveSessions
from wamviz.ui.run_repository import RunRepository
from wamviz.ui.scenes import Scenes

AWAY = [[0.03, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
SOURCE = "tabletop:2000000"


@pytest.fixture(scope="module")
def client(world, obedient, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    repository = RunRepository(Store(folder / "runs"))
    drives = DriveSessions(lambda: world, repository.keep)
    with TestClient(
        Starlette(routes=routes_of(Services(repository, Scenes(), ResultsShelf(folder / "probes")), drives))
    ) as client:
        client.repository = repository
        yield client


@pytest.fixture(scope="module")
def opened(client, obedient):
    told = client.post("/driving/open", json={"source": SOURCE, "model": obedient})
    assert told.status_code == 200, told.text
    return told.json()


def test_it_is_opened_driven_kept_and_closed(client, opened):
    name = opened["session"]
    told = client.post("/driving/step", json={"session": name, "actions": AWAY}).json()
    assert told["lengths"] == [1] and told["moments"][0]["real"]
    run = client.post("/driving/keep", json={"session": name}).json()["run"]
    assert client.repository.load(run).source == SOURCE


def test_the_picture_says_where_right_is(opened):
    (x, y), (u, v) = opened["axes"]["right"], opened["axes"]["away"]
    assert x * x + y * y == pytest.approx(1) and x * u + y * v == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("body", "sort"),
    [
        (b"{", "application/json"),
        (b"[1]", "application/json"),
        (b"[" * 2000, "application/json"),
        (b"\xff\xfe", "application/json"),
        (b'"' + b"a" * LARGEST + b'"', "application/json"),
        (b"{}", "text/plain"),
    ],
)
def test_what_is_no_json_object_is_refused(client, body, sort):
    answer = client.post("/driving/step", content=body, headers={"content-type": sort})
    assert answer.status_code == 400 and answer.json()["error"].startswith("The request")


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://elsewhere.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}],
)
def test_another_sites_page_may_not_drive(client, opened, headers):
    answer = client.post("/driving/step", json={"session": opened["session"], "actions": AWAY}, headers=headers)
    assert answer.status_code == 403 and "this page itself" in answer.json()["error"]


def test_its_own_page_may(client, opened):
    headers = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
    assert client.post("/driving/rewind", json={"session": opened["session"], "moment": 0}, headers=headers).is_success


def test_strangers_are_refused(client):
    answer = client.post("/driving/step", json={"session": "x" * 32, "actions": AWAY})
    assert answer.status_code == 404 and "no such drive" in answer.json()["error"]
    assert client.post("/driving/fly", json={}).status_code == 404
    assert client.get("/driving/step").status_code == 405


def test_too_fast_is_said_so(client, obedient):
    name = client.post("/driving/open", json={"source": SOURCE, "model": obedient}).json()["session"]
    bad = {"session": name, "actions": "none"}  # costs nothing but the allowance
    codes = [client.post("/driving/step", json=bad).status_code for _ in range(sessions.BURST + 8)]
    assert set(codes) <= {400, 409} and 409 in codes


@pytest.mark.parametrize("source", ["", "/etc/passwd", "/etc#0@0", "tabletop:x", "hub:a/b#0"])
def test_a_source_is_no_path(client, source):
    answer = client.post("/driving/open", json={"source": source, "model": "obedient"})
    assert answer.status_code in (400, 404) and "Traceback" not in answer.text


def test_a_model_that_cannot_be_driven_says_so(client):
    answer = client.post("/driving/open", json={"source": SOURCE, "model": "hold-still"})
    assert answer.status_code == 400 and "cannot be driven" in answer.json()["error"]

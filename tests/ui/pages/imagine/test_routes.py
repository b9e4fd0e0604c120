"""The Imagine page's own addresses: a run from inside, and an example of a file of actions."""

from __future__ import annotations

import base64
from types import SimpleNamespace

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from wamviz.core.action_spaces import TABLETOP_ACTIONS
from wamviz.models.mini.inside import Inside, InsideStep, Token
from wamviz.runs.actions_file import actions_csv, example_actions
from wamviz.runs.look_inside import Look
from wamviz.ui.pages.imagine import view
from wamviz.ui.pages.imagine.routes import FULL, imagine_routes, seen, tell_look

CAMERA = np.array([[1, 0, 0, 0.5], [0, 1, 0, 0.5], [0, 0, 0, 1]], np.float32)


@pytest.fixture(scope="module")
def client():
    def load(run_id):
        raise AssertionError("nobody asked for it")

    with TestClient(Starlette(routes=imagine_routes(SimpleNamespace(repository=SimpleNamespace(load=load))))) as client:
        yield client


def test_attention_is_packed_by_what_is_attended_to() -> None:
    """The context's tokens one by one, motion's and the actions' together; all of it adds up."""
    tokens = (Token("state", "the robot's state"), Token("thing", "orange", True, (0.5, 0.25)), Token("word", "pick"),
              Token("motion", "1"), Token("motion", "2"), Token("action", "1"))  # fmt: skip
    shares = np.array([0.1, 0.2, 0.3, 0.15, 0.05, 0.2], np.float32)
    attention = np.broadcast_to(shares, (2, 3, 1, 6)).copy()
    path = np.zeros((1, 3), np.float32)
    step = InsideStep((1.0, 1.0), (1.0, 0.0), "action", path, path, attention)
    frame = np.zeros((8, 8, 3), np.uint8)
    inside = Inside(frame, CAMERA, path[0], tokens, np.array([[1.0], [1.0]]), (step,), np.zeros((1, 7)))
    told = tell_look(Look(inside, 1, 1, 0.0))
    assert told["shape"] == [1, 2, 3, 1, 5]
    sent = np.frombuffer(base64.b64decode(told["attention"]), "<u2").reshape(told["shape"])
    assert np.allclose(sent[0, 1, 2, 0] / FULL, [0.1, 0.2, 0.3, 0.2, 0.2], atol=1e-4)
    assert [token["kind"] for token in told["tokens"]] == ["state", "thing", "word"]


def test_places_are_seen_through_the_camera_and_never_behind_it() -> None:
    assert seen(np.array([[0.1, -0.2, 1]], np.float32), CAMERA) == [[0.6, 0.3]]
    behind = CAMERA.copy()
    behind[2] = [0, 0, 1, 0]
    assert seen(np.array([[0, 0, -1]], np.float32), behind) == [[-9.0, -9.0]]


@pytest.mark.parametrize("body", [{}, {"run": 5}, {"run": "a", "sample": "0"}, {"run": "a", "chunk": True}])
def test_what_is_no_question_is_refused(client, body) -> None:
    answer = client.post("/inside/look", json=body)
    assert answer.status_code == 400 and "whole numbers" in answer.json()["error"]


def test_another_sites_page_may_not_look(client) -> None:
    answer = client.post("/inside/look", json={"run": "a"}, headers={"origin": "http://elsewhere.example"})
    assert answer.status_code == 403


def test_the_example_is_a_file_that_the_model_takes(client) -> None:
    answer = client.get("/actions-example.csv?model=hold-still")
    assert answer.text == actions_csv(example_actions(TABLETOP_ACTIONS), TABLETOP_ACTIONS)
    assert "attachment" in answer.headers["content-disposition"]
    assert client.get("/actions-example.csv?model=nobody").status_code == 404
    assert "actions-example.csv?model=hold-still" in str(view.file_format("hold-still"))

"""What the page of probes shows, without a browser: the grid, what may be named, and how a run is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.probes.conftest import ECHO, Echo
from wamviz.core.errors import WamvizError
from wamviz.models import registry
from wamviz.models.protocol import ModelEntry
from wamviz.probes.results import ResultsShelf
from wamviz.runs.store import Store
from wamviz.ui.jobs import Switch
from wamviz.ui.library import Library
from wamviz.ui.pages.probes import view
from wamviz.ui.pages.probes.rating_view import Booth, read_answers
from wamviz.ui.pages.probes.view import Form
from wamviz.ui.run_repository import RunRepository
from wamviz.ui.scenes import Scenes
from wamviz.ui.serve import report_routes

NASTY = 'wave <img src=x onerror="alert(1)"> ${7*6}'
MINE = Form("", "tabletop:1000100", "push the toaster lever", ["no_op"], NASTY, ["echo:joint", "loud:joint"], 2, 0)


@pytest.fixture
def models() -> Iterator[list[Echo]]:
    """Two that differ in their pictures, so that their samples are two."""
    registry.reset()
    found = [Echo(), Echo(replace(ECHO, model_id="loud", title="Loud"))]
    for model in found:
        registry.register(ModelEntry(model.capabilities, lambda device, one=model: one, resident=False))
    yield found
    registry.reset()


@pytest.fixture
def shelved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ResultsShelf, RunRepository, Scenes]:
    from wamviz.core.rollout import Observation
    from wamviz.runs.sources import Context

    grey = Observation({"exterior": np.full((16, 16, 3), 90, np.uint8)}, "")
    monkeypatch.setattr(view, "find_context", lambda *_: Context(grey))  # no scene is drawn for these tests
    repository = RunRepository(Store(tmp_path / "runs"), examples=tmp_path / "none")
    return ResultsShelf(tmp_path / "probes"), repository, Scenes()


def flat(nodes: Any) -> list[Any]:
    """Every element of a tree, depth first."""
    found = []
    for node in nodes:
        if isinstance(node, list):
            found += [node, *flat(node[2:])]
    return found


def words(nodes: Any) -> str:
    return " ".join(one for node in flat([["div", {}, *nodes]]) for one in node[2:] if isinstance(one, str))


def ran(shelved: tuple[ResultsShelf, RunRepository, Scenes], form: Form = MINE) -> list[dict[str, Any]]:
    return list(view.run(replace(form, templates=[]), *shelved, Switch()))


def test_the_grid_fills_cell_by_cell_and_every_cell_is_a_permalink(models, shelved) -> None:
    parts = ran(shelved)
    grids = [part["grid"] for part in parts if "grid" in part]
    waiting = [sum(node[1].get("class") == "wz-waiting" for node in flat(grid)) for grid in grids]
    assert waiting == list(range(8, -1, -1))
    links = [node[1]["href"] for node in flat(grids[-1]) if node[0] == "a"]
    shelf, repository, _ = shelved
    assert len(links) == 8 and all(repository.load(link.removeprefix("./?run=")).samples == 1 for link in links)
    assert "8 samples are there" in words(parts[-1]["status"]) and NASTY in words(grids[-1])
    assert not any("alert" in text for node in flat(grids[-1]) for text in node[1].values())
    assert repository.list() == []  # they lie with their results
    again = ran(shelved)
    assert sum(len(model.asked) for model in models) == 8 and "8 samples are there" in words(again[-1]["status"])


def test_permalinks_open_before_the_page_is_seen(models, shelved, tmp_path: Path) -> None:
    link = next(node[1]["href"] for node in flat(ran(shelved)[-2]["grid"]) if node[0] == "a")
    fresh = RunRepository(Store(tmp_path / "runs"), examples=tmp_path / "none")
    view.mount_all(shelved[0], fresh)
    assert fresh.load(link.removeprefix("./?run=")).samples == 1


def test_what_the_scene_has_nothing_for_is_told(models, shelved) -> None:
    suite = view.make_suite(replace(MINE, templates=[]), shelved[2])
    assert view.left_out(replace(MINE, templates=["no_op", "then"]), suite) == ["no op", "then"]
    assert view.left_out(replace(MINE, suite="toaster"), suite) == []


def test_a_stop_keeps_what_is_there_and_a_failure_is_told(models, shelved) -> None:
    switch, seen = Switch(), []
    for part in view.run(replace(MINE, templates=[]), *shelved, switch):
        seen.append(part)
        if len(seen) == 4:
            switch.turn_off()
    assert "Stopped after 2 of 8" in words(seen[-1]["status"])
    switch, seen = Switch(), []
    for part in view.run(replace(MINE, templates=[], reference="another"), *shelved, switch):
        seen.append(part)
        switch.turn_off()  # in the midst of the first sample
    assert "Stopped after 0 of 8" in words(seen[-1]["status"]) and "wz-failed" not in str(seen)
    failing = ran(shelved, replace(MINE, reference="a broken one", lines=""))
    assert "0 of 4 samples answered" in words(failing[-1]["status"]) and "secret" not in str(failing)
    assert sum(node[1].get("class") == "wz-failed" for node in flat(failing[-2]["grid"])) == 4


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"samples": 25}, "1 .. 24"),
        ({"samples": None}, "number of samples"),
        ({"contenders": []}, "No model is chosen"),
        ({"reference": " "}, "no instruction"),
        ({"suite": "../../etc"}, "suite of the list"),
        ({"contenders": ["echo:dance"]}, "Unknown mode"),
    ],
)
def test_what_cannot_be_run_is_told(models, shelved, change: dict[str, Any], why: str) -> None:
    parts = ran(shelved, replace(MINE, **change))
    assert why in words(parts[-1]["status"]) and not shelved[0].names()


@pytest.mark.parametrize("source", ["/etc/passwd", "../x.png", "/data#3", "hub:a/b#0", "0123456789abcdef"])
def test_visitors_name_no_folder_of_this_machine(source: str) -> None:
    scenes = Scenes(library=Library(local=True))
    with pytest.raises(WamvizError, match="served to others"):
        view.find_context(source, scenes, here=False)


def test_raters_see_nothing_of_whose_a_sample_is_until_they_have_said(models, shelved) -> None:
    ran(shelved)
    shelf, repository, _ = shelved
    name, booth = shelf.names()[0], Booth(shelf, repository)
    assert "name of its rater" in words(booth.sample(name, " ")["rate_status"])
    shown = booth.sample(name, "Ada")
    assert "echo" not in str(shown["sample"]) and "loud" not in str(shown["sample"]) and shown["foot"]
    assert NASTY in words(shown["sample"]) or "push" in words(shown["sample"])
    kept = booth.rate(name, "Ada", shown["key"], '{"same_robot": "yes"}', "a note")
    assert "joint" in words(kept["rate_status"]) and kept["key"] != shown["key"] and kept["note"] == ""
    refused = booth.rate(name, "Ada", kept["key"], "{}", "unsaved")
    assert "No question was answered" in words(refused["rate_status"]) and refused.keys() == {"rate_status"}
    while kept["key"]:
        kept = booth.rate(name, "Ada", kept["key"], '{"stopped": "no"}', "")
    assert "rated all 8" in words(kept["sample"]) and not kept["foot"]
    again = booth.sample(name, "Ada")
    assert "1 of 8 of pass 2" in words(again["sample"]) and again["foot"]


def test_votes_are_blind_and_told_afterwards(models, shelved) -> None:
    ran(shelved)
    shelf, repository, _ = shelved
    name, booth = shelf.names()[0], Booth(shelf, repository)
    shown = booth.pair(name, "Ada")
    assert "echo" not in str(shown["pair"]) and "loud" not in str(shown["pair"])
    picks = [node[1]["data-pick"] for node in flat(shown["pair"]) if "data-pick" in node[1]]
    assert picks == ["left", "tie", "right"]
    kept = booth.vote(name, "Ada", shown["keys"], "left", "sharper")
    assert "echo:joint" in words(kept["vote_status"]) and "loud:joint" in words(kept["vote_status"])
    assert "Unknown choice" in words(booth.vote(name, "Ada", kept["keys"], "none", "")["vote_status"])
    figures = words(booth.figures(name))
    assert "1 blind vote." in figures and "Too few votes" in figures
    assert "Unknown results" in words(booth.figures("../x"))


@pytest.mark.parametrize("text", ["[", "[1]", '{"a": 1}', "null"])
def test_answers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(WamvizError, match="did not arrive"):
        read_answers(text)


def test_the_report_of_results_is_made_when_it_is_asked_for(models, shelved) -> None:
    ran(shelved)
    shelf, _, _ = shelved
    client = TestClient(Starlette(routes=report_routes(shelf)))
    name = shelf.names()[0]
    answer = client.get(f"/probe-reports/{name}.html")
    assert answer.status_code == 200 and "Probe suite mine" in answer.text
    assert f'filename="{name}.html"' in answer.headers["content-disposition"]
    for other in ("nobody", "..%2Fruns"):
        assert client.get(f"/probe-reports/{other}.html").status_code == 404

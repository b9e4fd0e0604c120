"""The Models page's handlers without a browser: what they change, and that whoever is not here changes nothing."""

from __future__ import annotations

import gc
import threading
from dataclasses import replace
from types import SimpleNamespace

import gradio as gr
import pytest

from tests.ui.pages.models.test_connection_form import FULL, PI, values
from wamviz.models import backends, connections, registry
from wamviz.models.connections import Connection
from wamviz.ui import choices
from wamviz.ui.library import Library
from wamviz.ui.pages.models import connection_form as fields
from wamviz.ui.pages.models.events import ModelsEvents
from wamviz.ui.pages.models.layout import ModelsPage

# Gradio 6.31 leaves event loops open when Blocks are built outside a server; Python complains when it drops them.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def built():
    with gr.Blocks(analytics_enabled=False) as demo:
        made = ModelsEvents(ModelsPage(), Library(local=True), demo)
    gc.collect()  # they are dropped now, not in the middle of somebody else's test
    return made


@pytest.fixture
def wiring(built, home):
    """The page's events, with no connections at first."""
    built.library.local = True
    registry.reset()
    yield built
    registry.reset()


def asked(host="127.0.0.1:7860", **more):
    return SimpleNamespace(headers={"host": host, **more}, session_hash="visitor")


ELSEWHERE = [
    asked("robots.example"), asked(**{"x-forwarded-for": "10.0.0.1"}), asked(origin="https://robots.example"),
    asked(origin="null"),
]  # fmt: skip


@pytest.mark.parametrize("request_", ELSEWHERE, ids=["another name", "a proxy", "another site", "a sandbox"])
def test_whoever_is_not_here_changes_nothing_and_asks_nobody(wiring, request_, monkeypatch):
    """Whatever their page shows: each handler looks for itself."""
    page = wiring.page
    for way in ("probe", "download"):
        monkeypatch.setattr(backends, way, lambda *told: pytest.fail("somebody was asked"))
    connections.keep(PI)
    told = values(fields.of_connection(FULL), len(page.settings))
    found = [
        wiring.save(request_, "", *told),
        *(wiring.chosen(f"{what} pi05", request_) for what in ("test", "edit", "forget")),
        *wiring.try_form(request_, *told),
        *(updates for what in ("test", "fetch") for updates in wiring.try_kept(f"{what} pi05", request_)),
    ]
    assert len(found) == 7
    for updates in found:
        assert "served to others" in str(updates[page.status]) and page.listing not in updates
        assert not any(FULL.url in str(value) or PI.url in str(value) for value in updates.values())
    assert list(connections.read()) == ["pi05"]
    opened = wiring.begin(request_)
    assert opened[page.own]["visible"] is False and "served to others" in str(opened[page.note])
    assert page.listing not in opened and PI.url not in str(opened)


def test_a_page_that_is_served_to_others_lets_nobody_connect(wiring):
    """Not even a visitor whose browser names this machine, which a tunnel's would."""
    wiring.library.local = False
    told = values(fields.of_connection(PI), len(wiring.page.settings))
    assert "served to others" in str(wiring.save(asked(), "", *told)[wiring.page.status])
    assert connections.read() == {}


def test_saving_forgets_no_other_and_takes_no_name_twice(wiring):
    page, here = wiring.page, asked()
    told = values(fields.of_connection(PI), len(page.settings))
    kept = wiring.save(here, "", *told)
    assert "Kept pi05: openpi at ws://127.0.0.1:8000." in str(kept[page.status]) and kept[page.editing] == "pi05"
    assert "pi05" in registry.entries()
    again = wiring.save(here, "", *told)
    assert "There is a connection 'pi05' already." in str(again[page.status])
    changed = wiring.save(here, "pi05", *told[:2], "ws://127.0.0.1:9000", *told[3:])
    assert "9000" in str(changed[page.status]) and connections.read()["pi05"].url.endswith("9000")
    taken = wiring.save(here, "", "mini-wam", *told[1:])
    assert "There is a model 'mini-wam' already." in str(taken[page.status])
    assert "any more" in str(wiring.chosen("edit nobody", here)[page.status])


def test_a_file_that_was_spoilt_is_said_and_the_map_is_shown(wiring, home):
    home.mkdir(exist_ok=True)
    connections.path().write_text("{")
    with pytest.warns(UserWarning, match="connections.json"):
        opened = wiring.begin(asked())
    assert "cannot be understood" in str(opened[wiring.page.listing]) and "DreamZero" in str(opened[wiring.page.table])


WAN = Connection("wan", "wan", "hub:owner/name@main")


def test_weights_are_fetched_with_progress_and_stay_pinned(wiring, monkeypatch):
    """The list shows what it is pinned to."""
    page, seen = wiring.page, threading.Event()

    def download(one, progress):
        progress(1500, 3000, "model.safetensors")
        assert seen.wait(60)
        return replace(one, url=f"hub:owner/name@{'a' * 40}")

    monkeypatch.setattr(backends, "download", download)
    connections.keep(WAN)
    stream = wiring.try_kept("fetch wan", asked())
    first = next(one for one in stream if "of 3 MB" in str(one[page.status]))
    assert "2 of 3 MB, model.safetensors" in str(first[page.status]) and "'value': '50'" in str(first[page.status])
    seen.set()
    last = list(stream)[-1]
    assert "wan is pinned to hub:owner/name@aaaa" in str(last[page.status]) and "@aaaa" in str(last[page.listing])
    assert connections.read()["wan"].url.endswith("a" * 40)


def test_a_fetching_that_is_stopped_keeps_nothing(wiring, monkeypatch):
    page, here = wiring.page, asked()
    begun, pressed, ended = threading.Event(), threading.Event(), threading.Event()

    def download(one, progress):
        try:
            progress(1, 2, "model.safetensors")
            begun.set()
            assert pressed.wait(60)
            progress(2, 2, "model.safetensors")  # the next piece comes in
        finally:
            ended.set()
        return one

    monkeypatch.setattr(backends, "download", download)
    connections.keep(WAN)
    wiring.started(here)
    stream = wiring.try_kept("fetch wan", here)
    next(stream)
    assert begun.wait(60)
    wiring.stop(here)
    pressed.set()
    assert "Stopped" in str(list(stream)[-1][page.status]) and ended.wait(60)
    assert connections.read() == {"wan": WAN}


def test_names_that_are_written_alike_are_told_apart(wiring):
    """What stands in the menu is meant first: a question never goes to another server than the one that was picked."""
    for name, port in (("pi-05", 8001), ("pi05", 8002), ("pi.05", 8003)):
        connections.keep(replace(PI, name=name, url=f"ws://127.0.0.1:{port}"))
    registry.refresh()
    assert [choices.read_model(name) for name in ("pi-05", "pi05", "pi.05")] == ["pi-05", "pi05", "pi.05"]
    assert choices.read_model(registry.entry("mini-wam").capabilities.title) == "mini-wam"

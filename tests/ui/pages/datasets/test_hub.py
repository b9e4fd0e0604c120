"""Datasets of the hub on the Datasets page, against a hub on this machine: asked for by name, told, stopped, kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from tests.datasets import hub_server, makers
from wamviz.core.errors import WamvizError
from wamviz.ui.jobs import Jobs, Switch
from wamviz.ui.library import SHIPPED, Library
from wamviz.ui.pages.datasets.download_task import watch_download
from wamviz.ui.pages.datasets.events import NAMED, DatasetsEvents

NAME = f"hub:{hub_server.REPO}"
PINNED = f"{NAME}@{hub_server.COMMIT}"
HERE = SimpleNamespace(headers={"host": "127.0.0.1:7860"}, query_params={}, session_hash="one")
AWAY = SimpleNamespace(headers={"host": "robots.example"}, query_params={}, session_hash="two")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with hub_server.the_only_hub(makers.make_v2(tmp_path / "served"), monkeypatch, tmp_path / "cache") as served:
        yield served


@pytest.fixture
def wired() -> DatasetsEvents:
    """The page's handlers with nothing open but the shipped episodes; its components are their own names."""
    made = DatasetsEvents.__new__(DatasetsEvents)
    made.named = {name: name for name in NAMED.split()}
    made.page = SimpleNamespace(**made.named, theme="theme", stop="stop")  # type: ignore[assignment]
    made.library, made.jobs = Library(local=True), Jobs()
    return made


def text_of(nodes: Any) -> str:
    return str(nodes)


def test_a_name_is_opened_with_its_first_episode_and_told_on_the_way(wired: DatasetsEvents, hub: Any) -> None:
    page = wired.page
    updates = list(wired.typed(f"  {NAME} ", "light", HERE))
    assert "Asking the hub" in text_of(updates[0][page.status]) and updates[0][page.stop]["visible"] is True
    last = updates[-1]
    assert last[page.place] == PINNED and last[page.index] == 0 and last[page.stop]["visible"] is False
    assert last[page.stage].panes["recorded"].samples and last[page.plot] is not None
    assert "Not downloaded yet" in text_of(last[page.listing])
    sent = [file for file in hub.sent() if not file.startswith("meta/")]
    assert sorted(sent) == ["data/chunk-000/episode_000000.parquet",
                            "videos/chunk-000/observation.images.top/episode_000000.mp4"]  # fmt: skip


def test_another_episode_is_fetched_when_it_is_chosen(wired: DatasetsEvents, hub: Any) -> None:
    page = wired.page
    list(wired.typed(NAME, "light", HERE))
    key, asked = wired.library.at(PINNED).key, len(hub.asked)
    waiting = wired.pick("1", PINNED, "", "light")
    assert list(waiting) == [page.status] and "Fetching episode 1" in text_of(waiting[page.status])
    assert len(hub.asked) == asked
    last = list(wired.bring("1", PINNED, "", "", 0, "light", HERE))[-1]
    assert last[page.index] == 1 and last[page.stage].panes["recorded"].samples and len(hub.asked) > asked
    assert wired.library.at(PINNED).key == key  # the pictures that are shown keep their addresses
    asked = len(hub.asked)
    assert list(wired.bring("1", PINNED, "", "", 0, "light", HERE)) == [{page.stop: gr.skip()}]
    assert wired.pick("1", PINNED, "", "light")[page.index] == 1 and len(hub.asked) == asked
    assert list(wired.bring("0", SHIPPED, "", "", 0, "light", HERE)) == [{page.stop: gr.skip()}]


def test_a_name_with_an_episode_opens_there(wired: DatasetsEvents, hub: Any) -> None:
    last = list(wired.typed(f"{NAME}@v3.0#1@2", "light", HERE))[-1]
    assert last[wired.page.index] == 1 and last[wired.page.stage].frame == 2


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("hub:", "names no dataset on the hub"),
        ("hub:somebody/else", "no dataset 'somebody/else' that you may see"),
        (f"{NAME}@v9", "no revision 'v9'"),
        (f"{NAME}#9", "has no episode 9"),
        (f"{NAME}#x", "names no frame of an episode"),
    ],
)
def test_refusals_are_those_of_the_command_line(wired: DatasetsEvents, hub: Any, name: str, says: str) -> None:
    last = list(wired.typed(name, "light", HERE))[-1]
    assert set(last) == {wired.page.status, wired.page.stop} and last[wired.page.stop]["visible"] is False
    assert says in text_of(last[wired.page.status]) and "wz-bad" in text_of(last[wired.page.status])


def test_only_visitors_at_this_machine_make_it_download(wired: DatasetsEvents, hub: Any) -> None:
    page = wired.page
    last = list(wired.typed(NAME, "light", AWAY))[-1]
    assert "downloads nothing to its machine" in text_of(last[page.status])
    wired.library.local = False
    assert "downloads nothing" in text_of(list(wired.typed(NAME, "light", HERE))[-1][page.status])
    with pytest.raises(WamvizError, match="downloads nothing"):
        wired.library.hub(NAME)
    assert hub.asked == []


def test_a_link_asks_nothing(wired: DatasetsEvents, hub: Any) -> None:
    asked = SimpleNamespace(headers=HERE.headers, query_params={"open": f"{PINNED}#0@1"}, session_hash="three")
    updates = wired.begin("light", asked)
    assert updates[wired.page.place] == SHIPPED and "Type its name" in text_of(updates[wired.page.status])
    assert hub.asked == []
    list(wired.typed(NAME, "light", HERE))
    assert wired.begin("light", asked)[wired.page.place] == PINNED  # it is open now


def test_a_correction_needs_no_network(wired: DatasetsEvents, hub: Any) -> None:
    list(wired.typed(NAME, "light", HERE))
    asked = len(hub.asked)
    opened = wired.library.correct(PINNED, {"kind": "joint_velocity"})
    space = opened.dataset.episode(0).action_space
    assert space is not None and space.kind == "joint_velocity" and len(hub.asked) == asked
    list(wired.bring("1", PINNED, "", "", 0, "light", HERE))
    space = wired.library.at(PINNED).dataset.episode(1).action_space
    assert space is not None and space.kind == "joint_velocity"  # also of what comes in afterwards


def test_a_download_is_stopped_and_goes_on_later(wired: DatasetsEvents, hub: Any, monkeypatch: Any) -> None:
    page = wired.page
    real = wired.library.hub

    def slow(text: str, index: int | None = None, progress: Any = None) -> Any:
        def told(*news: Any) -> None:
            progress(*news)
            wired.cancel(HERE)  # the visitor presses Stop at the first news

        return real(text, index, told)

    monkeypatch.setattr(wired.library, "hub", slow)
    last = list(wired.typed(NAME, "light", HERE))[-1]
    assert "Stopped." in text_of(last[page.status]) and last[page.stop]["visible"] is False
    wired.cancel(HERE)  # nothing runs any more
    monkeypatch.setattr(wired.library, "hub", real)
    assert list(wired.typed(NAME, "light", HERE))[-1][page.place] == PINNED


def test_news_become_statuses_and_errors_come_through() -> None:
    def work(progress: Any) -> str:
        progress(1500, 6000, "data.parquet")
        switch_seen.append(True)
        return "done"

    switch_seen: list[bool] = []
    told = list(watch_download(work, Switch()))
    assert told[-1] == "done" and switch_seen == [True]

    def broken(progress: Any) -> str:
        raise WamvizError("No network.")

    with pytest.raises(WamvizError, match="No network"):
        list(watch_download(broken, Switch()))

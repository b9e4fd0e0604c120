"""The Datasets page's handlers without a browser: what they change, what they leave, and what they refuse."""

from __future__ import annotations

import gc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from wamviz.core.media import write_mp4
from wamviz.ui.library import SHIPPED, Library
from wamviz.ui.pages.datasets.events import DatasetsEvents
from wamviz.ui.pages.datasets.layout import DatasetsPage

# Gradio 6.31 leaves event loops open when Blocks are built outside a server; Python complains when it drops them.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
HERE = SimpleNamespace(headers={"host": "127.0.0.1:7860"}, query_params={})
AWAY = SimpleNamespace(headers={"host": "robots.example"}, query_params={})


@pytest.fixture(scope="module")
def wired() -> DatasetsEvents:
    with gr.Blocks(analytics_enabled=False) as demo:
        made = DatasetsEvents(DatasetsPage(), Library(local=True), demo)
    gc.collect()  # they are dropped now, not in the middle of somebody else's test
    return made


@pytest.fixture
def uploaded(wired: DatasetsEvents, tmp_path: Path) -> str:
    write_mp4(tmp_path / "run.mp4", np.zeros((5, 32, 32, 3), np.uint8), 5.0)
    (tmp_path / "acts.csv").write_text("vx,g\n" + "1,0\n" * 4, encoding="utf-8")
    files = [str(tmp_path / "run.mp4"), str(tmp_path / "acts.csv")]
    return str(wired.uploaded(files, 5, "go", "light")[wired.page.place])


def test_the_page_opens_on_the_shipped_episodes(wired: DatasetsEvents) -> None:
    updates = wired.begin("dark", HERE)
    page = wired.page
    assert updates[page.place] == SHIPPED and updates[page.index] == 0 and updates[page.theme] == "dark"
    assert updates[page.correct]["visible"] is False and updates[page.shipped]["visible"] is False


def test_a_refusal_changes_the_status_and_nothing_else(wired: DatasetsEvents, tmp_path: Path) -> None:
    page = wired.page
    for updates in (
        wired.folder(str(tmp_path / "nowhere"), "light", HERE),
        wired.folder(str(tmp_path), "light", AWAY),
        wired.uploaded([], None, "", "light"),
        wired.pick("999", SHIPPED, "", "light"),
        wired.search("upload:gone", "x"),
    ):
        assert list(updates) == [page.status] and "wz-bad" in str(updates[page.status])


def test_a_link_into_a_folder_opens_it_only_for_visitors_at_this_machine(wired: DatasetsEvents, tmp_path: Path) -> None:
    write_mp4(tmp_path / "run.mp4", np.zeros((5, 32, 32, 3), np.uint8), 5.0)
    asked, page = {"open": f"{tmp_path}#0@3"}, wired.page
    away = wired.begin("light", SimpleNamespace(headers=AWAY.headers, query_params=asked))
    assert away[page.place] == SHIPPED and "served to others" in str(away[page.status])
    here = wired.begin("light", SimpleNamespace(headers=HERE.headers, query_params=asked))
    assert here[page.place] == str(tmp_path) and here[page.stage].frame == 3


def test_another_view_keeps_the_frame(wired: DatasetsEvents) -> None:
    stage = wired.look("4", SHIPPED, 0, "wrist")[wired.page.stage]
    assert stage.frame == 4 and "wrist" in stage.detail


def test_a_correction_is_applied_or_refused(wired: DatasetsEvents, uploaded: str) -> None:
    page = wired.page

    def apply(**changed: Any) -> Any:
        form = {"kind": "unnamed", "names": "vx, g", "units": "?, ?", "hz": 5.0, "gripper": "", "closed": 1.0}
        return wired.apply(uploaded, 0, "light", *{**form, **changed}.values())

    for refused in (apply(), apply(units="m"), apply(kind="ee_dleta"), apply(gripper="hand"), apply(hz=-1)):
        assert list(refused) == [page.applied] and "wz-bad" in str(refused[page.applied])
    done = apply(kind="ee_delta", gripper="g")
    said = str(done[page.applied])
    assert '"kind": "ee_delta"' in said and '"gripper_index": 1' in said
    assert done[page.place] == uploaded and done[page.gripper] == "g"
    assert "is the gripper" in str(done[page.meaning]) and done[page.plot] is not None

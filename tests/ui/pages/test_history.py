"""Kept runs: listed, found, starred, reopened, deleted."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from gradio_client import Client
from playwright.sync_api import Page, expect

from wamviz.datasets import open_dataset

if TYPE_CHECKING:
    from tests.ui.conftest import Site, Watch

pytestmark = pytest.mark.browser


def test_kept_runs_are_listed_reopened_and_forgotten(watched: tuple[Page, Watch], site: Site, kept: object) -> None:
    page, watch = watched
    client = Client(site.url, verbose=False, analytics_enabled=False)
    client.predict(source="#2@1", model="hold-still", api_name="/imagine")  # one of its own: the others are not its
    client.close()
    runs = site.store.list()
    page.goto(f"{site.url}/history")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    rows = page.get_by_test_id("history").get_by_role("listitem")
    expect(rows).to_have_count(len(runs))
    expect(rows.first).to_contain_text(runs[0].instruction)
    expect(rows.first.locator("video")).to_have_attribute("src", f"runs/{runs[0].id}/rollout.mp4")

    star = rows.first.get_by_role("button", name="Star")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Starred only").check()
    expect(rows).to_have_count(1)
    page.get_by_label("Starred only").uncheck()
    expect(rows).to_have_count(len(runs))
    rows.first.get_by_role("button", name="Note").click()
    page.get_by_role("textbox", name=re.compile("^Note on")).fill("the lamp was off <b>")
    page.get_by_role("button", name="Save note").click()
    expect(rows.first).to_contain_text("the lamp was off <b>")
    page.get_by_label("Search").fill("LAMP hold")
    expect(rows).to_have_count(1)
    page.get_by_label("Search").fill("no such words")
    expect(page.get_by_test_id("history")).to_contain_text("No run fits")
    page.get_by_label("Search").fill("")
    expect(rows).to_have_count(len(runs))

    button = rows.first.get_by_role("button", name="Delete")
    button.click()
    expect(button).to_contain_text("Really delete?")
    expect(rows).to_have_count(len(runs))
    button.click()
    expect(page.get_by_test_id("status")).to_contain_text("Deleted")
    expect(rows).to_have_count(len(runs) - 1)
    assert [run.id for run in site.store.list()] == [run.id for run in runs[1:]]

    rows.first.get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"run={runs[1].id}"))
    expect(page.get_by_test_id("status")).to_contain_text("Reopened")
    assert watch.errors == [] and watch.outside == []


def test_several_runs_are_taken_away_as_one_dataset(
    watched: tuple[Page, Watch], site: Site, kept: object, tmp_path: Path
) -> None:
    """The zip opens as a LeRobot dataset that holds every rollout of the listed runs."""
    page, watch = watched
    runs = [site.store.load(run.id) for run in site.store.list()]
    page.goto(f"{site.url}/history")
    page.get_by_text("Export several").click()
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_test_id("export-status")).to_contain_text(f"of {len(runs)} runs")
    with page.expect_download() as download:
        page.locator("#wz-export-file a[download]").first.click()
    target = tmp_path / "runs.zip"
    download.value.save_as(target)
    with zipfile.ZipFile(target) as archive:
        archive.extractall(tmp_path / "out")
    folders = [info.parent.parent for info in (tmp_path / "out").rglob("meta/info.json")]
    told = {open_dataset(folder).episode(0).instruction for folder in folders}
    assert folders and told <= {run.instruction for run in runs}
    for box in page.locator("#wz-export-origins input").all():
        box.uncheck()
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_test_id("export-status")).to_contain_text("No rollouts were chosen")
    assert watch.errors == [] and watch.outside == []

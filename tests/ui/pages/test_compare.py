"""The Compare page in a real browser: several models on one stage, one that fails beside those that do not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from tests.ui.conftest import Site, Watch

pytestmark = pytest.mark.browser


@pytest.fixture
def asked(watched: tuple[Page, Watch], site: Site) -> Iterator[Page]:
    """The page with nobody picked; a test fails when it wrote an error to the console or asked anybody outside."""
    page, watch = watched
    page.set_viewport_size({"width": 1280, "height": 900})
    site.paced.rest()
    page.goto(f"{site.url}/compare")
    expect(page.get_by_test_id("stage")).to_have_attribute("data-state", "empty")
    yield page
    assert watch.errors == []
    assert watch.outside == []


def pick(page: Page, *labels: str) -> None:
    """Exactly these contenders."""
    field = page.locator("#wz-candidates")
    field.get_by_role("button", name="Clear").click()
    expect(field.locator(".token")).to_have_count(0)
    for count, label in enumerate(labels, start=1):
        field.get_by_role("combobox").fill(label)
        page.get_by_role("option", name=label, exact=True).click()
        expect(field.locator(".token")).to_have_count(count)
    page.keyboard.press("Escape")


def test_two_models_answer_side_by_side(asked: Page, site: Site) -> None:
    """Each has its pane, its row with latency and real-time factor, and its line in the plot; each is kept."""
    pick(asked, "Zero action (baseline): act only", "Copy last frame (baseline): video only")
    asked.get_by_role("button", name="Compare", exact=True).click()
    expect(asked.get_by_test_id("status")).to_contain_text("2 side by side")
    first, second = (asked.get_by_test_id(f"pane-contender-{k}") for k in (1, 2))
    expect(first).to_contain_text("hold-still, act only")
    expect(first).to_contain_text("imagines actions only")
    expect(second).to_have_attribute("data-state", re.compile("shown|ended"))
    expect(asked.get_by_test_id("pane-contender-3")).to_be_hidden()
    expect(asked.get_by_test_id("pane-recorded")).to_have_attribute("data-state", re.compile("shown|ended"))
    rows = asked.get_by_test_id("metrics").locator("tbody tr")
    expect(rows).to_have_count(2)
    for row in rows.all():
        expect(row.locator("td").nth(0)).to_have_text(re.compile(r"^\d+\.\d\d s$"))
        expect(row.locator("td").nth(1)).to_have_text(re.compile(r"^\d+\.\dx$"))
    expect(rows.nth(1)).to_contain_text("dB")
    expect(rows.nth(0)).to_contain_text("hold still")
    expect(rows.nth(1)).to_contain_text("copy last frame")
    expect(asked.get_by_test_id("action-plot")).to_contain_text("hold-still, act only")
    expect(asked).to_have_url(re.compile("runs=[0-9a-f]{16}%2C[0-9a-f]{16}"))
    assert {run.model for run in site.store.list()[:2]} == {"hold-still", "copy-last-frame"}
    address = asked.url
    asked.goto("about:blank")
    asked.goto(address)
    expect(asked.get_by_test_id("status")).to_contain_text("Reopened from its link")
    expect(asked.get_by_test_id("metrics").locator("tbody tr")).to_have_count(2)
    expect(asked.get_by_test_id("action-plot")).to_contain_text("hold-still, act only")


def test_one_that_fails_leaves_the_others_alone(asked: Page, site: Site) -> None:
    """Its reason stands in its pane and its row, without internals; the next one still answers."""
    site.paced.break_at(2)
    site.paced.allow(6)
    pick(asked, "Paced: joint", "Copy last frame (baseline): video only")
    asked.get_by_role("button", name="Compare", exact=True).click()
    expect(asked.get_by_test_id("status")).to_contain_text("1 of 2 answered")
    expect(asked.get_by_test_id("pane-contender-1")).to_contain_text("It failed")
    expect(asked.get_by_test_id("metrics").locator("tbody tr").first).to_contain_text("Failed.")
    expect(asked.get_by_test_id("pane-contender-2")).to_have_attribute("data-state", re.compile("shown|ended"))
    assert "secret internals" not in asked.locator("body").inner_text()


def test_cancel_keeps_what_was_done(asked: Page, site: Site) -> None:
    """The first answer stays, the second model is stopped, and the page can be asked again."""
    pick(asked, "Copy last frame (baseline): video only", "Paced: joint")
    asked.get_by_role("button", name="Compare", exact=True).click()
    expect(asked.get_by_test_id("status")).to_contain_text("2 of 2, paced, joint")
    expect(asked.get_by_test_id("pane-contender-2")).to_contain_text("imagining")
    asked.get_by_test_id("cancel").click()
    expect(asked.get_by_test_id("status")).to_contain_text("Stopping")
    site.paced.allow(1)
    expect(asked.get_by_test_id("status")).to_contain_text("Stopped after 1 of 2; those are kept")
    expect(asked.get_by_test_id("pane-contender-1")).to_have_attribute("data-state", re.compile("shown|ended"))
    expect(asked.get_by_role("button", name="Compare", exact=True)).to_be_enabled()
    assert site.paced.tell()["closed"] == 1


def test_what_cannot_be_compared_is_said_and_nothing_is_lost(asked: Page) -> None:
    """One contender is no comparison; the instruction stays."""
    asked.get_by_test_id("instruction").fill("lift the mug")
    pick(asked, "Copy last frame (baseline): video only")
    asked.get_by_role("button", name="Compare", exact=True).click()
    expect(asked.get_by_test_id("status")).to_contain_text("Two to 4 contenders can be compared, not 1")
    expect(asked.get_by_test_id("instruction")).to_have_value("lift the mug")


def test_two_of_several_can_be_laid_over_each_other(asked: Page) -> None:
    """The comparing views take any two of the panes; the rest make room."""
    pick(asked, "Copy last frame (baseline): video only", "Zero action (baseline): act only")
    asked.get_by_role("button", name="Compare", exact=True).click()
    expect(asked.get_by_test_id("status")).to_contain_text("2 side by side")
    asked.get_by_role("button", name="Difference").click()
    expect(asked.get_by_test_id("pane-compare")).to_be_visible()
    expect(asked.get_by_test_id("pane-contender-2")).to_be_hidden()
    names = asked.locator("[data-pick=a] option").all_inner_texts()
    assert names == ["copy-last-frame, video", "hold-still, act only", "recorded"]


def test_a_kept_run_leads_here(asked: Page, site: Site, kept: list) -> None:
    """The link below a run brings its question along."""
    asked.goto(f"{site.url}/?run={kept[0].id}")
    asked.locator(f"a[href$='compare?run={kept[0].id}']").click()
    expect(asked).to_have_url(re.compile(rf"/compare\?run={kept[0].id}"))
    expect(asked.get_by_test_id("instruction")).to_have_value(kept[0].instruction)


def test_it_fits_a_phone(asked: Page) -> None:
    """Nothing is wider than 390 pixels."""
    asked.set_viewport_size({"width": 390, "height": 844})
    expect(asked.get_by_test_id("stage")).to_be_visible()
    assert asked.evaluate("document.documentElement.scrollWidth") <= 390

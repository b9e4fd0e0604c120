"""The Drive page in a real browser: keys move the dream, physics is beside it, and a drive can be kept."""

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
def driving(watched: tuple[Page, Watch], site: Site) -> Iterator[Page]:
    """The page, with a model that answers at once; a test fails when it wrote an error or asked anybody outside."""
    page, watch = watched
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{site.url}/drive")
    page.locator(".wd-model").select_option("paced")
    yield page
    assert watch.errors == []
    assert watch.outside == []


def test_it_starts_from_the_empty_pane_too(driving: Page) -> None:
    """What was chosen is seen in the pane before anything is imagined, with a button over it that is in view."""
    driving.set_viewport_size({"width": 1280, "height": 720})
    go = driving.get_by_test_id("drive-go")
    expect(go).to_be_in_viewport(ratio=1)
    assert "url(" in driving.locator(".wd-invite").evaluate("invite => invite.style.backgroundImage")
    go.click()
    expect(driving.get_by_test_id("drive")).to_have_attribute("data-state", "driving")
    expect(go).to_be_hidden()


def start(page: Page) -> None:
    page.get_by_test_id("drive-start").click()
    expect(page.get_by_test_id("drive")).to_have_attribute("data-state", "driving")
    expect(page.get_by_test_id("drive-screens")).to_be_focused()


def picture(page: Page, side: str) -> str:
    return page.get_by_test_id(f"drive-{side}").locator("img").get_attribute("src") or ""


def test_keys_move_the_dream_and_a_drive_can_be_kept(driving: Page, site: Site) -> None:
    """One press, one action on both sides; a moment is gone back to; what is kept opens as a run."""
    start(driving)
    before = picture(driving, "imagined")
    driving.keyboard.press("ArrowUp")
    expect(driving.get_by_test_id("drive-numbers")).to_contain_text("1 actions")
    assert picture(driving, "imagined") != before
    driving.keyboard.press(" ")
    expect(driving.get_by_test_id("drive-scrub")).to_have_value("2")
    expect(driving.get_by_test_id("drive-grip")).to_have_text("Open gripper")
    driving.get_by_test_id("drive-scrub").fill("0")
    assert picture(driving, "imagined") == before
    driving.get_by_role("button", name="Branch from here").click()
    expect(driving.locator(".wd-branch")).to_contain_text("2: 0.0 s")
    driving.locator(".wd-branch").select_option("0")
    expect(driving.get_by_test_id("drive-scrub")).to_have_value("2")
    driving.get_by_test_id("drive-keep").click()
    link = driving.get_by_test_id("drive-permalink")
    expect(link).to_have_attribute("href", re.compile(r"^\./\?run=[0-9a-f]{16}$"))
    run = site.store.load((link.get_attribute("href") or "")[-16:])
    assert run.executed is not None and len(run.imagined[0].actions) == 2


def test_a_challenge_shows_physics_when_it_is_over(driving: Page) -> None:
    """Until then only the dream is there; then the score, and what really happened."""
    driving.get_by_label("Challenge").check()
    start(driving)
    driving.keyboard.press("d")
    expect(driving.get_by_test_id("drive-scrub")).to_have_value("1")
    executed = driving.get_by_test_id("drive-executed")
    expect(executed).to_contain_text("Hidden until you reveal it.")
    assert picture(driving, "executed") == ""
    driving.get_by_test_id("drive-reveal").click()
    expect(driving.get_by_test_id("drive-status")).to_contain_text(re.compile(r"Not done in 0\.2 s\. Score \d+"))
    expect(executed.locator("img")).to_be_visible()
    assert picture(driving, "executed").startswith("data:image/jpeg")


def test_a_drawn_path_is_imagined_and_executed(driving: Page, site: Site) -> None:
    """Drawn by a pointer and by keys, it becomes actions; the model imagines them, physics does them, a run is kept."""
    driving.goto(f"{site.url}/drive?mode=path")
    board = driving.get_by_test_id("path")
    expect(board).to_have_attribute("data-state", "ready")
    driving.get_by_role("tab", name="Model and task").click()
    driving.locator(".wp-model").select_option("paced")
    expect(board).to_have_attribute("data-state", "ready")
    frame = driving.get_by_test_id("path-frame")
    box = frame.bounding_box()
    assert box is not None
    driving.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.6 * box["height"])
    driving.mouse.down()
    driving.mouse.move(box["x"] + 0.58 * box["width"], box["y"] + 0.66 * box["height"], steps=8)
    driving.mouse.up()
    told = driving.get_by_test_id("path-told")
    expect(told).to_contain_text(re.compile(r"^\d+ actions, .* The arm can follow it"))
    frame.press("a")  # one more corner, above the last
    frame.press(" ")  # where the gripper closes
    driving.get_by_test_id("path-corners-tab").click()
    rows = driving.locator(".wp-corners tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(2)).to_contain_text("closes")
    driving.get_by_role("button", name="Imagine and execute").click()
    site.paced.allow(6)
    link = driving.get_by_test_id("run-permalink")
    expect(driving.get_by_test_id("path-report")).to_contain_text("In physics the hand stayed within")
    run = site.store.load((link.get_attribute("href") or "")[-16:])
    assert run.mode == "forward_dynamics" and run.executed is not None
    assert (run.executed.actions == run.imagined[0].actions).all()

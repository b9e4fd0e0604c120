"""The page of lessons in a real browser: predict, measure, compare, answer; by keys, in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from tests.ui.conftest import Site, Watch

pytestmark = pytest.mark.browser


@pytest.fixture
def pupil(watched: tuple[Page, Watch], site: Site) -> Page:
    """A pupil at a desk."""
    page, watch = watched
    page.set_viewport_size({"width": 1280, "height": 720})
    return page


def test_a_lesson_goes_from_a_prediction_to_a_measurement_to_reasons(
    pupil: Page, watched: tuple[Page, Watch], site: Site
) -> None:
    pupil.goto(f"{site.url}/lessons?lesson=words")
    run = pupil.get_by_role("button", name="Run the experiment")
    expect(run).to_be_disabled()
    for name in ("Nothing that resembled the task", "Another object is named"):
        option = pupil.get_by_test_id("predict").get_by_role("button", name=name)
        option.focus()
        option.press("Enter")
        expect(option).to_have_attribute("aria-pressed", "true")
    expect(run).to_be_enabled()
    expect(pupil.get_by_test_id("claim")).to_be_empty()
    scenes = pupil.get_by_role("spinbutton").locator("visible=true").first
    scenes.fill("2")
    scenes.press("Tab")
    run.click()
    expect(pupil.get_by_test_id("status")).to_contain_text("Measured", timeout=240_000)
    expect(pupil.get_by_test_id("found")).to_contain_text("You predicted: Another object is named")
    expect(pupil.get_by_test_id("pane-imagined")).to_be_visible()
    expect(pupil.get_by_test_id("claim")).to_contain_text("A report.")
    right = pupil.get_by_test_id("questions").get_by_role("button", name="Sampling alone moves the path")
    right.click()
    expect(pupil.get_by_test_id("questions")).to_contain_text("Right. Without it, every difference")
    term = pupil.locator(".wz-term").first
    term.focus()
    expect(pupil.locator(".wz-tip").first).to_be_visible()
    pupil.keyboard.press("Escape")
    expect(pupil.locator(".wz-tip").first).to_be_hidden()
    pupil.reload()
    expect(pupil.get_by_test_id("claim")).to_contain_text("A report.")
    assert watched[1].errors == [] and watched[1].outside == []

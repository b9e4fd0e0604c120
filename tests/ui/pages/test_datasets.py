"""The Datasets page in a real browser: open, find, watch, and imagine from a frame."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.ui.page_driver import type_into
from wamviz.core.media import write_mp4
from wamviz.datasets import shipped

if TYPE_CHECKING:
    from tests.ui.conftest import Site

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=alert(1)> {{7*6}} ${7*6}"


@pytest.fixture
def page(visited: Page, site: Site) -> Page:
    """The page as it opens."""
    visited.goto(f"{site.url}/datasets")
    expect(visited.get_by_test_id("pane-recorded")).to_have_attribute("data-state", "shown")
    return visited


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of 9 frames and a table of 8 actions of nobody knows what."""
    folder = tmp_path_factory.mktemp("robot")
    frames = np.arange(9, dtype=np.uint8)[:, None, None, None] * np.full((9, 64, 96, 3), 25, np.uint8)
    write_mp4(folder / "run.mp4", frames, 5.0)
    (folder / "acts.csv").write_text("vx,vy\n" + "\n".join(f"{k},{-k}" for k in range(8)), encoding="utf-8")
    return folder


def test_the_shipped_episodes_are_there_without_a_click_and_one_goes_to_the_imagine_page(page: Page) -> None:
    told = [episode.instruction for episode in map(shipped().episode, range(4))]
    rows = page.locator(".wz-episode")
    expect(rows.first).to_contain_text(told[0])
    expect(rows.first).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id("meaning")).to_contain_text("Steps of the hand")
    expect(page.get_by_test_id("action-plot").locator(".js-plotly-plot")).to_be_visible()
    rows.nth(3).click()
    expect(rows.nth(3)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id("stage")).to_contain_text(told[3])
    expect(page.get_by_test_id("pane-recorded")).to_have_attribute("data-frame", "0")
    page.get_by_test_id("stage-scrub").fill("4")
    expect(page.get_by_test_id("pane-recorded")).to_have_attribute("data-frame", "4")
    page.get_by_role("link", name="Imagine from this frame").click()

    expect(page.locator(".wz-caption")).to_contain_text("Episode 3 ")
    expect(page.locator(".wz-caption")).to_contain_text("Frame 4 of")
    expect(page.get_by_test_id("instruction")).to_have_value(told[3])
    expect(page.get_by_test_id("status")).to_contain_text("episode 3, frame 4")
    page.go_back()
    expect(page.get_by_test_id("pane-recorded")).to_have_attribute("data-frame", "4")
    expect(rows.nth(3)).to_have_attribute("aria-pressed", "true")


def test_words_and_numbers_find_episodes_and_pages_turn(page: Page) -> None:
    count, rows = len(shipped()), page.locator(".wz-episode")
    page.get_by_role("button", name="Next").click()
    expect(page.locator("#wz-pages")).to_contain_text(f"21 to {count} of {count}")
    expect(rows).to_have_count(count - 20)
    type_into(page, "wz-query", "#7")
    expect(page.locator("#wz-pages")).to_contain_text(f"found in {count}")
    expect(rows.first).to_contain_text("Episode 7 ")
    type_into(page, "wz-query", "no such words")
    expect(page.get_by_test_id("episodes")).to_contain_text("No episode is called 'no such words'")


def test_a_camera_is_chosen_and_goes_along(page: Page) -> None:
    page.get_by_test_id("stage-scrub").fill("3")
    expect(page.get_by_test_id("pane-recorded")).to_have_attribute("data-frame", "3")
    page.get_by_label("wrist").check()
    expect(page.get_by_test_id("stage")).to_contain_text("wrist")
    expect(page.get_by_test_id("pane-recorded")).to_have_attribute("data-frame", "3")
    expect(page).to_have_url(re.compile("camera=wrist"))
    page.get_by_role("link", name="Imagine from this frame").click()
    expect(page.locator(".wz-caption")).to_contain_text("Frame 3 of")
    expect(page).to_have_url(re.compile("camera=wrist"))


def test_a_path_that_is_wrong_keeps_what_was_typed_and_teaches(page: Page, robot: Path) -> None:
    wrong = str(robot.parent / "nowhere")
    type_into(page, "wz-path", wrong)
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_test_id("status")).to_contain_text("There is no")
    expect(page.locator("#wz-path :is(input, textarea)").first).to_have_value(wrong)
    expect(page.get_by_test_id("dataset")).to_contain_text("Shipped with wamviz")


def test_a_folder_of_this_machine_opens_and_a_reload_brings_it_back(page: Page, robot: Path) -> None:
    type_into(page, "wz-path", str(robot))
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("dataset")).to_contain_text(str(robot))
    expect(page.locator(".wz-episode")).to_have_count(1)
    expect(page).to_have_url(re.compile("open="))
    page.reload()
    expect(page.get_by_test_id("dataset")).to_contain_text(str(robot))


def test_what_the_numbers_mean_is_corrected(page: Page, robot: Path) -> None:
    expect(page.locator("#wz-correct")).to_be_hidden()  # the shipped episodes say it themselves
    page.get_by_role("button", name="Or upload one").click()
    page.locator("#wz-files input[type=file]").set_input_files([robot / "run.mp4", robot / "acts.csv"])
    expect(page.locator("#wz-files")).to_contain_text("acts")
    type_into(page, "wz-rate", "5")
    page.get_by_role("button", name="Open the upload").click()
    expect(page.get_by_test_id("meaning")).to_contain_text("2 unnamed dimensions")
    page.get_by_role("button", name="Correct what they mean").click()
    type_into(page, "wz-units", "m/s")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_test_id("applied")).to_contain_text("an action has 2 numbers")
    type_into(page, "wz-units", "m/s, mm")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_test_id("applied")).to_contain_text('{"layout": {"units": ["m/s", "mm"]')
    expect(page.get_by_test_id("meaning")).to_contain_text("mm")
    expect(page.get_by_test_id("pane-recorded")).to_have_attribute("data-state", "shown")


def test_an_upload_asks_for_what_it_lacks_and_its_words_stay_words(page: Page, robot: Path) -> None:
    page.get_by_role("button", name="Or upload one").click()
    page.locator("#wz-files input[type=file]").set_input_files([robot / "run.mp4", robot / "acts.csv"])
    expect(page.locator("#wz-files")).to_contain_text("acts")
    type_into(page, "wz-told", HOSTILE)
    page.get_by_role("button", name="Open the upload").click()
    expect(page.get_by_test_id("status")).to_contain_text("write 5 if there is one action a frame")
    expect(page.locator("#wz-told :is(input, textarea)").first).to_have_value(HOSTILE)
    type_into(page, "wz-rate", "5")
    page.get_by_role("button", name="Open the upload").click()
    expect(page.get_by_test_id("meaning")).to_contain_text("2 unnamed dimensions")
    for name in ("stage", "episodes", "facts"):
        expect(page.get_by_test_id(name)).to_contain_text(HOSTILE)
    expect(page.locator("img[src=x]")).to_have_count(0)
    page.get_by_role("link", name="Imagine from this frame").click()
    expect(page.get_by_test_id("instruction")).to_have_value(HOSTILE)
    expect(page.locator(".wz-caption")).to_contain_text(HOSTILE)


def test_a_zip_that_leads_out_of_its_folder_is_refused(page: Page, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../evil", "x")
    page.get_by_role("button", name="Or upload one").click()
    page.locator("#wz-files input[type=file]").set_input_files(tmp_path / "evil.zip")
    expect(page.locator("#wz-files")).to_contain_text("evil")
    page.get_by_role("button", name="Open the upload").click()
    expect(page.get_by_test_id("status")).to_contain_text("not safe to open")


def test_the_keyboard_alone_finds_an_episode_and_goes_on(page: Page) -> None:
    page.locator(".wz-episode").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(".wz-episode").nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".wz-episode").nth(1)).to_be_focused()
    page.get_by_test_id("stage").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("pane-recorded")).to_have_attribute("data-frame", "1")
    page.keyboard.press("o")  # nothing to lay it over: the picture stays
    expect(page.get_by_test_id("pane-recorded")).to_be_visible()
    page.get_by_role("link", name="Imagine from this frame").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".wz-caption")).to_contain_text("Frame 1 of")


def test_a_link_to_nowhere_says_so_and_leaves_the_page_as_it_is(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/?context=assets/episodes%23999@0")
    expect(page.get_by_test_id("status")).to_contain_text("no episode 999")
    page.goto(f"{site.url}/datasets?open=upload:0123456789abcdef%230@0")
    expect(page.get_by_test_id("status")).to_contain_text("upload it again")
    expect(page.get_by_test_id("dataset")).to_contain_text("Shipped with wamviz")

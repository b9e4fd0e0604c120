"""A class in real browsers: two learners predict, the teacher watches, reveals and goes in front of the projector."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.conftest import PATIENCE, Site, Watch
from tests.ui.test_access import findings
from wamviz.lessons import load_course

pytestmark = pytest.mark.browser
LESSON = load_course("en")[0]
OPTION = LESSON.prediction.options[0]


def come(browser: Browser, watch: Watch, site: Site, address: str, **options: Any) -> Page:
    """Somebody with a browser of their own."""
    context = browser.new_context(reduced_motion="reduce", **options)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    watch.follow(page, site.url)
    page.goto(site.url + address)
    return page


def test_a_class_predicts_the_teacher_reveals_and_everybody_sees_it(
    browser: Browser, class_site: tuple[Site, dict[str, Any]]
) -> None:
    (site, told), watch = class_site, Watch()
    wide: Any = {"width": 1280, "height": 720}
    teacher = come(browser, watch, site, f"/class#{told['key']}", viewport=wide)
    expect(teacher.get_by_test_id("join-link")).to_contain_text(f"/join/{told['code']}")
    assert told["key"] not in teacher.url
    expect(teacher.get_by_test_id("seats")).to_contain_text("Nobody has joined")

    learner = come(browser, watch, site, f"/join/{told['code']}", viewport={"width": 390, "height": 844})
    panel = learner.get_by_test_id("class")
    expect(panel).to_contain_text("you are learner 1")
    learner.get_by_test_id("predict").get_by_role("button", name=OPTION.text).click()
    expect(panel).to_contain_text("1 of 1 have predicted")
    expect(panel.locator(".wc-bar")).to_have_count(0)
    assert findings(learner) == []

    shown = teacher.get_by_test_id("predictions")
    bar = shown.locator(f"[data-option={OPTION.id}]")
    expect(bar).to_contain_text("1 (100%)")
    expect(teacher.get_by_test_id("seats")).to_contain_text("Learner 1")
    for scheme in ("dark", "light"):
        teacher.emulate_media(color_scheme=scheme)
        assert findings(teacher) == [] and teacher.evaluate("document.body.scrollWidth <= innerWidth")
    teacher.get_by_role("button", name="Show to the class").press("Enter")
    expect(bar).to_have_count(0)
    teacher.get_by_role("button", name="Reveal").press("Enter")
    expect(bar).to_be_visible()
    assert bar.bounding_box()["y"] < 720 and findings(teacher) == []  # type: ignore[index]
    expect(panel.locator(f"[data-option={OPTION.id}]")).to_contain_text("1 (100%)")
    teacher.keyboard.press("Escape")
    with teacher.expect_download() as saved:
        teacher.get_by_role("button", name="Download as CSV").press("Enter")
    assert saved.value.suggested_filename == "8b.csv"
    assert OPTION.text in saved.value.path().read_text(encoding="utf-8")
    assert watch.errors == [] and watch.outside == []


def test_a_stranger_on_the_teachers_page_sees_nothing_and_types_the_code_to_join(
    browser: Browser, class_site: tuple[Site, dict[str, Any]]
) -> None:
    (site, told), watch = class_site, Watch()
    stranger = come(browser, watch, site, "/class")
    expect(stranger.get_by_role("alert")).to_contain_text("Only the teacher")
    expect(stranger.get_by_test_id("board")).to_be_empty()
    watch.errors.clear()  # the refusal itself
    stranger.goto(f"{site.url}/lessons?lang=ja")
    field = stranger.get_by_label("クラスのコード")
    field.fill("WRONG1")
    field.press("Enter")
    expect(stranger.get_by_test_id("class").get_by_role("alert")).to_contain_text("コードではありません")
    field.fill(told["code"].lower())
    field.press("Enter")
    expect(stranger.get_by_test_id("class")).to_contain_text("クラス 8b")
    assert watch.errors == [] and watch.outside == []

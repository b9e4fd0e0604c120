"""Everybody can use it: keyboard only, screen reader rules, narrow screens, both colour schemes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.ui.conftest import PATIENCE, Site

pytestmark = pytest.mark.browser

PAGES = [
    "/",
    "/drive",
    "/drive?mode=path",
    "/drive?mode=model",
    "/probes",
    "/lessons",
    "/datasets",
    "/models",
    "/history",
]
# What Gradio 6.31 itself gets wrong and nobody can mend from outside; each names the rule and the element.
GRADIO = (
    ("aria-prohibited-attr", "Empty value"),
    ("color-contrast", "toast"),
    ("nested-interactive", "image-frame"),
)


def findings(page: Page) -> list[tuple[str, str]]:
    """Serious and critical findings outside Gradio's own."""
    response: dict[str, Any] = Axe().run(page).response
    found = [
        (rule["id"], node["html"][:300])
        for rule in response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    return [(rule, html) for rule, html in found if not any(rule == r and mark in html for r, mark in GRADIO)]


@pytest.fixture(scope="module")
def desk(browser: Browser) -> Iterator[BrowserContext]:
    """Somebody calm at a desk; what every page loads is loaded once."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture(scope="module")
def phone(browser: Browser) -> Iterator[BrowserContext]:
    """Somebody with a phone."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious_of_ours(
    desk: BrowserContext, site: Site, kept: object, scheme: Any, path: str
) -> None:
    page = desk.new_page()
    page.emulate_media(color_scheme=scheme)
    page.goto(site.url + path)
    if path == "/":
        expect(page.get_by_test_id("action-plot").locator(".js-plotly-plot")).to_be_visible()
        page.get_by_role("button", name="Settings").click()
        page.get_by_test_id("download").click()
    elif path == "/datasets":
        expect(page.get_by_test_id("action-plot").locator(".js-plotly-plot")).to_be_visible()
        page.get_by_role("button", name="Or upload one").click()
        expect(page.get_by_role("button", name="Open the upload")).to_be_visible()
    elif path == "/models":
        whole_form(page)
    elif path == "/drive":
        expect(page.get_by_test_id("drive-start")).to_be_visible()
    elif path.startswith("/drive"):
        drive_mode(page, path)
    elif path == "/probes":
        expect(page.get_by_role("button", name="Run", exact=True)).to_be_visible()
    elif path == "/lessons":
        expect(page.get_by_test_id("predict").get_by_role("button").first).to_be_visible()
    else:
        expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    assert ("dark" in (page.locator("body").get_attribute("class") or "")) == (scheme == "dark")
    assert findings(page) == []
    page.close()


def drive_mode(page: Page, path: str) -> None:
    """The mode of the page Drive that the address names."""
    if path.endswith("path"):
        expect(page.get_by_test_id("path")).to_have_attribute("data-state", "ready")
    else:
        expect(page.get_by_role("button", name="Let it drive")).to_be_visible()


def whole_form(page: Page) -> None:
    """The map is there, and the form of connections with its finer fields."""
    expect(page.get_by_test_id("field").locator(".wz-system").first).to_be_visible()
    page.get_by_role("button", name="Connect a model").click()
    page.get_by_role("button", name="Cameras, state, certificates").click()
    expect(page.get_by_label("Certificates")).to_be_visible()


def test_the_main_journey_needs_no_mouse(page: Page, site: Site) -> None:
    """Tab to every control in reading order; Enter and Space do the rest; the focus is never lost."""
    page.goto(site.url)
    expect(page.get_by_test_id("imagine")).to_be_enabled()
    tab_to(page, "button", "Episode 0:")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".wz-caption")).to_contain_text("Episode 1 ")
    tab_to(page, "textarea", "")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("push the toaster lever")
    tab_to(page, "button", "Settings")
    page.keyboard.press("Enter")
    tab_to(page, "input", "Model")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Zero action")
    expect(page.locator("#wz-settings").get_by_role("option")).to_have_count(1)  # the menu has heard what was typed
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("model")).to_have_value("Zero action (baseline)")
    tab_to(page, "button", "Imagine")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("status")).to_contain_text("Done")
    expect(page.get_by_test_id("imagine")).to_be_focused()
    tab_to(page, "button", "Pause")  # a new run plays
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stage")).to_have_attribute("data-playing", "false")
    tab_to(page, "button", "Run in simulator")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("status")).to_contain_text("Executed.")


def tab_to(page: Page, tag: str, name: str) -> None:
    """Press Tab until an element with this tag and accessible name has the focus."""
    look = """() => { const e = document.activeElement;
      return [e.tagName.toLowerCase(), (e.getAttribute("aria-label") || e.innerText || "").trim()]; }"""
    for _ in range(120):
        page.keyboard.press("Tab")
        here, label = page.evaluate(look)
        if here == tag and label.startswith(name):
            return
    raise AssertionError(f"No {tag} '{name}' is reached with Tab.")


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_shows_everything_without_scrolling_sideways(phone: BrowserContext, site: Site, path: str) -> None:
    page = phone.new_page()
    page.goto(site.url + path)
    expect(page.locator("#wz-header")).to_be_visible()
    if path == "/":
        expect(page.get_by_test_id("action-plot").locator(".js-plotly-plot")).to_be_visible()
        page.get_by_role("button", name="Settings").click()
        page.get_by_test_id("download").click()
    if path == "/datasets":
        expect(page.get_by_test_id("action-plot").locator(".js-plotly-plot")).to_be_visible()
        page.get_by_role("button", name="Or upload one").click()
        expect(page.get_by_role("button", name="Open the upload")).to_be_visible()
    if path == "/models":
        whole_form(page)
    if path.startswith("/drive?"):
        drive_mode(page, path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = page.evaluate("""() => [...document.querySelectorAll("button, input, textarea, select, summary, a, figure")]
      .filter((e) => e.offsetParent && !e.closest(".wz-cards, .wz-scroll, [role=tablist], [tabindex='-1'], .wz-sr"))
      .filter((e) => { const b = e.getBoundingClientRect(); return b.width && (b.right > 391 || b.left < -1); })
      .map((e) => e.outerHTML.slice(0, 120))""")
    assert wide == []
    page.close()

"""The page of probes in a real browser: a probe fills its grid, people rate by keys and vote blind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.probes.conftest import ECHO, Echo
from wamviz.models import registry
from wamviz.models.protocol import ModelEntry
from wamviz.probes import Contender, Probe, Prompt, Suite, run_suite
from wamviz.probes.ratings import Ratings

if TYPE_CHECKING:
    from tests.ui.conftest import Site, Watch

pytestmark = pytest.mark.browser
NASTY = "wave <img src=x onerror='alert(1)'> ${7*6}"


@pytest.fixture
def asked(watched: tuple[Page, Watch], site: Site) -> Iterator[Page]:
    """A desk at the page; a test fails when it wrote an error to the console or asked anybody outside."""
    page, watch = watched
    page.set_viewport_size({"width": 1280, "height": 720})
    yield page
    assert watch.errors == []
    assert watch.outside == []


@pytest.fixture(scope="module")
def made(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of results with two models, one sample of two prompts each."""
    picture = tmp_path_factory.mktemp("probes") / "context.png"
    Image.new("RGB", (64, 64), (90, 120, 40)).save(picture)
    registry.reset()
    for capabilities in (ECHO, replace(ECHO, model_id="loud", title="Loud")):
        model = Echo(capabilities)
        registry.register(ModelEntry(capabilities, lambda device, one=model: one, resident=False))
    who = (Contender("echo", "joint"), Contender("loud", "joint"))
    probe = Probe("one", str(picture), Prompt("reference", "wave"), (Prompt("then", NASTY, "then"),), who, samples=1)
    list(run_suite(Suite("made", (probe,)), site.store.root.parent / "probes" / "made"))
    registry.reset()
    yield "made"


def test_a_probe_fills_its_grid_with_runs_that_can_be_opened(asked: Page, site: Site) -> None:
    asked.goto(f"{site.url}/probes")
    asked.locator("#wz-probe-context").get_by_role("textbox").fill("assets/episodes#0")
    for name in ("then", "no op"):
        asked.get_by_label(name, exact=True).uncheck()
    asked.get_by_label("Your own extensions, one a line").fill(NASTY)
    field = asked.locator("#wz-candidates")
    field.get_by_role("button", name="Clear").click()
    field.get_by_role("combobox").fill("Copy last frame")
    asked.get_by_role("option", name="Copy last frame (baseline): video only", exact=True).click()
    asked.get_by_label("Samples of each").fill("1")
    asked.get_by_role("button", name="Run", exact=True).click()
    expect(asked.get_by_test_id("status")).to_contain_text("2 samples are there", timeout=180_000)
    grid = asked.get_by_test_id("grid")
    expect(grid.locator("tbody tr")).to_have_count(2)
    expect(grid).to_contain_text(NASTY)
    expect(grid.locator("video")).to_have_count(2)
    link = grid.get_by_role("link").first
    assert re.fullmatch(r"\./\?run=[0-9a-f]{16}", link.get_attribute("href") or "")
    link.click()
    expect(asked.get_by_test_id("status")).to_contain_text("Reopened")


def test_a_picture_of_ones_own_is_the_context(asked: Page, site: Site, tmp_path: Path) -> None:
    """It is named, shown, asked; what is no picture is refused in words, and what was there stays."""
    good, bad = tmp_path / "mine.png", tmp_path / "text.png"
    Image.new("RGB", (64, 48), (90, 120, 40)).save(good)
    bad.write_text("no picture")
    asked.goto(f"{site.url}/probes")
    field = asked.locator("#wz-probe-context").get_by_role("textbox")

    def add(file: Path) -> None:
        with asked.expect_file_chooser() as chooser:
            asked.get_by_role("button", name="Your own picture").click()
        chooser.value.set_files(file)

    add(good)
    expect(field).to_have_value(re.compile(r"picture:[0-9a-f]{32}"))
    expect(asked.get_by_alt_text("your picture")).to_be_visible()
    expect(asked.get_by_test_id("status")).to_contain_text("Your picture (64 x 48) is the context.")
    expect(asked.get_by_label("then", exact=True)).not_to_be_checked()
    named = field.input_value()
    add(bad)
    expect(asked.get_by_test_id("status")).to_contain_text("text.png")
    expect(field).to_have_value(named)


def test_samples_are_rated_by_keys_and_pairs_voted_on_blind(asked: Page, site: Site, made: str) -> None:
    asked.goto(f"{site.url}/probes?results={made}")
    expect(asked.get_by_test_id("grid").locator("video")).to_have_count(4)
    asked.get_by_role("tab", name="Rate").click()
    asked.get_by_label("Your name or initials").fill("Ada")
    asked.get_by_role("button", name="Show a sample").click()
    sample = asked.get_by_test_id("sample")
    expect(sample.get_by_role("radiogroup")).to_have_count(8)
    assert not re.search("echo|loud", sample.inner_html())
    sample.get_by_role("radio", name="1 yes").first.focus()
    for key in "13244412":
        asked.keyboard.press(key)
    asked.keyboard.press("Enter")
    expect(asked.get_by_test_id("rate-status")).to_contain_text("Kept.")
    expect(sample.locator('[aria-checked="true"]')).to_have_count(0)
    ratings = Ratings(site.store.root.parent / "probes" / made)
    (kept,) = ratings.ratings()
    assert list(kept.answers.values()) == ["yes", "no", "partly", *["cannot tell"] * 3, "yes", "partly"]
    asked.get_by_role("tab", name="Blind A/B").click()
    asked.get_by_label("Your name or initials").last.fill("Ada")
    asked.get_by_role("button", name="Show a pair").click()
    pair = asked.get_by_test_id("pair")
    expect(pair.locator("video")).to_have_count(2)
    assert not re.search("echo|loud", pair.inner_html())
    pair.get_by_role("button", name="Left is better").focus()
    asked.keyboard.press("d")
    expect(asked.get_by_test_id("vote-status")).to_contain_text("right is better")
    assert [(vote.rater, vote.choice) for vote in ratings.votes()] == [("Ada", "right")]
    asked.get_by_role("tab", name="Figures").click()
    expect(asked.get_by_test_id("figures")).to_contain_text("1 blind vote.")
    expect(asked.get_by_role("link", name="Download the report")).to_be_visible()

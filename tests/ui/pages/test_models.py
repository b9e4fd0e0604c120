"""The Models page in a real browser: the map is sifted, a server becomes a model, and is forgotten again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.models.remote.servers import serving
from tests.ui.page_driver import choose_option, type_into, wait_painted
from wamviz.models import connections
from wamviz.models.catalog import read_systems

if TYPE_CHECKING:
    from tests.ui.conftest import Site

pytestmark = pytest.mark.browser
NOWHERE = "ws://127.0.0.1:9"  # the discard service: nobody listens
TOTAL = len(read_systems())


@pytest.fixture
def page(visited: Page, site: Site) -> Iterator[Page]:
    """The page as it opens, with no connections; what a test leaves behind is forgotten."""
    connections.path().unlink(missing_ok=True)
    visited.goto(f"{site.url}/models")
    expect(visited.get_by_test_id("connections")).to_contain_text("None yet")
    expect(visited.locator("#wz-field .wz-system")).to_have_count(TOTAL)  # it is drawn part by part
    yield visited
    connections.path().unlink(missing_ok=True)


def rows(page: Page) -> list[str]:
    return page.locator("#wz-field .wz-system:visible th b").all_inner_texts()


def test_the_map_is_sifted_by_words_formulation_what_it_gives_and_whether_it_is_reached(page: Page) -> None:
    count = page.get_by_test_id("count")
    expect(count).to_contain_text(f"{TOTAL} systems")
    assert rows(page)[0] == "mini-WAM"  # what can be asked now comes first
    type_into(page, "wz-sift-query", "dreamZERO monolithic")
    expect(count).to_contain_text(f"1 of {TOTAL}")
    assert rows(page) == ["DreamZero"]
    type_into(page, "wz-sift-query", "no such words")
    expect(count).to_contain_text("No system of the map is like that")
    type_into(page, "wz-sift-query", "")
    choose_option(page, "Formulation", "video model")
    expect(count).to_contain_text(re.compile(rf"^\d+ of {TOTAL}"))
    assert "Veo 3.1" in rows(page) and "DreamZero" not in rows(page)
    choose_option(page, "Formulation", "joint prediction")
    choose_option(page, "Gives", "video")
    choose_option(page, "Availability", "can be reached")
    expect(count).to_contain_text(re.compile(rf"^\d+ of {TOTAL}"))
    wanted = {"mini-WAM", "Cosmos3-Edge", "Cosmos3-Nano", "Cosmos3-Super"}
    wanted |= {"Cosmos3-Edge-Policy-DROID", "Cosmos3-Nano-Policy-DROID"}
    assert set(rows(page)) == wanted


def test_a_closed_system_has_its_row_with_the_reason(page: Page) -> None:
    type_into(page, "wz-sift-query", "genie 3")
    found = page.locator("#wz-field .wz-system:visible")
    row = found.filter(has=page.get_by_text("Genie 3", exact=True))
    expect(row).to_contain_text("Closed: Google DeepMind has published neither weights nor an interface")
    expect(found.get_by_role("button")).to_have_count(0)


def test_a_server_is_connected_tested_asked_for_and_forgotten(page: Page, site: Site) -> None:
    status = page.get_by_test_id("status")
    with serving(lambda talk: talk.answer(b"{}")) as served:
        url = f"http://127.0.0.1:{served.port}"
        page.get_by_role("button", name="Connect Cosmos3-Nano through cosmos3-libero").click()
        expect(page.locator("#wz-c-name :is(input, textarea)").first).to_have_value("cosmos3-nano")
        expect(page.get_by_label("Kind", exact=True)).to_have_value(re.compile("cosmos3-libero"))
        type_into(page, "wz-c-url", url)
        page.get_by_role("button", name="Test without saving").click()
        expect(status).to_contain_text(f"A Cosmos3 server answers at {url}")
        assert served.connections == 1 and connections.read() == {}
        page.get_by_role("button", name="Save").click()
        expect(status).to_contain_text("Kept cosmos3-nano")
        assert connections.read()["cosmos3-nano"].url == url and served.connections == 1
        expect(page.locator(".wz-system", has_text="Cosmos3-Super").first).not_to_contain_text(
            "Through your connection"
        )
        nano = page.locator(".wz-system").filter(has=page.get_by_text("Cosmos3-Nano", exact=True))
        expect(nano).to_contain_text("Through your connection cosmos3-nano")
        page.get_by_role("button", name="Test cosmos3-nano").click()
        expect(page.get_by_test_id("connections")).to_contain_text("A Cosmos3 server answers")
        assert served.connections == 2

        page.goto(site.url)
        expect(page.get_by_test_id("action-plot").locator(".js-plotly-plot")).to_be_visible()
        page.get_by_role("button", name="Settings").click()
        page.get_by_test_id("model").click()
        page.get_by_role("option", name=re.compile("^cosmos3-nano ")).click()
        expect(page.get_by_test_id("model")).to_have_value(re.compile("Cosmos3 on LIBERO"))
        expect(page.locator("#wz-settings")).to_contain_text("Panda of LIBERO, on a server of yours")

    page.goto(f"{site.url}/models")
    forget = page.get_by_role("button", name="Delete cosmos3-nano")
    forget.click()
    expect(forget).to_contain_text("Really delete?")
    assert list(connections.read()) == ["cosmos3-nano"]
    forget.click()
    expect(status).to_contain_text("Forgot cosmos3-nano. Runs that it made are kept.")
    expect(page.get_by_test_id("connections")).to_contain_text("None yet")
    assert connections.read() == {}


def test_a_kind_shows_its_own_fields_and_a_robot_what_it_gives(page: Page) -> None:
    page.get_by_role("button", name="Connect a model").click()
    about = page.locator("#wz-c-about")
    expect(about).to_contain_text("Franka of DROID")
    choose_option(page, "Robot", "cosmos3-droid")
    expect(about).to_contain_text("with imagined video")
    choose_option(page, "Kind", "vllm-omni: Cosmos3 on vLLM-Omni")
    expect(about).to_contain_text("WidowX of BridgeData")
    expect(page.get_by_label("Robot", exact=True)).to_be_hidden()  # it has one only
    expect(page.locator("#wz-c-url :is(input, textarea)").first).to_have_attribute(
        "placeholder", "http://127.0.0.1:8000"
    )


def test_what_is_refused_keeps_what_was_typed_and_teaches(page: Page) -> None:
    page.get_by_role("button", name="Connect a model").click()
    status, name = page.get_by_test_id("status"), page.locator("#wz-c-name :is(input, textarea)").first
    page.get_by_role("button", name="Save").click()
    expect(status).to_contain_text("Name the connection")
    type_into(page, "wz-c-name", "<b>Two</b> {{7*6}}")
    type_into(page, "wz-c-url", "http://127.0.0.1:9")
    page.get_by_role("button", name="Save").click()
    expect(status).to_contain_text("'<b>Two</b> {{7*6}}' cannot be the name of a connection")
    expect(name).to_have_value("<b>Two</b> {{7*6}}")
    type_into(page, "wz-c-name", "pi05")
    page.get_by_role("button", name="Save").click()
    expect(status).to_contain_text("reached by ws or wss, not http")
    type_into(page, "wz-c-url", NOWHERE)
    type_into(page, "wz-c-token", "sk-1234-the-token-itself")
    page.get_by_role("button", name="Save").click()
    expect(status).to_contain_text("name the environment variable that holds it")
    assert connections.read() == {}
    type_into(page, "wz-c-token", "")
    page.get_by_role("button", name="Save").click()
    expect(status).to_contain_text("Kept pi05")
    page.get_by_role("button", name="Test pi05").click()
    expect(status).to_contain_text(f"Connection refused: {NOWHERE}")
    expect(page.get_by_test_id("connections")).to_contain_text(f"Connection refused: {NOWHERE}")


def test_a_kept_connection_is_changed(page: Page, site: Site) -> None:
    connections.keep(connections.Connection("pi05", "openpi", NOWHERE, views={"wrist_image_left": "hand"}))
    page.reload()  # it was connected by the command line meanwhile
    page.get_by_role("button", name="Edit pi05").click()
    expect(page.locator("#wz-connect")).to_contain_text("Change pi05")
    page.get_by_role("button", name="Cameras, state, certificates").click()
    expect(page.get_by_label("Views")).to_have_value("wrist_image_left=hand")
    wait_painted(page)
    page.get_by_label("Views").fill("")
    page.get_by_label("Timeout").fill("9")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_test_id("connections")).to_contain_text("timeout 9")
    kept = connections.read()["pi05"]
    assert kept.timeout == 9 and kept.views == {} and kept.url == NOWHERE and kept.robot == "droid"


def test_looking_says_that_it_waits_and_is_stopped(page: Page) -> None:
    with serving(lambda talk: talk.wait_until_gone()) as served:
        connections.keep(connections.Connection("slow", "cosmos3-libero", f"http://127.0.0.1:{served.port}"))
        page.reload()
        expect(page.get_by_role("button", name="Stop testing")).to_be_hidden()
        page.get_by_role("button", name="Test slow").click()
        expect(page.get_by_test_id("status")).to_contain_text(re.compile(r"Asking http://127.0.0.1:\d+ … \d+ s"))
        page.get_by_role("button", name="Stop testing").click()
        expect(page.get_by_test_id("status")).to_contain_text("Stopped")
        expect(page.get_by_role("button", name="Stop testing")).to_be_hidden()


def test_visitors_from_elsewhere_see_the_map_and_why_they_cannot_connect(browser: Browser, site: Site) -> None:
    context = browser.new_context(extra_http_headers={"x-forwarded-for": "10.0.0.1"})
    page = context.new_page()
    page.goto(f"{site.url}/models")
    expect(page.get_by_test_id("count")).to_contain_text(f"{TOTAL} systems")
    expect(page.get_by_test_id("elsewhere")).to_contain_text("at its own machine alone")
    expect(page.get_by_role("heading", name="Your connections")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("Connect"))).to_have_count(0)
    expect(page.get_by_test_id("field")).to_contain_text("roboarena")
    context.close()

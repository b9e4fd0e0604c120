"""The stage on its page: missing clips, previews, plots, permalinks, old browsers, phones and assistive technology."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.stage_lab import EVIL, QUIET, Lab, Theatre, lab_fixture, stalls_fixture, theatre_fixture  # noqa: F401

pytestmark = [pytest.mark.browser, *QUIET]


def test_missing_panes_say_why(theatre: Theatre) -> None:
    theatre.show("alone")
    expect(theatre.page.get_by_test_id("pane-recorded")).to_contain_text("no recording to compare with")
    expect(theatre.page.get_by_test_id("pane-executed")).to_contain_text("cannot be executed")
    theatre.stage.get_by_role("button", name="Wipe").click()
    expect(theatre.page.get_by_test_id("pane-compare")).to_contain_text("needs two clips")
    theatre.show("thought")
    expect(theatre.page.get_by_test_id("pane-imagined")).to_contain_text("imagines actions only")
    assert theatre.number("recorded") == 0
    assert theatre.page.get_by_test_id("pane-recorded").locator(".wv-path.wv-imagined").count() == 1


def test_a_lost_file_is_said_in_words(theatre: Theatre) -> None:
    theatre.tell(case="lost", frame=0)
    for pane in ("imagined", "recorded", "executed"):
        expect(theatre.page.get_by_test_id(f"pane-{pane}")).to_contain_text("cannot be shown: the server says 40")


def test_addresses_of_other_servers_are_never_asked(theatre: Theatre) -> None:
    theatre.tell(case="elsewhere", frame=0)
    expect(theatre.page.get_by_test_id("pane-imagined")).to_contain_text("its address is not on this server")


def test_what_people_write_stays_text(theatre: Theatre) -> None:
    theatre.show()
    expect(theatre.stage.locator(".wv-instruction")).to_have_text(EVIL)
    theatre.tell(case="empty")
    expect(theatre.page.get_by_test_id("pane-imagined").locator(".wv-missing")).to_have_text(EVIL)
    assert theatre.page.evaluate("window.pwned") is None


def test_a_preview_plays_while_it_forms_and_then_becomes_the_run(theatre: Theatre) -> None:
    theatre.show()
    theatre.tell(step=0)
    expect(theatre.stage).to_have_attribute("data-state", "imagining")
    expect(theatre.page.get_by_test_id("pane-imagined")).to_contain_text("appear with the next step")
    for step in (3, 4):
        theatre.tell(step=step)
        expect(theatre.stage.locator(".wv-live")).to_contain_text(f"imagining, step {step} of 8 · about 2.5 s left")
        theatre.page.wait_for_function("red => Math.abs(window.look('imagined').left[0] - red) < 8", arg=20 * step)
    expect(theatre.page.get_by_test_id("pane-imagined").get_by_text("imagining", exact=True)).to_be_visible()
    theatre.page.wait_for_function("() => window.look('imagined').number > 2")  # it moves
    theatre.tell(case="run")
    expect(theatre.stage).to_have_attribute("data-state", "ready")
    expect(theatre.stage.locator(".wv-live")).to_be_hidden()
    theatre.page.wait_for_function("() => Math.abs(window.look('imagined').left[0] - 200) < 12")
    theatre.stage.get_by_role("button", name="Pause").click()


def cursor(theatre: Theatre) -> Any:
    return theatre.page.locator("#action-plot .wv-plot-cursor")


def test_the_plots_cursor_moves_with_the_clock_and_outlives_the_plot(theatre: Theatre) -> None:
    theatre.show()
    theatre.seek(20)
    line = cursor(theatre)
    expect(line).to_have_attribute("data-time", "2.000")
    places = """() => {
      const plot = document.querySelector("#action-plot .js-plotly-plot");
      const axis = plot._fullLayout.xaxis;
      const line = plot.querySelector(".wv-plot-cursor").getBoundingClientRect();
      return [line.left + line.width / 2 - plot.getBoundingClientRect().left, axis._offset + axis.l2p(2)];
    }"""
    shown, meant = theatre.page.evaluate(places)
    assert abs(shown - meant) < 1.5
    theatre.tell(plot="drawn anew")
    expect(theatre.page.locator("#action-plot").get_by_text("drawn anew")).to_be_visible()
    expect(line).to_have_count(1)
    theatre.page.wait_for_function(f"() => {{ const [a, b] = ({places})(); return Math.abs(a - b) < 1.5; }}")
    theatre.tell(plot="")
    expect(line).to_have_count(0)
    theatre.seek(21)
    theatre.tell(plot="again")
    expect(line).to_have_attribute("data-time", "2.100")


def test_a_click_on_the_plot_seeks(theatre: Theatre) -> None:
    theatre.show()
    expect(cursor(theatre)).to_have_count(1)
    plot = theatre.page.locator("#action-plot .js-plotly-plot")
    plot.scroll_into_view_if_needed()
    place = plot.evaluate(
        """(plot) => { const box = plot.getBoundingClientRect(), axis = plot._fullLayout.xaxis;
        return [box.left + axis._offset + axis.l2p(1.4), box.top + plot._fullLayout.yaxis._offset + 40]; }"""
    )
    theatre.page.mouse.click(*place)
    expect(theatre.stage).to_have_attribute("data-frame", "14")
    assert theatre.number("imagined") == 14


def test_the_address_reopens_the_same_view_of_the_same_frame(theatre: Theatre) -> None:
    theatre.show()
    theatre.seek(9)
    theatre.stage.get_by_role("button", name="Wipe").click()
    theatre.page.wait_for_function("() => new URL(location).searchParams.get('view') === 'wipe'")
    query = theatre.page.evaluate("location.search")
    assert query == "?run=0123456789abcdef&frame=9&view=wipe"
    theatre.open(query)
    expect(theatre.stage).to_have_attribute("data-frame", "9")
    expect(theatre.stage).to_have_attribute("data-view", "wipe")
    theatre.settled()
    assert theatre.number("imagined") == 9
    expect(theatre.stage).to_have_attribute("data-playing", "false")


def test_the_frame_is_saved_as_a_picture(theatre: Theatre) -> None:
    theatre.show(frame=12)
    with theatre.page.expect_download() as download:
        theatre.stage.get_by_role("button", name="Save this frame as PNG").click()
    assert download.value.suggested_filename == "wamviz-0123456789abcdef-frame-012-side-by-side.png"
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def test_nothing_moves_by_itself_where_that_is_unwanted(lab: tuple[Lab, str], browser: Browser) -> None:
    context = browser.new_context(reduced_motion="reduce")
    calm = Theatre(context.new_page(), lab[1])
    calm.open()
    calm.tell(step=2)
    expect(calm.stage).to_have_attribute("data-frame", "30")  # the last frame: there is most to see
    expect(calm.stage).to_have_attribute("data-playing", "false")
    calm.tell(case="run", autoplay=True)
    expect(calm.stage).to_have_attribute("data-state", "ready")
    expect(calm.stage).to_have_attribute("data-playing", "false")
    assert calm.faults == []
    context.close()


@pytest.mark.parametrize(
    "broken", ["delete window.VideoDecoder", "window.VideoDecoder.isConfigSupported = async () => ({})"]
)
def test_without_webcodecs_a_video_element_shows_the_same_frames(
    lab: tuple[Lab, str], browser: Browser, broken: str
) -> None:
    """Pages that are not served from this machine or over https have no WebCodecs."""
    context = browser.new_context()
    old = Theatre(context.new_page(), lab[1])
    old.page.add_init_script(broken)
    old.open()
    old.show()
    for frame in (3, 30, 17, 18):
        old.seek(frame)
        assert old.number("imagined") == frame
        assert abs(old.number("recorded") - 1.5 * frame) <= 0.5
    assert old.faults == []
    context.close()


def test_memory_is_bounded_in_a_long_clip(theatre: Theatre) -> None:
    """With room for 12 of 31 frames only, every seek still shows its frame, and old frames are let go."""
    theatre.show()
    theatre.page.evaluate(
        """() => { for (const clip of Object.values(document.querySelector("[data-testid=stage]").wamvizPlayer.clips)) {
          clip.cache.forEach((bitmap) => bitmap.close());
          clip.cache.clear();
          clip.share = 12 * 128 * 128 * 4; } }"""
    )
    for frame in (30, 5, 19, 6, 29, 0):
        theatre.seek(frame)
        assert theatre.number("imagined") == frame
    held = "() => document.querySelector('[data-testid=stage]').wamvizPlayer.clips.imagined.cache.size"
    assert theatre.page.evaluate(held) <= 12


def test_a_phone_sees_everything_without_scrolling_sideways(lab: tuple[Lab, str], browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    phone = Theatre(context.new_page(), lab[1])
    phone.open()
    phone.show(view="wipe")
    assert phone.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    outside = phone.stage.evaluate(
        """(stage) => { const box = stage.getBoundingClientRect();
        return [...stage.querySelectorAll("button, input, select, canvas")].filter((each) => {
          const { left, right, width } = each.getBoundingClientRect();
          return width && (left < box.left - 1 || right > box.right + 1); }).map((each) => each.outerHTML); }"""
    )
    assert outside == []
    phone.stage.get_by_role("button", name="Side by side").tap()
    expect(phone.stage).to_have_attribute("data-view", "side-by-side")
    context.close()


def test_axe_finds_nothing_serious(theatre: Theatre) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for scheme, view in (("light", "side-by-side"), ("dark", "wipe")):
        theatre.page.evaluate("dark => document.body.classList.toggle('dark', dark)", scheme == "dark")
        theatre.show(view=view)
        found = axe.run(theatre.page, context="#the-stage").response["violations"]
        bad = [rule for rule in found if rule["impact"] in ("serious", "critical")]
        assert [(rule["id"], [node["html"][:120] for node in rule["nodes"]]) for rule in bad] == []
    theatre.page.evaluate("document.body.classList.remove('dark')")

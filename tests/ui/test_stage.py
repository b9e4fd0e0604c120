"""The stage shows the right frame of every clip at every moment, in every view, and obeys keys and controls."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.ui.stage_lab import COLOURS, QUIET, Theatre, lab_fixture, stalls_fixture, theatre_fixture  # noqa: F401

pytestmark = [pytest.mark.browser, *QUIET]


def test_a_seek_shows_exactly_that_frame_in_every_pane(theatre: Theatre) -> None:
    """10 and 15 frames a second, matched by time; the shorter clip stays on its last frame and says so."""
    theatre.show()
    expect(theatre.scrub).to_have_attribute("max", "30")
    for frame in (0, 1, 2, 7, 15, 16, 29, 30, 13):
        theatre.seek(frame)
        assert theatre.number("imagined") == frame
        assert abs(theatre.number("recorded") - 1.5 * frame) <= 0.5
        assert theatre.number("executed") == min(frame, 15)
        assert float(theatre.stage.get_attribute("data-drift") or "nan") <= 0.5
        ended = theatre.page.get_by_test_id("pane-executed").get_by_text("ended")
        expect(ended).to_be_visible(visible=frame > 15)
    expect(theatre.page.get_by_test_id("stage-time")).to_have_text("frame 13 of 30, 1.30 s")
    expect(theatre.scrub).to_have_attribute("aria-valuetext", "frame 13 of 30, 1.30 s")


def test_panes_stay_in_lockstep_while_playing(theatre: Theatre) -> None:
    """Looked at on every painted frame, through a loop: never half a frame apart, and each frame gets its turn."""
    theatre.show()
    theatre.stage.get_by_role("button", name="Play").click()
    seen = theatre.page.evaluate(
        """() => new Promise((done) => {
          const seen = [];
          const tick = () => {
            seen.push(["imagined", "recorded", "executed"].map((pane) => window.look(pane).number));
            const numbers = seen.map((each) => each[0]);
            if (numbers.some((number, k) => k && number < numbers[k - 1]) && numbers.length > 60) done(seen);
            else requestAnimationFrame(tick);
          };
          requestAnimationFrame(tick);
        })"""
    )
    theatre.stage.get_by_role("button", name="Pause").click()
    assert all(abs(recorded - 1.5 * imagined) <= 0.5 for imagined, recorded, _ in seen)
    assert all(executed == min(imagined, 15) for imagined, _, executed in seen)
    assert len({imagined for imagined, _, _ in seen}) >= 10
    assert theatre.page.evaluate("window.__wamvizStage.maxDrift") <= 0.5


def test_keys_alone_run_the_whole_stage(theatre: Theatre) -> None:
    theatre.show()
    page, stage = theatre.page, theatre.stage
    stage.focus()

    def press(key: str, **shown: str) -> None:
        page.keyboard.press(key)
        for name, text in shown.items():
            expect(stage).to_have_attribute(f"data-{name}", text)

    press("ArrowRight", frame="1")
    press("ArrowRight", frame="2")
    press("ArrowLeft", frame="1")
    press("Shift+ArrowRight", frame="9")
    press("End", frame="30")
    press("Home", frame="0")
    press(" ", playing="true")
    press(" ", playing="false")
    page.get_by_role("button", name="One frame forward").click()
    press(" ", playing="true")  # a clicked button does not keep the keys to itself
    press(" ", playing="false")
    press("Home", frame="0")
    for key, view in (("o", "onion-skin"), ("w", "wipe"), ("d", "difference"), ("d", "side-by-side")):
        press(key, view=view)
    press("2", sample="1")
    theatre.settled()
    assert theatre.is_colour(theatre.look("imagined")["left"], "imagined-1")
    press("1", sample="0")
    speed = stage.get_by_label("Speed")
    press(".")
    expect(speed).to_have_value("2")
    press(",")
    press(",")
    expect(speed).to_have_value("0.5")
    press("g")
    expect(page.get_by_test_id("pane-recorded")).to_contain_text("The recording is hidden")
    press("g")
    expect(page.get_by_test_id("pane-recorded").locator("canvas")).to_be_visible()
    press("?")
    expect(stage.get_by_role("dialog")).to_be_visible()
    press("Escape")
    expect(stage.get_by_role("dialog")).to_be_hidden()


def test_keys_elsewhere_are_left_alone(theatre: Theatre) -> None:
    """A letter in a text box is a letter; an arrow on a slider moves that slider."""
    theatre.show(view="wipe")
    box = theatre.page.get_by_label("order")
    box.fill("")
    box.press_sequentially("wdo 1")
    expect(box).to_have_value("wdo 1")
    expect(theatre.stage).to_have_attribute("data-view", "wipe")
    position = theatre.stage.get_by_label("Position")
    position.press("ArrowRight")
    expect(position).to_have_value("51")
    expect(theatre.stage).to_have_attribute("data-frame", "0")
    theatre.scrub.press("ArrowRight")
    expect(theatre.stage).to_have_attribute("data-frame", "1")


def test_an_a_b_loop_stays_inside(theatre: Theatre) -> None:
    theatre.show()
    theatre.seek(4)
    theatre.stage.focus()
    theatre.page.keyboard.press("[")
    theatre.seek(8)
    theatre.stage.focus()
    theatre.page.keyboard.press("]")
    theatre.stage.get_by_label("Speed").select_option("4")
    theatre.stage.get_by_role("button", name="Play").click()
    seen = theatre.page.evaluate(
        """() => new Promise((done) => {
          const seen = [];
          const tick = () => {
            const frame = Number(document.querySelector("[data-testid=stage]").dataset.frame);
            if (frame !== seen[seen.length - 1]) seen.push(frame);
            if (seen.length > 12) done(seen); else requestAnimationFrame(tick);
          };
          tick();
        })"""
    )
    theatre.stage.get_by_role("button", name="Pause").click()
    assert set(seen[1:]) <= set(range(4, 9))


def test_without_loop_it_stops_at_the_end(theatre: Theatre) -> None:
    theatre.show()
    theatre.stage.get_by_role("button", name="Loop", exact=True).click()
    theatre.stage.get_by_label("Speed").select_option("4")
    theatre.seek(24)
    theatre.stage.get_by_role("button", name="Play").click()
    expect(theatre.stage).to_have_attribute("data-playing", "false")
    expect(theatre.stage).to_have_attribute("data-frame", "30")


def test_the_difference_of_equal_clips_is_black(theatre: Theatre) -> None:
    theatre.show("same", frame=21, view="difference")
    seen = theatre.look("compare")
    assert seen["left"][:3] == seen["right"][:3] == seen["bits"][:3] == [0, 0, 0]
    expect(theatre.page.get_by_test_id("pane-compare")).to_contain_text("mean difference 0.0 of 255")


def test_the_difference_is_amplified_by_the_gain(theatre: Theatre) -> None:
    theatre.show(view="difference")
    theatre.stage.get_by_label("Gain").fill("1")
    once = np.array(theatre.look("compare")["left"][:3])
    assert np.abs(once - np.abs(np.subtract(COLOURS["imagined"], COLOURS["recorded"]))).max() < 16
    theatre.stage.get_by_label("Gain").fill("16")
    assert theatre.look("compare")["left"][0] == 255


def test_the_wipe_has_one_clip_on_each_side(theatre: Theatre) -> None:
    theatre.show(view="wipe", frame=5)
    seen = theatre.look("compare")
    assert theatre.is_colour(seen["left"], "imagined") and theatre.is_colour(seen["right"], "recorded")
    theatre.page.get_by_test_id("pane-compare").get_by_label("First clip").select_option("recorded")
    seen = theatre.look("compare")
    assert theatre.is_colour(seen["left"], "recorded") and theatre.is_colour(seen["right"], "imagined")


def test_the_wipe_follows_the_pointer(theatre: Theatre) -> None:
    theatre.show(view="wipe")
    pane = theatre.page.get_by_test_id("pane-compare").locator(".wv-screen")
    pane.scroll_into_view_if_needed()
    box = pane.bounding_box()
    assert box is not None
    theatre.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 90)
    theatre.page.mouse.down()
    theatre.page.mouse.move(box["x"] + 4, box["y"] + 90, steps=4)
    theatre.page.mouse.up()
    assert theatre.is_colour(theatre.look("compare")["left"], "recorded")
    expect(theatre.stage).to_have_attribute("data-playing", "false")


def test_the_onion_skin_mixes_both(theatre: Theatre) -> None:
    theatre.show(view="onion-skin")
    theatre.stage.get_by_label("Opacity").fill("50")
    mixed = np.array(theatre.look("compare")["left"][:3])
    half = (np.array(COLOURS["imagined"]) + COLOURS["recorded"]) / 2
    assert np.abs(mixed - half).max() < 14
    theatre.stage.get_by_label("Opacity").fill("100")
    assert theatre.is_colour(theatre.look("compare")["left"], "recorded")


def test_a_sample_is_switched_in_place(theatre: Theatre) -> None:
    theatre.show(frame=12)
    theatre.stage.get_by_role("button", name="sample 2, seed 1").click()
    theatre.settled()
    assert theatre.is_colour(theatre.look("imagined")["left"], "imagined-1")
    assert theatre.number("imagined") == theatre.number("executed") == 12
    assert theatre.number("recorded") == 18


def test_all_samples_play_at_once_and_one_press_goes_back_to_one(theatre: Theatre) -> None:
    ranking = [{"sample": 1, "why": "comes 60% of the way"}, {"sample": 0, "why": "comes 20% of the way"}]
    theatre.show(frame=12, ranking=ranking)
    theatre.stage.get_by_role("button", name="All samples").click()
    theatre.settled()
    grid = theatre.page.get_by_test_id("sample-grid")
    shown = ["sample 2, seed 11stcomes 60% of the way", "sample 1, seed 02ndcomes 20% of the way"]
    expect(grid.locator("figcaption")).to_have_text([*shown, "recorded", "executed"])
    frames = grid.locator("figure").evaluate_all("cells => cells.map((cell) => cell.dataset.frame)")
    assert frames == ["12", "12", "18", "12"]
    expect(theatre.page).to_have_url(re.compile("view=samples"))
    grid.get_by_role("button", name="sample 2, seed 1").click()
    theatre.settled()
    expect(grid).to_be_hidden()
    assert theatre.is_colour(theatre.look("imagined")["left"], "imagined-1")
    expect(theatre.page).to_have_url(re.compile("view=side-by-side.*sample=2"))


def test_a_recording_that_begins_later_is_shifted_and_the_link_keeps_it(theatre: Theatre) -> None:
    theatre.show(frame=10)
    theatre.stage.get_by_role("button", name="Shift the recording").click()
    theatre.page.get_by_test_id("stage-offset").fill("0.4")
    theatre.settled()
    assert theatre.number("imagined") == 10 and theatre.number("recorded") == 9  # 0.6 s of 15 a second
    expect(theatre.page).to_have_url(re.compile(r"offset=0\.4"))
    theatre.seek(2)
    expect(theatre.page.get_by_test_id("pane-recorded").locator(".wv-mark")).to_have_text("not begun")
    theatre.stage.get_by_role("button", name="No shift").click()
    theatre.settled()
    assert theatre.number("recorded") == 3
    theatre.stage.get_by_role("button", name="Shift the recording").click()


def test_the_path_is_drawn_where_the_hand_is(theatre: Theatre) -> None:
    """0.01 m a step at 128 pixels a metre: after ten frames 12.8 pixels to the right of the middle."""
    theatre.show(frame=10)
    marker = theatre.page.get_by_test_id("pane-imagined").locator(".wv-own .wv-marker")
    assert "translate(76.80 64.00)" in (marker.get_attribute("transform") or "")
    dashes = {
        origin: theatre.line(origin).get_attribute("stroke-dasharray")
        for origin in ("imagined", "recorded", "executed")
    }
    assert len(set(dashes.values())) == 3 and dashes["recorded"] == "none"
    theatre.stage.get_by_role("button", name="End-effector path").click()
    expect(marker).to_have_count(0)

"""The main page in a real browser: ask, watch it form, stop it, act it out, and lose nothing on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from wamviz.datasets import shipped

if TYPE_CHECKING:
    from tests.ui.conftest import Site, Watch
    from wamviz.runs.store import RunSummary

pytestmark = pytest.mark.browser


def settings(page: Page) -> None:
    """Open the folded panel."""
    fold = page.get_by_role("button", name="Settings")
    if fold.get_attribute("aria-expanded") != "true":
        fold.click()
    expect(page.get_by_test_id("model")).to_be_visible()


def choose(page: Page, name: str, option: str) -> None:
    """Pick an option of one of Gradio's menus."""
    page.get_by_test_id(name).click()
    page.get_by_role("option", name=option, exact=True).click()


def use_paced(page: Page) -> None:
    settings(page)
    choose(page, "model", "Paced")
    expect(page.get_by_text("A model for tests.")).to_be_visible()
    choose(page, "mode", "Joint")


def status(page: Page) -> Locator:
    return page.get_by_test_id("status")


def run_in_address(page: Page, before: str) -> str:
    """The run that the address names once nothing is under way any more; ``before``: the address until then."""
    expect(page).not_to_have_url(re.compile("job="))
    expect(page).not_to_have_url(before)
    return page.url.partition("?run=")[2][:16]


def test_first_paint_shows_a_finished_example_that_plays_without_any_click(visit: tuple[Page, Watch]) -> None:
    """Imagined, recorded and executed; what the simulator made of it, and whether the video shows that."""
    page, watch = visit
    expect(page.get_by_test_id("stage")).to_have_attribute("data-playing", "true")
    expect(page.get_by_test_id("stage-time")).to_contain_text(re.compile(r"frame [1-9]\d* of \d+"))
    for name in ("imagined", "recorded", "executed"):
        expect(page.get_by_test_id(f"pane-{name}").locator(".wv-missing")).to_be_hidden()
    expect(page.locator("#wz-verdict")).to_contain_text("In the simulator the task")
    expect(page.locator("#wz-verdict")).to_contain_text("The imagined video")
    expect(page.locator("#wz-examples")).to_contain_text("The first shipped episode of each task")
    expect(page.get_by_test_id("metrics")).to_contain_text("PSNR")
    expect(status(page)).to_contain_text("example")
    expect(page.get_by_test_id("action-plot").locator(".js-plotly-plot")).to_be_visible()
    assert watch.errors == [] and watch.outside == []


def test_another_example_is_one_click_away_and_brings_its_question(opened: Page) -> None:
    chosen = opened.get_by_role("group", name="Examples").get_by_role("button").last
    chosen.click()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(status(opened)).to_contain_text("An example, imagined earlier")
    expect(opened).to_have_url(re.compile(rf"\?run={chosen.get_attribute('data-pick')}"))
    told = opened.get_by_test_id("stage").locator(".wv-instruction").inner_text()
    expect(opened.get_by_test_id("instruction")).to_have_value(told)
    expect(opened.locator(".wz-caption")).to_contain_text("Frame 0 of")
    expect(opened.get_by_test_id("stage")).to_have_attribute("data-playing", "true")
    opened.get_by_test_id("stage-play").click()
    expect(opened.get_by_test_id("stage")).to_have_attribute("data-playing", "false")


def test_nothing_plays_by_itself_for_those_who_asked_for_calm(browser: Browser, site: Site) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(site.url)
    expect(page.get_by_test_id("stage")).to_have_attribute("data-state", "ready")
    expect(page.get_by_test_id("stage-time")).to_contain_text("frame 0 of")
    expect(page.get_by_test_id("stage")).to_have_attribute("data-playing", "false")
    context.close()


def test_every_name_that_checks_from_outside_use_is_on_the_element_that_does_the_work(opened: Page) -> None:
    tags = {
        "instruction": "TEXTAREA",
        "mode": "INPUT",
        "model": "INPUT",
        "imagine": "BUTTON",
        "cancel": "BUTTON",
        "stage-scrub": "INPUT",
        "stage-play": "BUTTON",
        "act-it-out": "BUTTON",
        "share": "BUTTON",
    }
    for name in ("context-image", "status", "stage", "stage-time", "pane-imagined", "pane-recorded", "pane-executed",
                 "action-plot", "metrics", "download", *tags):  # fmt: skip
        found = opened.get_by_test_id(name)
        expect(found).to_have_count(1)
        if name in tags:
            assert found.evaluate("element => element.tagName") == tags[name], name


def test_of_quick_clicks_on_episodes_the_last_one_counts(opened: Page) -> None:
    """All three before the server has answered the first."""
    cards = opened.locator(".wz-card")
    cards.evaluate_all("cards => { for (const i of [1, 3, 2]) cards[i].click(); }")
    expect(opened.locator(".wz-caption")).to_contain_text("Episode 2 ")
    expect(cards.nth(2)).to_have_attribute("aria-pressed", "true")


def test_a_suggestion_becomes_the_instruction(opened: Page) -> None:
    chip = opened.locator("#wz-chips [data-pick]").last
    told = chip.get_attribute("data-pick")
    chip.click()
    expect(opened.get_by_test_id("instruction")).to_have_value(str(told))


def test_the_main_journey_from_a_context_to_an_executed_rollout(opened: Page, site: Site) -> None:
    """Pick another episode, ask with a control, watch, act out: three rollouts on the stage."""
    opened.locator(".wz-card").nth(1).click()
    expect(opened.locator(".wz-caption")).to_contain_text("Episode 1")
    expect(opened.locator(".wz-card").nth(1)).to_have_attribute("aria-pressed", "true")
    recorded = shipped().episode(1).instruction
    expect(opened.get_by_test_id("instruction")).to_have_value(recorded)
    settings(opened)
    choose(opened, "model", "Zero action (baseline)")
    opened.get_by_test_id("imagine").click()
    expect(status(opened)).to_contain_text("Done (a baseline")
    expect(opened.get_by_test_id("stage")).to_contain_text(recorded)
    expect(opened.get_by_test_id("stage")).to_contain_text("hold-still")
    opened.get_by_test_id("act-it-out").click()
    expect(status(opened)).to_contain_text("Executed.")
    expect(opened.get_by_test_id("pane-executed").locator(".wv-missing")).to_be_hidden()
    # By its id: identical settings reuse the saved run, which need not be the newest.
    kept = site.store.load(run_in_address(opened, ""))
    assert kept.instruction == recorded and kept.model == "hold-still" and kept.executed is not None


@contextmanager
def answers_held_back(page: Page) -> Iterator[list[Route]]:
    """Requests of the form's events wait until the block ends, as on a slow machine."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/run/predict*", hold)
    yield held
    for route in held:
        route.continue_()
    page.unroute("**/run/predict*", hold)


def test_words_written_while_an_episode_is_fetched_stay(opened: Page) -> None:
    use_paced(opened)  # a model without words suggests none
    with answers_held_back(opened) as held, opened.expect_request("**/run/predict*"):
        opened.locator(".wz-card").nth(2).click()
        opened.get_by_test_id("instruction").fill("my own words")
    assert held
    expect(opened.locator(".wz-caption")).to_contain_text("Episode 2 ")
    expect(opened.locator("#wz-chips")).to_contain_text(shipped().episode(2).instruction)
    expect(opened.get_by_test_id("instruction")).to_have_value("my own words")


def test_imagine_waits_for_the_context_that_was_picked_just_before(opened: Page, site: Site) -> None:
    """What is imagined is what the page shows then, never the new picture with the old words."""
    settings(opened)
    choose(opened, "model", "Zero action (baseline)")
    before = opened.url
    with answers_held_back(opened), opened.expect_request("**/run/predict*"):
        opened.locator(".wz-card").nth(3).click()
        opened.get_by_test_id("imagine").click()
    expect(opened.get_by_test_id("stage")).to_contain_text(shipped().episode(3).instruction)
    expect(status(opened)).to_contain_text("Done (a baseline")
    run = site.store.load(run_in_address(opened, before))
    assert (run.source, run.instruction) == ("assets/episodes#3@0", shipped().episode(3).instruction)


def test_a_context_taken_away_from_a_later_frame_is_no_mistake(opened: Page, site: Site) -> None:
    """The browser goes on sending the frame that the slider last showed, and the picture that is no longer there."""
    number = opened.get_by_label("number input for Start at frame")
    number.fill("9")
    number.press("Tab")
    expect(opened.locator(".wz-caption")).to_contain_text("Frame 9")
    opened.get_by_role("button", name="Remove Image").click()
    expect(opened.locator(".wz-caption")).to_contain_text("Pick an episode below")
    opened.get_by_test_id("imagine").click()
    expect(status(opened)).to_contain_text("There is no context frame yet")
    assert "greater than maximum" not in site.logged()


def test_a_longer_horizon_is_chosen_in_the_settings(opened: Page, site: Site) -> None:
    """The slider goes as far as the model, and a model without guidance shows no slider for it."""
    settings(opened)
    choose(opened, "model", "mini-WAM")
    expect(opened.locator("#wz-guidance")).to_be_visible()
    choose(opened, "model", "Zero action (baseline)")
    expect(opened.locator("#wz-guidance")).to_be_hidden()
    expect(opened.locator("#wz-horizon")).to_contain_text("16 a chunk")
    slider, before = opened.locator("#wz-horizon input[type=range]"), opened.url
    expect(slider).to_have_attribute("max", "128")
    slider.fill("24")
    opened.get_by_test_id("imagine").click()
    expect(status(opened)).to_contain_text("Done (a baseline")
    expect(opened.get_by_test_id("stage")).to_contain_text("hold-still")
    run = site.store.load(run_in_address(opened, before))
    assert run.horizon == 24 and run.imagined[0].actions is not None and len(run.imagined[0].actions) == 24
    expect(opened.get_by_test_id("stage-scrub")).to_have_attribute("max", "24")


def test_a_run_forms_step_by_step_and_says_how_long_it_takes(opened: Page, site: Site) -> None:
    use_paced(opened)
    opened.get_by_test_id("imagine").click()
    site.paced.allow(2)
    expect(status(opened)).to_contain_text("Step 2 of 6")
    expect(status(opened)).to_contain_text(re.compile(r"about .* left"))
    expect(opened.get_by_test_id("imagine")).to_be_disabled()
    site.paced.allow(10)
    expect(status(opened)).to_contain_text("Imagined in 0.5 s")
    expect(opened.get_by_test_id("imagine")).to_be_enabled()
    expect(opened.get_by_test_id("stage")).to_contain_text("paced")


def test_cancel_really_stops_the_sampling_and_leaves_what_there_was(opened: Page, site: Site) -> None:
    use_paced(opened)
    kept = len(site.store.list())
    opened.get_by_test_id("imagine").click()
    site.paced.allow(2)
    expect(status(opened)).to_contain_text("Step 2 of 6")
    opened.get_by_test_id("cancel").click()
    expect(status(opened)).to_contain_text("Stopping")
    site.paced.allow(50)
    expect(status(opened)).to_contain_text("Stopped at step 3.")
    expect(opened.get_by_test_id("stage")).to_contain_text("Unfinished: stopped at step 3")
    expect(opened.get_by_test_id("pane-imagined").locator(".wv-missing")).to_be_hidden()
    told = site.paced.tell()
    assert told["closed"] == 1 and told["steps_done"] == 3
    assert len(site.store.list()) == kept
    expect(opened.get_by_test_id("imagine")).to_be_enabled()
    expect(opened).not_to_have_url(re.compile("job="))


def test_a_reloaded_page_returns_to_what_is_under_way(opened: Page, site: Site, visit: tuple[Page, Watch]) -> None:
    """The form as it was sent, the step it has come to, and in the end the run."""
    use_paced(opened)
    opened.get_by_test_id("instruction").fill("words of a page that is reloaded")
    opened.get_by_test_id("imagine").click()
    site.paced.allow(2)
    expect(status(opened)).to_contain_text("Step 2 of 6")
    expect(opened).to_have_url(re.compile("job=[0-9a-f]{32}"))
    opened.reload()
    visit[1].errors.clear()  # Gradio's own complaint that the reload cut its stream
    expect(status(opened)).to_contain_text("Step 2 of 6")
    expect(opened.get_by_test_id("instruction")).to_have_value("words of a page that is reloaded")
    expect(opened.get_by_test_id("imagine")).to_be_disabled()
    assert site.paced.tell()["started"] == 1
    site.paced.allow(10)
    expect(status(opened)).to_contain_text("Imagined in 0.5 s")
    expect(opened).to_have_url(re.compile(r"\?run=[0-9a-f]{16}$"))
    run = site.store.load(run_in_address(opened, ""))
    assert run.instruction == "words of a page that is reloaded"
    expect(opened.get_by_test_id("imagine")).to_be_enabled()


def test_nothing_else_is_started_while_something_runs(opened: Page, site: Site) -> None:
    use_paced(opened)
    opened.get_by_test_id("imagine").click()
    site.paced.allow(1)
    expect(status(opened)).to_contain_text("Step 1 of 6")
    expect(opened.get_by_test_id("act-it-out")).to_be_disabled()
    site.paced.allow(10)
    expect(status(opened)).to_contain_text("Imagined in")
    expect(opened.get_by_test_id("act-it-out")).to_be_enabled()


def test_a_job_that_nobody_knows_is_said_and_leaves_the_page_as_it_is(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/?job={'0' * 32}")
    expect(status(page)).to_contain_text("not under way any more")
    expect(page).not_to_have_url(re.compile("job="))
    expect(page.get_by_test_id("metrics")).to_contain_text("PSNR")


def test_presenter_mode_is_the_stage_alone_and_goes_from_run_to_run(opened: Page) -> None:
    opened.get_by_role("button", name="Present", exact=True).click()
    stage = opened.get_by_test_id("stage")
    expect(stage).to_have_attribute("data-presenting", "")
    box = stage.bounding_box()
    assert box is not None and (box["x"], box["y"], box["width"]) == (0, 0, 1280)
    before = stage.locator(".wv-instruction").inner_text()
    stage.press("n")
    expect(stage.locator(".wv-instruction")).not_to_have_text(before)
    stage.press("m")
    expect(stage).to_have_attribute("data-solo", "imagined")
    expect(opened.get_by_test_id("pane-recorded")).to_be_hidden()
    stage.press("m")
    expect(stage).to_have_attribute("data-solo", "recorded")
    opened.keyboard.press("Escape")
    expect(stage).not_to_have_attribute("data-presenting", "")
    opened.get_by_test_id("pane-recorded").locator(".wv-screen").dblclick()
    expect(opened.get_by_test_id("pane-imagined")).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/compare"])
def test_on_a_projector_question_and_answer_are_both_in_view(browser: Browser, site: Site, path: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.set_default_timeout(180_000)
    page.goto(site.url + path)
    expect(page.get_by_test_id("imagine")).to_be_visible()
    dock = page.locator(".wz-dock").bounding_box()
    assert dock is not None and dock["y"] + dock["height"] <= 720
    asked = [page.get_by_test_id("context-image"), page.get_by_test_id("instruction")]
    asked += [page.locator("#wz-candidates input")] if path == "/compare" else []
    for part in asked:
        box = part.bounding_box()
        assert box is not None and box["y"] >= 0 and box["y"] + min(box["height"], 60) <= dock["y"], part
    for pane in page.locator(".wv-pane:visible .wv-screen").all():
        box = pane.bounding_box()
        assert box is not None and box["y"] + box["height"] <= 720
    context.close()


def test_a_mistake_of_ours_is_one_sentence_and_leaves_the_page_usable(opened: Page, site: Site) -> None:
    use_paced(opened)
    opened.get_by_test_id("instruction").fill("my own words")
    site.paced.break_at(2)
    opened.get_by_test_id("imagine").click()
    site.paced.allow(5)
    expect(status(opened)).to_contain_text("Something went wrong on our side")
    assert "secret internals" not in opened.content() and "Traceback" not in opened.content()
    assert "secret internals" in site.logged()
    expect(opened.get_by_test_id("instruction")).to_have_value("my own words")
    expect(opened.get_by_test_id("imagine")).to_be_enabled()


def test_an_empty_instruction_says_what_to_do_and_loses_nothing(opened: Page, site: Site) -> None:
    use_paced(opened)
    before = opened.get_by_test_id("metrics").inner_text()
    opened.get_by_test_id("instruction").fill("   ")
    opened.get_by_test_id("imagine").click()
    expect(status(opened)).to_contain_text("The instruction is empty. Say what the robot should do")
    assert opened.get_by_test_id("metrics").inner_text() == before
    assert site.paced.tell()["started"] == 0


@pytest.mark.parametrize(("name", "sentence"), [("letter.png", "letter.png"), ("huge.png", "megapixel")])
def test_a_bad_picture_is_refused_and_the_earlier_context_stays(
    opened: Page, pictures: Path, name: str, sentence: str
) -> None:
    opened.get_by_test_id("instruction").fill("my own words")
    caption = opened.locator(".wz-caption").text_content() or ""
    opened.get_by_test_id("context-image").locator("input[type=file]").set_input_files(pictures / name)
    expect(status(opened)).to_contain_text(sentence)
    expect(opened.get_by_test_id("instruction")).to_have_value("my own words")
    expect(opened.locator(".wz-caption")).to_have_text(caption)
    shown = opened.get_by_test_id("context-image").locator("img")
    expect(shown).to_have_js_property("naturalWidth", 256)
    opened.locator(".wz-card").nth(2).click()
    expect(opened.locator(".wz-caption")).to_contain_text("Episode 2 ")
    expect(status(opened)).to_have_text("")  # a refusal does not outlive its cause


def test_a_picture_of_ones_own_becomes_the_context_and_cannot_be_acted_out(
    opened: Page, site: Site, pictures: Path
) -> None:
    opened.get_by_test_id("context-image").locator("input[type=file]").set_input_files(pictures / "kitchen.png")
    expect(opened.locator(".wz-caption")).to_contain_text("kitchen.png: your picture")
    use_paced(opened)
    opened.get_by_test_id("instruction").fill("push the toaster lever")
    site.paced.allow(20)
    opened.get_by_test_id("imagine").click()
    expect(status(opened)).to_contain_text("Imagined in")
    button = opened.get_by_test_id("act-it-out")
    expect(button).to_have_accessible_description(re.compile("comes from a picture"))
    button.click()
    expect(status(opened)).to_contain_text("comes from a picture")
    expect(opened.get_by_test_id("metrics")).to_contain_text("no ground truth")


def test_another_model_offers_its_own_modes_and_the_words_that_explain_them(opened: Page) -> None:
    settings(opened)
    choose(opened, "model", "Copy last frame (baseline)")
    expect(opened.get_by_test_id("mode")).to_have_value("Video only")
    expect(opened.get_by_text("A video without actions.")).to_be_visible()
    expect(opened.locator("#wz-steps")).to_be_hidden()
    choose(opened, "model", "Paced")
    expect(opened.get_by_text("A model for tests.")).to_be_visible()
    opened.get_by_test_id("mode").click()
    offered = opened.get_by_role("option").filter(visible=True)
    expect(offered).to_have_count(3)
    assert [name.split("\n")[-1] for name in offered.all_inner_texts()] == ["Joint", "Video only", "Forward dynamics"]
    offered.filter(has_text="Forward dynamics").click()
    expect(opened.get_by_text(re.compile(r"Conditioned on the \d+ recorded actions"))).to_be_visible()


def test_a_mode_that_this_model_lacks_is_refused_with_the_modes_that_it_has(opened: Page, site: Site) -> None:
    use_paced(opened)
    opened.get_by_test_id("mode").fill("act_only")
    opened.get_by_test_id("mode").press("Enter")
    opened.get_by_test_id("imagine").click()
    expect(status(opened)).to_contain_text(
        "Paced has no mode 'act_only'. Its modes are: joint, video, forward_dynamics."
    )
    assert site.paced.tell()["started"] == 0


def test_a_suggestion_is_one_click_and_says_whether_there_is_ground_truth(opened: Page) -> None:
    use_paced(opened)
    expect(opened.get_by_role("group", name="Reference task")).to_be_visible()
    chip = opened.get_by_role("group", name="Composed extension").get_by_role("button").first
    chip.click()
    expect(opened.get_by_test_id("instruction")).to_have_value(chip.inner_text())


def test_any_frame_of_an_episode_can_be_the_context(opened: Page) -> None:
    slider = opened.locator("#wz-frame input[type=range]")
    slider.focus()
    for _ in range(3):
        slider.press("ArrowRight")
    expect(opened.locator(".wz-caption")).to_contain_text("Frame 3 of")


def test_a_permalink_reopens_the_run_at_its_frame_and_in_its_view(
    page: Page, site: Site, kept: list[RunSummary]
) -> None:
    run = kept[0].id
    page.goto(f"{site.url}/?run={run}&frame=4&view=wipe")
    expect(status(page)).to_contain_text("Reopened from its link")
    expect(page.get_by_test_id("stage-time")).to_contain_text("frame 4 of")
    expect(page.get_by_role("button", name="Wipe")).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("share").click()
    expect(status(page).locator("strong")).to_have_text(re.compile("Link copied|Copy this link"))
    # The form asks for what is on the stage, not for what the page opens with otherwise.
    place = kept[0].source.partition("#")[2].partition("@")
    expect(page.locator(".wz-caption")).to_contain_text(f"Episode {place[0]}")
    expect(page.locator(".wz-caption")).to_contain_text(f"Frame {place[2]} of")
    expect(page.get_by_test_id("instruction")).to_have_value(kept[0].instruction)
    expect(page.get_by_test_id("model")).to_have_value("Zero action (baseline)")
    assert page.evaluate("window.wamviz.link()").endswith(f"?run={run}&frame=4&view=wipe")


@pytest.mark.parametrize("run", ["0123456789abcdef", "../../etc/passwd", "<img src=x onerror=alert(1)>"])
def test_an_unknown_run_gives_a_clear_message_and_the_example_stays(page: Page, site: Site, run: str) -> None:
    page.goto(f"{site.url}/?run={run}")
    expect(status(page)).to_contain_text(re.compile("No run 0123456789abcdef is kept here|is no run id"))
    expect(page.get_by_test_id("metrics")).to_contain_text("PSNR")


def test_downloads_are_files_of_the_run(opened: Page) -> None:
    opened.get_by_test_id("download").click()
    with opened.expect_download() as started:
        opened.locator('.wz-menu a[data-kind="csv"]').click()
    download = started.value
    assert re.fullmatch(r"wamviz-[0-9a-f]{16}\.csv", download.suggested_filename)
    assert Path(download.path()).read_text(encoding="utf-8").startswith(("time", "step", "sample", "origin"))


def test_nothing_was_looked_up_outside_this_machine(opened: Page, site: Site) -> None:
    assert site.paced.tell()["looked_up"] == []


def test_a_video_without_actions_gains_them(opened: Page, site: Site) -> None:
    """Its actions are found by a model that reads videos; the video stays, and strange frames are called so."""
    if "mini-wam" not in _explainers():
        pytest.skip("needs the shipped weights")
    use_paced(opened)
    choose(opened, "mode", "Video only")
    site.paced.allow(6)
    opened.get_by_test_id("imagine").click()
    expect(status(opened)).to_contain_text("Imagined")
    before = opened.url
    find = opened.get_by_role("button", name="Infer actions")
    find.click()
    expect(opened).not_to_have_url(before)
    expect(opened.get_by_test_id("metrics")).to_contain_text("The video was imagined by paced")
    expect(opened.get_by_test_id("metrics")).to_contain_text("4 of the 4 frames of the video look unlike")
    expect(opened.get_by_test_id("action-plot")).to_contain_text("imagined")
    expect(find).to_be_hidden()
    kept = site.store.load(site.store.list()[0].id)
    assert kept.mode == "inverse_dynamics" and kept.imagined[0].actions.shape == (4, 7)
    assert kept.imagined[0].frames.shape == (5, 64, 64, 3)


def _explainers() -> list[str]:
    from wamviz.runs.infer_actions import readers

    return readers()

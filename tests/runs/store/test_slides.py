"""Slides and filmstrips show each rollout at the right moment, with its label and its path."""

from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import Rollout
from wamviz.runs.store import slides
from wamviz.runs.store.slides import SlidePane, filmstrip, panes_of, slide_frames


def grey(origin: str, levels: list[int], fps: float) -> Rollout:
    """A rollout whose every frame has one grey level, 32 x 32."""
    frames = np.stack([np.full((32, 32, 3), level, np.uint8) for level in levels])
    return Rollout(origin, frames, fps)


def test_at_each_moment_a_pane_shows_its_last_frame_that_had_begun(make_run):
    """One that has ended keeps it; the clock is that of the fastest."""
    slow, fast = grey("imagined", [40, 80, 120], 5.0), grey("recorded", list(range(0, 130, 10)), 15.0)
    run = make_run(imagined=(slow,), samples=1, reference=fast)
    frames, fps = slide_frames(run)
    assert fps == 15.0 and frames.shape == (13, 720, 1280, 3)
    left, right = frames[:, 400, 320, 0], frames[:, 400, 960, 0]  # the middle of each pane
    assert left.tolist() == [40] * 3 + [80] * 3 + [120] * 7
    assert right.tolist() == list(range(0, 130, 10))


def test_a_long_video_is_thinned_and_says_the_same(make_run, monkeypatch):
    monkeypatch.setattr(slides, "MOST_FRAMES", 5)
    run = make_run(imagined=(grey("imagined", list(range(0, 90, 10)), 2.0),), samples=1, reference=None)
    frames, fps = slide_frames(run)
    assert fps == 1.0 and frames[:, 400, 640, 0].tolist() == [0, 20, 40, 60, 80]


def test_the_instruction_stands_on_every_slide_whatever_its_length(make_run):
    """Longer words change the title band, and never reach the edge of the slide."""
    blank = make_run(instruction="")
    for words in ("lift", "put the green block that lies left of the mug into the bowl " * 6):
        slide, bare = slide_frames(make_run(instruction=words))[0][0], slide_frames(blank)[0][0]
        assert not np.array_equal(slide[30:80], bare[30:80])
        assert np.array_equal(slide[:, -slides.MARGIN // 2 :], bare[:, -slides.MARGIN // 2 :])


def test_a_verdict_is_part_of_the_label(make_run, make_rollout):
    run = make_run(executed=replace(make_rollout("executed", 4), success=False))
    assert [pane.name for pane in panes_of(run)] == ["imagined", "recorded", "executed in the simulator: failed"]


def test_a_path_is_drawn_as_far_as_time_has_come():
    """Blue, from left to right through the middle of the pane; what is ahead is not drawn."""
    path = np.array([[0.0, 0.5], [0.5, 0.5], [1.0, 0.5]])
    pane = SlidePane("imagined", "imagined", np.full((3, 32, 32, 3), 200, np.uint8), 1.0, path, 1.0)
    sheet = slides.Image.new("RGB", (200, 200), slides.PAPER)
    draw = slides.ImageDraw.Draw(sheet)
    slides._pane(sheet, draw, pane, (0, 0, 200, 200), 1.0, [pane])
    drawn = (np.asarray(sheet)[100] == slides.COLOURS["imagined"]).all(axis=1)  # (W,)
    assert drawn[20:95].any() and not drawn[110:].any()


def test_a_filmstrip_holds_context_strips_and_overlay(make_run):
    slow, fast = grey("imagined", [40, 80, 120], 5.0), grey("recorded", [10, 20, 30], 5.0)
    run = make_run(imagined=(slow,), samples=1, reference=fast)
    sheet = filmstrip(run)
    row = sheet[slides.MARGIN + 110 + 100, :, 0]  # through the recorded strip
    changes = row[np.flatnonzero(np.diff(row.astype(int)))]
    assert {10, 20, 30} <= set(row.tolist()) and 250 in changes.tolist()
    assert {40, 80, 120} <= set(sheet[slides.MARGIN + 110 + 340, :, 0].tolist())


def test_a_run_without_video_is_refused_with_what_it_has(make_run, make_rollout):
    with pytest.raises(InvalidInput, match="csv or npz"):
        slide_frames(make_run(imagined=(make_rollout(video=False),), samples=1, reference=None))

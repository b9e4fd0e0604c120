"""Where a closed loop went wrong: look by look, in numbers and in words."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.runs.conftest import SEED, SIZE
from tests.runs.test_closed_loop import Oracle
from wamviz.models.baselines import HOLD_STILL, Control
from wamviz.runs.closed_loop import ClosedLoop, run_closed_loop
from wamviz.runs.loop_report import Stretch, farthest, stretches, what_went_wrong
from wamviz.worlds.tabletop import TabletopEpisode

CLASSES = ["background", "arm", "toaster", "orange", "mug"]


def told(loop: ClosedLoop) -> SimpleNamespace:
    return SimpleNamespace(executed=loop.executed, imagined=(loop.imagined,))


@pytest.fixture(scope="module")
def loop(expert: TabletopEpisode) -> ClosedLoop:
    return run_closed_loop(Oracle(expert), SEED, size=SIZE, execute=6)


def test_looks_follow_each_other_without_a_gap(loop: ClosedLoop) -> None:
    found = stretches(told(loop))
    assert len(found) == loop.looks
    assert [one.start for one in found] == [0, *(one.stop for one in found[:-1])]
    assert found[-1].stop == len(loop.executed.actions)
    assert found[-1].after == 1.0 and [one.before for one in found[1:]] == [one.after for one in found[:-1]]
    assert what_went_wrong(told(loop), found).startswith("Done after")


def test_a_loop_that_does_not_get_there_says_how_far_it_came() -> None:
    stays = run_closed_loop(Control(HOLD_STILL), SEED, "push the toaster lever", limit=4, execute=2, size=SIZE)
    words = what_went_wrong(told(stays), stretches(told(stays)))
    assert words.startswith("Not done in 0.8 s and 2 looks. It came 0 % of the way")


def test_another_run_has_no_looks(loop: ClosedLoop) -> None:
    assert stretches(SimpleNamespace(executed=None, imagined=(loop.imagined,))) == []
    facts = {key: value for key, value in loop.executed.meta.items() if key != "looked_at"}
    assert stretches(told(loop._replace(executed=replace(loop.executed, meta=facts)))) == []
    assert what_went_wrong(told(loop), []) == ""


def square(number: int, row: int, column: int) -> np.ndarray:
    mask = np.zeros((128, 128), np.uint8)
    mask[row : row + 8, column : column + 8] = number
    return mask


def test_the_thing_that_is_farthest_from_where_it_was_imagined() -> None:
    happened = square(3, 40, 40) + square(4, 80, 80)
    assert farthest(square(3, 43, 44) + square(4, 80, 81), happened, CLASSES) == ("orange", 5.0)
    assert farthest(square(3, 40, 40), happened, CLASSES) == ("mug", np.inf)
    assert farthest(happened, np.zeros_like(happened), CLASSES) == ("", None)


def test_words_name_the_look_at_which_they_part() -> None:
    run = SimpleNamespace(executed=SimpleNamespace(success=False))
    found = [Stretch(1, 0, 8, 0.0, 0.5, "mug", 1.0), Stretch(2, 8, 16, 0.5, 0.1, "red_block", 9.3)]
    words = what_went_wrong(run, found)
    assert "50 % of the way by look 1 (1.6 s) and lost 40 % of it again." in words
    assert "part at look 2: after it the red block is 9 pixels" in words

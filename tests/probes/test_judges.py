"""Judges say yes, no or that they cannot tell, each of its own question."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wamviz.core.action_spaces import TABLETOP_ACTIONS
from wamviz.core.rollout import Rollout
from wamviz.probes.judges import JUDGES, Evidence, judge, judge_sample
from wamviz.probes.probe import Prompt
from wamviz.probes.replay import Replay

ONE, TWO = (
    Prompt("a", "lift it", parts=("lift it",)),
    Prompt("b", "lift it, then push it", parts=("lift it", "push it")),
)
STILL = Prompt("c", "do nothing", still=True)


def sample(moving: bool = True, resting: bool = True, actions: bool = True) -> Rollout:
    frames = np.zeros((11, 16, 16, 3), np.uint8)
    frames[5:, :4] = 200 if moving else 0
    path = np.full((10, 7), 0.02, np.float32)
    path[-3:] = 0.0 if resting else 0.02
    return Rollout("imagined", frames, 5.0, path if actions else None, TABLETOP_ACTIONS if actions else None)


def said(prompt: Prompt, seen: Replay | None, **kind: bool) -> dict[str, float]:
    return judge_sample(Evidence(prompt, sample(**kind), seen))


def happened(*done: int | None, **facts: Any) -> Replay:
    usual: dict[str, Any] = {"meant": ("mug",), "wanted": "mug", "touched": "mug", "moved": ("mug",)}
    return Replay(done=done, **{**usual, **facts})


@pytest.mark.parametrize(
    ("prompt", "seen", "expected"),
    [
        (ONE, happened(3), {"done": 1, "right_object": 1, "left_alone": 1}),
        (ONE, happened(None, touched="bowl", moved=("bowl", "mug")), {"done": 0, "right_object": 0, "left_alone": 0}),
        (ONE, happened(None, touched=None, moved=()), {"done": 0, "left_alone": 1}),
        (TWO, happened(3, 8), {"done": 1, "first_part": 1, "in_order": 1}),
        (TWO, happened(8, 3), {"done": 1, "first_part": 1, "in_order": 0}),
        (TWO, happened(None, 3), {"done": 0, "first_part": 0}),
        (STILL, happened(meant=(), wanted=None, touched=None, moved=()), {"done": 1, "left_alone": 1}),
        (STILL, happened(meant=(), wanted=None, touched="mug", moved=("mug",)), {"done": 0, "left_alone": 0}),
        (STILL, happened(meant=(), wanted=None, touched="lever", moved=()), {"done": 0, "left_alone": 1}),
        (ONE, None, {}),
    ],
)
def test_physics_is_judged(prompt: Prompt, seen: Replay | None, expected: dict[str, float]) -> None:
    keys = ("done", "first_part", "in_order", "right_object", "left_alone")
    found = {key: value for key, value in said(prompt, seen).items() if key in keys}
    assert {key: found.get(key) for key in expected} == expected
    assert seen is not None or not found
    assert ("in_order" in found) == (prompt is TWO and seen is not None and None not in seen.done)


def test_a_still_video_shows_nothing_done_unless_nothing_was_asked() -> None:
    assert said(ONE, None)["moves"] == 1 and said(ONE, None, moving=False)["moves"] == 0
    assert said(STILL, None)["moves"] == 0 and said(STILL, None, moving=False)["moves"] == 1


def test_who_stops_stands_still_in_the_end() -> None:
    assert said(ONE, None)["stopped"] == 1 and said(ONE, None, resting=False)["stopped"] == 0
    assert "stopped" not in said(ONE, None, actions=False)


def test_judges_have_names_and_notes_of_their_own() -> None:
    assert len({one.title for one in JUDGES.values()}) == len(JUDGES) and all(one.note for one in JUDGES.values())
    with pytest.raises(ValueError, match="two judges"):
        judge("done", "again", "")(lambda evidence: None)

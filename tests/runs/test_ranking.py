"""Samples are put in order by judges, who say why; what nobody judged is in no order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import Rollout, WorldState
from wamviz.runs import ranking
from wamviz.runs.ranking import JUDGED, Judging
from wamviz.runs.store import Run
from wamviz.worlds.tabletop import ACTION_SPACE

STILL = np.zeros((8, 7), np.float32)


def run(expert, *actions, instruction=None, mode="act_only", world=True):
    """A run without video whose samples have these actions."""
    imagined = tuple(Rollout("imagined", None, 5.0, one, ACTION_SPACE, seed=k) for k, one in enumerate(actions))
    return Run(
        id="0123456789abcdef", created="2026-01-01T00:00:00+00:00", model="m", weights_digest="", mode=mode,
        instruction=expert.instruction if instruction is None else instruction, seed=0, steps=None,
        samples=len(imagined), source="", imagined=imagined, context=expert.frames["exterior"][0],
        state=expert.states[0], world_state=WorldState("tabletop", expert.seed, expert.snapshots[0]) if world else None,
    )  # fmt: skip


def judged(told: Run, *facts) -> Run:
    """The run with these facts, as if its samples were judged."""
    both = zip(told.imagined, facts, strict=True)
    return replace(told, imagined=tuple(replace(one, meta={JUDGED: fact}) for one, fact in both))


def test_physics_says_who_is_best(expert):
    """The expert's actions do the task, standing still comes nowhere, and the reasons say so."""
    *steps, found = ranking.judge(run(expert, STILL, expert.actions, STILL[:4]))
    assert [step.step for step in steps if isinstance(step, Judging)] == [0, 1, 2]
    first, second, third = ranking.ranking(found)
    assert [first.sample, second.sample, third.sample] == [1, 0, 2], "what is equal stays in the order of seeds"
    assert first.why == "succeeds in the simulator" and second.why == "comes 0% of the way in the simulator"
    assert found.imagined[1].meta[JUDGED] == {"success": True, "progress": 1.0}


def test_the_order_is_by_success_then_progress_then_consistency(expert):
    told = judged(
        run(expert, STILL, STILL, STILL, STILL),
        {"success": False, "progress": 0.4, "apart_m": 0.03},
        {"success": False, "progress": 0.4, "apart_m": 0.01},
        {"success": False, "progress": 0.7},
        {"success": True, "progress": 1.0, "apart_m": 0.5},
    )
    assert [place.sample for place in ranking.ranking(told)] == [3, 2, 1, 0]
    assert ranking.ranking(told)[2].why == (
        "comes 40% of the way in the simulator; its stated path lies 1.0 cm from the one read off its video"
    )


def test_what_nobody_judged_is_in_no_order(expert):
    two = run(expert, STILL, STILL)
    assert ranking.ranking(two) == ()
    assert ranking.ranking(judged(two, {"progress": 1.0}, {})) == ()
    *_, found = ranking.judge(replace(two, instruction="sing a song"))
    assert ranking.ranking(found) == ()


@pytest.mark.parametrize(
    ("given", "word"), [({"mode": "forward_dynamics"}, "same actions"), ({"world": False}, "tabletop")]
)
def test_where_there_is_no_judge_it_says_so(expert, given, word):
    assert word in ranking.why_not(run(expert, STILL, STILL, **given))
    with pytest.raises(InvalidInput, match=word):
        next(ranking.judge(run(expert, STILL, STILL, **given)))


def test_one_sample_alone_is_not_ranked(expert):
    assert "one sample alone" in ranking.why_not(run(expert, STILL))
    assert ranking.why_not(None)


def test_videos_are_read_where_there_is_no_physics(expert, monkeypatch):
    """Who reads is told, and the sample whose stated path lies nearest to the read one comes first."""
    two = run(expert, expert.actions, STILL, world=False, mode="joint")
    two = replace(two, imagined=tuple(replace(one, frames=expert.frames["exterior"]) for one in two.imagined))

    def imagine(reader, context, mode):
        yield replace(run(expert, expert.actions), id="fedcba9876543210")

    monkeypatch.setattr(ranking, "imagine_run", imagine)
    monkeypatch.setattr(ranking.infer_actions, "readers", lambda: ["somebody"])
    *_, found = ranking.judge(two)
    assert [place.sample for place in ranking.ranking(found)] == [0, 1]
    assert found.imagined[0].meta[JUDGED] == {"apart_m": 0.0, "reader": "somebody"}
    assert found.imagined[1].meta[JUDGED]["apart_m"] > 0.01

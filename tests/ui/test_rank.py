"""Rank samples: the judges are asked, what they say is kept, and the page shows all samples in their order."""

from __future__ import annotations

import numpy as np
import pytest

from tests.runs.test_ranking import STILL, judged, run
from wamviz.runs.store import Store
from wamviz.ui import rank, ranking_view
from wamviz.ui.jobs import Switch
from wamviz.ui.run_repository import RunRepository
from wamviz.worlds.tabletop import TabletopEnv, record_episode


def text(nodes) -> str:
    """Everything that the nodes say."""
    return nodes if isinstance(nodes, str) else " ".join(text(one) for one in nodes if not isinstance(one, dict))


@pytest.fixture(scope="module")
def expert():
    return record_episode(TabletopEnv(size=48, cameras=("exterior",)), 2_000_000)


def test_the_order_is_kept_with_the_run_and_shown(tmp_path, expert):
    repository = RunRepository(Store(tmp_path / "runs"), tmp_path / "none")
    kept = repository.save(run(expert, np.zeros_like(expert.actions), expert.actions))
    *_, last = rank.rank(kept, repository, Switch(), "light")
    assert last["stage"].view == "samples" and last["stage"].sample == 1
    assert [(one.sample, one.why) for one in last["stage"].ranking][0] == (1, "succeeds in the simulator")
    assert "Best of 2: sample 2" in text(last["status"])
    again = repository.load(kept)
    assert ranking_view.order(again) == last["order"] != []
    assert np.array_equal(again.imagined[1].actions, expert.actions)


def test_a_stopped_ranking_keeps_nothing(tmp_path, expert):
    repository, switch = RunRepository(Store(tmp_path / "runs"), tmp_path / "none"), Switch()
    kept = repository.save(run(expert, STILL, STILL))
    stream = rank.rank(kept, repository, switch, "light")
    next(stream)
    switch.turn_off()
    *_, last = stream
    assert "Stopped" in text(last["status"]) and "stage" not in last
    assert ranking_view.order(repository.load(kept)) == []


def test_without_samples_to_rank_it_says_so(tmp_path):
    repository = RunRepository(Store(tmp_path / "runs"), tmp_path / "none")
    (only,) = rank.rank(None, repository, Switch(), "light")
    assert "one sample alone" in text(only["status"])


def test_the_rule_says_who_judged(expert):
    two = run(expert, STILL, STILL)
    read = judged(two, {"apart_m": 0.01, "reader": "mini-wam"}, {"apart_m": 0.02, "reader": "mini-wam"})
    assert "mini-wam reads off the video" in ranking_view.rule(read) and "simulator" not in ranking_view.rule(read)
    assert "It states a path 1.0 cm from" in text(ranking_view.verdict(read))
    assert "simulator" in ranking_view.rule(judged(two, {"progress": 0.1}, {"progress": 0.2}))

"""Votes make a ranking where they connect, with intervals, and say when they are too few."""

from __future__ import annotations

import numpy as np
import pytest

from wamviz.probes.preferences import PAIRS_NEEDED, Duel, bradley_terry, connected, duels, rank_contenders, resample
from wamviz.probes.ratings import Vote
from wamviz.probes.suite_run import CellDone


def fought(one: str, other: str, wins: int, losses: int, ties: int = 0, contexts: int = 10) -> list[Duel]:
    results = [1.0] * wins + [0.0] * losses + [0.5] * ties
    return [Duel(one, other, won, f"c{k % contexts}") for k, won in enumerate(results)]


def cell(key: str, contender: str) -> CellDone:
    return CellDone(key, "one", "reference", contender, 0, key)


def test_two_contenders_have_the_strengths_of_their_wins() -> None:
    """With one tie beside them, 30 of 40 wins are odds of 30.5 to 10.5; the field's mean lies between the two."""
    strong, weak = bradley_terry(["a", "b"], fought("a", "b", 30, 10), np.ones(40))
    odds = (strong / (1 - strong)) / (weak / (1 - weak))
    assert odds == pytest.approx(30.5 / 10.5, rel=1e-4) and strong == pytest.approx(1 - weak)


def test_a_known_order_is_found_with_intervals_around_it() -> None:
    """Votes drawn from strengths 4, 2, 1: the chances of Bradley and Terry's own model come back."""
    rng, true = np.random.default_rng(3), {"a": 4.0, "b": 2.0, "c": 1.0}
    drawn = [
        Duel(one, other, float(rng.random() < true[one] / (true[one] + true[other])), f"c{k % 30}")
        for one, other in (("a", "b"), ("b", "c"), ("a", "c"))
        for k in range(400)
    ]
    (group,) = rank_contenders(drawn).groups
    assert [standing.contender for standing in group] == ["a", "b", "c"]
    for standing in group:
        strength = true[standing.contender] / (true[standing.contender] + 2.0)
        assert standing.low is not None and standing.high is not None
        assert standing.low < strength < standing.high and standing.high - standing.low < 0.15
        assert standing.votes == 800
    assert rank_contenders(drawn).notes == ()


def test_who_never_lost_has_a_finite_strength_and_few_votes_a_note() -> None:
    found = rank_contenders(fought("a", "b", 5, 0))
    assert 0.5 < found.groups[0][0].strength < 1 and found.groups[0][0].contender == "a"
    assert found.groups[0][0].low is None and str(found.groups[0][0]) == f"{found.groups[0][0].strength:.0%}"
    assert any(f"takes {PAIRS_NEEDED}" in note and "has 5" in note for note in found.notes)
    assert PAIRS_NEEDED == 43  # 1.96^2 / 4 / 0.15^2, any text book's


def test_what_no_vote_connects_is_not_ranked_together() -> None:
    found = rank_contenders([*fought("a", "b", 3, 1), *fought("c", "d", 1, 3)])
    assert [[standing.contender for standing in group] for group in found.groups] == [["a", "b"], ["d", "c"]]
    assert "cannot be compared" in found.notes[0]
    assert connected([*fought("a", "b", 1, 0), *fought("c", "d", 1, 0), *fought("b", "c", 1, 0)]) == [tuple("abcd")]


def test_no_votes_no_ranking() -> None:
    assert rank_contenders([]).groups == () and rank_contenders([]).votes == 0


def test_of_a_raters_votes_on_one_pair_the_last_counts_whatever_the_sides() -> None:
    cells = {one.key: one for one in (cell("x", "a"), cell("y", "b"), cell("z", "a"))}
    votes = [Vote("Ada", "x", "y", "left"), Vote("Ada", "y", "x", "left"), Vote("Grace", "x", "y", "tie")]
    found = duels([*votes, Vote("Ada", "x", "z", "left"), Vote("Ada", "x", "gone", "left")], cells)
    assert [(one.one, one.other, one.won) for one in found] == [("b", "a", 1.0), ("a", "b", 0.5)]


def test_contexts_are_drawn_whole_where_there_are_enough_of_them() -> None:
    weights = resample([f"c{k % 6}" for k in range(18)], 50)
    assert weights.shape == (50, 18) and (weights.sum(1) == 18).all()
    assert all((weights[:, k] == weights[:, k + 6]).all() for k in range(12))
    single = resample(["c"] * 18, 50)
    assert (single.sum(1) == 18).all() and not (single[:, 0] == single[:, 1]).all()
